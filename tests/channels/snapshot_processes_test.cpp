// A writer at full speed and readers in other processes: SIGKILL of the writer at random instants, again and again.
#include <gtest/gtest.h>
#include <rtlane/channels/snapshot.hpp>

#include <atomic>
#include <random>
#include <string>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Messages = rtlane::Snapshot<Message>;

rtlane::SnapshotOptions options(bool read_only)
{
  rtlane::SnapshotOptions made;
  made.memory = small_ring().memory;
  made.memory.read_only = read_only;
  return made;
}

struct Progress {
  std::atomic<std::uint64_t> stored{0};  // numbers up to this one: store() had returned
};

struct Tally {
  std::atomic<std::uint64_t> loads{0};
  std::atomic<std::uint64_t> busy{0};
  std::atomic<std::uint64_t> overtaken{0};
  std::atomic<std::uint64_t> end{0};
};

// Until told to end; what it sees must be whole and never go back, over all writers.
int read_to_the_end(Tally& tally)
{
  auto reader = Messages::open("snapshot", options(true)).value().reader();
  Message got{};
  std::uint64_t last = 0;
  while (tally.end == 0) {
    const Status status = reader.load(got);
    if (status == Status::ok) {
      if (!whole(got) || got.number != reader.sequence() || got.number < last)
        return 4;
      last = got.number;
      tally.loads = tally.loads + 1;
    } else if (status == Status::busy) {
      tally.busy = tally.busy + 1;
    } else if (status != Status::empty || last != 0) {
      return 5;
    }
    tally.overtaken = reader.overtaken();
  }
  return 0;
}

TEST(SnapshotProcesses, KilledWritersLeaveTheirLastValueAndTheNumbersGoOn)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t runs = test_count("RTLANE_TEST_KILLS", 60);
  for (const std::uint64_t depth : {2, 8}) {
    const auto snapshot = Messages::create("snapshot", depth, options(false)).value();
    SharedPage<Tally> tally;
    SharedPage<Progress> progress;
    Child reading = Child::start([&] { return read_to_the_end(*tally); });
    for (std::uint64_t run = 1; run <= runs && !HasFailure(); ++run) {
      Child writing = Child::start([&] {
        auto writer = Messages::open("snapshot", options(false)).value().writer();
        ASSERT_TRUE(writer) << writer.error().message;
        for (;;) {
          const std::uint64_t number = writer->sequence() + 1;
          ASSERT_EQ(writer->store(message(run, number)), Status::ok);
          progress->stored = number;
        }
      });
      const std::uint64_t before = progress->stored;
      ASSERT_TRUE(eventually([&] { return progress->stored > before; }));
      sleep_us(static_cast<std::int64_t>(random() % 1500));
      writing.kill_now();
      EXPECT_FALSE(snapshot.writer_alive());
      auto reader = snapshot.reader();
      Message got{};
      ASSERT_EQ(reader.load(got), Status::ok);
      EXPECT_EQ(reader.overtaken(), 0u);
      EXPECT_TRUE(whole(got));
      EXPECT_EQ(got.run, run);
      EXPECT_GE(got.number, progress->stored);
      EXPECT_LE(got.number, progress->stored + 1);
      progress->stored = got.number;
    }
    EXPECT_EQ(snapshot.info().producer_takeovers, runs - 1);
    EXPECT_EQ(snapshot.info().published, progress->stored);
    tally->end = 1;
    EXPECT_EQ(reading.wait(), 0);
    EXPECT_GT(tally->loads, 0u);
    std::printf("depth %lu: %lu stores, %lu loads, %lu copies overtaken, %lu busy\n", depth, progress->stored.load(),
                tally->loads.load(), tally->overtaken.load(), tally->busy.load());
    progress->stored = 0;
  }
}

}  // namespace
