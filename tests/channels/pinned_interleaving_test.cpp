// The interleavings of a reader with a writer: both run in one thread, each shared access (and each half of a copy) is
// a place where the other may go on, and all orders with up to a number of switches are tried. Kills: the operation is
// left at its k-th access for every k, and a successor goes on.
//
// Checked in each: three attempts at most, the value is whole, belongs to its sequence, is no older than what was the
// latest when the load began; the writer stays within its steps; afterwards no slot has leaked.
#include <gtest/gtest.h>
#include <ucontext.h>

#include <csetjmp>
#include <functional>
#include <string>
#include <vector>

#include "pinned_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using rtlane::detail::pinned_no_pin;

// Runs two scripts in every order of their steps: a depth-first search over the choices "who goes next".
class Scheduler {
public:
  static inline Scheduler* active = nullptr;

  Scheduler() : stacks_(2, std::vector<char>(128 * 1024)) {}

  // Returns how many orders there were.
  std::uint64_t all_orders(const std::function<void()>& begin, const std::function<void()>& first,
                           const std::function<void()>& second, const std::function<void()>& end)
  {
    std::uint64_t orders = 0;
    choices_.clear();
    do {
      begin();
      run_once(first, second);
      end();
      ++orders;
      while (!choices_.empty() && choices_.back() == 1)
        choices_.pop_back();
      if (!choices_.empty())
        choices_.back() = 1;
    } while (!choices_.empty() && !::testing::Test::HasFailure());
    return orders;
  }

  // A step of the script that runs: the other may go on before it.
  void step()
  {
    ++steps[running_];
    if (steps[running_] == dies_at[running_]) {
      dies_at[running_] = 0;
      longjmp(killed_[running_], 1);
    }
    switch_at_choice();
  }

  // Runs operation, which ends early when it is killed; true when it came to its end.
  bool until_killed(const std::function<void()>& operation)
  {
    if (setjmp(killed_[running_]) != 0)
      return false;
    operation();
    dies_at[running_] = 0;
    return true;
  }

  std::uint64_t steps[2] = {};
  std::uint64_t dies_at[2] = {};  // 0 = lives
  int switches_max = static_cast<int>(
      test_count("RTLANE_TEST_SWITCHES", 3));  // of one order, not counting those because a script is over

private:
  void run_once(const std::function<void()>& first, const std::function<void()>& second)
  {
    active = this;
    scripts_[0] = &first;
    scripts_[1] = &second;
    next_choice_ = 0;
    switches_ = 0;
    for (int i = 0; i < 2; ++i) {
      steps[i] = 0;
      done_[i] = false;
      getcontext(&contexts_[i]);
      contexts_[i].uc_stack.ss_sp = stacks_[static_cast<std::size_t>(i)].data();
      contexts_[i].uc_stack.ss_size = stacks_[static_cast<std::size_t>(i)].size();
      contexts_[i].uc_link = &main_;
      makecontext(&contexts_[i], &Scheduler::enter, 0);
    }
    while (!done_[0] || !done_[1]) {
      running_ = done_[0] ? 1 : done_[1] ? 0 : choose();
      swapcontext(&main_, &contexts_[running_]);
    }
    active = nullptr;
  }

  static void enter()
  {
    Scheduler& self = *active;
    const int me = self.running_;
    (*self.scripts_[me])();
    self.done_[me] = true;
  }

  int choose()
  {
    if (next_choice_ == choices_.size())
      choices_.push_back(0);
    return choices_[next_choice_++];
  }

  void switch_at_choice()
  {
    if (done_[1 - running_] || switches_ == switches_max || choose() == running_)
      return;
    ++switches_;
    const int me = running_;
    running_ = 1 - me;
    swapcontext(&contexts_[me], &contexts_[running_]);
  }

  std::vector<std::vector<char>> stacks_;
  ucontext_t main_{};
  ucontext_t contexts_[2] = {};
  const std::function<void()>* scripts_[2] = {};
  jmp_buf killed_[2] = {};
  bool done_[2] = {};
  int running_ = 0;
  int switches_ = 0;
  std::vector<int> choices_;
  std::size_t next_choice_ = 0;
};

void step()
{
  if (Scheduler::active != nullptr)
    Scheduler::active->step();
}

