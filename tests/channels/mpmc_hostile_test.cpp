// A peer that writes anything anywhere in an MPMC ring of either mode, at any moment: wrong data or `corrupt`, never an
// access outside the ring, never more steps than stated, never more questions to the kernel than there are
// participants. And the exact number of shared accesses of calls that nobody disturbs.
//
// The ring lies between two pages that nobody may touch. HostileWord stands in for the shared words: each load may see
// something else than what was stored, and each access is counted.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "hostile_support.hpp"
#include "mpmc_hostile_word.hpp"
#include "mpmc_isolated_memory.hpp"
#include "mpmc_memory.hpp"
#include "ring_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;

using SharedMemory = MpmcMemory<HostileWord>;
using IsolatedRing = IsolatedMemory<HostileWord>;

template <class Memory>
class Fight {
public:
  Fight(std::uint64_t capacity, std::uint32_t participants, bool guard_the_end)
      : guarded_(Memory::bytes(capacity, participants), guard_the_end),
        memory_(guarded_.begin(), capacity, participants, Peer::random() % 5 * 0x3fffffffffffffff)
  {
    attach_producer(0);
    attach_consumer(1);
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      if (Peer::random() % 16 == 0)
        scribble();
      for (bool& held : memory_.leases().held)
        held = Peer::random() % 2 == 0;
      std::memcpy(&Peer::near, guarded_.begin() + 128 * (Peer::random() % 2), 8);
      operation();
    }
  }

private:
  std::uint64_t participants() const { return memory_.view().participant_count; }

  // The bounds of a call: attempts, each with two looks round at most.
  void within(const char* what, auto operation)
  {
    memory_.leases().questions = 0;
    const std::uint64_t attempts = rtlane::detail::mpmc_attempts + 1;
    const Steps steps = count(operation);
    if (Memory::isolated) {
      // A call may have to end the stream, with two steps per participant; an attach settles each slot.
      const std::uint64_t rounds = 2 * RTLANE_PARTICIPANTS_MAX + 2;
      EXPECT_LE(steps.loads, attempts * 4 + 2 * rounds + 4 * participants() + 3 * memory_.capacity() + 4) << what;
      EXPECT_LE(steps.stores, attempts * 2 + 2 * memory_.capacity() + participants() + 4) << what;
      EXPECT_LE(steps.swaps, attempts * 3 + rounds + participants() + 1) << what;
    } else {
      EXPECT_LE(steps.loads, attempts * (2 * participants() + 8)) << what;
      EXPECT_LE(steps.stores, attempts * 3) << what;
      EXPECT_LE(steps.swaps, attempts * 2) << what;
    }
    EXPECT_LE(memory_.leases().questions, participants()) << what;
  }

  void scribble()
  {
    for (std::uint64_t i = 1 + Peer::random() % 4; i > 0; --i) {
      std::byte* word = guarded_.begin() + 8 * (Peer::random() % (memory_.size() / 8));
      std::uint64_t value = 0;
      std::memcpy(&value, word, 8);
      value = Peer::lie(value);
      std::memcpy(word, &value, 8);
    }
  }

  void attach_producer(std::uint32_t entry)
  {
    within("attach a producer", [&] { memory_.attach_at(entry, producer_); });
  }
  void attach_consumer(std::uint32_t entry)
  {
    within("attach a consumer", [&] { memory_.attach_at(entry, consumer_); });
  }

  bool is_place(const std::byte* place) const
  {
    const std::ptrdiff_t offset = place - memory_.view().slots - 8;
    return offset >= 0 && static_cast<std::uint64_t>(offset) % Memory::kStride == 0 &&
           static_cast<std::uint64_t>(offset) / Memory::kStride < memory_.slot_count();
  }

  void operation()
  {
    const auto entry = static_cast<std::uint32_t>(Peer::random() % participants());
    // Without an entry an endpoint looks at private memory, where nobody lies.
    if (!producer_.attached())
      return attach_producer(entry);
    if (!consumer_.attached())
      return attach_consumer(entry);
    switch (Peer::random() % 16) {
      case 0:
        return attach_producer(entry);
      case 1:
        return attach_consumer(entry);
      case 2:
        within("detach", [&] { producer_.detach(); });
        return attach_producer(entry);
      case 3:
        within("detach", [&] { consumer_.detach(); });
        return attach_consumer(entry);
      case 4:
        if (Peer::random() % 16 == 0)
          within("close", [&] { producer_.close(); });
        EXPECT_LE(memory_.size_estimate(), memory_.slot_count());
        return;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        within("claim", [&] {
          if (std::byte* place = producer_.claim()) {
            EXPECT_TRUE(is_place(place));
            std::memset(place, 0xee, 8);
            if (Peer::random() % 4 != 0)
              (void)publish(producer_);
          } else {
            EXPECT_NE(producer_.last_status(), Status::ok);
            EXPECT_NE(producer_.last_status(), Status::empty);
          }
        });
        return;
      default:
        within("take", [&] {
          if (const std::byte* place = consumer_.take()) {
            EXPECT_TRUE(is_place(place));
            sink_ = std::to_integer<unsigned>(place[0]) + std::to_integer<unsigned>(place[7]);
            if (Peer::random() % 4 != 0)
              consumer_.give_back();
          } else {
            EXPECT_NE(consumer_.last_status(), Status::ok);
            EXPECT_NE(consumer_.last_status(), Status::full);
          }
        });
    }
  }

  GuardedBytes guarded_;
  Memory memory_;
  typename Memory::Producer producer_;
  typename Memory::Consumer consumer_;
  volatile unsigned sink_ = 0;
};

