// Step 3, receiving side.
#include <rtlane/channels/spsc_ring.hpp>

#include <chrono>
#include <cstdio>
#include <thread>

#include "temperature.hpp"

int main()
{
  auto ring = rtlane::SpscRing<Temperature>::create("examples/temperature", 256);
  if (!ring) {
    std::fprintf(stderr, "%s\n", ring.error().message.c_str());
    return 1;
  }
  auto consumer = ring->consumer();
  if (!consumer) {
    std::fprintf(stderr, "%s\n", consumer.error().message.c_str());
    return 1;
  }
  unsigned long received = 0;
  Temperature sample{};
  for (;;) {
    const rtlane::Status status = consumer->try_pop(sample);
    if (status == rtlane::Status::closed)
      break;
    if (status == rtlane::Status::ok) {
      ++received;
    } else if (status == rtlane::Status::empty) {  // the sensor is slow, stopped, or not there yet
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else {
      std::fprintf(stderr, "the ring answers '%s' after %lu samples\n", rtlane::to_string(status), received);
      return 1;
    }
    if (consumer->producer_changed())
      std::printf("another sensor took over at number %llu\n", static_cast<unsigned long long>(sample.number));
  }
  std::printf("received %lu, the last is number %llu with %.2f degC\n", received,
              static_cast<unsigned long long>(sample.number), static_cast<double>(sample.celsius));
}
