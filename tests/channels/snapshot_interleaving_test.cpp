// A load with whole stores of the writer at every one of its shared accesses, a store with whole loads at every one of
// its own, and a writer that dies at every one. Single-threaded, so it is exhaustive and repeatable.
#include <gtest/gtest.h>
#include <rtlane/channels/snapshot_core.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "snapshot_support.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;

// Calls `other` before each shared access, with the number of the access, counted from 0.
struct Schedule {
  static inline std::function<void(int)> other;
  static inline int access = 0;

  static void begin(std::function<void(int)> run)
  {
    access = 0;
    other = std::move(run);
  }
  static void end() { other = nullptr; }

  static void step()
  {
    if (!other)
      return;
    const auto run = std::exchange(other, nullptr);  // its own accesses are not scheduled
    run(access++);
    other = run;
  }
};

class ScheduledWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    Schedule::step();
    return word_;
  }
  void store(std::uint64_t value, std::memory_order)
  {
    Schedule::step();
    word_ = value;
  }

private:
  std::uint64_t word_ = 0;
};

constexpr std::size_t words = 2;
using Value = Numbers<words>;
using Writer = rtlane::detail::SnapshotWriterCore<ScheduledWord>;
using Reader = rtlane::detail::SnapshotReaderCore<ScheduledWord>;
using View = rtlane::detail::SnapshotView<ScheduledWord>;
using Copy = rtlane::detail::SnapshotCopy<ScheduledWord>;

// Shared accesses of a load that succeeds at once: latest, words, stamp, number.
constexpr int accesses_of_an_attempt = 1 + static_cast<int>(words) + 2;

struct World {
  explicit World(std::uint64_t depth) : memory((snapshot_slots_offset + depth * (16 + sizeof(Value))) / 8, 0)
  {
    view = View(snapshot_layout(memory.data(), depth, sizeof(Value)));
    writer = Writer(view);
    reader = Reader(view);
  }

  // The stamp is another function of the number, so that one that belongs to another value is seen.
  void store(std::uint64_t run = 1)
  {
    const std::uint64_t number = writer.sequence() + 1;
    const Value value = numbers<words>(run, number);
    EXPECT_EQ(writer.store(&value, sizeof value, 1000 * run + number), Status::ok);
  }

  static void expect_good(const Reader& reader, const Value& got)
  {
    EXPECT_TRUE(whole(got));
    EXPECT_EQ(number_of(got), reader.sequence());
    EXPECT_EQ(reader.stamp(), 1000 * run_of(got) + number_of(got));
  }

  std::vector<std::uint64_t> memory;
  View view;
  Writer writer;
  Reader reader;
};

class SnapshotInterleaving : public ::testing::Test {
protected:
  ~SnapshotInterleaving() override { Schedule::end(); }
};

// At access `at` of the first attempt, `laps_of` stores run at once.
TEST_F(SnapshotInterleaving, StoresAtAnyAccessOfALoad)
{
  for (const std::uint64_t depth : {2, 4, 8}) {
    for (std::uint64_t before = 1; before <= 2 * depth + 1; ++before) {
      for (int at = 0; at < accesses_of_an_attempt; ++at) {
        for (std::uint64_t stores = 1; stores <= 2 * depth + 1; ++stores) {
          SCOPED_TRACE("depth " + std::to_string(depth) + ", after " + std::to_string(before) + ", at access " +
                       std::to_string(at) + " " + std::to_string(stores) + " stores");
          World world(depth);
          for (std::uint64_t i = 0; i < before; ++i)
            world.store();
          Value got{};
          Schedule::begin([&](int access) {
            for (std::uint64_t i = 0; access == at && i < stores; ++i)
              world.store();
          });
          ASSERT_EQ(world.reader.load(Copy{&got, sizeof got}), Status::ok);
          Schedule::end();
          World::expect_good(world.reader, got);
          // Before the first access they are seen; later the copy is thrown away when one comes into its slot.
          const bool seen = at == 0 || stores >= depth;
          EXPECT_EQ(world.reader.sequence(), before + (seen ? stores : 0));
          EXPECT_EQ(world.reader.overtaken(), at != 0 && stores >= depth ? 1u : 0u);
          if (HasFailure())
            return;
        }
      }
    }
  }
}