class ScheduledWord {
public:
  // relaxed loads and stores are steps too: nothing is known of who sees them
  std::uint64_t load(std::memory_order) const { return step(), word_; }
  void store(std::uint64_t value, std::memory_order) { step(), word_ = value; }
  std::uint64_t exchange(std::uint64_t value, std::memory_order) { return step(), std::exchange(word_, value); }
  bool compare_exchange_strong(std::uint64_t& expected, std::uint64_t wanted, std::memory_order, std::memory_order)
  {
    step();
    if (word_ != expected)
      return expected = word_, false;
    word_ = wanted;
    return true;
  }

private:
  std::uint64_t word_ = 0;
};
static_assert(sizeof(ScheduledWord) == 8);

using Writer = PinnedWriter<ScheduledWord>;
using Reader = PinnedReader<ScheduledWord>;

// Two words that are always equal in a whole value; each half of a copy is a step.
struct Pair {
  std::uint64_t first;
  std::uint64_t second;
};

struct World {
  explicit World(unsigned count) : memory(count, sizeof(Message)), reader_count(count) {}

  void begin()
  {
    memory.clear();
    writer = Writer(memory.view());
    published = 0;
    publish();
    for (unsigned i = 0; i < reader_count; ++i)
      readers[i] = Reader(memory.view(), i);
    attempts = 0;
  }

  void publish()
  {
    std::byte* place = writer.claim();
    const std::uint64_t sequence = writer.sequence() + 1;
    std::memcpy(place, &sequence, 8);
    step();
    std::memcpy(place + 8, &sequence, 8);
    writer.publish(sequence);
    published = sequence;
  }

  // Reads what the pin holds, in two steps, and judges.
  void check(Reader& reader, unsigned pin, std::uint64_t oldest)
  {
    ASSERT_NE(pin, pinned_no_pin) << to_string(reader.last_status());
    Pair got{};
    std::memcpy(&got.first, reader.value(pin), 8);
    step();
    std::memcpy(&got.second, reader.value(pin) + 8, 8);
    EXPECT_EQ(got.first, reader.sequence(pin));
    EXPECT_EQ(got.second, reader.sequence(pin));
    EXPECT_EQ(reader.stamp(pin), reader.sequence(pin));
    EXPECT_GE(reader.sequence(pin), oldest);
    attempts = std::max(attempts, reader.attempts());
  }

  void load(Reader& reader)
  {
    const std::uint64_t oldest = published;
    const unsigned pin = reader.pin();
    check(reader, pin, oldest);
    if (pin != pinned_no_pin)
      reader.unpin(pin);
  }

  void end()
  {
    EXPECT_LE(attempts, 3);
    most_attempts = std::max(most_attempts, attempts);
    EXPECT_EQ(all_slots_usable(writer, readers, reader_count), "");
  }

  PinnedMemory<ScheduledWord> memory;
  unsigned reader_count;
  Writer writer;
  Reader readers[2];
  std::uint64_t published = 0;  // sequence of the newest whose publish() returned
  int attempts = 0;
  int most_attempts = 0;
};

class PinnedInterleaving : public ::testing::Test {
protected:
  void SetUp() override
  {
    if (sanitized)
      GTEST_SKIP() << "sanitizers do not follow a program that switches stacks";
  }
  Watchdog watchdog_{60};
  Scheduler scheduler_;
};

TEST_F(PinnedInterleaving, ALoadAmongStoresNeedsThreeAttemptsAndNoMore)
{
  World world(1);
  scheduler_.switches_max = std::max(scheduler_.switches_max, 5);
  const std::uint64_t orders = scheduler_.all_orders([&] { world.begin(); },
                                                     [&] {
                                                       for (int i = 0; i < 3; ++i)
                                                         world.publish();
                                                     },
                                                     [&] { world.load(world.readers[0]); }, [&] { world.end(); });
  EXPECT_EQ(world.most_attempts, 3);  // it is no empty promise
  std::printf("%lu orders\n", orders);
}

TEST_F(PinnedInterleaving, TwoLoadsAmongStoresNeverGoBack)
{
  World world(1);
  const std::uint64_t orders = scheduler_.all_orders([&] { world.begin(); },
                                                     [&] {
                                                       world.publish();
                                                       world.publish();
                                                     },
                                                     [&] {
                                                       world.load(world.readers[0]);
                                                       const std::uint64_t before = world.readers[0].last_sequence();
                                                       world.load(world.readers[0]);
                                                       EXPECT_GE(world.readers[0].last_sequence(), before);
                                                     },
                                                     [&] { world.end(); });
  std::printf("%lu orders\n", orders);
}

