// The waiting calls of MPMC rings, frame rings and pinned snapshots: what they answer, that they carry a stream, sleep
// and are woken, and what kills leave. Strategies and doorbell themselves: idle_test.cpp.
#include <gtest/gtest.h>
#include <unistd.h>
#include <rtlane/channels/frame_ring.hpp>
#include <rtlane/channels/mpmc_ring.hpp>
#include <rtlane/channels/pinned_snapshot.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "frame_support.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::FrameRing;
using rtlane::Status;
using rtlane::wait_forever;
using rtlane::detail::Doorbell;
using rtlane::detail::DoorbellWord;
using Ring = rtlane::MpmcRing<Message>;
using Snapshot = rtlane::PinnedSnapshot<Message>;
namespace idle = rtlane::idle;

template <class Options>
Options with(std::uint32_t doorbell)
{
  Options options;
  options.memory = small_ring().memory;
  options.doorbell = doorbell;
  return options;
}

template <class Strategy>
class Waiting : public ::testing::Test {
protected:
  const Watchdog watchdog_{100};
};
using Strategies = ::testing::Types<idle::Spin, idle::Pause, idle::Yield, idle::Park>;
TYPED_TEST_SUITE(Waiting, Strategies);

constexpr std::uint32_t kBells[] = {RTLANE_DOORBELL_NEVER, RTLANE_DOORBELL_IF_WAITING};
constexpr std::int64_t kShortNs = 3'000'000;

