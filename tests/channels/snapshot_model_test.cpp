// Random operations of a writer, its successors and several readers against a model that is a number: each answer of
// the snapshot is known beforehand.
#include <gtest/gtest.h>
#include <rtlane/channels/snapshot_core.hpp>

#include <random>
#include <string>
#include <vector>

#include "snapshot_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::SnapshotWriterCore<>;
using Reader = rtlane::detail::SnapshotReaderCore<>;
using View = rtlane::detail::SnapshotView<std::atomic<std::uint64_t>>;

std::uint8_t byte_of(std::uint64_t number, std::uint64_t index)
{
  return static_cast<std::uint8_t>(mix(number * 1021 + index));
}

// Values of any size; their bytes, and those behind the copy, are looked at.
class Game {
public:
  Game(std::uint64_t depth, std::uint64_t bytes, std::uint64_t seed)
      : bytes_(bytes), random_(seed), layout_(snapshot_layout(nullptr, depth, bytes)), memory_(layout_.total_bytes / 8)
  {
    layout_.base = memory_.data();
    view_ = View(layout_);
    writer_ = Writer(view_);
    attaches_ = 1;
    readers_.resize(3);
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      switch (random_() % 16) {
        case 0:
          return_role();
          break;
        case 1:
          close();
          break;
        case 2:
          seat().core = Reader(view_);
          break;
        case 3:
        case 4:
        case 5:
        case 6:
          store();
          break;
        case 7:
          part();
          break;
        default:
          load();
          break;
      }
    }
    EXPECT_EQ(view_.attach->attaches.load(), attaches_);
    EXPECT_EQ(view_.attach->takeovers.load(), takeovers_);
    EXPECT_EQ(view_.writer->latest.load(), latest_);
  }

private:
  struct Seat {
    Reader core;
    bool attached() const { return core.sequence() != 0 || !core.closed(); }
  };

  Reader& reader_of(Seat& seat) { return seat.core; }
  Seat& seat() { return readers_[random_() % readers_.size()]; }

  void return_role()
  {
    if (random_() % 2 == 0) {
      writer_.detach();
      EXPECT_EQ(writer_.store(memory_.data(), bytes_, 1), Status::closed);
    } else {
      ++takeovers_;  // it was killed
    }
    writer_ = Writer(view_);
    ++attaches_;
    closed_ = false;
    EXPECT_EQ(writer_.sequence(), latest_);
  }

  void close()
  {
    writer_.close();
    closed_ = true;
  }

  void store()
  {
    std::vector<std::uint8_t> value(bytes_);
    for (std::uint64_t i = 0; i < bytes_; ++i)
      value[i] = byte_of(latest_ + 1, i);
    const Status status = writer_.store(value.data(), bytes_, 7 * (latest_ + 1));
    EXPECT_EQ(status, closed_ ? Status::closed : Status::ok);
    latest_ += closed_ ? 0 : 1;
    EXPECT_EQ(writer_.sequence(), latest_);
  }

  void expect(Reader& reader, Status status, std::uint64_t before)
  {
    if (latest_ == 0) {
      EXPECT_EQ(status, closed_ ? Status::closed : Status::empty);
      EXPECT_EQ(reader.sequence(), before);
      return;
    }
    ASSERT_EQ(status, Status::ok);
    EXPECT_EQ(reader.sequence(), latest_);
    EXPECT_EQ(reader.stamp(), 7 * latest_);
    EXPECT_EQ(reader.closed(), closed_);
    EXPECT_FALSE(reader.newer());
    EXPECT_EQ(reader.overtaken(), 0u);
  }

  void load()
  {
    Reader& reader = seat().core;
    std::vector<std::uint8_t> got(bytes_ + 8, 0xaa);
    const std::uint64_t before = reader.sequence();
    const Status status = reader.load(rtlane::detail::SnapshotCopy<>{got.data(), bytes_});
    if (!known(reader, status))
      return;
    expect(reader, status, before);
    for (std::uint64_t i = 0; status == Status::ok && i < bytes_; ++i)
      ASSERT_EQ(got[i], byte_of(latest_, i)) << "byte " << i;
    for (std::uint64_t i = bytes_; i < bytes_ + 8; ++i)
      ASSERT_EQ(got[i], 0xaa) << "written behind the copy";
  }

  // Some bytes of the value, from anywhere.
  void part()
  {
    Reader& reader = seat().core;
    const std::uint64_t offset = random_() % bytes_;
    const std::uint64_t bytes = 1 + random_() % (bytes_ - offset);
    std::vector<std::uint8_t> got(bytes + 8, 0xaa);
    const std::uint64_t before = reader.sequence();
    const Status status = reader.load([&](const std::atomic<std::uint64_t>* from) {
      rtlane::detail::load_torn_part(got.data(), from, offset, bytes);
    });
    if (!known(reader, status))
      return;
    expect(reader, status, before);
    for (std::uint64_t i = 0; status == Status::ok && i < bytes; ++i)
      ASSERT_EQ(got[i], byte_of(latest_, offset + i)) << "byte " << offset << " + " << i;
    for (std::uint64_t i = bytes; i < bytes + 8; ++i)
      ASSERT_EQ(got[i], 0xaa) << "written behind the copy";
  }

  // A reader that was never made answers `closed`.
  bool known(Reader& reader, Status status)
  {
    if (reader.sequence() != 0 || status != Status::closed)
      return true;
    EXPECT_TRUE(reader.closed());
    return closed_ && latest_ == 0;
  }

  std::uint64_t bytes_;
  std::mt19937_64 random_;
  rtlane_channel_layout layout_;
  std::vector<std::uint64_t> memory_;
  View view_;
  Writer writer_;
  std::vector<Seat> readers_;
  std::uint64_t latest_ = 0;  // the whole model
  bool closed_ = false;
  std::uint64_t attaches_ = 0;
  std::uint64_t takeovers_ = 0;
};

TEST(SnapshotModel, EveryAnswerIsTheModels)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  for (const std::uint64_t depth : {2, 4, 64}) {
    for (const std::uint64_t bytes : {1, 7, 8, 9, 15, 16, 24, 48, 63, 64, 65, 80, 200, 1000}) {
      SCOPED_TRACE("depth " + std::to_string(depth) + ", " + std::to_string(bytes) + " bytes");
      Game(depth, bytes, seed + bytes).run(sanitized ? 500 : 3000);
      if (HasFailure())
        return;
    }
  }
}

// The numbers of values run freely, also round 2^32 and to the end of 64 bits.
TEST(SnapshotModel, NumbersOfAnySizeWork)
{
  for (const std::uint64_t start : {(std::uint64_t{1} << 32) - 3, (std::uint64_t{1} << 63) - 3, UINT64_MAX - 10}) {
    std::vector<std::uint64_t> memory((snapshot_slots_offset + 4 * 24) / 8, 0);
    const View view(snapshot_layout(memory.data(), 4, 8));
    view.writer->latest = start;
    view.header(view.slot(start)).number = start;
    Writer writer(view);
    Reader reader(view);
    std::uint64_t got = 0;
    for (std::uint64_t i = 1; i <= 9; ++i) {
      ASSERT_EQ(writer.store(&i, sizeof i, 0), Status::ok);
      ASSERT_EQ(reader.load(rtlane::detail::SnapshotCopy<>{&got, sizeof got}), Status::ok);
      EXPECT_EQ(got, i);
      EXPECT_EQ(reader.sequence(), start + i);
    }
  }
}

}  // namespace
