// Snapshot<T> and SnapshotGroup as their users see them.
#include <gtest/gtest.h>
#include <rtlane/channels/snapshot.hpp>
#include <rtlane/channels/snapshot_group.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include "snapshot_support.hpp"
#include "support/temp_namespace.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Snapshot;
using rtlane::SnapshotOptions;
using rtlane::Status;
using Messages = Snapshot<Message>;

SnapshotOptions small()
{
  SnapshotOptions options;
  options.memory.huge = RTLANE_NEVER;
  options.memory.lock = RTLANE_NEVER;
  return options;
}

SnapshotOptions read_only()
{
  SnapshotOptions options = small();
  options.memory.read_only = true;
  return options;
}

// In private memory and named.
class SnapshotUse : public ::testing::TestWithParam<bool> {
protected:
  template <class T = Message>
  Snapshot<T> make(std::uint64_t depth = 0)
  {
    auto made = GetParam() ? Snapshot<T>::create("snapshot", depth, small()) : Snapshot<T>::in_memory(depth, small());
    EXPECT_TRUE(made) << made.error().message;
    return *made;
  }
  template <class T = Message>
  auto reader_of(const Snapshot<T>& snapshot)
  {
    return GetParam() ? Snapshot<T>::open("snapshot", read_only()).value().reader() : snapshot.reader();
  }

  TempNamespace space_;
};
INSTANTIATE_TEST_SUITE_P(, SnapshotUse, ::testing::Bool(),
                         [](const auto& of) { return of.param ? "Named" : "PrivateMemory"; });

TEST_P(SnapshotUse, IsEmptyUntilTheFirstStore)
{
  const auto snapshot = make();
  auto reader = reader_of(snapshot);
  Message got{};
  EXPECT_EQ(reader.load(got), Status::empty);
  EXPECT_EQ(reader.load_newer(got), Status::empty);
  EXPECT_EQ(reader.sequence(), 0u);
  EXPECT_EQ(reader.age_ticks(), rtlane::age_unknown);
  auto writer = snapshot.writer();
  ASSERT_TRUE(writer);
  EXPECT_EQ(reader.load(got), Status::empty);
  EXPECT_EQ(writer->sequence(), 0u);
}

TEST_P(SnapshotUse, GivesTheLatestValue)
{
  const auto snapshot = make(4);
  auto reader = reader_of(snapshot);
  auto writer = snapshot.writer();
  Message got{};
  for (std::uint64_t i = 1; i <= 20; ++i) {
    ASSERT_EQ(writer->store(message(1, i)), Status::ok);
    ASSERT_TRUE(reader.newer());
    ASSERT_EQ(reader.load(got), Status::ok);
    EXPECT_TRUE(whole(got));
    EXPECT_EQ(got.number, i);
    EXPECT_EQ(reader.sequence(), i);
    EXPECT_EQ(reader.load(got), Status::ok);  // again
    EXPECT_EQ(got.number, i);
    Message untouched = message(9, 9);
    EXPECT_EQ(reader.load_newer(untouched), Status::empty);
    EXPECT_EQ(untouched.run, 9u);
    if (i % 3 == 0) {  // some are skipped
      for (int k = 0; k < 7; ++k)
        ASSERT_EQ(writer->store(message(1, ++i)), Status::ok);
      ASSERT_EQ(reader.load_newer(got), Status::ok);
      EXPECT_EQ(got.number, i);
    }
  }
  EXPECT_EQ(reader.overtaken(), 0u);
}

