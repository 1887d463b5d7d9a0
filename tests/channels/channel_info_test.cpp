// What a monitor is told of an MPMC ring and of a pinned snapshot, through a mapping that it may only read: after known
// operations, and after kills.
#include <gtest/gtest.h>
#include <rtlane/channels/mpmc_ring.hpp>
#include <rtlane/channels/pinned_snapshot.hpp>

#include <csignal>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Ring = rtlane::MpmcRing<Message>;
using Snapshot = rtlane::PinnedSnapshot<Message>;

template <class Options>
Options plain(bool read_only = false)
{
  Options options;
  options.memory = small_ring().memory;
  options.memory.read_only = read_only;
  return options;
}

class ChannelInfo : public ::testing::Test {
protected:
  // A process whose body ends by a kill, while its endpoints live.
  template <class Body>
  static void expect_killed(Body&& body)
  {
    Child child = Child::start(body);
    EXPECT_EQ(child.wait(), -SIGKILL);
  }

  const TempNamespace space_;
  const Watchdog watchdog_{60};
};

Ring make_ring(std::uint64_t capacity)
{
  auto options = plain<rtlane::MpmcOptions>();
  options.participants = 8;
  return Ring::create("ring", capacity, options).value();
}

Ring monitor_of_ring()
{
  return Ring::open("ring", plain<rtlane::MpmcOptions>(true)).value();
}

TEST_F(ChannelInfo, OfAnMpmcRingCountsPlacesRefusalsAndParticipants)
{
  const Ring ring = make_ring(4);
  const Ring monitor = monitor_of_ring();
  EXPECT_FALSE(monitor.producer());
  rtlane_channel_info info = monitor.info();
  EXPECT_EQ(info.participants, 8u);
  EXPECT_EQ(info.participant_attaches, 0u);
  auto one = ring.producer();
  auto two = ring.producer();
  auto consumer = ring.consumer();
  for (std::uint64_t lap = 0; lap < 3; ++lap) {
    for (std::uint64_t i = 0; i < 4; ++i)
      ASSERT_EQ((i % 2 == 0 ? one : two)->try_push(message(1, i)), Status::ok);
    EXPECT_EQ(one->try_push(message(1, 9)), Status::full);
    EXPECT_EQ(two->try_push(message(1, 9)), Status::full);
    info = monitor.info();
    EXPECT_EQ(info.published, 4 * (lap + 1));
    EXPECT_EQ(info.consumed, 4 * lap);
    EXPECT_EQ(info.depth, 4u);
    EXPECT_EQ(info.refused, 2 * (lap + 1));
    Message got{};
    for (std::uint64_t i = 0; i < 4; ++i) {
      ASSERT_EQ(consumer->try_pop(got), Status::ok);
      info = monitor.info();
      EXPECT_EQ(info.consumed, 4 * lap + i + 1);
      EXPECT_EQ(info.depth, 3 - i);
    }
  }
  EXPECT_EQ(info.closed, 0u);
  EXPECT_EQ(info.participant_attaches, 3u);
  EXPECT_EQ(info.participants_alive, 3);
  *two = {};
  one->close();
  info = monitor.info();
  EXPECT_EQ(info.closed, 1u);
  EXPECT_EQ(info.published, 12u);
  EXPECT_EQ(info.depth, 0u);
  EXPECT_EQ(info.recovered, 0u);
  EXPECT_EQ(info.orphaned, 0u);
  EXPECT_EQ(info.participants_alive, 2);
}

TEST_F(ChannelInfo, OfAnMpmcRingCountsAPlaceTakenBackFromAKilledProducer)
{
  const Ring ring = make_ring(4);
  const Ring monitor = monitor_of_ring();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  expect_killed([&] {
    auto killed = ring.producer();
    (void)killed->try_push(message(2, 0));
    (void)killed->claim();
    raise(SIGKILL);
  });
  ASSERT_EQ(producer->try_push(message(1, 0)), Status::ok);
  EXPECT_EQ(monitor.info().depth, 3u);  // the unfinished place included
  EXPECT_EQ(monitor.info().recovered, 0u);
  Message got{};
  for (int taken = 0, calls = 0; taken < 2; ++calls) {
    ASSERT_LT(calls, 100);
    taken += consumer->try_pop(got) == Status::ok ? 1 : 0;
  }
  EXPECT_EQ(got.run, 1u);
  const rtlane_channel_info info = monitor.info();
  EXPECT_EQ(info.recovered, 1u);
  EXPECT_EQ(info.orphaned, 0u);
  EXPECT_EQ(info.published, 3u);
  EXPECT_EQ(info.consumed, 3u);
  EXPECT_EQ(info.participants_alive, 2);
}

