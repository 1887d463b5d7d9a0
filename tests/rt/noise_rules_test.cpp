// What counts say of gaps and windows, without any gap.
#include <gtest/gtest.h>
#include <rtlane/rt/noise.hpp>

namespace rtlane::rt {
namespace {

constexpr std::uint64_t gap_ns = 1'000'000;
static_assert(longest_fault_ns == 50'000);

// Of a thread that had a CPU for all of the gap but `off_cpu_ns`.
ThreadCounts with(ThreadCounts moved, std::uint64_t off_cpu_ns)
{
  moved.wall_ns = 5'000'000;  // since the reading before
  moved.cpu_ns = moved.wall_ns - off_cpu_ns;
  return moved;
}

TEST(GapParts, AreWhatTheEvidenceExplainsAndNoMore)
{
  struct Case {
    ThreadCounts moved;
    std::uint64_t preempted, stopped, fault;
    const char* why;
  };
  const Case cases[] = {
      {with({}, 0), 0, 0, 0, "nothing moved"},
      {with({}, 300'000), 0, 0, 0, "kernels that take interrupts and the host's time off: no switch, no evidence"},
      {with({.nivcsw = 1, .run_delay_ns = 900'000}, 900'000), 900'000, 0, 0, "it waited for the CPU"},
      {with({.run_delay_ns = 900'000}, 900'000), 900'000, 0, 0, "it waited, and the switch is not counted yet"},
      {with({.nivcsw = 1, .run_delay_ns = 50'000}, 50'000), 50'000, 0, 0, "preempted for a moment, and slow by itself"},
      {with({.nivcsw = 1, .run_delay_ns = 50'000}, 400'000), 50'000, 0, 0, "interrupts are no wait"},
      {with({.nivcsw = 9, .run_delay_ns = 9'000'000}, 900'000), 1'000'000, 0, 0, "no more than there was"},
      {with({.nivcsw = 1}, 600'000), 600'000, 0, 0, "a kernel that does not count waits"},
      {with({.nvcsw = 1}, 600'000), 0, 600'000, 0, "it slept"},
      {with({.nvcsw = 1}, 10'000), 0, 10'000, 0, "for a moment, and was slow by itself"},
      {with({.nvcsw = 1, .run_delay_ns = 400'000}, 900'000), 400'000, 500'000, 0, "who slept waits when it goes on"},
      {with({.nvcsw = 1, .nivcsw = 1, .run_delay_ns = 400'000}, 900'000), 400'000, 500'000, 0, "and may be preempted"},
      {with({.nvcsw = 1, .run_delay_ns = 600'000}, 500'000), 600'000, 0, 0, "a wait is none of the sleep"},
      {with({.nvcsw = 1}, 3'000'000), 0, 1'000'000, 0, "no more than there was"},
      {with({.minflt = 1}, 0), 0, 0, 50'000, "a page fault, and slow by itself"},
      {with({.minflt = 3}, 0), 0, 0, 150'000, "three"},
      {with({.minflt = 100}, 0), 0, 0, 1'000'000, "no more than there was"},
      {with({.minflt = UINT64_MAX}, 0), 0, 0, 1'000'000, "nor when the product overflows"},
      {with({.majflt = 1}, 0), 0, 0, 50'000, "a fault whose page the disk had sent already"},
      {with({.nvcsw = 1, .majflt = 1}, 800'000), 0, 0, 850'000, "one that waited for the disk"},
      {with({.nvcsw = 1, .majflt = 1, .run_delay_ns = 100'000}, 800'000), 100'000, 0, 750'000, "and then for a CPU"},
      {with({.nvcsw = 1, .minflt = 1}, 200'000), 0, 200'000, 50'000, "a sleep and a fault"},
      {with({.nivcsw = 1, .minflt = 1, .run_delay_ns = 500'000}, 500'000), 500'000, 0, 50'000, "a wait and a fault"},
      {with({.nivcsw = 1, .minflt = 9, .run_delay_ns = 950'000}, 950'000), 950'000, 0, 50'000,
       "the fault has the rest"},
  };
  for (const Case& one : cases) {
    const GapParts parts = explain(one.moved, gap_ns);
    EXPECT_EQ(parts[GapClass::preempted], one.preempted) << one.why;
    EXPECT_EQ(parts[GapClass::stopped], one.stopped) << one.why;
    EXPECT_EQ(parts[GapClass::fault], one.fault) << one.why;
    EXPECT_EQ(parts[GapClass::unexplained], gap_ns - one.preempted - one.stopped - one.fault) << one.why;
  }
}

TEST(GapClass, IsThatOfTheLargestPart)
{
  const auto kind_of = [](const ThreadCounts& moved) { return classify(explain(moved, gap_ns)); };
  EXPECT_EQ(kind_of({}), GapClass::unexplained);
  EXPECT_EQ(kind_of(with({.nivcsw = 1, .run_delay_ns = 499'900}, 499'900)), GapClass::unexplained);
  EXPECT_EQ(kind_of(with({.nivcsw = 1, .run_delay_ns = 500'000}, 500'000)), GapClass::preempted);
  EXPECT_EQ(kind_of(with({.nvcsw = 1, .run_delay_ns = 400'000}, 900'000)), GapClass::stopped);
  EXPECT_EQ(kind_of(with({.nvcsw = 1, .run_delay_ns = 600'000}, 1'000'000)), GapClass::preempted);
  EXPECT_EQ(kind_of(with({.nvcsw = 1}, 100'000)), GapClass::unexplained);
  EXPECT_EQ(kind_of(with({.minflt = 1}, 0)), GapClass::unexplained);
  EXPECT_EQ(kind_of(with({.minflt = 10}, 0)), GapClass::fault);
  EXPECT_EQ(classify(GapParts{}), GapClass::unexplained);
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
