// A peer that writes anything anywhere, at any moment: wrong data, `busy` or `corrupt`, never an access outside the
// snapshot, never more steps than stated.
//
// The snapshot lies between two pages that nobody may touch. HostileWord stands in for the shared words: each load may
// see something else than what was stored, which is what a hostile peer can do between any two instructions, and each
// access is counted.
#include <gtest/gtest.h>
#include <rtlane/channels/snapshot_core.hpp>

#include <cstring>
#include <random>
#include <string>

#include "hostile_support.hpp"
#include "snapshot_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;

struct Peer : HostilePeer {
  static std::uint64_t lie(std::uint64_t truth)
  {
    const std::uint64_t kind = random() % 7;
    switch (kind) {
      case 6:
        return truth + (std::uint64_t{1} << random() % 8);  // a lap or two later
      default:
        return plain_lie(truth, kind);
    }
  }
};

using HostileWord = LyingWord<Peer>;
static_assert(sizeof(HostileWord) == 8);

// Its last slot ends where the page ends.
class Guarded {
public:
  Guarded(std::uint64_t depth, std::uint64_t value_bytes)
      : layout_(snapshot_layout(nullptr, depth, value_bytes)), bytes_(layout_.total_bytes)
  {
    layout_.base = bytes_.begin();
  }

  const rtlane_channel_layout& layout() const { return layout_; }
  std::byte* base() const { return bytes_.begin(); }
  void make_read_only() const { bytes_.make_read_only(); }

private:
  rtlane_channel_layout layout_;
  GuardedBytes bytes_;
};

using Writer = rtlane::detail::SnapshotWriterCore<HostileWord>;
using Reader = rtlane::detail::SnapshotReaderCore<HostileWord>;
using View = rtlane::detail::SnapshotView<HostileWord>;
using Copy = rtlane::detail::SnapshotCopy<HostileWord>;

void fight(std::uint64_t depth, std::uint64_t value_bytes, int steps)
{
  const Guarded memory(depth, value_bytes);
  const View view(memory.layout());
  const std::uint64_t words = rtlane::detail::torn_words(value_bytes);
  Writer writer(view);
  Reader reader(view);
  std::vector<std::byte> value(value_bytes + 8);
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    if (Peer::random() % 16 == 0) {
      // Overwrites a shared word, the private copies of both sides being all that is left of the truth.
      std::byte* word = memory.base() + 8 * (16 + Peer::random() % (memory.layout().total_bytes / 8 - 16));
      std::uint64_t held;
      std::memcpy(&held, word, 8);
      held = Peer::lie(held);
      std::memcpy(word, &held, 8);
    }
    switch (Peer::random() % 8) {
      case 0:
        writer = within(4, 4, "attach", [&] { return Writer(view); });
        break;
      case 1:
        within(0, 1, "close", [&] { return writer.close(), 0; });
        break;
      case 2:
        reader = within(0, 0, "a new reader", [&] { return Reader(view); });
        break;
      case 3:
        within(1, 0, "newer", [&] { return reader.newer(); });
        within(2, 0, "closed", [&] { return reader.closed(); });
        break;
      case 4:
      case 5:
        within(0, 3 + words, "store", [&] { return writer.store(value.data(), value_bytes, 1); });
        break;
      default: {
        value.assign(value_bytes + 8, std::byte{0xaa});
        const std::uint64_t before = reader.sequence();
        const Status status = within(rtlane::snapshot_attempts_max * (3 + words) + 2, 0, "load", [&] {
          return reader.load(Copy{value.data(), value_bytes});
        });
        EXPECT_NE(status, Status::full);
        EXPECT_NE(status, Status::lost);
        EXPECT_GE(reader.sequence(), before);
        EXPECT_TRUE(status == Status::ok || reader.sequence() == before);
        for (std::uint64_t i = value_bytes; i < value.size(); ++i)
          EXPECT_EQ(value[i], std::byte{0xaa});
        break;
      }
    }
  }
}

TEST(SnapshotHostile, APeerThatLiesInEveryWordReachesNothingOutsideAndDelaysNothing)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  for (const std::uint64_t depth : {2, 4, 64}) {
    for (const std::uint64_t value_bytes : {1, 16, 61, 200}) {
      for (const unsigned lies : {0u, 8u, 128u, 256u}) {
        SCOPED_TRACE("depth " + std::to_string(depth) + ", " + std::to_string(value_bytes) + " bytes, " +
                     std::to_string(lies) + "/256 lies");
        Peer::lies_per_256 = lies;
        fight(depth, value_bytes, sanitized ? 2000 : 20000);
        if (HasFailure())
          return;
      }
    }
  }
}

// The same with the words of the library and its wide copy: memory is scribbled on between the calls.
TEST(SnapshotHostile, TheWideCopyStaysInsideToo)
{
  using PlainView = rtlane::detail::SnapshotView<std::atomic<std::uint64_t>>;
  Peer::random.seed(test_seed());
  for (const std::uint64_t depth : {2, 8}) {
    for (const std::uint64_t value_bytes : {1, 15, 16, 17, 63, 64, 65, 127, 128, 1000}) {
      const Guarded memory(depth, value_bytes);
      const PlainView view(memory.layout());
      rtlane::detail::SnapshotWriterCore<> writer(view);
      std::vector<std::byte> value(value_bytes + 8);
      for (int step = 0; step < 2000; ++step) {
        rtlane::detail::SnapshotReaderCore<> reader(view);
        if (Peer::random() % 4 == 0)
          view.writer->latest = Peer::lie(view.writer->latest);
        (void)writer.store(value.data(), value_bytes, 1);
        (void)reader.load(rtlane::detail::SnapshotCopy<>{value.data(), value_bytes});
      }
    }
  }
}