TEST_F(PinnedInterleaving, WhatIsHeldStaysWhileTheSameReaderLoads)
{
  World world(1);
  scheduler_.all_orders([&] { world.begin(); },
                        [&] {
                          world.publish();
                          world.publish();
                        },
                        [&] {
                          Reader& reader = world.readers[0];
                          const unsigned held = reader.pin();
                          ASSERT_NE(held, pinned_no_pin);
                          const std::uint64_t sequence = reader.sequence(held);
                          world.load(reader);
                          EXPECT_EQ(reader.sequence(held), sequence);
                          world.check(reader, held, sequence);
                          reader.unpin(held);
                        },
                        [&] { world.end(); });
}

// The writer is killed at its k-th step; the successor attaches and publishes. Three attempts are still enough.
TEST_F(PinnedInterleaving, AWriterKilledAtEveryStepCostsItsReadersNoAttempt)
{
  World world(1);
  scheduler_.switches_max = std::max(scheduler_.switches_max, 4);
  std::uint64_t orders = 0;
  bool any_killed = true;
  for (std::uint64_t at = 1; any_killed; ++at) {
    any_killed = false;
    SCOPED_TRACE("killed at step " + std::to_string(at));
    orders += scheduler_.all_orders(
        [&] {
          world.begin();
          scheduler_.dies_at[0] = at;
        },
        [&] {
          const bool killed = !scheduler_.until_killed([&] {
            world.publish();
            world.publish();
          });
          any_killed |= killed;
          world.writer = Writer(world.memory.view());
          world.published = std::max(world.published, world.writer.sequence());
          if (killed)
            world.publish();
        },
        [&] { world.load(world.readers[0]); }, [&] { world.end(); });
    if (HasFailure())
      return;
  }
  EXPECT_EQ(world.most_attempts, 3);
  std::printf("%lu orders\n", orders);
}

// The reader is killed at its k-th step, in a load or between two; the next holder of its entry sweeps and loads.
TEST_F(PinnedInterleaving, AReaderKilledAtEveryStepLeavesNothingBehindOnceItsEntryIsTaken)
{
  World world(1);
  std::uint64_t orders = 0;
  bool any_killed = true;
  for (std::uint64_t at = 1; any_killed; ++at) {
    any_killed = false;
    SCOPED_TRACE("killed at step " + std::to_string(at));
    orders += scheduler_.all_orders(
        [&] {
          world.begin();
          scheduler_.dies_at[1] = at;
        },
        [&] { world.publish(), world.publish(); },
        [&] {
          const bool killed = !scheduler_.until_killed([&] { world.load(world.readers[0]); });
          any_killed |= killed;
          world.readers[0] = Reader(world.memory.view(), 0);
          if (killed)
            world.load(world.readers[0]);
        },
        [&] { world.end(); });
    if (HasFailure())
      return;
  }
  std::printf("%lu orders\n", orders);
}

// A killed reader whose entry nobody takes: the other readers and the writer do not notice.
TEST_F(PinnedInterleaving, ADeadReadersEntryDisturbsNobody)
{
  World world(2);
  for (std::uint64_t at = 1; at < 20; ++at) {
    scheduler_.all_orders(
        [&] {
          world.begin();
          scheduler_.dies_at[1] = at;
        },
        [&] { world.publish(); },
        [&] {
          scheduler_.until_killed([&] {
            (void)world.readers[1].pin();
            (void)world.readers[1].pin();
          });
        },
        [&] {
          for (int i = 0; i < 8; ++i) {
            world.publish();
            world.load(world.readers[0]);
            EXPECT_EQ(world.attempts, 1);
          }
          world.readers[1] = Reader(world.memory.view(), 1);
          world.attempts = 0;
          world.end();
        });
    if (HasFailure())
      return;
  }
}

// ---- steps

// Counts accesses; the adversary's move comes before each of the reader's.
struct Counted {
  static inline std::uint64_t accesses = 0;
  static inline std::uint64_t changes = 0;  // exchanges and compare and swaps
  static inline std::function<void()> adversary;

  static void step()
  {
    ++accesses;
    if (adversary) {
      const auto move = std::exchange(adversary, nullptr);
      const std::uint64_t so_far = accesses;
      const std::uint64_t changed = changes;
      move();
      accesses = so_far;
      changes = changed;
      adversary = move;
    }
  }
};

