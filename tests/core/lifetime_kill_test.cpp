// What a SIGKILL of the processes that share an object leaves behind: nothing that lasts, and nothing missing that
// lives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

constexpr char kName[] = "lifetime group";
constexpr size_t kBytes = 3 * 4096;

// Three ways in which the memory of killed processes is given back.
enum class Cleaner { next_create, first_call, gc };
constexpr Cleaner kCleaners[] = {Cleaner::next_create, Cleaner::first_call, Cleaner::gc};

const char* name_of(Cleaner cleaner)
{
  switch (cleaner) {
    case Cleaner::next_create:
      return "the next create in the namespace";
    case Cleaner::first_call:
      return "the first call of a process";
    case Cleaner::gc:
      return "gc";
  }
  return "?";
}

// Three processes with one object each of them has mapped; the first one made it.
class Group {
public:
  Group()
  {
    for (size_t i = 0; i < members_.size(); ++i) {
      members_[i] = Child::start([this, i] { return member(i); });
      EXPECT_TRUE(eventually([this, i] { return state_->ready == i + 1; })) << "member " << i;
    }
  }

  Child& operator[](size_t i) { return members_[i]; }

  // Member i adds one to the object's counter: its memory works and is the same as everybody's.
  bool works(size_t i)
  {
    const uint64_t before = state_->answers;
    state_->asked = i + 1;
    return eventually([&] { return state_->answers == before + 1; });
  }
  uint64_t counter() const { return state_->counter; }

private:
  struct State {
    std::atomic<uint64_t> ready{0};
    std::atomic<uint64_t> asked{0};
    std::atomic<uint64_t> answers{0};
    std::atomic<uint64_t> counter{0};
  };

  int member(size_t i)
  {
    Shm object = i == 0 ? Shm::create(kName, kBytes) : Shm::open(kName);
    EXPECT_EQ(object.result, 0) << rtlane_error_message();
    if (object.result != 0)
      return 1;
    state_->ready = i + 1;
    for (;;) {
      if (state_->asked == i + 1) {
        state_->asked = 0;
        volatile uint64_t& counter = *object.as<uint64_t>();
        counter = counter + 1;
        state_->counter = counter;
        state_->answers = state_->answers + 1;
      }
      sleep_us(50);
    }
  }

  SharedPage<State> state_;
  std::array<Child, 3> members_;
};

// In a process that has made no call yet, as every cleaner is: the namespace gets empty and the name is free.
void expect_given_back(const TempNamespace& place, Cleaner cleaner)
{
  Child child = Child::start([&] {
    switch (cleaner) {
      case Cleaner::next_create: {
        const Shm other = Shm::create("some other name", 4096);
        EXPECT_EQ(other.result, 0) << rtlane_error_message();
        EXPECT_EQ(object_files(place.path()).size(), 1u) << "only the new object's file";
        break;
      }
      case Cleaner::first_call:
        EXPECT_EQ(Shm::open("no such object").result, -ENOENT) << rtlane_error_message();
        break;
      case Cleaner::gc:
        EXPECT_GE(rtlane_gc(nullptr, nullptr), 0) << rtlane_error_message();
        break;
    }
    EXPECT_THAT(object_files(place.path()), ::testing::IsEmpty()) << "after " << name_of(cleaner);
  });
  EXPECT_EQ(child.wait(), 0) << name_of(cleaner);
}

void expect_new_and_zeroed(const TempNamespace& place)
{
  Child child = Child::start([&] {
    Shm again = Shm::create(kName, kBytes);
    ASSERT_EQ(again.result, 0) << "the name is not free: " << rtlane_error_message();
    EXPECT_TRUE(all_zero(again.memory, kBytes)) << "old content shines through";
    EXPECT_EQ(object_files(place.path()).size(), 1u);
    EXPECT_EQ(again.close(), 0);
    EXPECT_THAT(object_files(place.path()), ::testing::IsEmpty()) << "after the last close";
  });
  EXPECT_EQ(child.wait(), 0);
}

