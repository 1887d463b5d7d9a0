#include "demo/margin.hpp"

#include <gtest/gtest.h>

#include <random>

#include "demo/phases.hpp"

namespace rtlane::demo {
namespace {

TEST(MarginController, ConvergesToTheQuantileOfTheWakeUpErrors)
{
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> error(1.0 / 30'000.0);  // mean 30 us; p99 is ln(100) times that: 138 us
  MarginController margin(500'000);
  for (int i = 0; i < 20'000; ++i)
    margin.update(static_cast<std::int64_t>(error(random)));
  int late = 0;
  constexpr int judged = 200'000;
  for (int i = 0; i < judged; ++i) {
    const auto wake_ns = static_cast<std::int64_t>(error(random));
    late += wake_ns > margin.margin_ns() ? 1 : 0;
    margin.update(wake_ns);
  }
  // The share above the margin is 1 % by construction, whatever the distribution.
  EXPECT_NEAR(static_cast<double>(late) / judged, 1.0 - MarginController::quantile, 0.002);
}

TEST(MarginController, FollowsASystemThatBecomesSlowerAndFasterAgain)
{
  MarginController margin(500'000);
  for (int i = 0; i < 5'000; ++i)
    margin.update(20'000 + i % 100);
  EXPECT_NEAR(static_cast<double>(margin.margin_ns()), 20'000.0, 3'000.0);
  for (int i = 0; i < 5'000; ++i)
    margin.update(80'000 + i % 100);
  EXPECT_NEAR(static_cast<double>(margin.margin_ns()), 80'000.0, 6'000.0);
  for (int i = 0; i < 20'000; ++i)
    margin.update(20'000 + i % 100);
  EXPECT_NEAR(static_cast<double>(margin.margin_ns()), 20'000.0, 3'000.0);
}

TEST(MarginController, OneOutlierMovesItNoFurtherThanAnyLateTick)
{
  MarginController small(500'000), large(500'000);
  for (int i = 0; i < 1'000; ++i) {
    small.update(20'000);
    large.update(20'000);
  }
  small.update(60'000);
  large.update(50'000'000);
  EXPECT_EQ(small.margin_ns(), large.margin_ns());
}

TEST(MarginController, StaysWithinItsLimits)
{
  MarginController margin(100'000);
  for (int i = 0; i < 10'000; ++i) {
    margin.update(10'000'000);
    ASSERT_LE(margin.margin_ns(), 100'000);
  }
  EXPECT_EQ(margin.margin_ns(), 100'000);
  for (int i = 0; i < 200'000; ++i) {
    margin.update(0);
    ASSERT_GE(margin.margin_ns(), 0);
  }
}

TEST(Phases, TheFirstQuarterIsBeforeAndTheSecondHalfIsJudged)
{
  constexpr Phases phases(12'000'000'000);
  EXPECT_EQ(phases.close_ns, 3'000'000'000);
  EXPECT_EQ(phases.judge_ns, 6'000'000'000);
  EXPECT_GT(Phases(0).judge_ns, Phases(0).close_ns);
}

}  // namespace
}  // namespace rtlane::demo
