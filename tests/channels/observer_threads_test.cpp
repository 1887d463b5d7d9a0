// Observers beside writers and readers at full speed: never a torn element, and everything is accounted for.
//
// Rings and pinned snapshots are written plainly, so to ThreadSanitizer an observer's copy would be a race: it is not
// told of it (copy_observed of observer.hpp).
#include <gtest/gtest.h>
#include <rtlane/channels/broadcast.hpp>
#include <rtlane/channels/frame_ring.hpp>
#include <rtlane/channels/mpmc_ring.hpp>
#include <rtlane/channels/observe.hpp>
#include <rtlane/channels/pinned_snapshot.hpp>
#include <rtlane/channels/snapshot.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "ring_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::ObserveFrom;
using rtlane::Observer;
using rtlane::Status;

// Wide enough that a copy takes a while.
struct Wide {
  std::uint64_t words[64];
};
RTLANE_TYPE(Wide, words);

Wide wide(std::uint64_t number)
{
  Wide made;
  for (std::uint64_t i = 0; i < 64; ++i)
    made.words[i] = number << 8 | i;
  return made;
}

bool whole(const rtlane_observation& seen)
{
  Wide read;
  std::memcpy(&read, seen.bytes, sizeof read);
  const Wide wanted = wide(read.words[0] >> 8);
  return seen.byte_count == sizeof read && std::memcmp(&read, &wanted, sizeof read) == 0;
}

class ObserverThreads : public ::testing::Test {
protected:
  struct Counts {
    std::uint64_t seen = 0;
    std::uint64_t lost = 0;
    std::uint64_t torn = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t backwards = 0;
  };

  // Each runs in a thread of its own until `stop_`.
  void start(std::function<void()> once)
  {
    threads_.emplace_back([this, once = std::move(once)] {
      while (!stop_.load(std::memory_order_relaxed))
        once();
    });
  }

  // Observes for as long as it takes to see `enough`, at least a little and at most some seconds.
  template <class Whole>
  Counts observe(const rtlane::ChannelRef& channel, std::uint64_t enough, Whole&& is_whole)
  {
    Counts counts;
    auto observer = Observer::of(channel, ObserveFrom::next);
    EXPECT_TRUE(observer);
    rtlane_observation seen = Observer::observation();
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
      const auto passed = std::chrono::steady_clock::now() - begin;
      if ((counts.seen >= enough && passed > std::chrono::milliseconds(40)) || passed > std::chrono::seconds(5))
        break;
      const Status status = observer->next(seen);
      EXPECT_NE(status, Status::corrupt);
      if (status == Status::corrupt)
        break;
      counts.lost += seen.lost;
      if (status != Status::ok) {
        if (status == Status::empty)
          std::this_thread::yield();
        continue;
      }
      counts.torn += is_whole(seen) ? 0 : 1;
      if (counts.seen++ == 0) {
        counts.first = seen.number;
        counts.lost = 0;
      } else if (seen.number <= counts.last) {
        ++counts.backwards;
      }
      counts.last = seen.number;
    }
    stop_ = true;
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    EXPECT_GE(counts.seen, enough) << counts.lost << " lost";
    EXPECT_EQ(counts.torn, 0u) << "of " << counts.seen;
    EXPECT_EQ(counts.backwards, 0u);
    return counts;
  }

  static void expect_all_counted(const Counts& counts)
  {
    // What was found lost behind the last one seen is not in its distance from the first.
    EXPECT_GE(counts.seen + counts.lost, counts.last - counts.first + 1);
  }

  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
  const Watchdog watchdog_{60};
};

// Small, so that slots come round again while they are copied.
TEST_F(ObserverThreads, SpscRing)
{
  const auto ring = rtlane::SpscRing<Wide>::in_memory(4).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  std::uint64_t pushed = 0;
  start([&] { pushed += producer.try_push(wide(pushed)) == Status::ok ? 1 : 0; });
  start([&] {
    Wide taken;
    (void)consumer.try_pop(taken);
  });
  expect_all_counted(observe(ring.channel(), 100, whole));
}

