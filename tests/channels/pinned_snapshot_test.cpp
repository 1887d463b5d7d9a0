// PinnedSnapshot<T> as its users see it: values, refs, sequence, close, takeover, and a differential test of random
// operations against a simple model.
#include <gtest/gtest.h>
#include <rtlane/channels/pinned_snapshot.hpp>

#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "pinned_support.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::PinnedSnapshot;
using rtlane::Status;
using Snapshot = PinnedSnapshot<Message>;

enum class Where { private_memory, named };

class PinnedSnapshotTest : public ::testing::TestWithParam<Where> {
protected:
  Snapshot make(std::uint32_t readers)
  {
    rtlane::PinnedOptions options;
    options.memory.huge = RTLANE_NEVER;
    options.memory.lock = RTLANE_NEVER;
    auto made =
        GetParam() == Where::named ? Snapshot::create("snapshot", readers, options) : Snapshot::in_memory(readers);
    if (!made)
      throw std::runtime_error(made.error().message);
    return *made;
  }

  std::unique_ptr<TempNamespace> space_ = GetParam() == Where::named ? std::make_unique<TempNamespace>() : nullptr;
  Watchdog watchdog_{60};
  Message got_{};
};

TEST_P(PinnedSnapshotTest, GivesTheLatestValueAgainAndAgain)
{
  const Snapshot snapshot = make(2);
  auto reader = snapshot.reader().value();
  EXPECT_EQ(reader.load(got_), Status::empty);
  EXPECT_FALSE(reader.load_ref());
  EXPECT_EQ(reader.last_status(), Status::empty);
  auto writer = snapshot.writer().value();
  EXPECT_EQ(writer.sequence(), 0u);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
    EXPECT_EQ(writer.sequence(), i);
    EXPECT_EQ(reader.has_newer(), Status::ok);
    for (int again = 0; again < 2; ++again) {
      ASSERT_EQ(reader.load(got_), Status::ok);
      EXPECT_EQ(got_.number, i);
      EXPECT_TRUE(whole(got_));
      EXPECT_EQ(reader.sequence(), i);
      EXPECT_EQ(reader.attempts(), 1);
      EXPECT_EQ(reader.has_newer(), Status::empty);
    }
    EXPECT_EQ(reader.load_newer(got_), Status::empty);
  }
}

TEST_P(PinnedSnapshotTest, TellsWhenAValueWasPublished)
{
  const Snapshot snapshot = make(1);
  auto reader = snapshot.reader().value();
  auto writer = snapshot.writer().value();
  const std::uint64_t before = rtlane::ticks();
  ASSERT_EQ(writer.store(message(1, 1)), Status::ok);
  const std::uint64_t after = rtlane::ticks();
  ASSERT_EQ(reader.load(got_), Status::ok);
  EXPECT_GE(reader.stamp_ticks(), before);
  EXPECT_LE(reader.stamp_ticks(), after);
  const Snapshot::Ref ref = reader.load_ref();
  EXPECT_EQ(ref.stamp_ticks(), reader.stamp_ticks());
}

TEST_P(PinnedSnapshotTest, WritesInPlace)
{
  const Snapshot snapshot = make(1);
  auto reader = snapshot.reader().value();
  auto writer = snapshot.writer().value();
  EXPECT_FALSE(writer.publish());
  Message* place = writer.claim();
  ASSERT_NE(place, nullptr);
  *place = message(1, 1);
  EXPECT_EQ(writer.claim(), place);
  EXPECT_EQ(reader.load(got_), Status::empty);
  EXPECT_TRUE(writer.publish());
  EXPECT_FALSE(writer.publish());
  const Snapshot::Ref ref = reader.load_ref();
  EXPECT_EQ(ref.get(), place);  // no copy anywhere
  (void)writer.claim();
  ASSERT_EQ(writer.store(message(1, 2)), Status::ok);  // takes the claimed place
  EXPECT_FALSE(writer.publish());
  ASSERT_EQ(reader.load(got_), Status::ok);
  EXPECT_EQ(got_.number, 2u);
}

TEST_P(PinnedSnapshotTest, ARefKeepsItsValueAndALoadBesideItWorks)
{
  const Snapshot snapshot = make(1);
  auto reader = snapshot.reader().value();
  auto writer = snapshot.writer().value();
  ASSERT_EQ(writer.store(message(1, 1)), Status::ok);
  Snapshot::Ref first = reader.load_ref();
  ASSERT_TRUE(first);
  for (std::uint64_t i = 2; i < 20; ++i) {
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
    ASSERT_EQ(reader.load(got_), Status::ok);
    EXPECT_EQ(got_.number, i);
    EXPECT_TRUE(first->number == 1 && whole(*first) && first.sequence() == 1);
  }
  Snapshot::Ref second = reader.load_ref();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->number, 19u);
  EXPECT_EQ(reader.load(got_), Status::busy);
  EXPECT_FALSE(reader.load_ref());
  EXPECT_EQ(reader.last_status(), Status::busy);
  for (std::uint64_t i = 20; i < 40; ++i)
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
  EXPECT_TRUE(first->number == 1 && whole(*first) && second->number == 19 && whole(*second));
  first = std::move(second);  // lets the first go
  EXPECT_EQ(first->number, 19u);
  EXPECT_EQ(reader.load(got_), Status::ok);
  EXPECT_EQ(got_.number, 39u);
  first.release();
  EXPECT_FALSE(first);
  first.release();
}

