// Runs the checks of c_*.c and lets C and C++ endpoints of one channel meet.
#include "c_channels.h"

#include <gtest/gtest.h>
#include <rtlane/channels/broadcast.hpp>
#include <rtlane/channels/frame_broadcast.hpp>
#include <rtlane/channels/frame_ring.hpp>
#include <rtlane/channels/mpmc_ring.hpp>
#include <rtlane/channels/pinned_snapshot.hpp>
#include <rtlane/channels/snapshot.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <cstring>
#include <string>
#include <string_view>

#include "c_owner.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using rtlane::Status;
using rtlane::test::owner;

struct Part {
  std::int32_t number;
  float position[4];
};
RTLANE_TYPE(Part, number, RTLANE_UNIT(position, "m"));
static_assert(sizeof(Part) == sizeof(c_part));

Part part_of(int number)
{
  const c_part made = c_part_of(number);
  Part part{};
  std::memcpy(&part, &made, sizeof part);
  return part;
}

bool is_part(const Part& part, int number)
{
  c_part same{};
  std::memcpy(&same, &part, sizeof same);
  return c_is_part(&same, number) != 0;
}

class CApi : public ::testing::Test {
protected:
  const rtlane::test::TempNamespace space_;
  const rtlane::test::Watchdog watchdog_{60};
};

TEST_F(CApi, KnowsDeadlinesAndNames)
{
  EXPECT_STREQ(c_waiting_misuse(), nullptr);
}

TEST_F(CApi, SpscWaits)
{
  EXPECT_STREQ(c_spsc_waits(), nullptr);
}

TEST_F(CApi, SpscTakesAChannelOfOnesOwn)
{
  EXPECT_STREQ(c_spsc_from_channel("c"), nullptr);
}

TEST_F(CApi, MpmcAnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_mpmc_misuse(), nullptr);
}

TEST_F(CApi, MpmcWorksAnIsolatedRing)
{
  EXPECT_STREQ(c_mpmc_isolated("c"), nullptr);
}

TEST_F(CApi, MpmcStreamsElementsInEveryWay)
{
  EXPECT_STREQ(c_mpmc_stream("c"), nullptr);
}

TEST_F(CApi, SnapshotAnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_snapshot_misuse(), nullptr);
}

TEST_F(CApi, SnapshotGivesTheLatestValueInEveryWay)
{
  EXPECT_STREQ(c_snapshot_values("c"), nullptr);
}

TEST_F(CApi, PinnedAnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_pinned_misuse(), nullptr);
}

TEST_F(CApi, PinnedGivesAndLendsTheLatestValue)
{
  EXPECT_STREQ(c_pinned_values("c"), nullptr);
}

TEST_F(CApi, BroadcastAnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_broadcast_misuse(), nullptr);
}

TEST_F(CApi, BroadcastStreamsElementsAndCountsWhatIsLost)
{
  EXPECT_STREQ(c_broadcast_stream("c"), nullptr);
}

TEST_F(CApi, FrameRingAnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_frame_ring_misuse(), nullptr);
}

TEST_F(CApi, FrameRingStreamsFramesInEveryWay)
{
  EXPECT_STREQ(c_frame_ring_stream("c"), nullptr);
}

TEST_F(CApi, FrameBroadcastAnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_frame_broadcast_misuse(), nullptr);
}

TEST_F(CApi, FrameBroadcastStreamsFramesAndCountsWhatIsLost)
{
  EXPECT_STREQ(c_frame_broadcast_stream("c"), nullptr);
}

// ---- each channel made by one language and opened by the other, and data in both directions

TEST_F(CApi, MpmcMeetsCpp)
{
  auto cpp = rtlane::MpmcRing<Part>::create("both", 8);
  ASSERT_TRUE(cpp) << cpp.error().message;
  const auto c = owner<rtlane_mpmc>(
      rtlane_mpmc_close, [](auto** ring) { return rtlane_mpmc_create("both", 8, 16, c_part_type(), nullptr, ring); });
  const auto c_producer = owner<rtlane_mpmc_producer>(
      rtlane_mpmc_producer_detach, [&](auto** end) { return rtlane_mpmc_producer_attach(c.get(), end); });
  const auto c_consumer = owner<rtlane_mpmc_consumer>(
      rtlane_mpmc_consumer_detach, [&](auto** end) { return rtlane_mpmc_consumer_attach(c.get(), end); });
  auto producer = cpp->producer();
  auto consumer = cpp->consumer();
  ASSERT_TRUE(producer && consumer);
  for (int i = 0; i < 20; ++i) {
    Part got{};
    const Part sent = part_of(i);
    ASSERT_EQ(rtlane_mpmc_try_push(c_producer.get(), &sent), RTLANE_OK);
    ASSERT_EQ(consumer->try_pop(got), Status::ok);
    EXPECT_TRUE(is_part(got, i));
    const Part back = part_of(1000 + i);
    ASSERT_EQ(producer->try_push(back), Status::ok);
    ASSERT_EQ(rtlane_mpmc_try_pop(c_consumer.get(), &got), RTLANE_OK);
    EXPECT_TRUE(is_part(got, 1000 + i));
  }
  producer->close();
  const Part late = part_of(0);
  EXPECT_EQ(rtlane_mpmc_try_push(c_producer.get(), &late), RTLANE_CLOSED);
}