TEST_P(SnapshotUse, KnowsTheAgeOfAValue)
{
  const auto snapshot = make();
  auto reader = reader_of(snapshot);
  auto writer = snapshot.writer();
  Message got{};
  const std::uint64_t before = rtlane::ticks();
  ASSERT_EQ(writer->store(message(1, 1)), Status::ok);
  const std::uint64_t after = rtlane::ticks();
  ASSERT_EQ(reader.load(got), Status::ok);
  EXPECT_GE(reader.stamp(), before);
  EXPECT_LE(reader.stamp(), after);
  EXPECT_EQ(reader.age_ticks(reader.stamp() + 5), 5u);
  EXPECT_EQ(reader.age_ticks(reader.stamp() - 5), 0u);  // the counters of two CPUs may be apart
  const std::uint64_t age = reader.age_ticks();
  EXPECT_LE(age, reader.age_ticks());
  ASSERT_EQ(writer->store(message(1, 2), 1234), Status::ok);
  EXPECT_EQ(reader.stamp() == 1234, false);  // of the value last loaded
  ASSERT_EQ(reader.load(got), Status::ok);
  EXPECT_EQ(reader.stamp(), 1234u);
  ASSERT_EQ(writer->store(message(1, 3), 0), Status::ok);
  ASSERT_EQ(reader.load(got), Status::ok);
  EXPECT_EQ(reader.age_ticks(), rtlane::age_unknown);
}

TEST_P(SnapshotUse, AClosedOneGivesItsLastValueAndOpensAgain)
{
  const auto snapshot = make();
  auto reader = reader_of(snapshot);
  auto late = reader_of(snapshot);
  Message got{};
  {
    auto writer = snapshot.writer();
    ASSERT_EQ(writer->store(message(1, 1)), Status::ok);
    writer->close();
    EXPECT_EQ(writer->store(message(1, 2)), Status::closed);
  }
  EXPECT_FALSE(reader.closed());  // not loaded yet
  EXPECT_EQ(reader.load_newer(got), Status::ok);
  EXPECT_TRUE(reader.closed());
  EXPECT_EQ(reader.load_newer(got), Status::closed);
  EXPECT_EQ(reader.load(got), Status::ok);
  EXPECT_EQ(got.number, 1u);
  EXPECT_EQ(late.load(got), Status::ok);
  EXPECT_EQ(snapshot.info().closed, 1u);
  auto writer = snapshot.writer();
  EXPECT_EQ(reader.load_newer(got), Status::empty);
  EXPECT_EQ(writer->sequence(), 1u);
  ASSERT_EQ(writer->store(message(2, 2)), Status::ok);
  EXPECT_EQ(reader.load_newer(got), Status::ok);
  EXPECT_EQ(reader.sequence(), 2u);
}

TEST_P(SnapshotUse, OneThatIsClosedEmptySaysSo)
{
  const auto snapshot = make();
  auto reader = reader_of(snapshot);
  snapshot.writer()->close();
  Message got{};
  EXPECT_EQ(reader.load(got), Status::closed);
  EXPECT_EQ(reader.load_newer(got), Status::closed);
}

TEST_P(SnapshotUse, HasOneWriterAtATime)
{
  const auto snapshot = make();
  EXPECT_FALSE(snapshot.writer_alive());
  auto writer = snapshot.writer();
  ASSERT_TRUE(writer);
  EXPECT_TRUE(snapshot.writer_alive());
  const auto second = snapshot.writer();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EBUSY);
  auto moved = std::move(*writer);
  EXPECT_FALSE(*writer);
  EXPECT_EQ(writer->store(message(1, 1)), Status::closed);
  EXPECT_EQ(moved.store(message(1, 1)), Status::ok);
  moved = Messages::Writer();
  EXPECT_TRUE(snapshot.writer());
  const auto info = snapshot.info();
  EXPECT_EQ(info.published, 1u);
  EXPECT_EQ(info.producer_attaches, 2u);
  EXPECT_EQ(info.producer_takeovers, 0u);
}

TEST_P(SnapshotUse, ADepthIsRoundedUp)
{
  for (const auto& [asked, got] : {std::pair{0u, 4u}, {2u, 2u}, {3u, 4u}, {5u, 8u}, {1000u, 1024u}})
    EXPECT_EQ(make(asked).capacity(), got);  // the one before is gone
  const auto refused = Messages::in_memory(1, small());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EINVAL);
}