void expect_alive(uint64_t counter)
{
  Child child = Child::start([&] {
    const Shm object = Shm::open(kName);
    ASSERT_EQ(object.result, 0) << "a live object was lost: " << rtlane_error_message();
    EXPECT_EQ(*object.as<uint64_t>(), counter);
    EXPECT_EQ(object.certificate().unlinked, 0u);
    EXPECT_EQ(Shm::create(kName, kBytes).result, 1) << "it exists";
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(LifetimeKill, EachOfThreeProcessesKilledInEveryOrder)
{
  const Watchdog watchdog(100);
  std::array<size_t, 3> order = {0, 1, 2};
  do {
    for (const Cleaner cleaner : kCleaners) {
      SCOPED_TRACE(std::to_string(order[0]) + std::to_string(order[1]) + std::to_string(order[2]) + ", then " +
                   name_of(cleaner));
      const TempNamespace place;
      Group group;
      for (size_t killed = 0; killed < order.size(); ++killed) {
        group[order[killed]].kill_now();
        if (killed + 1 == order.size())
          break;
        for (size_t i = killed + 1; i < order.size(); ++i)
          EXPECT_TRUE(group.works(order[i])) << "survivor " << order[i];
        expect_alive(group.counter());
        // Whoever cleans up must not touch a live object either.
        Child cleaning = Child::start([] { EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0) << rtlane_error_message(); });
        EXPECT_EQ(cleaning.wait(), 0);
        expect_alive(group.counter());
      }
      expect_given_back(place, cleaner);
      expect_new_and_zeroed(place);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(LifetimeKill, TheNameOfAKilledGroupIsReplacedByTheNextCreateWithZeroedMemory)
{
  const Watchdog watchdog(60);
  std::array<size_t, 3> order = {0, 1, 2};
  do {
    const TempNamespace place;
    Group group;
    EXPECT_TRUE(group.works(0));
    for (const size_t i : order)
      group[i].kill_now();
    expect_new_and_zeroed(place);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(LifetimeKill, AllThreeKilledAtOnce)
{
  const Watchdog watchdog(60);
  for (const Cleaner cleaner : kCleaners) {
    for (int round = 0; round < 10; ++round) {
      SCOPED_TRACE(name_of(cleaner));
      const TempNamespace place;
      Group group;
      EXPECT_TRUE(group.works(static_cast<size_t>(round) % 3));
      for (size_t i = 0; i < 3; ++i)
        group[i].signal(SIGKILL);
      for (size_t i = 0; i < 3; ++i)
        EXPECT_EQ(group[i].wait(), -SIGKILL);
      expect_given_back(place, cleaner);
      expect_new_and_zeroed(place);
    }
  }
}

TEST(LifetimeKill, AnOpenOfAKilledGroupsObjectFindsNothing)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  Group group;
  for (size_t i = 0; i < 3; ++i)
    group[i].kill_now();
  Child child = Child::start([&] {
    const Shm none = Shm::open(kName);
    EXPECT_EQ(none.result, -ENOENT);
    EXPECT_THAT(object_files(place.path()), ::testing::IsEmpty());
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(LifetimeKill, AReadOnlyOpenOfAKilledGroupsObjectFindsNothing)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  Group group;
  for (size_t i = 0; i < 3; ++i)
    group[i].kill_now();
  Child child = Child::start([&] {
    const rtlane_shm_options options = read_only();
    EXPECT_EQ(Shm::open(kName, &options).result, -ENOENT);
  });
  EXPECT_EQ(child.wait(), 0);
}

// A process that has been running all along is not in its first call: an open of the same name by it must see the
// death.
TEST(LifetimeKill, AProcessThatRanAllAlongSeesTheDeathToo)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  struct State {
    std::atomic<int> step{0};
  };
  SharedPage<State> state;
  Child witness = Child::start([&] {
    const Shm own = Shm::create("witness", 4096);
    EXPECT_EQ(own.result, 0);
    state->step = 1;
    EXPECT_TRUE(eventually([&] { return state->step == 2; }));
    EXPECT_EQ(Shm::open(kName).result, -ENOENT);
    const Shm replaced = Shm::create(kName, kBytes);
    EXPECT_EQ(replaced.result, 0) << rtlane_error_message();
    EXPECT_EQ(object_files(place.path()).size(), 2u);
  });
  EXPECT_TRUE(eventually([&] { return state->step == 1; }));
  {
    Group group;
    for (size_t i = 0; i < 3; ++i)
      group[i].kill_now();
  }
  state->step = 2;
  EXPECT_EQ(witness.wait(), 0);
  EXPECT_THAT(object_files(place.path()), ::testing::IsEmpty());
}

TEST(LifetimeKill, AStoppedHolderKeepsTheObjectAlive)
{
  const Watchdog watchdog(60);
  const TempNamespace place;
  Group group;
  group[0].signal(SIGSTOP);
  ASSERT_TRUE(group[0].wait_stopped());
  group[1].kill_now();
  group[2].kill_now();
  Child child = Child::start([&] {
    EXPECT_EQ(rtlane_gc(nullptr, nullptr), 0) << "a stopped process is alive";
    EXPECT_EQ(Shm::open(kName).result, 0) << rtlane_error_message();
  });
  EXPECT_EQ(child.wait(), 0);
  group[0].signal(SIGCONT);
  EXPECT_TRUE(group.works(0));
  expect_alive(group.counter());
  group[0].kill_now();
  expect_given_back(place, Cleaner::gc);
}

}  // namespace
}  // namespace rtlane::test
