// Waiting calls and the doorbell: what they answer, that no ring is missed, and what kills leave.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <atomic>
#include <csignal>
#include <thread>

#include "kinds_support.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;
using rtlane::wait_forever;
using rtlane::detail::Doorbell;
using rtlane::detail::DoorbellWord;
using Ring = SpscRing<Message>;
namespace idle = rtlane::idle;

rtlane::SpscOptions with_doorbell()
{
  auto options = small_ring();
  options.doorbell = RTLANE_DOORBELL_IF_WAITING;
  return options;
}

// A strategy of a test's own: does something between two looks.
struct Counting {
  static constexpr int looks_in_burst = 8;
  static void between_looks() noexcept { ++count; }
  static inline int count = 0;
};

template <class Strategy>
class Idle : public ::testing::Test {
protected:
  const Watchdog watchdog_{100};
};
using Strategies = ::testing::Types<idle::Spin, idle::Pause, idle::Yield, idle::Park>;
TYPED_TEST_SUITE(Idle, Strategies);

TYPED_TEST(Idle, AnswersAtOnceWhatIsThereAndElseNotBeforeTheDeadline)
{
  for (const auto& options : {small_ring(), with_doorbell()}) {
    const auto ring = Ring::in_memory(2, options).value();
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    Message got{};
    for (const std::int64_t wait_ns : {std::int64_t{0}, std::int64_t{3'000'000}}) {
      const std::int64_t until = rtlane::deadline_after(wait_ns);
      EXPECT_EQ(consumer->pop_until(got, until, TypeParam{}), Status::empty);
      EXPECT_GE(rtlane::monotonic_now_ns(), until);
    }
    EXPECT_EQ(producer->push_until(message(1, 1), wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(producer->push_until(message(1, 2), 0, TypeParam{}), Status::ok);
    EXPECT_EQ(ring.info().refused, 0u);
    const std::int64_t until = rtlane::deadline_after(3'000'000);
    EXPECT_EQ(producer->push_until(message(1, 3), until, TypeParam{}), Status::full);
    EXPECT_GE(rtlane::monotonic_now_ns(), until);
    EXPECT_EQ(ring.info().refused, 1u);  // one call, however often it looked
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(got.number, 1u);
    producer->close();
    EXPECT_EQ(producer->push_until(got, wait_forever, TypeParam{}), Status::closed);
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::closed);
  }
  Ring::Consumer detached;
  Message got{};
  EXPECT_EQ(detached.pop_until(got, wait_forever, TypeParam{}), Status::closed);
}

TYPED_TEST(Idle, CarriesAStreamThroughASmallRing)
{
  for (const auto& options : {small_ring(), with_doorbell()}) {
    const auto ring = Ring::in_memory(2, options).value();
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    constexpr std::uint64_t count = 300;
    std::thread pushing([&] {
      for (std::uint64_t i = 0; i < count; ++i) {
        ASSERT_EQ(producer->push_until(message(1, i), wait_forever, TypeParam{}), Status::ok);
        producer->ring();
      }
      producer->close();
      producer->ring();
    });
    Message got{};
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::ok);
      consumer->ring();
      ASSERT_TRUE(whole(got));
      ASSERT_EQ(got.number, i);
    }
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::closed);
    pushing.join();
  }
}

// The clock is looked at once in a burst, and with wait_forever never.
TEST(IdleLoop, LooksInBurstsUntilTheAnswerIsFinal)
{
  const Watchdog watchdog(60);
  int looks = 0;
  Counting::count = 0;
  const auto after = [&](int needed) {
    return [&looks, needed] { return ++looks < needed ? Status::busy : Status::ok; };
  };
  EXPECT_EQ(rtlane::detail::wait_until(Counting{}, Doorbell(), wait_forever, after(20)), Status::ok);
  EXPECT_EQ(looks, 20);
  EXPECT_EQ(Counting::count, 19);
  looks = 0;
  EXPECT_EQ(rtlane::detail::wait_until(Counting{}, Doorbell(), 0, after(20)), Status::busy);
  EXPECT_EQ(looks, 1);
  looks = 0;
  // A deadline that passes while it looks is noticed at the end of the burst.
  const std::int64_t until = rtlane::deadline_after(1'000'000);
  EXPECT_EQ(rtlane::detail::wait_until(Counting{}, Doorbell(), until,
                                       [&] {
                                         ++looks;
                                         while (rtlane::monotonic_now_ns() < until) {
                                         }
                                         return Status::empty;
                                       }),
            Status::empty);
  EXPECT_EQ(looks, 1);  // the first look took it all
  EXPECT_EQ(rtlane::deadline_after(wait_forever), wait_forever);
  EXPECT_EQ(rtlane::deadline_after(-5), 0);
}