TEST_P(SnapshotUse, AReaderOutlivesTheSnapshotAndMayBeCopied)
{
  Messages::Reader copy;
  Message got{};
  EXPECT_EQ(copy.load(got), Status::closed);  // none yet
  EXPECT_EQ(copy.load_newer(got), Status::closed);
  {
    const auto snapshot = make();
    ASSERT_EQ(snapshot.writer()->store(message(1, 1)), Status::ok);
    auto reader = reader_of(snapshot);
    ASSERT_EQ(reader.load(got), Status::ok);
    copy = reader;
  }
  EXPECT_EQ(copy.sequence(), 1u);
  EXPECT_EQ(copy.load(got), Status::ok);
  EXPECT_TRUE(whole(got));
}

struct alignas(64) Wide {
  std::uint8_t bytes[3];
};
RTLANE_TYPE(Wide, bytes);
struct Odd {
  std::uint8_t a;
  std::array<std::uint8_t, 36> b;
};
RTLANE_TYPE(Odd, a, b);

template <class T>
void carries(const Snapshot<T>& snapshot, const T& value)
{
  auto writer = snapshot.writer();
  auto reader = snapshot.reader();
  for (int i = 0; i < 6; ++i)
    ASSERT_EQ(writer->store(value), Status::ok);
  T got{};
  ASSERT_EQ(reader.load(got), Status::ok);
  EXPECT_EQ(std::memcmp(&got, &value, sizeof(T) < 64 ? sizeof(T) : 3), 0);
}

TEST_P(SnapshotUse, ValuesMayHaveAnySizeAndAlignment)
{
  carries(make<std::uint8_t>(), std::uint8_t{7});
  carries(Snapshot<Wide>::in_memory(4, small()).value(), Wide{{1, 2, 3}});
  carries(Snapshot<Odd>::in_memory(4, small()).value(), Odd{1, {2, 3, 4}});
  carries(Snapshot<double>::in_memory(4, small()).value(), 2.5);
}

TEST(Snapshot, AReadOnlyMappingHasNoWriter)
{
  const TempNamespace space;
  const auto made = Messages::create("s", 4, small());
  ASSERT_TRUE(made && made->created());
  const auto seen = Messages::open("s", read_only());
  ASSERT_TRUE(seen) << seen.error().message;
  const auto writer = seen->writer();
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, EACCES);
}

TEST(Snapshot, AnotherTypeOrDepthOrKindIsRefused)
{
  const TempNamespace space;
  const auto made = Messages::create("s", 4, small());
  ASSERT_TRUE(made);
  EXPECT_EQ(Snapshot<double>::open("s", small()).error().code, EPROTOTYPE);
  EXPECT_EQ(Messages::create("s", 8, small()).error().code, ERANGE);
  EXPECT_TRUE(Messages::create("s", 0, small()));
  EXPECT_EQ(rtlane::SpscRing<Message>::open("s", small_ring()).error().code, EPROTOTYPE);
  EXPECT_EQ(Messages::open("nothing", small()).error().code, ENOENT);
}

// ---- waiting

