#include <gtest/gtest.h>
#include <rtlane/channels/histogram.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <random>
#include <vector>

#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane {
namespace {

TEST(Histogram, AnEmptyOneAnswersZeroToEverything)
{
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max_ns(), 0u);
  EXPECT_EQ(histogram.percentile_ns(50), 0u);
}

TEST(Histogram, EveryDurationLiesInItsBucketAndTheBucketsLeaveNoGap)
{
  std::uint64_t lowest = 0;
  for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
    const std::uint64_t highest = Histogram::upper_bound_ns(bucket);
    ASSERT_GE(highest, lowest);
    ASSERT_EQ(Histogram::bucket_of(lowest), bucket);
    ASSERT_EQ(Histogram::bucket_of(highest), bucket);
    // the stated precision: the upper bound is at most 1/32 above any duration in the bucket
    ASSERT_LE(highest - lowest, lowest / 32) << "bucket " << bucket;
    lowest = highest + 1;
  }
  EXPECT_EQ(Histogram::bucket_of(UINT64_MAX), Histogram::bucket_count - 1);
}

TEST(Histogram, PercentilesAreNeverBelowTheTrueValueAndAtMost32thAbove)
{
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> latency(10.0, 2.0);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::max(std::ceil(20'000 * percent / 100.0), 1.0));
    const std::uint64_t exact = values[rank - 1];
    EXPECT_GE(histogram.percentile_ns(percent), exact) << percent;
    EXPECT_LE(histogram.percentile_ns(percent), exact + exact / 32) << percent;
  }
  EXPECT_EQ(histogram.count(), 20'000u);
  EXPECT_EQ(histogram.max_ns(), values.back());
  EXPECT_EQ(histogram.percentile_ns(100), values.back());
}

TEST(Histogram, DurationsBeyondTheRangeKeepTheirExactMaximum)
{
  Histogram histogram;
  histogram.record(std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.max_ns(), std::uint64_t{1} << 50);
  EXPECT_EQ(histogram.count(), 1u);
}

TEST(Histogram, MergingGivesTheSameAsRecordingAllInOne)
{
  Histogram one, two, all;
  for (std::uint64_t ns = 1; ns < 1'000'000; ns = ns * 3 + 1) {
    (ns % 2 == 0 ? one : two).record(ns);
    all.record(ns);
  }
  one.merge(two);
  EXPECT_EQ(std::memcmp(&one, &all, sizeof all), 0);
}

TEST(Histogram, SinceLeavesOutWhatWasThereBefore)
{
  Histogram histogram;
  histogram.record(5'000'000);
  const Histogram before = histogram.snapshot();
  histogram.record(100);
  histogram.record(200);
  const Histogram recent = histogram.since(before);
  EXPECT_EQ(recent.count(), 2u);
  EXPECT_GE(recent.max_ns(), 200u);
  EXPECT_LE(recent.max_ns(), 206u);
  EXPECT_EQ(histogram.since(histogram.snapshot()).count(), 0u);
}

TEST(Histogram, AnotherProcessReadsItWhileItIsRecordedTo)
{
  test::SharedPage<Histogram> shared;
  constexpr std::uint64_t records = 200'000;
  test::Child writer = test::Child::start([&] {
    for (std::uint64_t i = 0; i < records; ++i)
      shared->record(1'000 + i % 1'000);
  });
  std::uint64_t last = 0;
  while (last < records) {
    const std::uint64_t count = shared->snapshot().count();
    ASSERT_GE(count, last);
    last = count;
    ASSERT_LE(shared->percentile_ns(99), 2'047u);
  }
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(shared->max_ns(), 1'999u);
}

}  // namespace
}  // namespace rtlane
