// What counts say of gaps and windows, without any gap.
#include <gtest/gtest.h>
#include <rtlane/rt/noise.hpp>

namespace rtlane::rt {
namespace {

TEST(GapClass, IsWhatMustHaveTakenTheMost)
{
  struct Case {
    ThreadCounts moved;
    GapClass kind;
    const char* why;
  };
  constexpr std::uint64_t length_ns = 10'000;
  const Case cases[] = {
      {{}, GapClass::unexplained, "nothing moved"},
      {{.nivcsw = 1, .run_delay_ns = 9'000}, GapClass::preempted, "it waited for the CPU"},
      {{.run_delay_ns = 9'000}, GapClass::preempted, "it waited, and the switch is not counted yet"},
      {{.nivcsw = 1, .run_delay_ns = 500}, GapClass::preempted, "it was preempted, and nothing else is known"},
      {{.run_delay_ns = 500}, GapClass::preempted, "the same"},
      {{.nivcsw = 1}, GapClass::preempted, "a kernel that does not count waits"},
      {{.nvcsw = 1}, GapClass::stopped, "the same"},
      {{.nvcsw = 1, .run_delay_ns = 4'000}, GapClass::stopped, "who was stopped waits for the CPU when it goes on"},
      {{.nvcsw = 1, .nivcsw = 1, .run_delay_ns = 4'000}, GapClass::stopped, "and may be preempted on its way"},
      {{.nvcsw = 1, .nivcsw = 1}, GapClass::stopped, "the same where waits are not counted"},
      {{.nvcsw = 1, .run_delay_ns = 6'000}, GapClass::preempted, "it slept for less than it waited"},
      {{.minflt = 1}, GapClass::fault, "a page fault"},
      {{.majflt = 1}, GapClass::fault, "one with a disk"},
      {{.nvcsw = 1, .majflt = 1}, GapClass::fault, "which sleeps"},
      {{.nvcsw = 1, .minflt = 1}, GapClass::stopped, "a fault without a disk does not sleep for long"},
      {{.nivcsw = 1, .minflt = 1, .run_delay_ns = 5'000}, GapClass::preempted, "it waited for half of the time"},
      {{.nivcsw = 1, .minflt = 1, .run_delay_ns = 4'999}, GapClass::fault, "the fault took more"},
      {{.nivcsw = 1, .minflt = 1}, GapClass::preempted, "a kernel that does not count waits"},
  };
  for (const Case& one : cases)
    EXPECT_EQ(classify(one.moved, length_ns), one.kind) << one.why;
}

TEST(NoiseCause, ShortGapsAreInterruptsWhenTheCpuGotHalfAsMany)
{
  EXPECT_TRUE(short_gaps_are_interrupts(100, 50));
  EXPECT_TRUE(short_gaps_are_interrupts(100, 5000));
  EXPECT_FALSE(short_gaps_are_interrupts(100, 49));
  EXPECT_FALSE(short_gaps_are_interrupts(101, 50));
  EXPECT_TRUE(short_gaps_are_interrupts(101, 51));
  EXPECT_FALSE(short_gaps_are_interrupts(1, 0));
  EXPECT_FALSE(short_gaps_are_interrupts(100, {}));
}

TEST(NoiseCause, OnlyShortUnexplainedGapsCanBeInterrupts)
{
  for (const bool interrupts : {false, true}) {
    for (const std::uint64_t length_ns : {300u, 99'999u, 100'000u, 5'000'000u}) {
      EXPECT_EQ(cause_of(GapClass::preempted, length_ns, interrupts), NoiseCause::preempted);
      EXPECT_EQ(cause_of(GapClass::stopped, length_ns, interrupts), NoiseCause::stopped);
      EXPECT_EQ(cause_of(GapClass::fault, length_ns, interrupts), NoiseCause::fault);
      EXPECT_EQ(cause_of(GapClass::unexplained, length_ns, interrupts),
                interrupts && length_ns < 100'000 ? NoiseCause::interrupt : NoiseCause::host);
    }
  }
}

}  // namespace
}  // namespace rtlane::rt