TEST(IdleLoop, SpinAndPauseWaitWithoutAnySystemCall)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const Watchdog watchdog(60);
  constexpr int no_filter = 77;
  for (const bool ring_word : {false, true}) {
    Child child = Child::start([&] {
      const auto ring = Ring::in_memory(8, ring_word ? with_doorbell() : small_ring()).value();
      auto producer = ring.producer();
      auto consumer = ring.consumer();
      if (!forbid_calls())
        _exit(no_filter);
      Message got{};
      int wrong = 0;
      for (std::uint64_t i = 0; i < 1000; ++i) {
        wrong += producer->push_until(message(1, i), wait_forever, idle::spin) == Status::ok ? 0 : 1;
        wrong += producer->ring() ? 1 : 0;  // nobody sleeps
        wrong += consumer->pop_until(got, wait_forever, idle::pause) == Status::ok && got.number == i ? 0 : 1;
        wrong += consumer->pop_until(got, 0, idle::pause) == Status::empty ? 0 : 1;
        wrong += consumer->pop_until(got, 0, idle::park) == Status::empty ? 0 : 1;
      }
      _exit(wrong == 0 ? 0 : 1);
    });
    const int status = child.wait();
    if (status == no_filter)
      GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
    EXPECT_EQ(status, 0);
  }
}

// ---- the doorbell

TEST(DoorbellTest, IsThereWhereItWasAskedForAndMayBeWritten)
{
  const TempNamespace space;
  rtlane_channel_spec spec = spec_of(RTLANE_CHANNEL_SPSC_RING);
  EXPECT_EQ(in_memory(spec).layout().doorbell_offset, 0u);
  EXPECT_FALSE(Doorbell(in_memory(spec).layout()));
  spec.doorbell = RTLANE_DOORBELL_IF_WAITING;
  const Made made = create_channel("ring", spec);
  ASSERT_EQ(made.result, 0) << made.message;
  const rtlane_channel_layout layout = made.layout();
  EXPECT_NE(layout.doorbell_offset, 0u);
  EXPECT_EQ(layout.doorbell_offset % 128, 0u);
  EXPECT_EQ(layout.control_offset, layout.doorbell_offset + 128);
  EXPECT_TRUE(Doorbell(layout));
  EXPECT_EQ(open_channel("ring", spec_of(RTLANE_CHANNEL_SPSC_RING)).layout().doorbell_offset, layout.doorbell_offset);
  spec.doorbell = RTLANE_DOORBELL_NEVER;
  EXPECT_EQ(open_channel("ring", spec).result, -ERANGE);

  rtlane_shm_options options = small_ring().memory.to_c();
  options.read_only = 1;
  const rtlane_channel_spec any = any_channel();
  rtlane_channel* opened = nullptr;
  ASSERT_EQ(rtlane_channel_open("ring", &any, &options, &opened), 0);
  EXPECT_FALSE(Doorbell(rtlane::ChannelRef(opened).layout()));
}

TEST(DoorbellTest, RingsWhenSomebodySaysThatItSleepsAndOnlyThen)
{
  const Watchdog watchdog(60);
  DoorbellWord word{0};
  const Doorbell bell(&word);
  EXPECT_FALSE(bell.ring());
  const std::uint32_t announced = bell.announce();
  EXPECT_EQ(bell.announce(), announced);  // two sleepers are one bit
  EXPECT_TRUE(bell.ring());
  EXPECT_FALSE(bell.ring());
  EXPECT_EQ(bell.sleep(announced, wait_forever), -EAGAIN);  // it rang between announcement and sleep
  const std::int64_t until = rtlane::deadline_after(2'000'000);
  EXPECT_EQ(bell.sleep(bell.announce(), until), -ETIMEDOUT);
  EXPECT_GE(rtlane::monotonic_now_ns(), until);
  word = UINT32_MAX;  // the count wraps
  EXPECT_TRUE(bell.ring());
  EXPECT_EQ(word, 0u);
  EXPECT_FALSE(Doorbell().ring());
}