// Every combination of none, one, depth - 1 and depth stores before each access of all attempts: what is loaded is
// whole, and a load is `busy` only when each attempt had depth stores within.
TEST_F(SnapshotInterleaving, AnyPatternOfStoresInALoad)
{
  for (const std::uint64_t depth : {2, 4}) {
    const std::uint64_t choices[] = {0, 1, depth - 1, depth};
    std::uint64_t busy = 0;
    for (std::uint64_t pattern = 0; pattern < 4 * 4 * 4 * 4 * 4; ++pattern) {
      SCOPED_TRACE("depth " + std::to_string(depth) + ", pattern " + std::to_string(pattern));
      World world(depth);
      world.store();
      Value got{};
      std::uint64_t within = 0;  // stores between the first and the last access of an attempt
      std::uint64_t least_within = UINT64_MAX;
      const std::uint64_t first = world.writer.sequence();
      Schedule::begin([&](int access) {
        const int place = access % accesses_of_an_attempt;
        const std::uint64_t stores = choices[pattern >> 2 * place & 3];
        within = place == 0 ? 0 : within + stores;
        if (place == accesses_of_an_attempt - 1)
          least_within = std::min(least_within, within);
        for (std::uint64_t i = 0; i < stores; ++i)
          world.store();
      });
      const Status status = world.reader.load(Copy{&got, sizeof got});
      const int accesses = Schedule::access;
      Schedule::end();
      EXPECT_LE(accesses, static_cast<int>(rtlane::snapshot_attempts_max) * accesses_of_an_attempt);
      if (status == Status::ok) {
        World::expect_good(world.reader, got);
        EXPECT_GE(world.reader.sequence(), first);
        EXPECT_LE(world.reader.sequence(), world.writer.sequence());
        EXPECT_LT(least_within, depth);
      } else {
        ASSERT_EQ(status, Status::busy);
        EXPECT_GE(least_within, depth);
        EXPECT_EQ(world.reader.sequence(), 0u);
        EXPECT_EQ(world.reader.overtaken(), rtlane::snapshot_attempts_max);
        ++busy;
      }
      // The writer pauses: whatever happened before, the next load has its last value.
      ASSERT_EQ(world.reader.load(Copy{&got, sizeof got}), Status::ok);
      World::expect_good(world.reader, got);
      EXPECT_EQ(world.reader.sequence(), world.writer.sequence());
      if (HasFailure())
        return;
    }
    EXPECT_GT(busy, 0u);
  }
}

// A writer stopped before any of its accesses is not in the way: each load succeeds at once.
TEST_F(SnapshotInterleaving, LoadsAtAnyAccessOfAStore)
{
  for (const std::uint64_t depth : {2, 4, 8}) {
    for (std::uint64_t before = 0; before <= 2 * depth + 1; ++before) {
      World world(depth);
      for (std::uint64_t i = 0; i < before; ++i)
        world.store();
      int accesses = 0;
      Schedule::begin([&](int access) {
        SCOPED_TRACE("depth " + std::to_string(depth) + ", store " + std::to_string(before) + ", access " +
                     std::to_string(access));
        ++accesses;
        for (Reader reader : {Reader(world.view), world.reader}) {
          Value got{};
          const Status status = reader.load(Copy{&got, sizeof got});
          ASSERT_EQ(status, before == 0 ? Status::empty : Status::ok);
          EXPECT_EQ(reader.sequence(), before);
          EXPECT_EQ(reader.overtaken(), 0u);
          if (status == Status::ok)
            World::expect_good(reader, got);
        }
        Value got{};
        (void)world.reader.load(Copy{&got, sizeof got});
      });
      world.store();
      Schedule::end();
      EXPECT_EQ(accesses, 3 + static_cast<int>(words));  // number, stamp, words, latest; no load
      if (HasFailure())
        return;
    }
  }
}

