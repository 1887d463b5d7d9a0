// The waiting calls of the C API, in each way to wait, between two threads.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>

#include "c_channels.h"
#include "c_owner.hpp"
#include "support/watchdog.hpp"

namespace {

using rtlane::test::owner;
using rtlane::test::Owner;

// ---- a thread that waits, in each way, for what another one publishes and rings for

class CApiWaiting : public testing::TestWithParam<int> {
protected:
  // In private memory, with a doorbell.
  static Owner<rtlane_channel> channel(std::uint32_t kind, std::uint64_t capacity)
  {
    rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
    spec.kind = kind;
    spec.capacity = capacity;
    if (kind != RTLANE_CHANNEL_FRAME_RING && kind != RTLANE_CHANNEL_FRAME_BROADCAST)
      spec.type = c_part_type();
    spec.doorbell = RTLANE_DOORBELL_IF_WAITING;
    return owner<rtlane_channel>(rtlane_channel_unref,
                                 [&](auto** made) { return rtlane_channel_in_memory(&spec, made); });
  }

  static constexpr int count = 50;
  const rtlane::test::Watchdog watchdog_{60};
};

TEST_P(CApiWaiting, SpscHandsOverThroughOneSlot)
{
  const auto made = channel(RTLANE_CHANNEL_SPSC_RING, 1);
  const auto ring = owner<rtlane_spsc>(rtlane_spsc_close,
                                       [&](auto** handle) { return rtlane_spsc_from_channel(made.get(), handle); });
  const auto producer = owner<rtlane_spsc_producer>(
      rtlane_spsc_producer_detach, [&](auto** end) { return rtlane_spsc_producer_attach(ring.get(), end); });
  const auto consumer = owner<rtlane_spsc_consumer>(
      rtlane_spsc_consumer_detach, [&](auto** end) { return rtlane_spsc_consumer_attach(ring.get(), end); });
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      const c_part part = c_part_of(i);
      EXPECT_EQ(rtlane_spsc_push_until(producer.get(), &part, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
      EXPECT_GE(rtlane_spsc_producer_ring(producer.get()), 0);
    }
  });
  for (int i = 0; i < count; ++i) {
    c_part part{};
    EXPECT_EQ(rtlane_spsc_pop_until(consumer.get(), &part, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
    EXPECT_TRUE(c_is_part(&part, i));
    EXPECT_GE(rtlane_spsc_consumer_ring(consumer.get()), 0);
  }
  sender.join();
}

TEST_P(CApiWaiting, MpmcHandsOverThroughOneSlot)
{
  const auto made = channel(RTLANE_CHANNEL_MPMC_RING, 1);
  const auto ring = owner<rtlane_mpmc>(rtlane_mpmc_close,
                                       [&](auto** handle) { return rtlane_mpmc_from_channel(made.get(), handle); });
  const auto producer = owner<rtlane_mpmc_producer>(
      rtlane_mpmc_producer_detach, [&](auto** end) { return rtlane_mpmc_producer_attach(ring.get(), end); });
  const auto consumer = owner<rtlane_mpmc_consumer>(
      rtlane_mpmc_consumer_detach, [&](auto** end) { return rtlane_mpmc_consumer_attach(ring.get(), end); });
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      const c_part part = c_part_of(i);
      EXPECT_EQ(rtlane_mpmc_push_until(producer.get(), &part, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
      EXPECT_GE(rtlane_mpmc_producer_ring(producer.get()), 0);
    }
  });
  for (int i = 0; i < count; ++i) {
    c_part part{};
    EXPECT_EQ(rtlane_mpmc_pop_until(consumer.get(), &part, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
    EXPECT_TRUE(c_is_part(&part, i));
    EXPECT_GE(rtlane_mpmc_consumer_ring(consumer.get()), 0);
  }
  sender.join();
}

TEST_P(CApiWaiting, FrameRingHandsOverThroughAFewPlaces)
{
  const auto made = channel(RTLANE_CHANNEL_FRAME_RING, 128);
  const auto ring = owner<rtlane_frame_ring>(
      rtlane_frame_ring_close, [&](auto** handle) { return rtlane_frame_ring_from_channel(made.get(), handle); });
  const auto producer = owner<rtlane_frame_ring_producer>(rtlane_frame_ring_producer_detach, [&](auto** end) {
    return rtlane_frame_ring_producer_attach(ring.get(), end);
  });
  const auto consumer = owner<rtlane_frame_ring_consumer>(rtlane_frame_ring_consumer_detach, [&](auto** end) {
    return rtlane_frame_ring_consumer_attach(ring.get(), end);
  });
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      void* place = nullptr;
      EXPECT_EQ(rtlane_frame_ring_push_until(producer.get(), &i, sizeof i, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
      EXPECT_GE(rtlane_frame_ring_producer_ring(producer.get()), 0);
      EXPECT_EQ(rtlane_frame_ring_claim_until(producer.get(), 20, &place, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
      std::memset(place, i, 20);
      EXPECT_EQ(rtlane_frame_ring_commit(producer.get()), RTLANE_OK);
      EXPECT_GE(rtlane_frame_ring_producer_ring(producer.get()), 0);
    }
  });
  for (int i = 0; i < count; ++i) {
    int got = -1;
    std::size_t bytes = 0;
    rtlane_frame frame{};
    EXPECT_EQ(rtlane_frame_ring_pop_until(consumer.get(), &got, sizeof got, &bytes, GetParam(), RTLANE_WAIT_FOREVER),
              RTLANE_OK);
    EXPECT_EQ(got, i);
    EXPECT_GE(rtlane_frame_ring_consumer_ring(consumer.get()), 0);
    EXPECT_EQ(rtlane_frame_ring_peek_until(consumer.get(), &frame, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
    EXPECT_EQ(frame.bytes, 20u);
    EXPECT_EQ(static_cast<const char*>(frame.data)[19], i);
    EXPECT_EQ(rtlane_frame_ring_release(consumer.get()), RTLANE_OK);
    EXPECT_GE(rtlane_frame_ring_consumer_ring(consumer.get()), 0);
  }
  sender.join();
}

TEST_P(CApiWaiting, SnapshotComesToItsLastValue)
{
  const auto made = channel(RTLANE_CHANNEL_SNAPSHOT, 4);
  const auto snapshot = owner<rtlane_snapshot>(
      rtlane_snapshot_close, [&](auto** handle) { return rtlane_snapshot_from_channel(made.get(), handle); });
  const auto writer = owner<rtlane_snapshot_writer>(
      rtlane_snapshot_writer_detach, [&](auto** end) { return rtlane_snapshot_writer_attach(snapshot.get(), end); });
  const auto reader = owner<rtlane_snapshot_reader>(
      rtlane_snapshot_reader_detach, [&](auto** end) { return rtlane_snapshot_reader_attach(snapshot.get(), end); });
  std::thread sender([&] {
    for (int i = 1; i <= count; ++i) {
      const c_part part = c_part_of(i);
      EXPECT_EQ(rtlane_snapshot_store(writer.get(), &part), RTLANE_OK);
      EXPECT_GE(rtlane_snapshot_ring(writer.get()), 0);
    }
    rtlane_snapshot_end(writer.get());
    rtlane_snapshot_ring(writer.get());
  });
  c_part part{};
  int last = 0;
  int status = RTLANE_OK;
  while (status == RTLANE_OK) {
    status = rtlane_snapshot_wait_newer_until(reader.get(), &part, GetParam(), RTLANE_WAIT_FOREVER);
    if (status == RTLANE_OK) {
      EXPECT_GT(part.number, last);
      last = part.number;
      EXPECT_TRUE(c_is_part(&part, last));
    }
  }
  EXPECT_EQ(status, RTLANE_CLOSED);
  EXPECT_EQ(last, count);
  sender.join();
}

TEST_P(CApiWaiting, PinnedComesToItsLastValue)
{
  const auto made = channel(RTLANE_CHANNEL_PINNED_SNAPSHOT, 1);
  const auto snapshot = owner<rtlane_pinned>(
      rtlane_pinned_close, [&](auto** handle) { return rtlane_pinned_from_channel(made.get(), handle); });
  const auto writer = owner<rtlane_pinned_writer>(
      rtlane_pinned_writer_detach, [&](auto** end) { return rtlane_pinned_writer_attach(snapshot.get(), end); });
  const auto reader = owner<rtlane_pinned_reader>(
      rtlane_pinned_reader_detach, [&](auto** end) { return rtlane_pinned_reader_attach(snapshot.get(), end); });
  std::thread sender([&] {
    for (int i = 1; i <= count; ++i) {
      const c_part part = c_part_of(i);
      EXPECT_EQ(rtlane_pinned_store(writer.get(), &part), RTLANE_OK);
      EXPECT_GE(rtlane_pinned_ring(writer.get()), 0);
    }
    rtlane_pinned_end(writer.get());
    rtlane_pinned_ring(writer.get());
  });
  c_part part{};
  while (rtlane_pinned_wait_newer_until(reader.get(), GetParam(), RTLANE_WAIT_FOREVER) == RTLANE_OK) {
    EXPECT_EQ(rtlane_pinned_load_newer(reader.get(), &part), RTLANE_OK);
    EXPECT_TRUE(c_is_part(&part, part.number));
  }
  EXPECT_EQ(part.number, count);
  sender.join();
}

TEST_P(CApiWaiting, BroadcastTellsEveryElement)
{
  const auto made = channel(RTLANE_CHANNEL_BROADCAST, 128);
  const auto broadcast = owner<rtlane_broadcast>(
      rtlane_broadcast_close, [&](auto** handle) { return rtlane_broadcast_from_channel(made.get(), handle); });
  const auto writer = owner<rtlane_broadcast_writer>(
      rtlane_broadcast_writer_detach, [&](auto** end) { return rtlane_broadcast_writer_attach(broadcast.get(), end); });
  const auto subscriber = owner<rtlane_broadcast_subscriber>(rtlane_broadcast_subscriber_detach, [&](auto** end) {
    return rtlane_broadcast_subscriber_attach(broadcast.get(), end);
  });
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      const c_part part = c_part_of(i);
      EXPECT_EQ(rtlane_broadcast_publish(writer.get(), &part), RTLANE_OK);
      EXPECT_GE(rtlane_broadcast_ring(writer.get()), 0);
    }
  });
  for (int i = 0; i < count; ++i) {
    c_part part{};
    EXPECT_EQ(rtlane_broadcast_next_until(subscriber.get(), &part, GetParam(), RTLANE_WAIT_FOREVER), RTLANE_OK);
    EXPECT_TRUE(c_is_part(&part, i));
  }
  sender.join();
}

TEST_P(CApiWaiting, FrameBroadcastTellsEveryFrame)
{
  const auto made = channel(RTLANE_CHANNEL_FRAME_BROADCAST, 4096);
  const auto broadcast = owner<rtlane_frame_broadcast>(rtlane_frame_broadcast_close, [&](auto** handle) {
    return rtlane_frame_broadcast_from_channel(made.get(), handle);
  });
  const auto writer = owner<rtlane_frame_broadcast_writer>(rtlane_frame_broadcast_writer_detach, [&](auto** end) {
    return rtlane_frame_broadcast_writer_attach(broadcast.get(), end);
  });
  const auto subscriber = owner<rtlane_frame_broadcast_subscriber>(
      rtlane_frame_broadcast_subscriber_detach,
      [&](auto** end) { return rtlane_frame_broadcast_subscriber_attach(broadcast.get(), end); });
  std::thread sender([&] {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(rtlane_frame_broadcast_publish(writer.get(), &i, sizeof i), RTLANE_OK);
      EXPECT_GE(rtlane_frame_broadcast_ring(writer.get()), 0);
    }
  });
  for (int i = 0; i < count; ++i) {
    int got = -1;
    std::size_t bytes = 0;
    EXPECT_EQ(
        rtlane_frame_broadcast_next_until(subscriber.get(), &got, sizeof got, &bytes, GetParam(), RTLANE_WAIT_FOREVER),
        RTLANE_OK);
    EXPECT_EQ(got, i);
  }
  sender.join();
}

std::string name_of(const testing::TestParamInfo<int>& idle)
{
  constexpr const char* names[] = {"Spin", "Pause", "Yield", "Park"};
  return names[idle.param];
}

INSTANTIATE_TEST_SUITE_P(Each, CApiWaiting,
                         testing::Values(RTLANE_IDLE_SPIN, RTLANE_IDLE_PAUSE, RTLANE_IDLE_YIELD, RTLANE_IDLE_PARK),
                         name_of);

}  // namespace
