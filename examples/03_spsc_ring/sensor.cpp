// Step 3, sending side: every element, in order, without a system call. Start it and the logger in any
// order, kill and restart either: the stream goes on where it was.
#include <rtlane/channels/spsc_ring.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "temperature.hpp"

int main(int argc, char** argv)
{
  const unsigned long count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  auto ring = rtlane::SpscRing<Temperature>::create("examples/temperature", 256);
  if (!ring) {
    std::fprintf(stderr, "%s\n", ring.error().message.c_str());
    return 1;
  }
  auto producer = ring->producer();
  if (!producer) {
    std::fprintf(stderr, "%s\n", producer.error().message.c_str());
    return 1;
  }
  for (unsigned long number = 1; number <= count; ++number) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const Temperature sample{number, std::chrono::nanoseconds(now).count(),
                             20.0F + 5.0F * std::sin(static_cast<float>(number) / 100.0F)};
    rtlane::Status status = producer->try_push(sample);
    while (status == rtlane::Status::full) {  // the logger is slow, stopped, or not there yet
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      status = producer->try_push(sample);
    }
    if (status != rtlane::Status::ok) {
      std::fprintf(stderr, "the ring answers '%s' to sample %lu\n", rtlane::to_string(status), number);
      return 1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  producer->close();
  // The ring lives as long as somebody holds it: wait until the logger has what was sent.
  while (producer->size_estimate() != 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}