TEST_F(ChannelInfo, OfAnMpmcRingCountsAnElementInAKilledConsumersHand)
{
  const Ring ring = make_ring(2);
  const Ring monitor = monitor_of_ring();
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_EQ(producer->try_push(message(1, 0)), Status::ok);
  expect_killed([&] {
    auto killed = ring.consumer();
    (void)killed->peek();
    raise(SIGKILL);
  });
  EXPECT_EQ(monitor.info().consumed, 1u);
  EXPECT_EQ(monitor.info().orphaned, 0u);  // nobody has come to it yet
  Message got{};
  for (int pushed = 0, calls = 0; pushed < 4; ++calls) {
    ASSERT_LT(calls, 100);
    if (producer->try_push(message(1, 1)) == Status::ok) {
      ++pushed;
      ASSERT_EQ(consumer->try_pop(got), Status::ok);
    }
  }
  const rtlane_channel_info info = monitor.info();
  EXPECT_EQ(info.orphaned, 1u);
  EXPECT_EQ(info.recovered, 1u);  // an orphan's slot is taken back, too
  EXPECT_EQ(info.published, 5u);
  EXPECT_EQ(info.depth, 0u);
}

// Whatever is in the words: numbers, and a depth within the capacity.
TEST_F(ChannelInfo, OfADamagedMpmcRingStaysWithinItsBounds)
{
  const Ring ring = make_ring(4);
  const Ring monitor = monitor_of_ring();
  const auto view = rtlane::detail::mpmc_view(ring.channel().layout());
  for (const std::uint64_t head : {std::uint64_t{0}, std::uint64_t{17}, UINT64_MAX}) {
    for (const std::uint64_t tail : {std::uint64_t{0}, std::uint64_t{1} << 63, UINT64_MAX}) {
      view.head->head = head;
      view.tail->tail = tail;
      view.common->entries = UINT64_MAX;
      const rtlane_channel_info info = monitor.info();
      EXPECT_LE(info.depth, 4u);
      EXPECT_EQ(info.published, info.consumed + info.depth);
    }
  }
}

TEST_F(ChannelInfo, OfAPinnedSnapshotCountsValuesAndWhoCame)
{
  const Snapshot snapshot = Snapshot::create("snapshot", 3, plain<rtlane::PinnedOptions>()).value();
  const Snapshot monitor = Snapshot::open("snapshot", plain<rtlane::PinnedOptions>(true)).value();
  EXPECT_FALSE(monitor.reader());
  rtlane_channel_info info = monitor.info();
  EXPECT_EQ(info.published, 0u);
  EXPECT_EQ(info.participants, 3u);
  {
    auto writer = snapshot.writer();
    auto reader = snapshot.reader();
    auto other = snapshot.reader();
    for (std::uint64_t i = 1; i <= 5; ++i) {
      ASSERT_EQ(writer->store(message(1, i)), Status::ok);
      EXPECT_EQ(monitor.info().published, i);
    }
    writer->close();
    info = monitor.info();
    EXPECT_EQ(info.closed, 1u);
    EXPECT_EQ(info.producer_alive, 1);
    EXPECT_EQ(info.participants_alive, 2);
  }
  auto writer = snapshot.writer();
  info = monitor.info();
  EXPECT_EQ(info.published, 5u);
  EXPECT_EQ(info.closed, 0u);
  EXPECT_EQ(info.producer_attaches, 2u);
  EXPECT_EQ(info.producer_takeovers, 0u);
  EXPECT_EQ(info.participant_attaches, 2u);
  EXPECT_EQ(info.participant_takeovers, 0u);
  EXPECT_EQ(info.participants_alive, 0);
  EXPECT_EQ(info.depth, 0u);
}

TEST_F(ChannelInfo, OfAPinnedSnapshotCountsTakeoversAndPinsTakenBack)
{
  const Snapshot snapshot = Snapshot::create("snapshot", 1, plain<rtlane::PinnedOptions>()).value();
  const Snapshot monitor = Snapshot::open("snapshot", plain<rtlane::PinnedOptions>(true)).value();
  expect_killed([&] {
    auto writer = snapshot.writer();
    (void)writer->store(message(1, 1));
    auto reader = snapshot.reader();
    const auto first = reader->load_ref();
    (void)writer->store(message(1, 2));
    const auto second = reader->load_ref();
    raise(SIGKILL);
  });
  auto writer = snapshot.writer();
  auto reader = snapshot.reader();
  const rtlane_channel_info info = monitor.info();
  EXPECT_EQ(info.published, 2u);
  EXPECT_EQ(info.producer_attaches, 2u);
  EXPECT_EQ(info.producer_takeovers, 1u);
  EXPECT_EQ(info.participant_attaches, 2u);
  EXPECT_EQ(info.participant_takeovers, 1u);
  EXPECT_EQ(info.recovered, 2u);
}

}  // namespace
