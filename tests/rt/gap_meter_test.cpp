// Whose deltas the counters' are, and what the meter keeps.
#include <gtest/gtest.h>
#include <rtlane/rt/noise.hpp>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "metered.hpp"
#include "support/allocations.hpp"
#include "support/shared_page.hpp"
#include "support/watchdog.hpp"

namespace rtlane::rt {
namespace {

// ---- whose deltas they are

// What a thread does itself between two polls moves no counter, so it is unexplained, unless something else came too.
unsigned own_gaps(const Metered& found, GapClass kind, std::uint64_t at_least_ns)
{
  unsigned count = 0;
  for (const Gap& gap : found.gaps)
    count += gap.kind == kind && test_clock().ns(gap.length_ticks) >= at_least_ns ? 1 : 0;
  return count;
}

TEST(GapMeter, AGapIsAsLongAsTheTimeBetweenTwoPollsAndEndsWithIt)
{
  test::Watchdog watchdog(100);
  std::vector<Interval> spins;
  const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter&) {
    const std::uint64_t from = ticks();
    spin_ns(50'000);
    spins.emplace_back(from, ticks());
    return spins.size() < 20;
  });
  for (const auto& [from, to] : spins) {
    bool found_it = false;
    for (const Gap& gap : found.gaps)
      found_it = found_it || (gap.begin_ticks <= from && gap.begin_ticks + gap.length_ticks >= to);
    EXPECT_TRUE(found_it);
  }
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 50'000), 10u);
}

TEST(GapMeter, WhatHappenedBeforeResumeIsNotBlamedOnTheNextGap)
{
  test::Watchdog watchdog(100);
  FreshPages pages;
  unsigned done = 0;
  std::uint64_t left_out_ticks = 0;
  const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter& meter) {
    const std::uint64_t before = ticks();
    test::sleep_us(1000);
    pages.touch();
    left_out_ticks += ticks() - before;
    meter.resume();
    spin_ns(50'000);
    return ++done < 40;
  });
  EXPECT_GE(found.moved.nvcsw, 20u);
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 50'000), 20u);
  EXPECT_GE(found.watched_ticks, 40 * test_clock().ticks_of_ns(50'000));
  EXPECT_LE(found.watched_ticks,
            found.end_ticks - found.begin_ticks - left_out_ticks + test_clock().ticks_of_ns(1'000));
}

TEST(GapMeter, WhatHappenedBeforeBeginIsForgotten)
{
  test::Watchdog watchdog(100);
  FreshPages pages;
  unsigned done = 0;
  unsigned unexplained = 0;
  meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter& meter) {
    test::sleep_us(1000);
    pages.touch();
    meter.poll(ticks());
    meter.begin();
    EXPECT_TRUE(meter.gaps().empty());
    EXPECT_EQ(meter.totals(GapClass::stopped).count, 0u);
    spin_ns(50'000);
    if (meter.poll(ticks()))
      unexplained += meter.last().kind == GapClass::unexplained ? 1 : 0;
    return ++done < 40;
  });
  EXPECT_GE(unexplained, 20u);
}

// A switch that is no gap, since it is shorter than the threshold, is read all the same when the trap trips.
TEST(GapMeter, ASwitchBelowTheThresholdIsNotBlamedOnTheNextGap)
{
  test::Watchdog watchdog(100);
  if (!PreemptionWitness().is_available())
    GTEST_SKIP() << "there is no rseq here, and without it the meter does not promise this";
  GapMeterConfig config;
  config.threshold_ns = 1'000'000;
  config.attribute_ns = 1'000'000;
  unsigned done = 0;
  const Metered found = meter_on_cpu(meter_priority, config, do_nothing, [&](GapMeter& meter) {
    test::sleep_us(20);
    for (int i = 0; i < 3; ++i)
      meter.poll(ticks());
    spin_ns(1'200'000);
    return ++done < 40;
  });
  EXPECT_GE(found.moved.nvcsw, 20u);
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 1'200'000), 20u);
}

// Faults are read when they happen though attribute_ns says that such short gaps do not matter.
TEST(GapMeter, AFaultBelowTheAttributedLengthIsNotBlamedOnTheNextGap)
{
  test::Watchdog watchdog(100);
  GapMeterConfig config;
  config.attribute_ns = 40'000'000;
  FreshPages pages;
  unsigned done = 0;
  const Metered found = meter_on_cpu(meter_priority, config, do_nothing, [&](GapMeter& meter) {
    // Of some pages, so that it is a gap: one alone may take less than the threshold.
    for (int page = 0; page < 8; ++page)
      pages.touch();
    meter.poll(ticks());
    spin_ns(50'000);
    return ++done < 200;
  });
  EXPECT_GE(found.moved.minflt, 1600u);
  EXPECT_GE(found.of(GapClass::fault).count, 150u);
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 50'000), 100u);
}

// The trap is set by begin(): there was no gap yet whose reading would have set it.
TEST(GapMeter, ASwitchBeforeTheFirstGapIsNotBlamedOnIt)
{
  test::Watchdog watchdog(100);
  if (!PreemptionWitness().is_available())
    GTEST_SKIP() << "there is no rseq here, and without it the meter does not promise this";
  GapMeterConfig config;
  config.threshold_ns = 1'000'000;
  config.attribute_ns = 1'000'000;
  unsigned unexplained = 0;
  for (unsigned i = 0; i < 40; ++i) {
    bool first = true;
    const Metered found = meter_on_cpu(meter_priority, config, do_nothing, [&](GapMeter& meter) {
      if (!std::exchange(first, false))
        return false;
      test::sleep_us(20);
      for (int poll = 0; poll < 3; ++poll)
        meter.poll(ticks());
      spin_ns(1'200'000);
      return true;
    });
    unexplained += own_gaps(found, GapClass::unexplained, 1'200'000);
  }
  EXPECT_GE(unexplained, 20u);
}

// A trip costs one reading, not one at each poll from then on; and that waits for the gap that may end at the next
// poll.
TEST(GapMeter, AnswersATripAtTheNextPollAndSetsTheTrapAnew)
{
  test::Watchdog watchdog(100);
  if (!PreemptionWitness().is_available())
    GTEST_SKIP() << "there is no rseq here";
  GapMeterConfig config;
  config.threshold_ns = 100'000'000;
  unsigned waited = 0;
  unsigned set_anew = 0;
  unsigned done = 0;
  meter_on_cpu(meter_priority, config, do_nothing, [&](GapMeter& meter) {
    test::sleep_us(1000);
    meter.poll(ticks());
    waited += meter.witness().tripped() ? 1 : 0;
    meter.poll(ticks());
    set_anew += meter.witness().tripped() ? 0 : 1;
    return ++done < 40;
  });
  EXPECT_GE(waited, 20u);
  EXPECT_GE(set_anew, 20u);
}

// ---- the buffer

TEST(GapMeter, AFullBufferKeepsTheLongestAndCountsAll)
{
  test::Watchdog watchdog(100);
  std::vector<Gap> buffer(8);
  GapMeter meter(buffer, test_clock(), {.threshold_ns = 1'000, .attribute_ns = 1'000});
  meter.begin();
  std::vector<std::uint64_t> lengths;
  for (unsigned i = 0; i < 64; ++i) {
    spin_ns(10'000 + 10'000 * ((i * 29) % 64));  // in no order
    if (meter.poll(ticks()))
      lengths.push_back(meter.last().length_ticks);
  }
  ASSERT_GE(lengths.size(), 64u);
  EXPECT_EQ(meter.dropped(), lengths.size() - buffer.size());
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < gap_class_count; ++i) {
    count += meter.totals(static_cast<GapClass>(i)).count;
    sum += meter.totals(static_cast<GapClass>(i)).length_ticks;
  }
  EXPECT_EQ(count, lengths.size());
  EXPECT_EQ(sum, std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0}));
  std::sort(lengths.rbegin(), lengths.rend());
  std::vector<std::uint64_t> kept;
  for (const Gap& gap : meter.gaps())
    kept.push_back(gap.length_ticks);
  std::sort(kept.rbegin(), kept.rend());
  lengths.resize(buffer.size());
  EXPECT_EQ(kept, lengths);
}

TEST(GapMeter, WithoutABufferItCounts)
{
  GapMeter meter({}, test_clock());
  meter.begin();
  spin_ns(20'000);
  EXPECT_TRUE(meter.poll(ticks()));
  EXPECT_TRUE(meter.gaps().empty());
  EXPECT_GE(meter.dropped(), 1u);
}

TEST(GapMeter, DoesNotAllocate)
{
  if (!test::allocations_are_seen)
    GTEST_SKIP() << "this build brings its own malloc, whose calls are not seen";
  std::vector<Gap> buffer(4);
  FreshPages pages;
  GapMeter meter(buffer, test_clock());
  test::allocations = 0;
  test::counting_allocations = true;
  meter.begin();
  for (unsigned i = 0; i < 1000; ++i) {
    pages.touch();
    meter.poll(ticks());
  }
  meter.resume();
  test::counting_allocations = false;
  EXPECT_EQ(test::allocations, 0u);
  EXPECT_GT(meter.dropped(), 0u);
}

}  // namespace
}  // namespace rtlane::rt