TEST_P(PinnedSnapshotTest, ARefMayOutliveItsReaderAndKeepsTheEntry)
{
  const Snapshot snapshot = make(1);
  auto writer = snapshot.writer().value();
  ASSERT_EQ(writer.store(message(1, 1)), Status::ok);
  Snapshot::Ref ref;
  {
    auto reader = snapshot.reader().value();
    ref = reader.load_ref();
  }
  EXPECT_EQ(snapshot.reader().error().code, EBUSY);
  for (std::uint64_t i = 2; i < 10; ++i)
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
  EXPECT_TRUE(ref->number == 1 && whole(*ref));
  ref.release();
  EXPECT_TRUE(snapshot.reader());
}

TEST_P(PinnedSnapshotTest, OneWriterAndAsManyReadersAsStated)
{
  const Snapshot snapshot = make(3);
  EXPECT_EQ(snapshot.readers_max(), 3u);
  auto writer = snapshot.writer();
  EXPECT_TRUE(writer && snapshot.writer_alive());
  EXPECT_EQ(snapshot.writer().error().code, EBUSY);
  std::vector<Snapshot::Reader> readers;
  for (int i = 0; i < 3; ++i)
    readers.push_back(snapshot.reader().value());
  EXPECT_EQ(snapshot.reader().error().code, EBUSY);
  readers.pop_back();
  EXPECT_TRUE(snapshot.reader());
  Snapshot::Writer moved = std::move(*writer);
  EXPECT_EQ(moved.store(message(1, 1)), Status::ok);
  EXPECT_EQ(writer->store(message(1, 1)), Status::closed);
  Snapshot::Reader other = std::move(readers[0]);
  EXPECT_EQ(other.load(got_), Status::ok);
  EXPECT_EQ(readers[0].load(got_), Status::closed);
  EXPECT_EQ(readers[0].has_newer(), Status::closed);
  EXPECT_EQ(Snapshot::Reader().load(got_), Status::closed);
  EXPECT_FALSE(Snapshot::Ref());
}

TEST_P(PinnedSnapshotTest, ClosesAndOpensAgain)
{
  const Snapshot snapshot = make(1);
  auto reader = snapshot.reader().value();
  {
    auto writer = snapshot.writer().value();
    writer.close();
    EXPECT_EQ(reader.load(got_), Status::closed);
  }
  {
    auto writer = snapshot.writer().value();
    EXPECT_EQ(reader.load(got_), Status::empty);
    ASSERT_EQ(writer.store(message(1, 1)), Status::ok);
    writer.close();
    EXPECT_EQ(writer.store(message(1, 2)), Status::closed);
    EXPECT_EQ(writer.claim(), nullptr);
    EXPECT_FALSE(writer.publish());
  }
  EXPECT_EQ(reader.has_newer(), Status::ok);  // what is left comes before the end
  EXPECT_EQ(reader.load_newer(got_), Status::ok);
  EXPECT_EQ(reader.load_newer(got_), Status::closed);
  EXPECT_EQ(reader.load(got_), Status::ok);  // the last value stays
  EXPECT_EQ(got_.number, 1u);
  auto successor = snapshot.writer().value();
  EXPECT_EQ(successor.sequence(), 1u);
  EXPECT_EQ(reader.has_newer(), Status::empty);
  ASSERT_EQ(successor.store(message(2, 2)), Status::ok);
  EXPECT_EQ(reader.load_newer(got_), Status::ok);
  EXPECT_EQ(reader.sequence(), 2u);
}

