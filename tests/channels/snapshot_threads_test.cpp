// A writer and readers in threads of one process: wholeness, order, and no data race (run under ThreadSanitizer).
#include <gtest/gtest.h>
#include <rtlane/channels/snapshot_core.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "snapshot_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::SnapshotWriterCore<>;
using Reader = rtlane::detail::SnapshotReaderCore<>;
using View = rtlane::detail::SnapshotView<std::atomic<std::uint64_t>>;

template <std::size_t words>
struct Shared {
  explicit Shared(std::uint64_t depth)
      : memory((snapshot_slots_offset + depth * (16 + 8 * words)) / 8, 0),
        view(snapshot_layout(memory.data(), depth, 8 * words))
  {}

  std::vector<std::uint64_t> memory;
  View view;
};

template <std::size_t words>
void store(Writer& writer, std::uint64_t run = 1)
{
  const Numbers<words> value = numbers<words>(run, writer.sequence() + 1);
  EXPECT_EQ(writer.store(&value, sizeof value, 0), Status::ok);
}

template <std::size_t words>
struct Seen {
  std::uint64_t ok = 0;
  std::uint64_t busy = 0;
  std::uint64_t overtaken = 0;
  std::uint64_t wrong = 0;

  // Until the writer has closed and its last value is loaded.
  void follow(Reader reader)
  {
    Numbers<words> got{};
    for (std::uint64_t i = 0;; ++i) {
      const std::uint64_t before = reader.sequence();
      const Status status = reader.load(rtlane::detail::SnapshotCopy<>{&got, sizeof got});
      if (status == Status::ok) {
        ++ok;
        wrong += whole(got) && number_of(got) == reader.sequence() && reader.sequence() >= before ? 0 : 1;
        if (reader.closed())
          return;
      } else if (status == Status::busy) {
        ++busy;
        wrong += reader.sequence() == before ? 0 : 1;
      } else {
        wrong += status == Status::empty && before == 0 ? 0 : 1;
      }
      overtaken = reader.overtaken();
      if (i % 64 == 0)
        std::this_thread::yield();
    }
  }
};

template <std::size_t words>
void race(std::uint64_t depth, std::uint64_t stores)
{
  SCOPED_TRACE("depth " + std::to_string(depth) + ", " + std::to_string(8 * words) + " bytes");
  Shared<words> shared(depth);
  Seen<words> seen[2];
  std::vector<std::thread> readers;
  readers.reserve(2);
  for (auto& mine : seen)
    readers.emplace_back([&mine, reader = Reader(shared.view)] { mine.follow(reader); });
  Writer writer(shared.view);
  for (std::uint64_t i = 0; i < stores; ++i) {
    store<words>(writer);
    if (i % 256 == 0)
      std::this_thread::yield();
  }
  writer.close();
  for (std::thread& reader : readers)
    reader.join();
  for (const auto& mine : seen) {
    EXPECT_EQ(mine.wrong, 0u);
    EXPECT_GT(mine.ok, 0u);
    std::printf("depth %lu, %zu bytes: %lu loads, %lu copies overtaken, %lu busy\n", depth, 8 * words, mine.ok,
                mine.overtaken, mine.busy);
  }
}

constexpr std::uint64_t stores = sanitized ? 5000 : 300000;

TEST(SnapshotThreads, NothingTornAndNothingBackwardsUnderAWriterAtFullSpeed)
{
  const Watchdog watchdog(110);
  for (const std::uint64_t depth : {2, 4, 16}) {
    race<1>(depth, stores);
    race<8>(depth, stores);
    race<40>(depth, stores / 3);
  }
}

// ---- what orders the memory at a hand-over is the snapshot itself: the tokens here are passed by relaxed words, and
// only ThreadSanitizer can see whether anything is missing.

void wait_for(const std::atomic<int>& token, int value)
{
  while (token.load(std::memory_order_relaxed) != value)
    std::this_thread::yield();
}

TEST(SnapshotThreads, AWritersSuccessorSeesWhatItDid)
{
  const Watchdog watchdog(60);
  Shared<2> shared(2);
  std::atomic<int> token{0};
  int beside = 0;
  const auto write = [&](int mine) {
    wait_for(token, mine);
    Writer writer(shared.view);
    EXPECT_EQ(writer.sequence(), static_cast<std::uint64_t>(mine));
    EXPECT_EQ(beside, mine);
    store<2>(writer);
    beside = mine + 1;
    writer.detach();
    token.store(mine + 1, std::memory_order_relaxed);
  };
  std::thread first(write, 0);
  std::thread second(write, 1);
  first.join();
  second.join();
}

TEST(SnapshotThreads, WhoLoadsAValueSeesWhatTheWriterDidBefore)
{
  const Watchdog watchdog(60);
  Shared<2> shared(2);
  int beside = 0;
  std::thread writing([&] {
    Writer writer(shared.view);
    beside = 42;
    store<2>(writer);
  });
  Reader reader(shared.view);
  Numbers<2> got{};
  while (reader.load(rtlane::detail::SnapshotCopy<>{&got, sizeof got}) != Status::ok)
    std::this_thread::yield();
  EXPECT_EQ(beside, 42);
  writing.join();
}

TEST(SnapshotThreads, WhoHearsClosedSeesWhatTheWriterDidBefore)
{
  const Watchdog watchdog(60);
  Shared<2> shared(2);
  int beside = 0;
  std::thread writing([&] {
    Writer writer(shared.view);
    beside = 42;
    writer.close();
  });
  const Reader reader(shared.view);
  while (!reader.closed())
    std::this_thread::yield();
  EXPECT_EQ(beside, 42);
  writing.join();
}

}  // namespace