TEST_F(ObserverThreads, SpscRingThatIsWrittenInPlace)
{
  const auto ring = rtlane::SpscRing<Wide>::in_memory(2).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  std::uint64_t pushed = 0;
  start([&] {
    if (Wide* place = producer.claim()) {
      std::memset(static_cast<void*>(place), 0x55, sizeof *place);
      *place = wide(pushed++);
      producer.publish();
    }
  });
  start([&] {
    Wide taken;
    (void)consumer.try_pop(taken);
  });
  expect_all_counted(observe(ring.channel(), 20, whole));
}

TEST_F(ObserverThreads, MpmcRing)
{
  const auto ring = rtlane::MpmcRing<Wide>::in_memory(4).value();
  auto one = ring.producer().value();
  auto two = ring.producer().value();
  auto consumer = ring.consumer().value();
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  start([&] { first += one.try_push(wide(first)) == Status::ok ? 1 : 0; });
  start([&] { second += two.try_push(wide(second)) == Status::ok ? 1 : 0; });
  start([&] {
    Wide taken;
    (void)consumer.try_pop(taken);
  });
  expect_all_counted(observe(ring.channel(), 50, whole));
}

TEST_F(ObserverThreads, Snapshot)
{
  const auto snapshot = rtlane::Snapshot<Wide>::in_memory(4).value();
  auto writer = snapshot.writer().value();
  std::uint64_t stored = 0;
  start([&] { ASSERT_EQ(writer.store(wide(++stored)), Status::ok); });
  const Counts counts = observe(snapshot.channel(), 100, whole);
  EXPECT_EQ(counts.seen + counts.lost, counts.last - counts.first + 1);
}

TEST_F(ObserverThreads, PinnedSnapshot)
{
  const auto snapshot = rtlane::PinnedSnapshot<Wide>::in_memory(2).value();
  auto writer = snapshot.writer().value();
  std::uint64_t stored = 0;
  start([&] { ASSERT_EQ(writer.store(wide(++stored)), Status::ok); });
  const Counts counts = observe(snapshot.channel(), 5, whole);
  EXPECT_EQ(counts.seen + counts.lost, counts.last - counts.first + 1);
}

TEST_F(ObserverThreads, Broadcast)
{
  const auto broadcast = rtlane::Broadcast<Wide>::in_memory(8).value();
  auto writer = broadcast.writer().value();
  std::uint64_t published = 0;
  start([&] { ASSERT_EQ(writer.publish(wide(published++)), Status::ok); });
  expect_all_counted(observe(broadcast.channel(), 100, whole));
}

// Long, and with few words written, so that ring and room have come round before a copy of one is finished.
TEST_F(ObserverThreads, FrameRing)
{
  constexpr std::uint64_t bytes =
      (1 << 20) - rtlane::detail::frame_header_bytes;  // four of them fill the ring: frames lie one over the other
  constexpr std::uint64_t places[] = {0, bytes / 2, bytes - 8};
  const auto ring = rtlane::FrameRing::in_memory(4 << 20).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  std::uint64_t pushed = 0;
  start([&] {
    const std::span<std::byte> frame = producer.claim(bytes);
    if (frame.data() == nullptr)
      return;
    ++pushed;
    for (const std::uint64_t at : places)
      std::memcpy(frame.data() + at, &pushed, sizeof pushed);
    producer.commit(bytes);
  });
  std::uint64_t taken = 0;
  start([&] {
    if (consumer.peek().data() != nullptr && ++taken % 16 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    consumer.release();
  });
  observe(ring.channel(), 5, [&](const rtlane_observation& seen) {
    std::uint64_t words[3];
    for (int i = 0; i < 3; ++i)
      std::memcpy(&words[i], static_cast<const std::byte*>(seen.bytes) + places[i], sizeof words[i]);
    return seen.length == bytes && words[0] == words[1] && words[1] == words[2];
  });
}

}  // namespace