TEST_P(PinnedSnapshotTest, WaitsForANewerValueTheEndOrTheDeadline)
{
  const Snapshot snapshot = make(1);
  auto reader = snapshot.reader().value();
  auto writer = snapshot.writer().value();
  const std::int64_t start = now_ns();
  EXPECT_EQ(reader.wait_newer_until(start + 2'000'000), Status::empty);
  EXPECT_GE(now_ns(), start + 2'000'000);
  EXPECT_EQ(reader.wait_newer_until(0), Status::empty);
  std::thread later([&] {
    sleep_us(2000);
    (void)writer.store(message(1, 1));
  });
  EXPECT_EQ(reader.wait_newer_until(start + INT64_C(50'000'000'000), rtlane::idle::yield), Status::ok);
  later.join();
  EXPECT_EQ(reader.load_newer(got_), Status::ok);
  writer.close();
  EXPECT_EQ(reader.wait_newer_until(start + INT64_C(50'000'000'000)), Status::closed);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, PinnedSnapshotTest, ::testing::Values(Where::private_memory, Where::named),
                         [](const auto& of) { return of.param == Where::named ? "Named" : "PrivateMemory"; });

TEST(PinnedSnapshotLarge, AValueOfMegabytesIsLentInPlace)
{
  auto big = PinnedSnapshot<std::array<std::uint64_t, 300'000>>::in_memory(1);
  ASSERT_TRUE(big) << big.error().message;
  auto writer = big->writer().value();
  auto reader = big->reader().value();
  auto* place = writer.claim();
  place->fill(7);
  ASSERT_TRUE(writer.publish());
  const auto ref = reader.load_ref();
  EXPECT_TRUE((*ref)[0] == 7 && (*ref)[299'999] == 7);
}

// ---- random operations against a model, over the core: with killed endpoints and near the end of the numbers

class Differential {
public:
  using Word = std::atomic<std::uint64_t>;
  static constexpr unsigned readers_max = 3;

  Differential(unsigned readers, std::uint64_t seed, std::uint64_t start)
      : memory_(readers, sizeof(Message)), random_(seed), readers_(readers), sequence_(start)
  {
    if (start != 0) {
      memory_.view().latest->latest = start << 8;
      Message first = message(1, start);
      std::memcpy(memory_.view().value(0), &first, sizeof first);
    }
    writer_ = PinnedWriter<Word>(memory_.view());
    for (unsigned i = 0; i < readers_; ++i)
      reader_[i] = PinnedReader<Word>(memory_.view(), i);
  }

  void run(int steps)
  {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      operation(random_() % 16);
      for (unsigned reader = 0; reader < readers_; ++reader)
        check_held(reader);
    }
  }

private:
  void operation(std::uint64_t kind)
  {
    const unsigned which = static_cast<unsigned>(random_() % readers_);
    if (kind < 6) {
      const std::uint64_t next = rtlane::detail::pinned_next_sequence(sequence_);
      ASSERT_EQ(store(writer_, message(1, next), next), open_);
      sequence_ = open_ ? next : sequence_;
    } else if (kind < 12) {
      pin(which);
    } else if (kind == 12) {
      writer_.close();
      open_ = false;
    } else if (kind == 13) {
      if (random_() % 2 == 0)
        writer_.detach();  // else it was killed
      writer_ = PinnedWriter<Word>(memory_.view());
      ASSERT_EQ(writer_.sequence(), sequence_);
      open_ = true;
    } else {
      if (random_() % 2 == 0)
        reader_[which].detach();
      reader_[which] = PinnedReader<Word>(memory_.view(), which);
      held_[which].clear();
    }
  }

  void pin(unsigned which)
  {
    auto& held = held_[which];
    if (!held.empty() && random_() % 2 == 0) {
      const unsigned pin = held.begin()->first;
      reader_[which].unpin(pin);
      held.erase(pin);
      return;
    }
    const unsigned pin = reader_[which].pin();
    if (held.size() == 2) {
      ASSERT_EQ(pin, rtlane::detail::pinned_no_pin);
      ASSERT_EQ(reader_[which].last_status(), Status::busy);
    } else if (sequence_ == 0) {
      ASSERT_EQ(pin, rtlane::detail::pinned_no_pin);
      ASSERT_EQ(reader_[which].last_status(), open_ ? Status::empty : Status::closed);
    } else {
      ASSERT_LT(pin, 2u);
      ASSERT_EQ(held.count(pin), 0u);
      ASSERT_EQ(reader_[which].sequence(pin), sequence_);
      ASSERT_EQ(reader_[which].newer(), open_ ? Status::empty : Status::closed);
      held[pin] = sequence_;
    }
  }

  void check_held(unsigned which)
  {
    for (const auto& [pin, sequence] : held_[which]) {
      Message got{};
      std::memcpy(&got, reader_[which].value(pin), sizeof got);
      ASSERT_TRUE(whole(got));
      ASSERT_EQ(got.number, sequence);
      ASSERT_EQ(reader_[which].sequence(pin), sequence);
    }
  }

  PinnedMemory<Word> memory_;
  std::mt19937_64 random_;
  unsigned readers_;
  PinnedWriter<Word> writer_;
  PinnedReader<Word> reader_[readers_max];
  std::map<unsigned, std::uint64_t> held_[readers_max];
  std::uint64_t sequence_;
  bool open_ = true;
};

TEST(PinnedDifferential, RandomOperationsGiveWhatASimpleModelGives)
{
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  for (const std::uint64_t start : {std::uint64_t{0}, rtlane::detail::pinned_sequence_mask - 50}) {
    for (unsigned readers = 1; readers <= 3; ++readers) {
      for (std::uint64_t round = 0; round < 20; ++round)
        Differential(readers, seed + round, start).run(sanitized ? 500 : 5000);
    }
  }
}

}  // namespace
