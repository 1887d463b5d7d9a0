// The MPMC ring's isolated mode: the exact number of shared accesses, whom the kernel is asked about and when, and what
// a stopped participant costs the others, which is what the mode is for.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "mpmc_hostile_word.hpp"
#include "mpmc_isolated_memory.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Memory = IsolatedMemory<HostileWord>;

constexpr std::uint64_t kQuota = 4;
constexpr std::uint32_t kParticipants = 16;

class MpmcIsolatedSteps : public ::testing::Test {
protected:
  struct alignas(128) Line {
    std::byte bytes[128];
  };

  MpmcIsolatedSteps()
      : bytes_(Memory::bytes(kQuota, kParticipants) / 128 + 1), memory_(bytes_.data()->bytes, kQuota, kParticipants)
  {
    Peer::lies_per_256 = 0;
    attach(producer_);
    attach(consumer_);
  }
  // The entry that it got.
  template <class Core>
  std::uint32_t attach(Core& core)
  {
    auto entry = memory_.attach();
    core = Core(entry);
    return entry.index();
  }
  void expect(Steps got, std::uint64_t loads, std::uint64_t stores, std::uint64_t swaps)
  {
    EXPECT_EQ(got.loads, loads);
    EXPECT_EQ(got.stores, stores);
    EXPECT_EQ(got.swaps, swaps);
  }
  Steps push_steps(Memory::Producer& producer)
  {
    return count([&] { (void)push(producer, 1); });
  }
  Steps pop_steps()
  {
    std::uint64_t value = 0;
    return count([&] { (void)pop(consumer_, value); });
  }
  HostileWord& slot_word(std::uint64_t slot) { return Memory::View::word_of(memory_.view().slot(slot)); }

  std::vector<Line> bytes_;
  Memory memory_;
  Memory::Producer producer_;
  Memory::Consumer consumer_;
};

TEST_F(MpmcIsolatedSteps, OfCallsThatNobodyDisturbs)
{
  for (int lap = 0; lap < 100; ++lap) {
    expect(push_steps(producer_), 4, 1, 2);  // closing, slot, tail, cell; slot; cell, tail
    expect(pop_steps(), 3, 2, 3);            // head, cell, slot; taking, slot; slot, cell, head
  }
}

TEST_F(MpmcIsolatedSteps, OfCallsThatFindNothing)
{
  expect(pop_steps(), 5, 0, 0);  // head and cell twice, closing
  EXPECT_EQ(consumer_.last_status(), Status::empty);
  for (std::uint64_t i = 0; i < kQuota; ++i)
    push_steps(producer_);
  // Closing and the oldest slot twice, the counter.
  expect(push_steps(producer_), 5, 1, 0);
  EXPECT_EQ(producer_.last_status(), Status::full);
  Memory::Producer other;
  attach(other);
  expect(push_steps(other), 4, 1, 2);  // has room of its own
  producer_.close();
  for (std::uint64_t i = 0; i <= kQuota; ++i)
    expect(pop_steps(), 3, 2, 3);
  expect(pop_steps(), 4, 0, 0);
  EXPECT_EQ(consumer_.last_status(), Status::closed);
  (void)push_steps(producer_);
  EXPECT_EQ(producer_.last_status(), Status::closed);
}

TEST_F(MpmcIsolatedSteps, APublicationIsRefusedOnlyByTheEnd)
{
  Memory::Producer second;
  attach(second);
  ASSERT_NE(second.claim(), nullptr);
  producer_.close();
  EXPECT_FALSE(second.publish());
  EXPECT_EQ(second.last_status(), Status::closed);
  EXPECT_FALSE(second.claimed());
  std::uint64_t value = 0;
  EXPECT_FALSE(pop(consumer_, value));
  EXPECT_EQ(consumer_.last_status(), Status::closed);
}

TEST_F(MpmcIsolatedSteps, WhoeverComesEndsWhatAKilledCloserBegan)
{
  for (const bool producer_comes : {false, true}) {
    MpmcIsolatedSteps_WhoeverComesEndsWhatAKilledCloserBegan_Test fresh;
    ASSERT_TRUE(push(fresh.producer_, 7));
    fresh.memory_.view().common->closing.store(1, {});
    std::uint64_t value = 0;
    if (producer_comes) {
      EXPECT_EQ(fresh.producer_.claim(), nullptr);
      EXPECT_EQ(fresh.producer_.last_status(), Status::closed);
    }
    EXPECT_TRUE(pop(fresh.consumer_, value));
    EXPECT_EQ(value, 7u);
    EXPECT_FALSE(pop(fresh.consumer_, value));
    EXPECT_EQ(fresh.consumer_.last_status(), Status::closed);
  }
}