template <class Memory>
void fight_all(int steps, std::uint64_t largest)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  for (const std::uint64_t capacity : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{8}, largest}) {
    for (const std::uint32_t participants : {2u, 5u, 64u}) {
      for (const unsigned lies : {0u, 2u, 16u, 128u, 256u}) {
        for (const bool guard_the_end : {false, true}) {
          SCOPED_TRACE("capacity " + std::to_string(capacity) + ", " + std::to_string(participants) +
                       " participants, " + std::to_string(lies) + "/256 lies");
          Peer::lies_per_256 = lies;
          Fight<Memory>(capacity, participants, guard_the_end).run(steps);
          if (::testing::Test::HasFailure())
            return;
        }
      }
    }
  }
}

TEST(MpmcHostile, APeerThatLiesInEveryWordReachesNothingOutsideAndDelaysNothing)
{
  fight_all<SharedMemory>(sanitized ? 2000 : 20000, 1024);
}

TEST(MpmcHostile, NorInAnIsolatedRing)
{
  fight_all<IsolatedRing>(sanitized ? 500 : static_cast<int>(test_count("RTLANE_TEST_COUNT", 4000)), 64);
}

using Memory = SharedMemory;

class MpmcSteps : public ::testing::Test {
protected:
  MpmcSteps() : guarded_(Memory::bytes(4, 16)), memory_(guarded_.begin(), 4, 16)
  {
    Peer::lies_per_256 = 0;
    attach(producer_);
    attach(consumer_);
  }
  void attach(auto& core)
  {
    const auto entry = memory_.attach();
    ASSERT_LT(entry.index(), 16u);
    core = std::remove_reference_t<decltype(core)>(entry);
  }
  void expect(Steps got, std::uint64_t loads, std::uint64_t stores, std::uint64_t swaps)
  {
    EXPECT_EQ(got.loads, loads);
    EXPECT_EQ(got.stores, stores);
    EXPECT_EQ(got.swaps, swaps);
  }
  Steps push_steps()
  {
    return count([&] { (void)push(producer_, 1); });
  }
  Steps pop_steps()
  {
    std::uint64_t value = 0;
    return count([&] { (void)pop(consumer_, value); });
  }

  GuardedBytes guarded_;
  Memory memory_;
  Memory::Producer producer_;
  Memory::Consumer consumer_;
};

TEST_F(MpmcSteps, OfCallsThatNobodyDisturbs)
{
  push_steps();                   // looks for room
  expect(push_steps(), 1, 2, 1);  // tail; pushing and the slot's word
  expect(pop_steps(), 2, 2, 1);   // head and the slot's word; popping twice
  push_steps();
  push_steps();
  pop_steps();
  pop_steps();
  pop_steps();
  // A lap later: tail twice, head, the number of entries, two entries' popping.
  expect(push_steps(), 6, 2, 1);
}

TEST_F(MpmcSteps, OfCallsThatFindNothing)
{
  push_steps();
  pop_steps();
  expect(pop_steps(), 6, 0, 0);
  EXPECT_EQ(consumer_.last_status(), Status::empty);
  Memory::Producer second;
  attach(second);
  expect(pop_steps(), 7, 0, 0);  // tail as well
  EXPECT_EQ(consumer_.last_status(), Status::empty);
  for (int i = 0; i < 4; ++i)
    push_steps();
  // Tail twice, head, the number of entries, three entries' popping, the word at head, and the counter.
  expect(push_steps(), 9, 1, 0);
  EXPECT_EQ(producer_.last_status(), Status::full);
  producer_.close();
  while (pop_steps().swaps > 0) {
  }
  EXPECT_EQ(consumer_.last_status(), Status::closed);
  expect(push_steps(), 2, 0, 0);
  EXPECT_EQ(producer_.last_status(), Status::closed);
}

TEST_F(MpmcSteps, NobodyIsAskedAboutUnlessHeIsInTheWayTwice)
{
  Memory::Producer second;
  attach(second);
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(push(i % 2 == 0 ? producer_ : second, i));
    ASSERT_TRUE(pop(consumer_, value));
    ASSERT_FALSE(pop(consumer_, value));
  }
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(push(producer_, 1));
  for (int i = 0; i < 1000; ++i)
    ASSERT_FALSE(push(second, 1));
  while (pop(consumer_, value)) {
  }
  EXPECT_EQ(memory_.leases().questions, 0u);

  ASSERT_NE(second.claim(), nullptr);  // alive, and in the way
  for (int i = 1; i <= 8192; ++i) {
    ASSERT_FALSE(pop(consumer_, value));
    ASSERT_EQ(consumer_.last_status(), Status::busy);
  }
  // At calls 2, 4, 8, ..., 1024 and then each 1024th.
  EXPECT_EQ(memory_.leases().questions, 10u + 7u);
  second.publish();
  ASSERT_TRUE(pop(consumer_, value));
}