TYPED_TEST(Waiting, AnMpmcRingAnswersAtOnceWhatIsThereAndElseNotBeforeTheDeadline)
{
  for (const std::uint32_t bell : kBells) {
    const auto ring = Ring::in_memory(2, with<rtlane::MpmcOptions>(bell)).value();
    auto producer = ring.producer();
    auto other = ring.producer();
    auto consumer = ring.consumer();
    Message got{};
    for (const std::int64_t wait_ns : {std::int64_t{0}, kShortNs}) {
      const std::int64_t until = rtlane::deadline_after(wait_ns);
      EXPECT_EQ(consumer->pop_until(got, until, TypeParam{}), Status::empty);
      EXPECT_GE(rtlane::monotonic_now_ns(), until);
    }
    EXPECT_EQ(producer->push_until(message(1, 1), wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(producer->push_until(message(1, 2), 0, TypeParam{}), Status::ok);
    EXPECT_EQ(ring.info().refused, 0u);
    std::int64_t until = rtlane::deadline_after(kShortNs);
    EXPECT_EQ(producer->push_until(message(1, 3), until, TypeParam{}), Status::full);
    EXPECT_GE(rtlane::monotonic_now_ns(), until);
    EXPECT_EQ(ring.info().refused, 1u);  // one call, however often it looked
    EXPECT_EQ(producer->try_push(message(1, 3)), Status::full);
    EXPECT_EQ(ring.info().refused, 2u);
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(got.number, 1u);
    ASSERT_NE(other->claim(), nullptr);
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::ok);
    until = rtlane::deadline_after(kShortNs);
    EXPECT_EQ(consumer->pop_until(got, until, TypeParam{}), Status::busy);  // its owner lives
    EXPECT_GE(rtlane::monotonic_now_ns(), until);
    *other->claim() = message(2, 1);
    EXPECT_TRUE(other->publish());
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(got.run, 2u);
    producer->close();
    EXPECT_EQ(producer->push_until(got, wait_forever, TypeParam{}), Status::closed);
    EXPECT_EQ(consumer->pop_until(got, wait_forever, TypeParam{}), Status::closed);
  }
  Message got{};
  EXPECT_EQ(Ring::Consumer().pop_until(got, wait_forever, TypeParam{}), Status::closed);
  EXPECT_EQ(Ring::Producer().push_until(got, wait_forever, TypeParam{}), Status::closed);
}

TYPED_TEST(Waiting, AnMpmcRingCarriesAStreamFromTwoToTwo)
{
  constexpr std::uint64_t count = 150;
  for (const std::uint32_t bell : kBells) {
    const auto ring = Ring::in_memory(2, with<rtlane::MpmcOptions>(bell)).value();
    std::atomic<int> pushing{2};
    std::atomic<std::uint64_t> seen[2][count] = {};
    std::vector<std::thread> threads;
    for (std::uint64_t run = 0; run < 2; ++run) {
      threads.emplace_back([&, run, producer = ring.producer().value()]() mutable {
        for (std::uint64_t i = 0; i < count; ++i) {
          ASSERT_EQ(producer.push_until(message(run, i), wait_forever, TypeParam{}), Status::ok);
          producer.ring();
        }
        if (--pushing == 0)
          producer.close();
        producer.ring();
      });
      threads.emplace_back([&, consumer = ring.consumer().value()]() mutable {
        Message got{};
        Status status;
        while ((status = consumer.pop_until(got, wait_forever, TypeParam{})) == Status::ok) {
          consumer.ring();
          ASSERT_TRUE(whole(got));
          ++seen[got.run][got.number];
        }
        EXPECT_EQ(status, Status::closed);
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    for (const auto& run : seen) {
      for (const auto& times : run)
        ASSERT_EQ(times, 1u);
    }
  }
}

TYPED_TEST(Waiting, AFrameRingAnswersAtOnceWhatIsThereAndElseNotBeforeTheDeadline)
{
  for (const std::uint32_t bell : kBells) {
    auto options = with<rtlane::FrameOptions>(bell);
    options.frame_align = 8;
    options.frame_bytes_max = 120;
    const auto ring = FrameRing::in_memory(128, options).value();
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    const Bytes half = frame(1, 1, 56);
    std::array<std::byte, 120> buffer{};
    for (const std::int64_t wait_ns : {std::int64_t{0}, kShortNs}) {
      const std::int64_t until = rtlane::deadline_after(wait_ns);
      EXPECT_EQ(consumer->pop_until(buffer, until, TypeParam{}).status, Status::empty);
      EXPECT_EQ(consumer->peek_until(until, TypeParam{}).data(), nullptr);
      EXPECT_EQ(consumer->last_status(), Status::empty);
      EXPECT_GE(rtlane::monotonic_now_ns(), until);
    }
    EXPECT_EQ(producer->push_until(half, wait_forever, TypeParam{}), Status::ok);
    EXPECT_EQ(producer->push_until(half, 0, TypeParam{}), Status::ok);
    EXPECT_EQ(producer->push_until(Bytes(121), wait_forever, TypeParam{}), Status::too_large);
    EXPECT_EQ(ring.info().refused, 0u);
    const std::int64_t until = rtlane::deadline_after(kShortNs);
    EXPECT_EQ(producer->push_until(half, until, TypeParam{}), Status::full);
    EXPECT_GE(rtlane::monotonic_now_ns(), until);
    EXPECT_EQ(ring.info().refused, 1u);  // one call, however often it looked
    EXPECT_EQ(producer->claim_until(1, rtlane::deadline_after(kShortNs), TypeParam{}).data(), nullptr);
    EXPECT_EQ(producer->last_status(), Status::full);
    EXPECT_EQ(ring.info().refused, 2u);
    EXPECT_EQ(consumer->pop_until(std::span(buffer).first(8), wait_forever, TypeParam{}).status, Status::too_small);
    EXPECT_EQ(consumer->pop_until(buffer, wait_forever, TypeParam{}).bytes, 56u);
    EXPECT_EQ(consumer->peek_until(wait_forever, TypeParam{}).size(), 56u);
    EXPECT_TRUE(consumer->release());
    EXPECT_EQ(producer->claim_until(120, wait_forever, TypeParam{}).size(), 120u);
    producer->close();
    EXPECT_EQ(producer->push_until(half, wait_forever, TypeParam{}), Status::closed);
    EXPECT_EQ(consumer->pop_until(buffer, wait_forever, TypeParam{}).status, Status::closed);
    EXPECT_EQ(consumer->peek_until(wait_forever, TypeParam{}).data(), nullptr);
  }
  FrameRing::Consumer detached;
  EXPECT_EQ(detached.pop_until({}, wait_forever, TypeParam{}).status, Status::closed);
}

TYPED_TEST(Waiting, AFrameRingCarriesAStreamOfAllSizes)
{
  constexpr std::uint64_t count = 300;
  for (const std::uint32_t bell : kBells) {
    auto options = with<rtlane::FrameOptions>(bell);
    options.frame_align = 8;
    const auto ring = FrameRing::in_memory(256, options).value();
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    std::thread pushing([&] {
      for (std::uint64_t i = 0; i < count; ++i) {
        const Bytes sent = frame(1, i, 16 + i % 48);
        if (i % 2 == 0) {
          ASSERT_EQ(producer->push_until(sent, wait_forever, TypeParam{}), Status::ok);
        } else {
          const auto place = producer->claim_until(sent.size(), wait_forever, TypeParam{});
          ASSERT_EQ(place.size(), sent.size());
          std::copy(sent.begin(), sent.end(), place.begin());
          ASSERT_TRUE(producer->commit());
        }
        producer->ring();
      }
      producer->close();
      producer->ring();
    });
    std::array<std::byte, 64> buffer{};
    for (std::uint64_t i = 0; i < count; ++i) {
      Bytes got;
      if (i % 3 == 0) {
        const auto shown = consumer->peek_until(wait_forever, TypeParam{});
        got.assign(shown.begin(), shown.end());
        ASSERT_TRUE(consumer->release());
      } else {
        const rtlane::FramePop popped = consumer->pop_until(buffer, wait_forever, TypeParam{});
        ASSERT_EQ(popped.status, Status::ok);
        got.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(popped.bytes));
      }
      consumer->ring();
      ASSERT_EQ(got, frame(1, i, 16 + i % 48));
    }
    EXPECT_EQ(consumer->pop_until(buffer, wait_forever, TypeParam{}).status, Status::closed);
    pushing.join();
  }
}

// Else it would wait for room that only its own staged frames take.
TEST(WaitingFrames, APushThatWaitsShowsWhatWasStaged)
{
  const Watchdog watchdog(60);
  auto options = with<rtlane::FrameOptions>(RTLANE_DOORBELL_NEVER);
  options.frame_align = 8;
  options.frame_bytes_max = 120;
  const auto ring = FrameRing::in_memory(128, options).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_EQ(producer->claim(120).size(), 120u);
  ASSERT_TRUE(producer->stage());
  std::thread taking([&] {
    std::array<std::byte, 120> buffer{};
    EXPECT_EQ(consumer->pop_until(buffer, wait_forever, idle::yield).bytes, 120u);
    EXPECT_EQ(consumer->pop_until(buffer, wait_forever, idle::yield).bytes, 16u);
  });
  EXPECT_EQ(producer->push_until(frame(1, 1, 16), wait_forever, idle::yield), Status::ok);
  taking.join();
}

TYPED_TEST(Waiting, APinnedSnapshotTellsOfANewerValueOrTheEnd)
{
  for (const std::uint32_t bell : kBells) {
    const auto snapshot = Snapshot::in_memory(1, with<rtlane::PinnedOptions>(bell)).value();
    auto writer = snapshot.writer();
    auto reader = snapshot.reader();
    Message got{};
    for (const std::int64_t wait_ns : {std::int64_t{0}, kShortNs}) {
      const std::int64_t until = rtlane::deadline_after(wait_ns);
      EXPECT_EQ(reader->wait_newer_until(until, TypeParam{}), Status::empty);
      EXPECT_GE(rtlane::monotonic_now_ns(), until);
    }
    std::atomic<std::uint64_t> loaded{0};
    std::thread writing([&] {
      for (std::uint64_t i = 1; i <= 200; ++i) {
        ASSERT_EQ(writer->store(message(1, i)), Status::ok);
        writer->ring();
        while (i % 2 == 0 && loaded < i)
          std::this_thread::yield();
      }
      writer->close();
      writer->ring();
    });
    std::uint64_t before = 0;
    while (reader->wait_newer_until(wait_forever, TypeParam{}) == Status::ok) {
      ASSERT_EQ(reader->load_newer(got), Status::ok);
      ASSERT_TRUE(whole(got));
      ASSERT_GT(got.number, before);
      loaded = before = got.number;
    }
    EXPECT_EQ(before, 200u);
    EXPECT_EQ(reader->wait_newer_until(wait_forever, TypeParam{}), Status::closed);
    writing.join();
  }
  EXPECT_EQ(Snapshot::Reader().wait_newer_until(wait_forever, TypeParam{}), Status::closed);
}

TEST(WaitingQuiet, SpinAndPauseMakeNoSystemCall)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const Watchdog watchdog(60);
  constexpr int no_filter = 77;
  for (const std::uint32_t bell : kBells) {
    Child child = Child::start([&] {
      const auto ring = Ring::in_memory(8, with<rtlane::MpmcOptions>(bell)).value();
      const auto frames = FrameRing::in_memory(1024, with<rtlane::FrameOptions>(bell)).value();
      const auto snapshot = Snapshot::in_memory(1, with<rtlane::PinnedOptions>(bell)).value();
      auto producer = ring.producer();
      auto consumer = ring.consumer();
      auto sender = frames.producer();
      auto receiver = frames.consumer();
      auto writer = snapshot.writer();
      auto reader = snapshot.reader();
      if (!forbid_calls())
        _exit(no_filter);
      Message got{};
      std::array<std::byte, 64> buffer{};
      int wrong = 0;
      for (std::uint64_t i = 0; i < 1000; ++i) {
        wrong += producer->push_until(message(1, i), wait_forever, idle::spin) == Status::ok ? 0 : 1;
        wrong += consumer->pop_until(got, wait_forever, idle::pause) == Status::ok && got.number == i ? 0 : 1;
        wrong += consumer->pop_until(got, 0, idle::park) == Status::empty ? 0 : 1;
        wrong += sender->push_until(buffer, wait_forever, idle::pause) == Status::ok ? 0 : 1;
        wrong += receiver->pop_until(buffer, wait_forever, idle::spin).status == Status::ok ? 0 : 1;
        wrong += receiver->pop_until(buffer, 0, idle::park).status == Status::empty ? 0 : 1;
        wrong += writer->store(message(1, i)) == Status::ok ? 0 : 1;
        wrong += reader->wait_newer_until(wait_forever, idle::spin) == Status::ok ? 0 : 1;
        wrong += reader->load(got) == Status::ok ? 0 : 1;
        wrong += reader->wait_newer_until(0, idle::park) == Status::empty ? 0 : 1;
        wrong += producer->ring() || sender->ring() || writer->ring() ? 1 : 0;  // nobody sleeps
      }
      _exit(wrong == 0 ? 0 : 1);
    });
    const int status = child.wait();
    if (status == no_filter)
      GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
    EXPECT_EQ(status, 0);
  }
}

// ---- between processes

template <class Channel>
bool sleeps(const Channel& channel)
{
  const auto layout = channel.channel().layout();
  const auto* word =
      reinterpret_cast<const DoorbellWord*>(static_cast<std::byte*>(layout.base) + layout.doorbell_offset);
  return (word->load() & Doorbell::waiting) != 0;
}

template <class Channel>
void wait_for_sleeper(const Channel& channel)
{
  while (!sleeps(channel))
    usleep(1000);
}

class WaitingProcesses : public ::testing::Test {
protected:
  const TempNamespace space_;
  const Watchdog watchdog_{100};
};

TEST_F(WaitingProcesses, AnMpmcRingWakesAnotherProcessAfterASleeperWasKilled)
{
  const auto ring = Ring::create("ring", 4, with<rtlane::MpmcOptions>(RTLANE_DOORBELL_IF_WAITING)).value();
  auto producer = ring.producer();
  const auto start_consumer = [] {
    return Child::start([] {
      const auto mine = Ring::open("ring", with<rtlane::MpmcOptions>(0)).value();
      auto consumer = mine.consumer();
      Message got{};
      if (consumer->pop_until(got, wait_forever, idle::park) != Status::ok || !whole(got))
        return 2;
      return static_cast<int>(got.number);
    });
  };
  Child killed = start_consumer();
  wait_for_sleeper(ring);
  killed.kill_now();
  producer->ring();  // takes the dead one's bit away
  Child child = start_consumer();
  wait_for_sleeper(ring);
  ASSERT_EQ(producer->try_push(message(1, 10)), Status::ok);
  EXPECT_TRUE(producer->ring());
  EXPECT_EQ(child.wait(), 10);
}

// The place of a producer that was killed in the middle is passed over by a consumer that sleeps.
TEST_F(WaitingProcesses, AnMpmcRingsSleeperPassesOverWhatAKilledProducerLeft)
{
  const auto ring = Ring::create("ring", 4, with<rtlane::MpmcOptions>(RTLANE_DOORBELL_IF_WAITING)).value();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Child child = Child::start([&] {
    auto mine = ring.producer();
    (void)mine->claim();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.wait(), -SIGKILL);
  ASSERT_EQ(producer->try_push(message(1, 3)), Status::ok);
  Message got{};
  EXPECT_EQ(consumer->pop_until(got, wait_forever, idle::park), Status::ok);
  EXPECT_EQ(got.number, 3u);
  EXPECT_EQ(ring.info().recovered, 1u);
}

// Nobody rings for what a producer had published when it was killed.
TEST_F(WaitingProcesses, AFrameThatNobodyRangForIsFound)
{
  const auto ring = FrameRing::create("frames", 1024, with<rtlane::FrameOptions>(RTLANE_DOORBELL_IF_WAITING)).value();
  auto consumer = ring.consumer();
  Child child = Child::start([&] {
    auto producer = ring.producer();
    wait_for_sleeper(ring);
    usleep(20'000);
    (void)producer->try_push(frame(1, 7, 24));
    raise(SIGKILL);
  });
  std::array<std::byte, 64> buffer{};
  EXPECT_EQ(consumer->pop_until(buffer, wait_forever, idle::park).bytes, 24u);
  EXPECT_EQ(child.wait(), -SIGKILL);
}

TEST_F(WaitingProcesses, AValueThatNobodyRangForIsFoundInAPinnedSnapshot)
{
  const auto snapshot = Snapshot::create("s", 1, with<rtlane::PinnedOptions>(RTLANE_DOORBELL_IF_WAITING)).value();
  auto reader = snapshot.reader();
  Child child = Child::start([&] {
    auto writer = snapshot.writer();
    wait_for_sleeper(snapshot);
    usleep(20'000);
    (void)writer->store(message(1, 7));
    raise(SIGKILL);
  });
  EXPECT_EQ(reader->wait_newer_until(wait_forever, idle::park), Status::ok);
  Message got{};
  EXPECT_EQ(reader->load(got), Status::ok);
  EXPECT_EQ(got.number, 7u);
  EXPECT_EQ(child.wait(), -SIGKILL);
}

}  // namespace