TEST_F(CApi, SnapshotMeetsCpp)
{
  const auto c = owner<rtlane_snapshot>(rtlane_snapshot_close, [](auto** snapshot) {
    return rtlane_snapshot_create("both", 4, c_part_type(), nullptr, snapshot);
  });
  auto cpp = rtlane::Snapshot<Part>::create("both", 4);
  ASSERT_TRUE(cpp) << cpp.error().message;
  EXPECT_FALSE(cpp->created());
  const auto c_reader = owner<rtlane_snapshot_reader>(
      rtlane_snapshot_reader_detach, [&](auto** end) { return rtlane_snapshot_reader_attach(c.get(), end); });
  auto reader = cpp->reader();
  Part got{};
  {
    const auto c_writer = owner<rtlane_snapshot_writer>(
        rtlane_snapshot_writer_detach, [&](auto** end) { return rtlane_snapshot_writer_attach(c.get(), end); });
    const Part sent = part_of(1);
    ASSERT_EQ(rtlane_snapshot_store_stamped(c_writer.get(), &sent, 77), RTLANE_OK);
    ASSERT_EQ(reader.load(got), Status::ok);
    EXPECT_TRUE(is_part(got, 1));
    EXPECT_EQ(reader.stamp(), 77u);
  }
  auto writer = cpp->writer();
  ASSERT_TRUE(writer);
  ASSERT_EQ(writer->store(part_of(2)), Status::ok);
  ASSERT_EQ(rtlane_snapshot_load(c_reader.get(), &got), RTLANE_OK);
  EXPECT_TRUE(is_part(got, 2));
  EXPECT_EQ(rtlane_snapshot_sequence(c_reader.get()), 2u);
  writer->close();
  EXPECT_EQ(rtlane_snapshot_ended(c_reader.get()), 1);
}

TEST_F(CApi, PinnedMeetsCpp)
{
  const auto c = owner<rtlane_pinned>(rtlane_pinned_close, [](auto** snapshot) {
    return rtlane_pinned_create("both", 3, c_part_type(), nullptr, snapshot);
  });
  auto cpp = rtlane::PinnedSnapshot<Part>::create("both", 3);
  ASSERT_TRUE(cpp) << cpp.error().message;
  const auto c_reader = owner<rtlane_pinned_reader>(
      rtlane_pinned_reader_detach, [&](auto** end) { return rtlane_pinned_reader_attach(c.get(), end); });
  auto reader = cpp->reader();
  ASSERT_TRUE(reader);
  {
    const auto c_writer = owner<rtlane_pinned_writer>(
        rtlane_pinned_writer_detach, [&](auto** end) { return rtlane_pinned_writer_attach(c.get(), end); });
    const Part sent = part_of(1);
    ASSERT_EQ(rtlane_pinned_store(c_writer.get(), &sent), RTLANE_OK);
    const auto lent = reader->load_ref();
    ASSERT_TRUE(lent);
    EXPECT_TRUE(is_part(*lent, 1));
  }
  auto writer = cpp->writer();
  ASSERT_TRUE(writer);
  ASSERT_EQ(writer->store(part_of(2)), Status::ok);
  const void* lent = nullptr;
  ASSERT_EQ(rtlane_pinned_ref(c_reader.get(), &lent), RTLANE_OK);
  for (int i = 3; i < 30; ++i)
    ASSERT_EQ(writer->store(part_of(i)), Status::ok);
  EXPECT_TRUE(is_part(*static_cast<const Part*>(lent), 2));
  EXPECT_EQ(rtlane_pinned_sequence(c_reader.get()), 2u);
  EXPECT_EQ(rtlane_pinned_unref(c_reader.get(), lent), RTLANE_OK);
}