template <class Strategy>
void waits(const Messages& snapshot, Messages::Reader reader, Strategy strategy)
{
  Message got{};
  EXPECT_EQ(reader.wait_newer_until(got, 0, strategy), Status::empty);
  const std::int64_t deadline = rtlane::deadline_after(3'000'000);
  EXPECT_EQ(reader.wait_newer_until(got, deadline, strategy), Status::empty);
  EXPECT_GE(rtlane::monotonic_now_ns(), deadline);
  std::atomic<bool> waiting{false};
  std::thread other([&] {
    while (!waiting)
      std::this_thread::yield();
    auto writer = snapshot.writer();
    EXPECT_EQ(writer->store(message(1, 1)), Status::ok);
    writer->ring();
    while (waiting)
      std::this_thread::yield();
    writer->close();
    writer->ring();
  });
  waiting = true;
  EXPECT_EQ(reader.wait_newer_until(got, rtlane::wait_forever, strategy), Status::ok);
  EXPECT_EQ(got.number, 1u);
  auto keeping = snapshot.keeping_reader();
  EXPECT_EQ(keeping.wait_newer_until(rtlane::wait_forever, strategy), Status::ok);
  EXPECT_EQ(keeping.last()->number, 1u);
  waiting = false;
  EXPECT_EQ(reader.wait_newer_until(got, rtlane::wait_forever, strategy), Status::closed);
  EXPECT_EQ(keeping.wait_newer_until(rtlane::wait_forever, strategy), Status::closed);
  EXPECT_EQ(keeping.last()->number, 1u);
  other.join();
}

TEST_P(SnapshotUse, WaitsForANewerValue)
{
  for (int strategy = 0; strategy < 3; ++strategy) {
    const auto snapshot = make();
    if (strategy == 0)
      waits(snapshot, reader_of(snapshot), rtlane::idle::pause);
    else if (strategy == 1)
      waits(snapshot, reader_of(snapshot), rtlane::idle::yield);
    else
      waits(snapshot, reader_of(snapshot), rtlane::idle::park);  // without a bell, so it polls
  }
}

TEST(Snapshot, SleepsOnADoorbell)
{
  SnapshotOptions options = small();
  options.doorbell = RTLANE_DOORBELL_IF_WAITING;
  const auto snapshot = Messages::in_memory(4, options).value();
  waits(snapshot, snapshot.reader(), rtlane::idle::park);
}

// ---- the last good value

TEST(Snapshot, AKeepingReaderKeepsItsValueAndItsAge)
{
  const auto snapshot = Messages::in_memory(2, small()).value();
  auto writer = snapshot.writer();
  auto reader = snapshot.keeping_reader();
  EXPECT_EQ(reader.update(), Status::empty);
  EXPECT_EQ(reader.last(), nullptr);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_EQ(writer->store(message(1, i), 100 * i), Status::ok);
    ASSERT_EQ(reader.update(), Status::ok);
    ASSERT_NE(reader.last(), nullptr);
    EXPECT_EQ(reader.last()->number, i);
  }
  // A writer that is always one lap ahead, as its mark says.
  const rtlane::detail::SnapshotView<std::atomic<std::uint64_t>> view(snapshot.channel().layout());
  auto& mark = view.header(view.slot(4)).number;
  ASSERT_EQ(writer->store(message(1, 4), 400), Status::ok);
  mark = 6;
  const Message* before = reader.last();
  EXPECT_EQ(reader.update(), Status::busy);
  EXPECT_EQ(reader.last(), before);
  EXPECT_EQ(reader.last()->number, 3u);
  EXPECT_TRUE(whole(*reader.last()));
  EXPECT_EQ(reader.sequence(), 3u);
  EXPECT_EQ(reader.stamp(), 300u);
  EXPECT_EQ(reader.age_ticks(350), 50u);
  EXPECT_EQ(reader.overtaken(), rtlane::snapshot_attempts_max);
  mark = 5;
  EXPECT_EQ(reader.update(), Status::corrupt);
  EXPECT_EQ(reader.last()->number, 3u);
  mark = 4;
  EXPECT_EQ(reader.update(), Status::ok);
  EXPECT_EQ(reader.last()->number, 4u);
}

// ---- the bound

constexpr rtlane::SnapshotCopyTime quick{.fixed_ns = 100, .line_ns = 50, .interruption_ns = 0};
static_assert(quick.of(64) == 150 && quick.of(65) == 200);
static_assert(rtlane::snapshot_never_overtaken(2, 64, 300, quick) &&
              !rtlane::snapshot_never_overtaken(2, 64, 299, quick));