TEST_F(MpmcSteps, AStoppedParticipantDelaysNobodyForMoreThanTheStatedSteps)
{
  // It holds a ticket of each kind, and is alive.
  Memory::Producer second;
  attach(second);
  Memory::Consumer other;
  attach(other);
  ASSERT_TRUE(push(producer_, 1));
  ASSERT_NE(other.take(), nullptr);
  ASSERT_NE(second.claim(), nullptr);
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(push(producer_, 2));
  const std::uint64_t entries = 4;
  for (int i = 0; i < 5000; ++i) {
    const Steps taking = pop_steps();
    EXPECT_EQ(consumer_.last_status(), Status::busy);
    EXPECT_LE(taking.loads, 2 + 6 * rtlane::detail::mpmc_looks + 1 + entries);
    const Steps pushing = push_steps();
    EXPECT_EQ(producer_.last_status(), Status::busy);
    EXPECT_LE(pushing.loads, 4 + entries);
    EXPECT_EQ(taking.swaps + pushing.swaps, 0u);
  }
  second.publish();
  other.give_back();
  std::uint64_t value = 0;
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(pop(consumer_, value));
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(push(producer_, 3));
}

TEST_F(MpmcSteps, WhoLosesEveryRaceAnswersBusyAfterTheStatedAttempts)
{
  ASSERT_TRUE(push(producer_, 1));
  Peer::always_wins = true;
  const Steps pushing = push_steps();
  EXPECT_EQ(producer_.last_status(), Status::busy);
  EXPECT_EQ(pushing.swaps, rtlane::detail::mpmc_attempts + 1u);
  const Steps taking = pop_steps();
  EXPECT_EQ(consumer_.last_status(), Status::busy);
  EXPECT_EQ(taking.swaps, rtlane::detail::mpmc_attempts + 1u);
  Peer::always_wins = false;
  // Nothing that was announced is left.
  const auto& view = memory_.view();
  for (std::uint32_t i = 0; i < 2; ++i) {
    EXPECT_EQ(view.participants[i].popping.load({}), 0u);
    EXPECT_EQ(view.participants[i].pushing.load({}), 0u);
  }
  std::uint64_t value = 0;
  EXPECT_TRUE(pop(consumer_, value));
  EXPECT_TRUE(push(producer_, 2));
}

TEST_F(MpmcSteps, AnAnnouncementOfLongAgoIsInNobodysWay)
{
  Memory::Consumer slow;
  attach(slow);
  std::uint64_t value = 0;
  for (int i = 0; i < 9; ++i)
    ASSERT_TRUE(push(producer_, 1) && pop(consumer_, value));
  // Stopped, alive, between its announcement and the CAS that it will lose.
  memory_.view().participants[slow.entry().index()].popping.store(4 * 3 | rtlane::detail::mpmc_engaged, {});
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(push(producer_, 1) && pop(consumer_, value));
}

TEST_F(MpmcSteps, WordsThatNoCorrectPeerWritesAreCorrupt)
{
  Memory::Producer second;
  attach(second);
  std::uint64_t value = 0;
  const auto& view = memory_.view();
  auto& word = Memory::View::word_of(view.slots);
  for (const std::uint64_t wrong :
       {std::uint64_t{3}, std::uint64_t{4 | 1}, std::uint64_t{16 | 3}, std::uint64_t{2} << 32}) {
    word.store(wrong, {});
    EXPECT_FALSE(pop(consumer_, value)) << wrong;
    EXPECT_EQ(consumer_.last_status(), Status::corrupt) << wrong;
  }
  word.store(0, {});
  EXPECT_FALSE(pop(consumer_, value));
  EXPECT_EQ(consumer_.last_status(), Status::empty);

  view.head->head.store(8 * 4, {});  // past tail
  EXPECT_FALSE(pop(consumer_, value));
  EXPECT_EQ(consumer_.last_status(), Status::corrupt);
  EXPECT_FALSE(push(producer_, 1));
  EXPECT_EQ(producer_.last_status(), Status::corrupt);
  view.head->head.store(0, {});

  for (const std::uint64_t wrong : {std::uint64_t{2}, std::uint64_t{5 * 4}, std::uint64_t{1} << 63}) {
    view.tail->tail.store(wrong, {});
    EXPECT_FALSE(push(producer_, 1)) << wrong;
    EXPECT_EQ(producer_.last_status(), Status::corrupt) << wrong;
  }
  // A ticket that is taken and that nobody has announced.
  view.tail->tail.store(4, {});
  EXPECT_FALSE(pop(consumer_, value));
  EXPECT_EQ(consumer_.last_status(), Status::busy);
  EXPECT_FALSE(pop(consumer_, value));
  EXPECT_EQ(consumer_.last_status(), Status::corrupt);
}

}  // namespace
