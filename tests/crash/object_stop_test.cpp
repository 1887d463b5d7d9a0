// Objects: a process is stopped at each system call of an operation, and the world moves on.
//
// While it stands still the holder is killed and another process makes the object anew, as far as the stopped one's
// locks let it. Then the stopped one goes on with what it has learned before: it must not remove the new object, nor
// end on the old one. In the end all who have the name have the same generation, and the name leads to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "crash/object_scenario.hpp"
#include "crash/syscall_stepper.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using ::testing::IsEmpty;

// What a process says of the object that it has.
struct Word {
  std::atomic<int> result{-1000};
  std::atomic<uint64_t> generation{0};
  std::atomic<int> release{0};
};

void tell(Word& word, const Shm& object)
{
  word.generation = object.result >= 0 ? object.certificate().generation : 0;
  word.result = object.result;
  if (object.result < 0) {
    EXPECT_EQ(object.result, -ENOENT) << rtlane_error_message();
    return;
  }
  EXPECT_TRUE(eventually([&] { return word.release == 1; }));
  EXPECT_EQ(object.certificate().unlinked, 0u) << "it holds what has no name";
}

class ObjectStop : public ::testing::TestWithParam<Tier> {
protected:
  void SetUp() override
  {
    if (!place_.problem().empty())
      GTEST_SKIP() << place_.problem();
    SyscallStepper probe([] {}, [] {});
    if (!probe.problem().empty())
      GTEST_SKIP() << probe.problem();
    ASSERT_EQ(run_in_child([&] {
                place_.enter();
                const Shm object = place_.create(kName);
                ASSERT_EQ(object.result, 0) << rtlane_error_message();
              }),
              0);
  }

  bool stop_at(const Scenario& scenario, unsigned stop, bool& skipped)
  {
    SharedPage<Signals> signals;
    SharedPage<Word> stopped_word;
    SharedPage<Word> other_word;
    Child holder;
    Child other;
    if (scenario.orphan)
      make_orphan(place_);
    if (scenario.held) {
      holder = start_holder(place_, *signals);
      EXPECT_TRUE(eventually([&] { return signals->ready == 1; }));
    }
    bool more = true;
    {
      SyscallStepper stepper(
          [&] {
            place_.enter();
            scenario.prepare(place_);
          },
          [&] {
            scenario.operation(place_);
            if (kept.handle != 0)
              tell(*stopped_word, kept);
            kept.close();
          });
      for (unsigned i = 0; i < stop && more; ++i)
        more = stepper.next() && stopped_word->result == -1000;
      EXPECT_EQ(stepper.problem(), "");
      skipped = more && (!stepper.at_exit() || only_asks(stepper.call()));
      if (more && !skipped) {
        SCOPED_TRACE("exit of call " + std::to_string(stepper.call()));
        if (scenario.held)
          holder.kill_now();
        other = Child::start([&] {
          place_.enter();
          tell(*other_word, place_.create(kName));
        });
        // It may have to wait for the decision of the stopped one.
        eventually([&] { return other_word->result != -1000; }, 30);
        stopped_word->release = 1;
        EXPECT_EQ(stepper.run_to_end(), 0);
        EXPECT_TRUE(eventually([&] { return other_word->result != -1000; })) << "it waits for ever";
        EXPECT_GE(other_word->result, 0);
        EXPECT_EQ(run_in_child([&] {
                    const Shm object = Shm::open(kName);
                    EXPECT_EQ(object.result, 0) << "a live object was lost: " << rtlane_error_message();
                    if (object.result == 0) {
                      EXPECT_EQ(object.certificate().generation, other_word->generation);
                    }
                  }),
                  0);
        other_word->release = 1;
        EXPECT_EQ(other.wait(), 0);
      } else if (more) {
        stepper.kill_now();
      } else {
        stopped_word->release = 1;
        stepper.run_to_end();
      }
    }
    if (holder.running())
      holder.kill_now();
    clean_up_somehow(place_, skipped ? 0 : stop / 2);
    EXPECT_THAT(place_.left(), IsEmpty());
    return more;
  }

  TierPlace place_{GetParam()};
};

TEST_P(ObjectStop, AtEachSystemCallWhileTheNameChangesHands)
{
  const Watchdog watchdog(110);
  unsigned stops = 0;
  for (const Scenario& scenario : kScenarios) {
    bool more = true;
    for (unsigned stop = 1; more && !HasFailure(); ++stop) {
      SCOPED_TRACE(std::string(scenario.name) + ", stop " + std::to_string(stop));
      bool skipped = false;
      more = stop_at(scenario, stop, skipped);
      stops += skipped ? 0 : 1;
      ASSERT_LT(stop, 3000u);
    }
  }
  std::printf("%u stops\n", stops);
}

#ifdef RTLANE_TEST_EVERY_TIER
constexpr Tier kTiersStopped[] = {Tier::small, Tier::small_without_tmpfile, Tier::hugetlb};
#else
constexpr Tier kTiersStopped[] = {Tier::small};
#endif
INSTANTIATE_TEST_SUITE_P(Tiers, ObjectStop, ::testing::ValuesIn(kTiersStopped),
                         [](const auto& tier) { return name_of(tier.param); });

}  // namespace
}  // namespace rtlane::test
