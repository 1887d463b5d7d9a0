// A process is killed at a chosen system call of an operation on an object.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "crash/object_scenario.hpp"
#include "crash/syscall_stepper.hpp"

namespace rtlane::test {

// One kill at stop number `stop`; false when the operation has fewer. skipped: the stop was no case of its own.
inline bool kill_at(const TierPlace& place, const Scenario& scenario, unsigned stop, bool all_stops, bool& skipped)
{
  SharedPage<Signals> holder_signals;
  SharedPage<Signals> observer_signals;
  Child holder;
  skipped = false;
  if (scenario.orphan)
    make_orphan(place);
  if (scenario.held) {
    holder = start_holder(place, *holder_signals);
    EXPECT_TRUE(eventually([&] { return holder_signals->ready == 1; }));
  }
  bool more = true;
  Child observer;
  {
    SyscallStepper stepper(
        [&] {
          place.enter();
          scenario.prepare(place);
        },
        [&] { scenario.operation(place); });
    for (unsigned i = 0; i < stop && more; ++i)
      more = stepper.next();
    EXPECT_EQ(stepper.problem(), "");
    skipped = more && !all_stops && (!stepper.at_exit() || only_asks(stepper.call()));
    if (!skipped) {
      SCOPED_TRACE(more ? (stepper.at_exit() ? "exit of call " : "entry of call ") + std::to_string(stepper.call())
                        : std::string("after the operation"));
      observer = start_observer(place, *observer_signals);
      // It may have to wait for the decision of the stopped one.
      eventually([&] { return observer_signals->ready == 1; }, 30);
      stepper.kill_now();
      EXPECT_TRUE(eventually([&] { return observer_signals->ready == 1; }))
          << "a killed process blocks others for ever";
      if (scenario.held) {
        EXPECT_EQ(observer_signals->result, 0) << "a live object could not be opened";
      }
      if (stop % 2 == 0) {
        EXPECT_EQ(run_in_child([] { EXPECT_GE(rtlane_gc(nullptr, nullptr), 0); }), 0);
      }
      observer_signals->release = 1;
      EXPECT_EQ(observer.wait(), 0);
    }
  }
  holder_signals->release = 1;
  if (scenario.held) {
    EXPECT_EQ(holder.wait(), 0);
  }
  clean_up_somehow(place, skipped ? 0 : stop / 2);
  EXPECT_THAT(place.left(), ::testing::IsEmpty());
  return more;
}

class ObjectKill : public ::testing::TestWithParam<Tier> {
protected:
  void SetUp() override
  {
    if (!place_.problem().empty())
      GTEST_SKIP() << place_.problem();
    SyscallStepper probe([] {}, [] {});
    if (!probe.problem().empty())
      GTEST_SKIP() << probe.problem();
    // The children must be in their first call.
    ASSERT_EQ(run_in_child([&] {
                place_.enter();
                const Shm object = place_.create(kName);
                ASSERT_EQ(object.result, 0) << rtlane_error_message();
              }),
              0);
  }

  void sweep(bool all_stops)
  {
    unsigned kills = 0;
    for (const Scenario& scenario : kScenarios) {
      bool more = true;
      for (unsigned stop = 1; more && !HasFailure(); ++stop) {
        SCOPED_TRACE(std::string(scenario.name) + ", stop " + std::to_string(stop));
        bool skipped = false;
        more = kill_at(place_, scenario, stop, all_stops, skipped);
        kills += skipped ? 0 : 1;
        ASSERT_LT(stop, 3000u);
      }
    }
    std::printf("%u kills\n", kills);
  }

  TierPlace place_{GetParam()};
};

}  // namespace rtlane::test