// Sleeps have no end here, so one missed ring hangs and the watchdog ends it.
TEST(DoorbellTest, MissesNoRing)
{
  const Watchdog watchdog(100);
  DoorbellWord word{0};
  const Doorbell bell(&word);
  std::atomic<std::uint64_t> published{0};
  constexpr int waiters = 3;
  const std::uint64_t count = test_count("RTLANE_RINGS", sanitized ? 500 : 5000);
  std::atomic<std::uint64_t> seen[waiters] = {};
  std::atomic<std::uint64_t> slept{0};
  std::vector<std::thread> threads;
  for (auto& mine : seen)
    threads.emplace_back([&] {
      while (mine < count) {
        while (published.load(std::memory_order_acquire) == mine) {
          const std::uint32_t announced = bell.announce();
          if (published.load(std::memory_order_acquire) != mine)
            break;
          bell.sleep(announced, wait_forever);
          ++slept;
        }
        mine = published.load(std::memory_order_acquire);
      }
    });
  for (std::uint64_t i = 1; i <= count; ++i) {
    published.store(i, std::memory_order_release);
    bell.ring();
    if (i % 2 == 0) {  // now and then all have caught up, and are about to sleep
      for (const auto& theirs : seen) {
        while (theirs < i)
          std::this_thread::yield();
      }
    }
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_GT(slept, 0u);
}

bool sleeps(const Ring& ring)
{
  const auto layout = ring.channel().layout();
  const auto* word =
      reinterpret_cast<const DoorbellWord*>(static_cast<std::byte*>(layout.base) + layout.doorbell_offset);
  return (word->load() & Doorbell::waiting) != 0;
}

TEST(DoorbellTest, WakesAnotherProcessAndSurvivesAKilledSleeper)
{
  const TempNamespace space;
  const Watchdog watchdog(100);
  const auto ring = Ring::create("ring", 4, with_doorbell()).value();
  auto producer = ring.producer();
  const auto start_consumer = [] {
    return Child::start([] {
      const auto mine = Ring::open("ring", small_ring()).value();
      auto consumer = mine.consumer();
      Message got{};
      if (consumer->pop_until(got, wait_forever, idle::park) != Status::ok || !whole(got))
        _exit(2);
      _exit(static_cast<int>(got.number));
    });
  };
  Child killed = start_consumer();
  while (!sleeps(ring))
    usleep(1000);
  killed.kill_now();
  for (std::uint64_t number = 10; number < 15; ++number) {
    producer->ring();  // takes the dead one's bit away
    Child child = start_consumer();
    while (!sleeps(ring))
      usleep(1000);
    ASSERT_EQ(producer->try_push(message(1, number)), Status::ok);
    EXPECT_TRUE(producer->ring());
    EXPECT_EQ(child.wait(), static_cast<int>(number));
  }
}

// Nobody rings for what a producer had published when it was killed.
TEST(DoorbellTest, FindsWhatNobodyRangFor)
{
  const TempNamespace space;
  const Watchdog watchdog(100);
  const auto ring = Ring::create("ring", 4, with_doorbell()).value();
  auto consumer = ring.consumer();
  Child child = Child::start([] {
    const auto mine = Ring::open("ring", small_ring()).value();
    auto producer = mine.producer();
    while (!sleeps(mine))
      usleep(1000);
    usleep(20'000);
    (void)producer->try_push(message(1, 7));
    raise(SIGKILL);
  });
  Message got{};
  EXPECT_EQ(consumer->pop_until(got, wait_forever, idle::park), Status::ok);
  EXPECT_EQ(got.number, 7u);
  EXPECT_EQ(child.wait(), -SIGKILL);
}

}  // namespace
