// A writer and readers in one process: wholeness, order, attempts, and no data race though values are copied with plain
// memcpy (run under ThreadSanitizer).
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "pinned_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using rtlane::detail::pinned_no_pin;
using Word = std::atomic<std::uint64_t>;
using Writer = PinnedWriter<Word>;
using Reader = PinnedReader<Word>;

enum class Way { copy, hold_one, hold_two };

struct Seen {
  std::uint64_t loads = 0;
  std::uint64_t torn = 0;
  std::uint64_t backwards = 0;
  std::uint64_t changed_while_held = 0;
  int attempts = 0;
};

Message at(Reader& reader, unsigned pin)
{
  Message got{};
  std::memcpy(&got, reader.value(pin), sizeof got);
  return got;
}

// Until it has met the last value.
Seen read_all(Reader& reader, std::uint64_t last, Way way)
{
  Seen seen;
  std::uint64_t newest = 0;
  std::vector<std::pair<unsigned, std::uint64_t>> held;  // pin, number; the oldest first
  const std::size_t keep = way == Way::copy ? 0 : way == Way::hold_one ? 1 : 2;
  while (newest < last) {
    if (!held.empty() && held.size() > 1) {
      reader.unpin(held.front().first);
      held.erase(held.begin());
    }
    const unsigned pin = reader.pin();
    if (pin == pinned_no_pin) {
      std::this_thread::yield();
      continue;
    }
    ++seen.loads;
    seen.attempts = std::max(seen.attempts, reader.attempts());
    const Message got = at(reader, pin);
    seen.torn += whole(got) && got.number == reader.sequence(pin) ? 0 : 1;
    seen.backwards += got.number < newest ? 1 : 0;
    newest = got.number;
    for (const auto& [other, number] : held)
      seen.changed_while_held += at(reader, other).number != number || !whole(at(reader, other)) ? 1 : 0;
    if (keep == 0)
      reader.unpin(pin);
    else
      held.emplace_back(pin, got.number);
    if (held.size() > keep) {
      reader.unpin(held.front().first);
      held.erase(held.begin());
    }
    if (seen.loads % 64 == 0)
      std::this_thread::yield();
  }
  for (const auto& [pin, number] : held)
    reader.unpin(pin);
  return seen;
}

TEST(PinnedThreads, EveryValueIsWholeAndNoneIsOlderThanTheOneBefore)
{
  const Watchdog watchdog(110);
  const std::uint64_t count = sanitized ? 20000 : 100000;
  for (const unsigned readers : {1u, 2u, 4u}) {
    for (const Way way : {Way::copy, Way::hold_one, Way::hold_two}) {
      SCOPED_TRACE(std::to_string(readers) + " readers, way " + std::to_string(static_cast<int>(way)));
      PinnedMemory<Word> memory(readers, sizeof(Message));
      Writer writer(memory.view());
      std::vector<Reader> endpoints;
      for (unsigned i = 0; i < readers; ++i)
        endpoints.emplace_back(memory.view(), i);
      std::vector<Seen> seen(readers);
      std::vector<std::thread> threads;
      for (unsigned i = 0; i < readers; ++i)
        threads.emplace_back([&, i] { seen[i] = read_all(endpoints[i], count, way); });
      for (std::uint64_t number = 1; number <= count; ++number) {
        ASSERT_TRUE(store(writer, message(1, number)));
        if (number % 128 == 0)
          std::this_thread::yield();
      }
      for (std::thread& thread : threads)
        thread.join();
      for (const Seen& one : seen) {
        EXPECT_EQ(one.torn, 0u);
        EXPECT_EQ(one.backwards, 0u);
        EXPECT_EQ(one.changed_while_held, 0u);
        EXPECT_LE(one.attempts, 3);
      }
      EXPECT_EQ(all_slots_usable(writer, endpoints.data(), readers), "");
    }
  }
}

// Writers and readers take over from each other all the time. What one of them did is ordered before what its successor
// does by the mark on its line alone: as threads of one process hand a role on.
TEST(PinnedThreads, EndpointsMayBeTakenByOneThreadAfterAnother)
{
  const Watchdog watchdog(110);
  PinnedMemory<Word> memory(1, sizeof(Message));
  Word& writer_left = memory.view().writer->attached;
  Word& reader_left = memory.view().readers[0].attached;
  constexpr std::uint64_t runs = 30;
  const std::uint64_t each = sanitized ? 200 : 2000;
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> writer_turn{0};
  std::atomic<std::uint64_t> reader_turn{0};
  // Turns are relaxed on purpose, so that they order nothing.
  const auto wait_for = [](const std::atomic<std::uint64_t>& turn, std::uint64_t run, const Word& left) {
    while (turn.load(std::memory_order_relaxed) != run || left.load(std::memory_order_relaxed) != 0)
      std::this_thread::yield();
  };
  for (std::uint64_t run = 0; run < runs; ++run) {
    threads.emplace_back([&, run] {
      wait_for(writer_turn, run, writer_left);
      Writer writer(memory.view());
      wrong += writer.sequence() == run * each ? 0 : 1;
      for (std::uint64_t i = 1; i <= each; ++i)
        store(writer, message(1, run * each + i));
      writer.detach();
      writer_turn.store(run + 1, std::memory_order_relaxed);
    });
    threads.emplace_back([&, run] {
      wait_for(reader_turn, run, reader_left);
      Reader reader(memory.view(), 0);
      Message got{};
      for (std::uint64_t i = 0; i < each; ++i) {
        const Status status = load(reader, got);
        wrong += status == Status::ok ? (whole(got) && got.number == reader.last_sequence() ? 0 : 1)
                                      : (status == Status::empty ? 0 : 1);
      }
      if (run % 2 == 0)
        reader.detach();
      else
        memory.view().readers[0].attached.store(0, std::memory_order_release);  // as a predecessor that pins for ever
      reader_turn.store(run + 1, std::memory_order_relaxed);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0u);
}

// Who hears `closed` sees what the writer did before.
TEST(PinnedThreads, TheEndIsOrderedBehindWhatTheWriterDid)
{
  const Watchdog watchdog(110);
  for (int round = 0; round < 200; ++round) {
    PinnedMemory<Word> memory(1, sizeof(Message));
    Writer writer(memory.view());
    Reader reader(memory.view(), 0);
    std::uint64_t plain = 0;
    std::thread closing([&] {
      store(writer, message(1, 1));
      plain = 7;
      writer.close();
    });
    Message got{};
    for (Status status = Status::empty; status != Status::closed; status = reader.newer()) {
      if (status == Status::ok)
        load(reader, got);
      else
        std::this_thread::yield();
    }
    EXPECT_EQ(plain, 7u);
    EXPECT_EQ(got.number, 1u);
    closing.join();
  }
}

}  // namespace