TEST_F(CApi, BroadcastMeetsCpp)
{
  const auto c = owner<rtlane_broadcast>(rtlane_broadcast_close, [](auto** broadcast) {
    return rtlane_broadcast_create("both", 8, c_part_type(), nullptr, broadcast);
  });
  auto cpp = rtlane::Broadcast<Part>::create("both", 8);
  ASSERT_TRUE(cpp) << cpp.error().message;
  const auto c_subscriber = owner<rtlane_broadcast_subscriber>(
      rtlane_broadcast_subscriber_detach, [&](auto** end) { return rtlane_broadcast_subscriber_attach(c.get(), end); });
  auto subscriber = cpp->subscriber();
  Part got{};
  {
    const auto c_writer = owner<rtlane_broadcast_writer>(
        rtlane_broadcast_writer_detach, [&](auto** end) { return rtlane_broadcast_writer_attach(c.get(), end); });
    const Part sent = part_of(1);
    ASSERT_EQ(rtlane_broadcast_publish(c_writer.get(), &sent), RTLANE_OK);
  }
  auto writer = cpp->writer();
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->next_number(), 1u);
  ASSERT_EQ(writer->publish(part_of(2)), Status::ok);
  for (int i = 1; i <= 2; ++i) {
    ASSERT_EQ(subscriber.try_next(got), Status::ok);
    EXPECT_TRUE(is_part(got, i));
    ASSERT_EQ(rtlane_broadcast_try_next(c_subscriber.get(), &got), RTLANE_OK);
    EXPECT_TRUE(is_part(got, i));
  }
  EXPECT_TRUE(subscriber.writer_changed());
  EXPECT_EQ(rtlane_broadcast_writer_changed(c_subscriber.get()), 1);
}

TEST_F(CApi, FrameRingMeetsCpp)
{
  auto cpp = rtlane::FrameRing::create("both", 1024);
  ASSERT_TRUE(cpp) << cpp.error().message;
  const auto c = owner<rtlane_frame_ring>(
      rtlane_frame_ring_close, [](auto** ring) { return rtlane_frame_ring_create("both", 1024, 0, 0, nullptr, ring); });
  std::byte buffer[64];
  {
    const auto c_producer = owner<rtlane_frame_ring_producer>(
        rtlane_frame_ring_producer_detach, [&](auto** end) { return rtlane_frame_ring_producer_attach(c.get(), end); });
    auto consumer = cpp->consumer();
    ASSERT_TRUE(consumer);
    ASSERT_EQ(rtlane_frame_ring_try_push(c_producer.get(), "from C", 6), RTLANE_OK);
    const rtlane::FramePop popped = consumer->try_pop(buffer);
    ASSERT_EQ(popped.status, Status::ok);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(buffer), popped.bytes), "from C");
  }
  auto producer = cpp->producer();
  ASSERT_TRUE(producer);
  const auto c_consumer = owner<rtlane_frame_ring_consumer>(
      rtlane_frame_ring_consumer_detach, [&](auto** end) { return rtlane_frame_ring_consumer_attach(c.get(), end); });
  ASSERT_EQ(producer->try_push(std::as_bytes(std::span("from C++", 8))), Status::ok);
  rtlane_frame frame{};
  ASSERT_EQ(rtlane_frame_ring_peek(c_consumer.get(), &frame), RTLANE_OK);
  EXPECT_EQ(std::string_view(static_cast<const char*>(frame.data), frame.bytes), "from C++");
  EXPECT_EQ(rtlane_frame_ring_producer_changed(c_consumer.get()), 1);
  EXPECT_EQ(rtlane_frame_ring_release(c_consumer.get()), RTLANE_OK);
}

TEST_F(CApi, FrameBroadcastMeetsCpp)
{
  auto cpp = rtlane::FrameBroadcast::create("both", 1024);
  ASSERT_TRUE(cpp) << cpp.error().message;
  const auto c = owner<rtlane_frame_broadcast>(rtlane_frame_broadcast_close, [](auto** broadcast) {
    return rtlane_frame_broadcast_create("both", 1024, 0, nullptr, broadcast);
  });
  const auto c_subscriber = owner<rtlane_frame_broadcast_subscriber>(
      rtlane_frame_broadcast_subscriber_detach,
      [&](auto** end) { return rtlane_frame_broadcast_subscriber_attach(c.get(), end); });
  auto subscriber = cpp->subscriber();
  ASSERT_TRUE(subscriber);
  {
    const auto c_writer = owner<rtlane_frame_broadcast_writer>(rtlane_frame_broadcast_writer_detach, [&](auto** end) {
      return rtlane_frame_broadcast_writer_attach(c.get(), end);
    });
    ASSERT_EQ(rtlane_frame_broadcast_publish(c_writer.get(), "from C", 6), RTLANE_OK);
  }
  auto writer = cpp->writer();
  ASSERT_TRUE(writer);
  ASSERT_EQ(writer->publish(std::as_bytes(std::span("from C++", 8))), Status::ok);
  for (const std::string_view expected : {"from C", "from C++"}) {
    std::byte buffer[64];
    std::size_t bytes = 0;
    ASSERT_EQ(subscriber->try_next(buffer, bytes), Status::ok);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(buffer), bytes), expected);
    ASSERT_EQ(rtlane_frame_broadcast_try_next(c_subscriber.get(), buffer, sizeof buffer, &bytes), RTLANE_OK);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(buffer), bytes), expected);
  }
}

}  // namespace
