// Whether ThreadSanitizer sees the bytes of elements at all: two threads stream through the core of the ring, whose
// words order everything ("ordered") or nothing ("relaxed"). The second must be reported, or the silence of the other
// tests would mean nothing.
//
// The copies are made as SpscRing makes them and compiled with the same options.
#include <rtlane/channels/spsc_core.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "ring_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;

class RelaxedWord {
public:
  // relaxed: what this program is for
  std::uint64_t load(std::memory_order) const { return word_.load(std::memory_order_relaxed); }
  void store(std::uint64_t value, std::memory_order) { word_.store(value, std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> word_;
};
static_assert(sizeof(RelaxedWord) == 8);

constexpr std::uint64_t capacity = 16;
constexpr std::uint64_t count = 20000;
constexpr std::uint64_t stride = 64;

template <class Word>
rtlane::detail::SpscView<Word> view_of(std::vector<std::uint64_t>& memory)
{
  rtlane_channel_layout layout{};
  layout.base = memory.data();
  layout.capacity = capacity;
  layout.slots_offset = 512;
  layout.slot_stride_bytes = stride;
  layout.value_offset = 8;
  layout.element_bytes = sizeof(Message);
  return rtlane::detail::SpscView<Word>(layout);
}

template <class Word>
void push_all(rtlane::detail::SpscProducerCore<Word> producer, const std::string& way)
{
  for (std::uint64_t i = 0; i < count;) {
    const std::uint64_t room = way == "batch" ? std::min<std::uint64_t>(producer.room(5), count - i) : 1;
    std::byte* place = producer.claim();
    if (place == nullptr) {
      std::this_thread::yield();
      continue;
    }
    for (std::uint64_t k = 0; k < room; ++k, ++i) {
      const Message made = message(1, i);
      if (way == "in_place")
        *reinterpret_cast<Message*>(producer.claim()) = made;
      else
        std::memcpy(producer.claim(), &made, sizeof made);
      producer.publish();
    }
  }
}

template <class Word>
std::uint64_t take_all(rtlane::detail::SpscConsumerCore<Word> consumer, const std::string& way)
{
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count;) {
    const std::byte* value = consumer.look();
    if (value == nullptr) {
      std::this_thread::yield();
      continue;
    }
    do {
      Message got{};
      if (way == "in_place")
        got = *reinterpret_cast<const Message*>(consumer.value());
      else
        std::memcpy(&got, consumer.value(), sizeof got);
      sum += got.mixed[0];
      consumer.step();
      ++i;
    } while (way == "batch" && consumer.continues());
    consumer.give_back();
  }
  return sum;
}

template <class Word>
void stream(const std::string& way)
{
  std::vector<std::uint64_t> memory((512 + capacity * stride) / 8);
  const auto view = view_of<Word>(memory);
  std::uint64_t sum = 0;
  std::thread taker([&] { sum = take_all(rtlane::detail::SpscConsumerCore<Word>(view), way); });
  std::thread sender([&] { push_all(rtlane::detail::SpscProducerCore<Word>(view), way); });
  sender.join();
  taker.join();
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}

}  // namespace

int main(int count_of_arguments, char** arguments)
{
  if (count_of_arguments != 3) {
    std::fprintf(stderr, "usage: %s ordered|relaxed copy|batch|in_place\n", arguments[0]);
    return 2;
  }
  const Watchdog watchdog(100);
  if (std::string(arguments[1]) == "relaxed")
    stream<RelaxedWord>(arguments[2]);
  else
    stream<std::atomic<std::uint64_t>>(arguments[2]);
}
