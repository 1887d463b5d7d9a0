// What a histogram states of many distributions, against the samples themselves.
#include <gtest/gtest.h>
#include <rtlane/channels/histogram.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace rtlane {
namespace {

using Random = std::mt19937_64;

struct Distribution {
  std::string name;
  std::function<double(Random&)> draw;
};

std::ostream& operator<<(std::ostream& out, const Distribution& distribution)
{
  return out << distribution.name;
}

double uniform(Random& random)
{
  return std::uniform_real_distribution<double>()(random);
}

const std::vector<Distribution> distributions = {
    {"constant", [](Random&) { return 777.0; }},
    {"exact", [](Random& random) { return 64 * uniform(random); }},
    {"uniform", [](Random& random) { return 1e6 * uniform(random); }},
    {"exponential", [](Random& random) { return std::exponential_distribution<double>(1e-4)(random); }},
    {"lognormal", [](Random& random) { return std::lognormal_distribution<double>(10, 2)(random); }},
    {"pareto", [](Random& random) { return 100 / (1e-9 + uniform(random)); }},
    {"twoModes",
     [](Random& random) { return std::normal_distribution<double>(uniform(random) < 0.9 ? 110 : 530, 7)(random); }},
    {"wholeRange", [](Random& random) { return std::exp2(41.99 * uniform(random)); }},
    {"powersOfTwo", [](Random& random) { return std::exp2(std::floor(41.9 * uniform(random))); }},
    {"justBelowPowersOfTwo", [](Random& random) { return std::exp2(std::floor(1 + 40.9 * uniform(random))) - 1; }},
    {"rareStalls", [](Random& random) { return uniform(random) < 0.999 ? 100 + 20 * uniform(random) : 3e6; }},
};

class HistogramPrecision : public testing::TestWithParam<Distribution> {
protected:
  void SetUp() override
  {
    seed_ = std::random_device{}();
    Random random(seed_);
    for (int i = 0; i < 20'000; ++i)
      samples_.push_back(static_cast<std::uint64_t>(std::max(0.0, GetParam().draw(random))));
  }

  unsigned seed_ = 0;
  std::vector<std::uint64_t> samples_;
};

TEST_P(HistogramPrecision, EveryRankLiesWithinItsBoundsWhichAreA32ndApart)
{
  SCOPED_TRACE(seed_);
  Histogram histogram;
  for (const std::uint64_t ns : samples_)
    histogram.record(ns);
  std::sort(samples_.begin(), samples_.end());
  for (std::size_t i = 0; i < samples_.size(); i += 7) {
    const auto [lower, upper] = histogram.rank_ns(i + 1);
    ASSERT_LE(lower, samples_[i]) << "rank " << i + 1;
    ASSERT_GE(upper, samples_[i]) << "rank " << i + 1;
    ASSERT_LE(upper - lower, lower / 32) << "rank " << i + 1;
  }
}

TEST_P(HistogramPrecision, EveryPercentileIsNeverBelowTheSampleAndAtMostA32ndAbove)
{
  SCOPED_TRACE(seed_);
  Histogram histogram;
  for (const std::uint64_t ns : samples_)
    histogram.record(ns);
  std::sort(samples_.begin(), samples_.end());
  const auto count = static_cast<double>(samples_.size());
  for (int tenth = 0; tenth <= 1000; ++tenth) {
    const double percent = tenth / 10.0;
    const double rank = std::max(1.0, std::ceil(count * percent / 100));
    const std::uint64_t exact = samples_[static_cast<std::size_t>(rank) - 1];
    ASSERT_GE(histogram.percentile_ns(percent), exact) << percent;
    ASSERT_LE(histogram.percentile_ns(percent), exact + exact / 32) << percent;
  }
  EXPECT_EQ(histogram.percentile_ns(100), samples_.back());
  EXPECT_EQ(histogram.max_ns(), samples_.back());
}

TEST_P(HistogramPrecision, AMergeOfPartsIsTheWholeBucketForBucket)
{
  SCOPED_TRACE(seed_);
  Histogram whole;
  std::vector<Histogram> parts(5);
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    whole.record(samples_[i]);
    parts[i * i % 7 % parts.size()].record(samples_[i]);  // of different sizes, one of them empty
  }
  Histogram merged;
  for (const Histogram& part : parts)
    merged.merge(part);
  EXPECT_EQ(merged.max_ns(), whole.max_ns());
  std::vector<std::uint64_t> counts(Histogram::bucket_count);
  whole.for_each_bucket([&](std::size_t bucket, std::uint64_t count) { counts[bucket] = count; });
  merged.for_each_bucket([&](std::size_t bucket, std::uint64_t count) { counts[bucket] -= count; });
  EXPECT_EQ(counts, std::vector<std::uint64_t>(Histogram::bucket_count));
}

INSTANTIATE_TEST_SUITE_P(, HistogramPrecision, testing::ValuesIn(distributions),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace rtlane