static_assert(!rtlane::snapshot_never_overtaken(1, 64, 1'000'000, quick));
static_assert(rtlane::snapshot_depth(64, 300, quick) == 2 && rtlane::snapshot_depth(64, 299, quick) == 4 &&
              rtlane::snapshot_depth(64, 10, quick) == 32);
static_assert(rtlane::snapshot_depth(64, 1'000'000) == 4, "1 kHz, interruptions of 1 ms on both sides");
static_assert(rtlane::snapshot_depth(64, 0, quick) == rtlane::snapshot_depth_max);

// ---- members of one value, and groups

struct Imu {
  std::uint64_t number;
  float gyro[3];
};
RTLANE_TYPE(Imu, number, gyro);
struct Cycle {
  std::uint8_t flag;
  Imu imu;
  std::uint32_t count;
  Message message;
};
RTLANE_TYPE(Cycle, flag, imu, count, message);
using Group = rtlane::SnapshotGroup<Cycle>;

TEST(SnapshotGroup, MembersComeFromOneCycle)
{
  const auto group = Group::in_memory(4, small()).value();
  auto writer = group.group_writer();
  ASSERT_TRUE(writer);
  auto reader = group.reader();
  Imu imu{};
  std::uint32_t count = 0;
  std::uint8_t flag = 0;
  Message got{};
  EXPECT_EQ((reader.load_members<&Cycle::imu>(imu)), Status::empty);
  for (std::uint32_t i = 1; i <= 9; ++i) {
    writer->set<&Cycle::imu>(Imu{i, {1, 2, 3}});
    writer->set<&Cycle::count>(10 * i);
    writer->cycle().message = message(1, i);
    if (i == 1)
      writer->set<&Cycle::flag>(std::uint8_t{5});
    Cycle all{};
    if (i > 1) {  // nothing of a cycle in the making is seen
      ASSERT_EQ(reader.load(all), Status::ok);
      EXPECT_EQ(all.imu.number, i - 1);
      EXPECT_EQ(all.count, 10 * (i - 1));
    }
    ASSERT_EQ(writer->publish(), Status::ok);
    ASSERT_EQ((reader.load_members<&Cycle::count, &Cycle::imu, &Cycle::flag, &Cycle::message>(count, imu, flag, got)),
              Status::ok);
    EXPECT_EQ(reader.sequence(), i);
    EXPECT_EQ(count, 10 * i);
    EXPECT_EQ(imu.number, i);
    EXPECT_EQ(imu.gyro[2], 3);
    EXPECT_EQ(flag, 5);  // set once
    EXPECT_TRUE(whole(got));
    EXPECT_EQ(got.number, i);
  }
}

TEST(SnapshotGroup, ASuccessorBeginsWithTheLastCycle)
{
  const TempNamespace space;
  const auto group = Group::create("group", 2, small()).value();
  {
    auto writer = group.group_writer();
    writer->set<&Cycle::count>(std::uint32_t{7});
    writer->set<&Cycle::flag>(std::uint8_t{1});
    ASSERT_EQ(writer->publish(), Status::ok);
    writer->set<&Cycle::flag>(std::uint8_t{2});  // never published
  }
  auto writer = Group::open("group", small()).value().group_writer();
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->sequence(), 1u);
  EXPECT_EQ(writer->cycle().count, 7u);
  EXPECT_EQ(writer->cycle().flag, 1);
  ASSERT_EQ(writer->publish(), Status::ok);
  auto reader = rtlane::Snapshot<Cycle>::open("group", read_only()).value().reader();  // it is a snapshot
  Cycle got{};
  ASSERT_EQ(reader.load(got), Status::ok);
  EXPECT_EQ(reader.sequence(), 2u);
  EXPECT_EQ(got.count, 7u);
  writer->close();
  EXPECT_EQ(writer->publish(), Status::closed);
}

}  // namespace
