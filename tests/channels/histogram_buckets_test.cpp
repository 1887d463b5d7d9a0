// Buckets of a histogram told and taken over again, as files and other programs need it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rtlane/channels/histogram.hpp>

#include <cstring>
#include <utility>
#include <vector>

namespace rtlane {
namespace {

using Buckets = std::vector<Histogram::Bucket>;
using testing::ElementsAre;
using testing::Pair;

Histogram of(const std::vector<std::uint64_t>& durations)
{
  Histogram histogram;
  for (const std::uint64_t ns : durations)
    histogram.record(ns);
  return histogram;
}

Buckets buckets_of(const Histogram& histogram)
{
  Buckets buckets;
  histogram.for_each_bucket([&](std::size_t bucket, std::uint64_t count) {
    buckets.push_back({Histogram::upper_bound_ns(bucket), count});
  });
  return buckets;
}

bool same(const Histogram& one, const Histogram& other)
{
  return std::memcmp(&one, &other, sizeof one) == 0;
}

TEST(HistogramBuckets, AreToldInOrderAndOnlyWhereSomethingIs)
{
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  of({100'000, 3, 64, 65, 3}).for_each_bucket([&](std::size_t bucket, std::uint64_t count) {
    told.emplace_back(Histogram::upper_bound_ns(bucket), count);
  });
  EXPECT_THAT(told, ElementsAre(Pair(3, 2), Pair(65, 2), Pair(100'351, 1)));
  EXPECT_TRUE(buckets_of(Histogram()).empty());
}

TEST(HistogramBuckets, BoundsOfNeighboursTouch)
{
  EXPECT_EQ(Histogram::lower_bound_ns(0), 0u);
  for (std::size_t bucket = 1; bucket < Histogram::bucket_count; ++bucket)
    ASSERT_EQ(Histogram::lower_bound_ns(bucket), Histogram::upper_bound_ns(bucket - 1) + 1);
}

TEST(HistogramBuckets, ARankBeyondTheLastIsTheLargestAndOneBelowTheFirstTheSmallest)
{
  const Histogram histogram = of({10, 1'000'000});
  EXPECT_EQ(histogram.rank_ns(0).upper, 10u);
  EXPECT_EQ(histogram.rank_ns(1).upper, 10u);
  EXPECT_EQ(histogram.rank_ns(2).upper, 1'000'000u);
  EXPECT_EQ(histogram.rank_ns(3).upper, 1'000'000u);
  EXPECT_EQ(Histogram().rank_ns(1).upper, 0u);
}

// The last bucket has no bound but the largest record.
TEST(HistogramBuckets, APercentileBeyondTheRangeIsNotBelowTheTruth)
{
  const std::uint64_t hours = std::uint64_t{1} << 50;
  Histogram histogram = of({1});
  const Histogram before = histogram.snapshot();
  histogram.record(hours);
  EXPECT_EQ(histogram.percentile_ns(100), hours);
  EXPECT_EQ(histogram.percentile_ns(75), hours);
  EXPECT_EQ(histogram.since(before).max_ns(), hours);
}

TEST(HistogramBuckets, RestoreGivesTheSameHistogram)
{
  for (const Histogram& histogram : {Histogram(), of({0}), of({5, 70, 71, 1'000'000'007, std::uint64_t{1} << 60})}) {
    Histogram restored = of({1, 2, 3});
    ASSERT_TRUE(restored.restore(buckets_of(histogram), histogram.max_ns()));
    EXPECT_TRUE(same(restored, histogram));
  }
}

TEST(HistogramBuckets, RestoreRefusesWhatNoHistogramTold)
{
  struct Case {
    const char* what;
    Buckets buckets;
    std::uint64_t max_ns;
  };
  const Case cases[] = {
      {"a bound within a bucket", {{64, 1}}, 64},
      {"buckets out of order", {{65, 1}, {3, 1}}, 65},
      {"a bucket twice", {{65, 1}, {65, 1}}, 65},
      {"an empty bucket", {{3, 0}, {65, 1}}, 65},
      {"a maximum above the last bucket", {{65, 1}}, 66},
      {"a maximum below the last bucket", {{65, 1}}, 63},
      {"a maximum of nothing", {}, 1},
      {"more records than can be counted", {{3, UINT64_MAX}, {65, 1}}, 65},
  };
  for (const Case& wrong : cases) {
    Histogram histogram = of({42});
    EXPECT_FALSE(histogram.restore(wrong.buckets, wrong.max_ns)) << wrong.what;
    EXPECT_TRUE(same(histogram, of({42}))) << wrong.what;
  }
}

}  // namespace
}  // namespace rtlane