TEST(SnapshotHostile, AReaderWritesNothing)
{
  using PlainView = rtlane::detail::SnapshotView<std::atomic<std::uint64_t>>;
  const Guarded memory(4, 24);
  const PlainView view(memory.layout());
  const Numbers<3> value = numbers<3>(1, 1);
  rtlane::detail::SnapshotWriterCore<> writer(view);
  ASSERT_EQ(writer.store(&value, sizeof value, 1), Status::ok);
  memory.make_read_only();  // a write would end the test
  rtlane::detail::SnapshotReaderCore<> reader(view);
  Numbers<3> got{};
  EXPECT_TRUE(reader.newer());
  EXPECT_EQ(reader.load(rtlane::detail::SnapshotCopy<>{&got, sizeof got}), Status::ok);
  EXPECT_EQ(got, value);
  EXPECT_FALSE(reader.closed());
}

// ---- the stated costs, with an honest peer

TEST(SnapshotHostile, TheHotPathTouchesTheWordsThatItSays)
{
  Peer::lies_per_256 = 0;
  const Guarded memory(4, 48);
  const View view(memory.layout());
  Writer writer(view);
  Reader reader(view);
  std::byte value[48] = {};
  const auto exactly = [](std::uint64_t loads, std::uint64_t stores, const char* what, auto operation) {
    Peer::loads = 0;
    Peer::stores = 0;
    operation();
    EXPECT_EQ(Peer::loads, loads) << what;
    EXPECT_EQ(Peer::stores, stores) << what;
  };
  const auto load = [&](Status wanted) { EXPECT_EQ(reader.load(Copy{value, sizeof value}), wanted); };
  exactly(2, 0, "load of nothing", [&] { load(Status::empty); });
  for (int i = 0; i < 10; ++i) {
    exactly(0, 3 + 6, "store", [&] { EXPECT_EQ(writer.store(value, sizeof value, 1), Status::ok); });
    exactly(3 + 6, 0, "load", [&] { load(Status::ok); });
    exactly(3 + 6, 0, "load of the same", [&] { load(Status::ok); });
    exactly(1, 0, "newer", [&] { EXPECT_FALSE(reader.newer()); });
  }
}

// ---- each kind of damage has its answer

class SnapshotDamage : public ::testing::Test {
protected:
  using Plain = std::atomic<std::uint64_t>;

  void SetUp() override
  {
    for (std::uint64_t i = 1; i <= 6; ++i)
      ASSERT_EQ(writer_.store(&i, sizeof i, 0), Status::ok);
    ASSERT_EQ(load(), Status::ok);
    ASSERT_EQ(got_, 6u);
  }
  Status load() { return reader_.load(rtlane::detail::SnapshotCopy<>{&got_, sizeof got_}); }
  Plain& number(std::uint64_t n) { return view_.header(view_.slot(n)).number; }

  std::vector<std::uint64_t> memory_ = std::vector<std::uint64_t>((snapshot_slots_offset + 4 * 24) / 8, 0);
  rtlane::detail::SnapshotView<Plain> view_{snapshot_layout(memory_.data(), 4, 8)};
  rtlane::detail::SnapshotWriterCore<> writer_{view_};
  rtlane::detail::SnapshotReaderCore<> reader_{view_};
  std::uint64_t got_ = 0;
};

TEST_F(SnapshotDamage, ALatestThatFallsIsCorrupt)
{
  for (const std::uint64_t latest : {5, 1, 0}) {
    view_.writer->latest = latest;
    EXPECT_EQ(load(), Status::corrupt) << latest;
    EXPECT_EQ(reader_.sequence(), 6u);
  }
  view_.writer->latest = 6;
  EXPECT_EQ(load(), Status::ok);  // the truth again: it goes on
}

TEST_F(SnapshotDamage, ANumberThatNoWriterPutsIntoTheSlotIsCorrupt)
{
  for (const std::uint64_t found : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{7}, std::uint64_t{11}, UINT64_MAX,
                                    (std::uint64_t{1} << 63) + 6}) {
    number(6) = found;
    EXPECT_EQ(load(), Status::corrupt) << found;
    EXPECT_EQ(reader_.overtaken(), 0u);
  }
}

TEST_F(SnapshotDamage, ASlotMarkedALapLaterForEverIsBusy)
{
  for (const std::uint64_t found : {10, 14, 4006}) {
    number(6) = found;
    const std::uint64_t overtaken = reader_.overtaken();
    EXPECT_EQ(load(), Status::busy) << found;
    EXPECT_EQ(reader_.overtaken(), overtaken + rtlane::snapshot_attempts_max);
    EXPECT_EQ(reader_.sequence(), 6u);
  }
  number(6) = 6;
  EXPECT_EQ(load(), Status::ok);
}

}  // namespace