// One is stopped, alive, in a claim, and as many as there are places each with an element in hand.
TEST_F(MpmcIsolatedSteps, StoppedParticipantsDelayNobody)
{
  std::vector<Memory::Consumer> stopped(kQuota - 1);
  for (Memory::Consumer& consumer : stopped) {
    attach(consumer);
    ASSERT_TRUE(push(producer_, 1));
    ASSERT_NE(consumer.take(), nullptr);
  }
  Memory::Producer in_a_claim;
  attach(in_a_claim);
  ASSERT_NE(in_a_claim.claim(), nullptr);
  for (int i = 0; i < 5000; ++i) {
    // A look at each slot that is in a hand more: the first time through, then the free one has become the oldest.
    const Steps pushing = push_steps(producer_);
    EXPECT_LE(pushing.loads, 4 + 1 + kQuota);
    EXPECT_EQ(pushing.swaps, 2u);
    expect(pop_steps(), 3, 2, 3);
    EXPECT_EQ(consumer_.last_status(), Status::ok);
  }
  EXPECT_EQ(memory_.leases().questions, 0u);
  // The last of the slots: full, and truly so; all are asked about in the second such call, and they live.
  Memory::Consumer last;
  attach(last);
  ASSERT_TRUE(push(producer_, 1));
  ASSERT_NE(last.take(), nullptr);
  for (int i = 1; i <= 8192; ++i) {
    ASSERT_LE(push_steps(producer_).loads, 6 + 3 * kQuota);
    ASSERT_EQ(producer_.last_status(), Status::full);
  }
  EXPECT_EQ(memory_.leases().questions, (10u + 7u) * kQuota);  // calls 2, 4, 8 ... 1024 and then each 1024th
  EXPECT_TRUE(push(in_a_claim, 2));
  for (Memory::Consumer& consumer : stopped)
    consumer.give_back();
  for (std::uint64_t i = 0; i < kQuota - 1; ++i)
    EXPECT_TRUE(push(producer_, 3));
}

// Stopped for ever behind the step that counts, before the steps that anybody can do.
TEST_F(MpmcIsolatedSteps, OthersDoWhatAStoppedParticipantDidNotComeTo)
{
  const auto& view = memory_.view();
  ASSERT_TRUE(push(producer_, 1));
  ASSERT_TRUE(push(producer_, 2));
  view.tail->tail.store(1, {});  // the second publisher has not come to move tail
  Memory::Producer other;
  attach(other);
  expect(push_steps(other), 6, 1, 3);
  std::uint64_t value = 0;
  // The first element is taken, its cell not emptied, head not moved.
  slot_word(0).store(rtlane::detail::isolated_taken(0, 9), {});
  expect(count([&] { EXPECT_TRUE(pop(consumer_, value)); }), 6, 2, 5);
  EXPECT_EQ(value, 2u);
  // Its cell is emptied, head not moved.
  view.head->head.store(0, {});
  expect(count([&] { EXPECT_TRUE(pop(consumer_, value)); }), 7, 2, 5);
  EXPECT_EQ(value, 1u);
}

TEST_F(MpmcIsolatedSteps, WhatTheDeadHadInHandComesBackAndIsCounted)
{
  std::uint64_t value = 0;
  std::vector<Memory::Consumer> consumers(kQuota);
  for (Memory::Consumer& consumer : consumers) {
    attach(consumer);
    ASSERT_TRUE(push(producer_, 1));
    ASSERT_NE(consumer.take(), nullptr);
  }
  for (std::uint64_t i = 1; i < kQuota; ++i)  // the first is stopped, the others are killed
    memory_.let_go(consumers[i].entry().index());
  EXPECT_FALSE(push(producer_, 2));
  EXPECT_TRUE(push(producer_, 2));  // asked in the second call
  EXPECT_EQ(memory_.view().participants[0].orphaned.load({}), kQuota - 1);
  for (std::uint64_t i = 0; i < kQuota - 2; ++i)
    EXPECT_TRUE(push(producer_, 2));
  EXPECT_FALSE(push(producer_, 2));
  EXPECT_TRUE(pop(consumer_, value));
}

TEST_F(MpmcIsolatedSteps, WhoLosesEveryRaceAnswersBusyAfterTheStatedAttempts)
{
  ASSERT_TRUE(push(producer_, 1));
  ASSERT_NE(producer_.claim(), nullptr);
  Peer::always_wins = true;
  const Steps pushing = push_steps(producer_);
  EXPECT_EQ(producer_.last_status(), Status::busy);
  EXPECT_TRUE(producer_.claimed());
  EXPECT_EQ(pushing.swaps, std::uint64_t{rtlane::detail::mpmc_attempts});
  const Steps taking = pop_steps();
  EXPECT_EQ(consumer_.last_status(), Status::busy);
  EXPECT_EQ(taking.swaps, 3u * (rtlane::detail::mpmc_attempts + 1));
  Peer::always_wins = false;
  EXPECT_TRUE(producer_.publish());
  std::uint64_t value = 0;
  EXPECT_TRUE(pop(consumer_, value));
  EXPECT_TRUE(pop(consumer_, value));
  EXPECT_FALSE(pop(consumer_, value));
  EXPECT_EQ(consumer_.last_status(), Status::empty);
}

TEST_F(MpmcIsolatedSteps, WordsThatNoCorrectPeerWritesAreCorrupt)
{
  const auto& view = memory_.view();
  std::uint64_t value = 0;
  for (const std::uint64_t wrong : {view.mask - 1, view.slot_count() + 1, ~view.mask}) {
    view.cell(0).store(wrong, {});
    EXPECT_FALSE(pop(consumer_, value)) << wrong;
    EXPECT_EQ(consumer_.last_status(), Status::corrupt) << wrong;
  }
  EXPECT_FALSE(push(producer_, 1));  // the cell at tail is of a lap before
  EXPECT_EQ(producer_.last_status(), Status::corrupt);
  view.cell(0).store(0, {});
  slot_word(0).store(3, {});
  EXPECT_TRUE(push(producer_, 1));  // it was reserved already
  for (std::uint64_t i = 1; i < kQuota; ++i)
    EXPECT_TRUE(push(producer_, 1));
  slot_word(0).store(3, {});
  EXPECT_FALSE(push(producer_, 1));
  EXPECT_EQ(producer_.last_status(), Status::corrupt);
}

}  // namespace
