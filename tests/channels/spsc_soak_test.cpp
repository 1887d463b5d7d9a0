// Label soak: 10^9 messages with checksums between two processes. RTLANE_SOAK_MESSAGES sets another number.
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <cstdio>
#include <string>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<Message>;

// A message costs more to make and check than to send, so the check is a cheap one here: every word follows from the
// number, and both sides sum up what they saw.
constexpr Message numbered(std::uint64_t number)
{
  return {number, ~number, {number * 3, number ^ 0x5555555555555555, number << 17 | number >> 47, number + 99}};
}

constexpr bool sound(const Message& got, std::uint64_t number)
{
  const Message wanted = numbered(number);
  return got.run == wanted.run && got.number == wanted.number && got.mixed[0] == wanted.mixed[0] &&
         got.mixed[1] == wanted.mixed[1] && got.mixed[2] == wanted.mixed[2] && got.mixed[3] == wanted.mixed[3];
}

TEST(SpscSoak, ABillionMessagesArriveWholeAndInOrder)
{
  const TempNamespace space;
  const std::uint64_t count = test_count("RTLANE_SOAK_MESSAGES", 1000000000);
  rtlane::SpscOptions options;
  options.start_position = (std::uint64_t{1} << 48) - count / 2;  // the sequence wraps on the way
  const auto ring = Ring::create("soak", 4096, options);
  ASSERT_TRUE(ring) << ring.error().message;
  SharedPage<std::uint64_t> sent_sum;
  const std::int64_t start = now_ns();
  Child sender = Child::start([&] {
    auto opened = Ring::open("soak");
    auto producer = opened->producer();
    ASSERT_TRUE(producer) << producer.error().message;
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < count;) {
      const Message next = numbered(mix(i));
      while (producer->try_push(next) != Status::ok)
        sched_yield();
      sum += next.mixed[2];
      ++i;
    }
    *sent_sum = sum;
    producer->close();
  });
  auto consumer = ring->consumer();
  ASSERT_TRUE(eventually([&] { return consumer->producer_alive() || consumer->size_estimate() != 0; }));
  std::uint64_t sum = 0;
  std::uint64_t received = 0;
  std::uint64_t idle = 0;
  Message got{};
  while (true) {
    const Status status = consumer->try_pop(got);
    if (status == Status::ok) {
      ASSERT_TRUE(sound(got, mix(received))) << "message " << received;
      sum += got.mixed[2];
      ++received;
    } else if (status == Status::closed) {
      break;
    } else {
      ASSERT_EQ(status, Status::empty);
      // A sender that is gone has published all it ever will, so what is empty after that stays empty.
      if (++idle % 100000 == 0 && !consumer->producer_alive() && consumer->peek() == nullptr &&
          consumer->last_status() == Status::empty)
        FAIL() << "the sender ended early, after " << received;
      sched_yield();
    }
  }
  const double seconds = static_cast<double>(now_ns() - start) / 1e9;
  EXPECT_EQ(sender.wait(), 0);
  EXPECT_EQ(received, count);
  EXPECT_EQ(sum, *sent_sum);
  std::printf("%llu messages in %.1f s, %.1f million per second\n", static_cast<unsigned long long>(received), seconds,
              static_cast<double>(received) / seconds / 1e6);
}

}  // namespace