class CountedWord {
public:
  std::uint64_t load(std::memory_order) const { return Counted::step(), word_; }
  void store(std::uint64_t value, std::memory_order) { Counted::step(), word_ = value; }
  std::uint64_t exchange(std::uint64_t value, std::memory_order)
  {
    ++Counted::changes;
    return Counted::step(), std::exchange(word_, value);
  }
  bool compare_exchange_strong(std::uint64_t& expected, std::uint64_t wanted, std::memory_order, std::memory_order)
  {
    ++Counted::changes;
    Counted::step();
    if (word_ != expected)
      return expected = word_, false;
    word_ = wanted;
    return true;
  }

private:
  std::uint64_t word_ = 0;
};

template <class Operation>
void expect_steps(std::uint64_t accesses, std::uint64_t changes, const char* what, Operation operation)
{
  Counted::accesses = Counted::changes = 0;
  operation();
  EXPECT_EQ(Counted::accesses, accesses) << what;
  EXPECT_EQ(Counted::changes, changes) << what;
}

TEST(PinnedSteps, TheHotPathTouchesTheWordsThatItSays)
{
  for (const unsigned readers : {1u, 8u, 31u}) {
    PinnedMemory<CountedWord> memory(readers, 8);
    PinnedWriter<CountedWord> writer(memory.view());
    PinnedReader<CountedWord> reader(memory.view(), readers - 1);
    std::uint64_t got = 0;
    expect_steps(2, 0, "load of nothing", [&] { EXPECT_EQ(load(reader, got), Status::empty); });
    for (std::uint64_t i = 0; i < 100; ++i) {
      // the stamp, latest, every pin
      expect_steps(2 + 2 * readers, 1, "store", [&] { EXPECT_TRUE(store(writer, i)); });
      // latest, asked, latest, held, cleared
      expect_steps(5, 2, "load", [&] { EXPECT_EQ(load(reader, got), Status::ok); });
      EXPECT_EQ(got, i);
      expect_steps(2, 0, "newer", [&] { EXPECT_EQ(reader.newer(), Status::empty); });
      expect_steps(0, 0, "claim", [&] { EXPECT_NE(writer.claim(), nullptr); });
    }
    expect_steps(1, 0, "close", [&] { writer.close(); });
  }
}

TEST(PinnedSteps, AnAdversaryThatPublishesAtEveryChanceCannotDelayALoad)
{
  PinnedMemory<CountedWord> memory(3, 8);
  PinnedWriter<CountedWord> writer(memory.view());
  PinnedReader<CountedWord> reader(memory.view(), 1);
  std::uint64_t number = 0;
  ASSERT_TRUE(store(writer, number));
  for (int publications = 1; publications < 4; ++publications) {
    Counted::adversary = [&] {
      for (int i = 0; i < publications; ++i)
        store(writer, ++number);
    };
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t before = number;
      std::uint64_t got = 0;
      Counted::accesses = 0;
      ASSERT_EQ(load(reader, got), Status::ok);
      EXPECT_LE(reader.attempts(), 3);
      EXPECT_GE(got, before);
      // latest and asked; three times latest and a change; the two counters are a load and a store each; cleared
      EXPECT_LE(Counted::accesses, 2u + 3 * 2 + 4 + 1);
    }
    Counted::adversary = nullptr;
  }
}

// Readers that change their pins at each of the writer's steps, the worst for its compare and swaps.
TEST(PinnedSteps, AdversariesThatAskAtEveryChanceCannotDelayAStore)
{
  constexpr unsigned readers = 4;
  PinnedMemory<CountedWord> memory(readers, 8);
  PinnedWriter<CountedWord> writer(memory.view());
  std::uint64_t turn = 0;
  store(writer, turn);
  Counted::adversary = [&] {
    for (unsigned reader = 0; reader < readers; ++reader)
      for (CountedWord& pin : memory.view().readers[reader].pins)
        pin.store(++turn << 8 | rtlane::detail::pinned_asked, std::memory_order_relaxed);
  };
  for (std::uint64_t i = 0; i < 100; ++i) {
    Counted::accesses = Counted::changes = 0;
    ASSERT_TRUE(store(writer, i));
    // a load and three tries per pin
    EXPECT_EQ(Counted::accesses, 2u + 2 * readers * 4);
    EXPECT_EQ(Counted::changes, 1u + 2 * readers * 3);
  }
  Counted::adversary = nullptr;
}

}  // namespace
