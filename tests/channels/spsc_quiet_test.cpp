// After attach: no system call, no allocation, no page fault.
#include <gtest/gtest.h>
#include <rtlane/channels/channels.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>

#include "ring_support.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<Message>;

// Every data call in every state: empty, full, in between, closed. Returns the number of wrong answers.
int all_operations(Ring::Producer& producer, Ring::Consumer& consumer, int rounds, bool close)
{
  int wrong = 0;
  Message batch[8];
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  for (int round = 0; round < rounds; ++round) {
    const auto number = static_cast<std::uint64_t>(round);
    Message got{};
    expect(consumer.try_pop(got) == Status::empty);
    expect(consumer.peek() == nullptr && consumer.last_status() == Status::empty);
    expect(consumer.try_pop_n(batch) == 0);
    expect(producer.try_push(message(1, number)) == Status::ok);
    Message* place = producer.claim();
    expect(place != nullptr);
    if (place != nullptr)
      *place = message(1, number + 1);
    expect(producer.publish());
    for (std::uint64_t i = 0; i < 8; ++i)
      batch[i] = message(2, i);
    expect(producer.try_push_n(batch) == 6);  // capacity 8
    expect(producer.try_push(batch[0]) == Status::full);
    expect(producer.size_estimate() == 8 && consumer.size_estimate() == 8);
    expect(consumer.try_pop(got) == Status::ok && got.number == number);
    const Message* seen = consumer.peek();
    expect(seen != nullptr && seen->number == number + 1);
    expect(consumer.release());
    expect(!consumer.redelivered() && !consumer.producer_changed());
    expect(consumer.try_pop_n(batch) == 6);
  }
  if (close) {
    producer.close();
    Message got{};
    expect(consumer.try_pop(got) == Status::closed);
    expect(producer.try_push(got) == Status::closed);
  }
  return wrong;
}

TEST(SpscQuiet, DataCallsAllocateNothing)
{
  if (!allocations_are_seen)
    GTEST_SKIP() << "the sanitizer has a malloc of its own";
  const auto ring = Ring::in_memory(8).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  counting_allocations = true;
  void* volatile probe = std::malloc(1);  // the counter works
  std::free(probe);
  const int wrong = all_operations(*producer, *consumer, 1000, true);
  counting_allocations = false;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(allocations, 1u);
}

constexpr int no_filter = 77;

TEST(SpscQuiet, DataCallsEnterTheKernelNever)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  for (const bool named : {false, true}) {
    for (const bool forbidden_call : {false, true}) {
      Child child = Child::start([&] {
        const auto ring = named ? Ring::create("quiet", 8, small_ring()) : Ring::in_memory(8);
        auto producer = ring->producer();
        auto consumer = ring->consumer();
        if (!forbid_calls())
          _exit(no_filter);
        const int wrong = all_operations(*producer, *consumer, 100000, true);
        if (forbidden_call)
          syscall(SYS_getppid);
        _exit(wrong == 0 ? 0 : 1);
      });
      const int status = child.wait();
      if (status == no_filter)
        GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
      EXPECT_EQ(status, forbidden_call ? -SIGSYS : 0);  // the filter works, and was not needed
    }
  }
}

// The C calls likewise.
TEST(SpscQuiet, DataCallsFromCEnterTheKernelNever)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  Child child = Child::start([] {
    rtlane_spsc* ring = nullptr;
    rtlane_spsc_producer* producer = nullptr;
    rtlane_spsc_consumer* consumer = nullptr;
    if (rtlane_spsc_create("quiet", 8, &rtlane::type_of<std::uint64_t>(), nullptr, &ring) != 0 ||
        rtlane_spsc_producer_attach(ring, &producer) != 0 || rtlane_spsc_consumer_attach(ring, &consumer) != 0)
      _exit(2);
    if (!forbid_calls())
      _exit(no_filter);
    int wrong = 0;
    for (std::uint64_t i = 0; i < 10000; ++i) {
      std::uint64_t got = 0;
      const void* seen = nullptr;
      void* place = nullptr;
      const std::uint64_t batch[2] = {i, i};
      std::uint64_t taken[2] = {};
      wrong += rtlane_spsc_try_pop(consumer, &got) == RTLANE_EMPTY ? 0 : 1;
      wrong += rtlane_spsc_try_push(producer, &i) == RTLANE_OK ? 0 : 1;
      wrong += rtlane_spsc_try_pop(consumer, &got) == RTLANE_OK && got == i ? 0 : 1;
      wrong += rtlane_spsc_claim(producer, &place) == RTLANE_OK && rtlane_spsc_publish(producer) == RTLANE_OK ? 0 : 1;
      wrong += rtlane_spsc_peek(consumer, &seen) == RTLANE_OK && rtlane_spsc_release(consumer) == RTLANE_OK ? 0 : 1;
      wrong +=
          rtlane_spsc_try_push_n(producer, batch, 2) == 2 && rtlane_spsc_try_pop_n(consumer, taken, 2) == 2 ? 0 : 1;
      wrong += rtlane_spsc_release(consumer) == -EINVAL && rtlane_spsc_try_push(nullptr, &i) == -EINVAL ? 0 : 1;
    }
    _exit(wrong == 0 ? 0 : 1);
  });
  const int status = child.wait();
  if (status == no_filter)
    GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
  EXPECT_EQ(status, 0);
}

TEST(SpscQuiet, AMillionMessagesTakeNoPageFault)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer's shadow memory takes page faults of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  rtlane::SpscOptions options;  // prefaulted at attach, locked where permitted
  const auto ring = Ring::create("quiet", 8192, options);
  ASSERT_TRUE(ring) << ring.error().message;
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  Message got{};
  const auto once = [&](std::uint64_t i) {
    return producer->try_push(message(1, i)) == Status::ok && consumer->try_pop(got) == Status::ok;
  };
  ASSERT_TRUE(once(0));  // the code's own pages
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  getrusage(RUSAGE_SELF, &before);
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < 1000000; ++i)
    wrong += once(i) ? 0 : 1;
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(after.ru_minflt - before.ru_minflt, 0);
  EXPECT_EQ(after.ru_majflt - before.ru_majflt, 0);
}

}  // namespace