// A reader that is at any access of its load, while the writer stores `lap` values and dies before any access of one
// more, and the successor goes on for `after` stores. With lap = depth - 1 the store that is cut short is the one into
// the reader's slot.
TEST_F(SnapshotInterleaving, ASuccessorGoesOnWhereAWriterDied)
{
  for (const auto& [depth, lap] : {std::pair<std::uint64_t, std::uint64_t>{2, 0}, {2, 1}, {4, 0}, {4, 3}}) {
    for (std::uint64_t before = 0; before <= depth + 1; ++before) {
      for (int death = 0; death <= 3 + static_cast<int>(words); ++death) {
        for (int at = 0; at < accesses_of_an_attempt; ++at) {
          for (std::uint64_t after = 0; after <= depth; ++after) {
            SCOPED_TRACE("depth " + std::to_string(depth) + ", after " + std::to_string(before) + " and " +
                         std::to_string(lap) + " more a store dies at access " + std::to_string(death) +
                         ", a reader is at " + std::to_string(at) + ", stores after it " + std::to_string(after));
            World world(depth);
            for (std::uint64_t i = 0; i < before; ++i)
              world.store();
            // The memory as the dead writer leaves it.
            std::vector<std::uint64_t> left;
            {
              World dying = world;
              dying.view = View(snapshot_layout(dying.memory.data(), depth, sizeof(Value)));
              dying.writer = Writer(dying.view);
              dying.memory = world.memory;
              for (std::uint64_t i = 0; i < lap; ++i)
                dying.store();
              Schedule::begin([&](int access) {
                if (access == death)
                  left = dying.memory;
              });
              dying.store();
              Schedule::end();
              if (left.empty())
                left = dying.memory;
            }
            const std::uint64_t published = before + lap + (death == 3 + static_cast<int>(words) ? 1 : 0);
            Value got{};
            Schedule::begin([&](int access) {
              if (access != at)
                return;
              world.memory = left;  // same size, so the same place
              world.writer = Writer(world.view);
              EXPECT_EQ(world.writer.sequence(), published);
              for (std::uint64_t i = 0; i < after; ++i)
                world.store(2);
            });
            const Status status = world.reader.load(Copy{&got, sizeof got});
            Schedule::end();
            if (status == Status::ok) {
              World::expect_good(world.reader, got);
              EXPECT_LE(world.reader.sequence(), world.writer.sequence());
            } else {
              EXPECT_EQ(status, Status::empty);
              EXPECT_EQ(before, 0u);
              EXPECT_EQ(world.reader.sequence(), 0u);
            }
            // No death keeps a later load from the last value.
            Reader late(world.view);
            const Status then = late.load(Copy{&got, sizeof got});
            ASSERT_EQ(then, world.writer.sequence() == 0 ? Status::empty : Status::ok);
            EXPECT_EQ(late.sequence(), world.writer.sequence());
            EXPECT_EQ(late.overtaken(), 0u);
            if (then == Status::ok)
              World::expect_good(late, got);
            if (HasFailure())
              return;
          }
        }
      }
    }
  }
}

// `closed` is said only of the last value, wherever the writer closes or a successor opens again.
TEST_F(SnapshotInterleaving, ClosingAndReopeningAtAnyAccess)
{
  enum class Do { close, store_and_close, close_and_reopen, close_reopen_and_store };
  for (const Do what : {Do::close, Do::store_and_close, Do::close_and_reopen, Do::close_reopen_and_store}) {
    for (const std::uint64_t before : {0, 1, 2}) {
      for (int at = 0; at < 3; ++at) {
        SCOPED_TRACE("case " + std::to_string(static_cast<int>(what)) + ", after " + std::to_string(before) +
                     ", at access " + std::to_string(at));
        World world(2);
        for (std::uint64_t i = 0; i < before; ++i)
          world.store();
        Value got{};
        if (before != 0) {
          ASSERT_EQ(world.reader.load(Copy{&got, sizeof got}), Status::ok);
        }
        bool done = false;
        Schedule::begin([&](int access) {
          if (access != at)
            return;
          done = true;
          if (what == Do::store_and_close)
            world.store();
          world.writer.close();
          if (what == Do::close_and_reopen || what == Do::close_reopen_and_store)
            world.writer = Writer(world.view);
          if (what == Do::close_reopen_and_store)
            world.store();
        });
        const bool closed = world.reader.closed();
        Schedule::end();
        if (closed) {
          EXPECT_TRUE(done);
          EXPECT_EQ(what, Do::close);  // the others leave something to come, or nothing closed, at every moment
        }
        if (done && what == Do::close) {
          EXPECT_TRUE(world.reader.closed());
        }
        if (done && what != Do::close) {
          EXPECT_FALSE(world.reader.closed());
        }
        if (before == 0 && done && what == Do::close) {
          EXPECT_EQ(world.reader.load(Copy{&got, sizeof got}), Status::closed);
        }
      }
    }
  }
}

}  // namespace
