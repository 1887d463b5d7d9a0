// What the page is made of: escaping, figures, scales, and the geometry of charts.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"
#include "markup.hpp"
#include "scale.hpp"

namespace rtlane::bench::report {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pointwise;

TEST(ReportMarkup, TextCannotBecomeMarkup)
{
  EXPECT_EQ(text("<script>\"&'").source(), "&lt;script&gt;&quot;&amp;&#39;");
  EXPECT_EQ(text("a\x01\n\u202e\u2066z").source(), "a\\x01\\x0a\\u202e\\u2066z");
  EXPECT_EQ(text("\xff\xc3").source(), "\\xff\\xc3");
  EXPECT_EQ(text("\uffff\ufffe\ufffd").source(), "\\uffff\\ufffe\ufffd");
  EXPECT_EQ(text("10 µs × 日本 🤖").source(), "10 µs × 日本 🤖");
  EXPECT_EQ(empty_element("p", {{"title", "\"><b onclick='x'"}}).source(),
            "<p title=\"&quot;&gt;&lt;b onclick=&#39;x&#39;\"/>");
}

TEST(ReportMarkup, ABreakableNameKeepsAllOfIts)
{
  EXPECT_EQ(breakable("a/b_c").source(), "a/<wbr/>b_<wbr/>c");
  EXPECT_EQ(breakable("<a>/").source(), "&lt;a&gt;/");
  EXPECT_EQ(breakable("").source(), "");
}

TEST(ReportFigures, HaveUnitsAndDigitsThatFit)
{
  EXPECT_EQ(duration(1499.6), "1.5 us");
  EXPECT_EQ(duration(1e300), duration(9e18));
  EXPECT_EQ(duration(std::nullopt), absent);
  EXPECT_EQ(count(1234567), "1,234,567");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(1e300), "1e+300");
  EXPECT_EQ(number(0.954), "0.95");
  EXPECT_EQ(number(9.996), "10.0");
  EXPECT_EQ(number(999.7), "1,000");
  EXPECT_EQ(number(0.0123), "0.012");
  EXPECT_EQ(rate(41e6), "41.0 M/s");
  EXPECT_EQ(rate(12.0), "12.0 /s");
  EXPECT_EQ(size(4096), "4\u00a0KiB");
  EXPECT_EQ(percent(99.99), "99.99 %");
}

TEST(ReportFigures, APercentileThatLacksSamplesSaysHowManyItNeeds)
{
  Percentile percentile{"p99_99", 99.99, {}, {}, {}, 100000};
  EXPECT_EQ(percentile_text(&percentile), "needs 100,000");
  percentile.ns = 250.0;
  EXPECT_EQ(percentile_text(&percentile), "250 ns");
  EXPECT_EQ(percentile_text(nullptr), absent);
}

TEST(ReportScale, ALogarithmIsEvenAndItsEndsHold)
{
  const LogScale scale({1, 1000}, 0, 300);
  EXPECT_NEAR(scale(1), 0, 1e-9);
  EXPECT_NEAR(scale(10), 100, 1e-9);
  EXPECT_NEAR(scale(1000), 300, 1e-9);
  EXPECT_NEAR(scale(0), 0, 1e-9);
  EXPECT_NEAR(scale(1e300), 300, 1e-9);
  const LogScale downward({1, 100}, 200, 0);
  EXPECT_NEAR(downward(10), 100, 1e-9);
  const LinearScale linear(50, 10, 110);
  EXPECT_NEAR(linear(25), 60, 1e-9);
  EXPECT_NEAR(linear(1e9), 110, 1e-9);
}

TEST(ReportScale, ARangeHoldsAllValues)
{
  const auto expect_range = [](const std::vector<double>& values, double low, double high) {
    const Range range = log_range(values);
    EXPECT_NEAR(range.low / low, 1, 1e-6);
    EXPECT_NEAR(range.high / high, 1, 1e-6);
  };
  expect_range({0.9, 114}, 0.5, 200);
  expect_range({100, 1000}, 100, 1000);
  expect_range({3}, 2, 5);
  expect_range({100}, 50, 200);
  expect_range({}, 1, 10);
  expect_range({0, -1}, 1, 10);
  for (const double extreme : {1e300, 5e-324}) {
    const Range range = log_range({1, extreme});
    EXPECT_GT(range.low, 0);
    EXPECT_LT(range.low, range.high);
    EXPECT_TRUE(std::isfinite(range.high));
  }
}

TEST(ReportScale, TicksLieInTheRangeAndAreNoMoreThanAsked)
{
  EXPECT_THAT(log_ticks({0.5, 20}, 12), Pointwise(DoubleNear(1e-9), {0.5, 1., 2., 5., 10., 20.}));
  EXPECT_THAT(log_ticks({0.5, 20}, 4), Pointwise(DoubleNear(1e-9), {1., 10.}));
  for (const double decades : {1., 2., 3., 7., 20., 36.}) {
    for (const std::size_t most : {2U, 3U, 6U, 12U}) {
      const std::vector<double> ticks = log_ticks({1, std::pow(10.0, decades)}, most);
      EXPECT_LE(ticks.size(), most);
      EXPECT_GE(ticks.size(), 1U);
    }
  }
  EXPECT_THAT(linear_ticks(11.8, 7), ElementsAre(0, 2, 4, 6, 8, 10));
  for (const double high : {1e-9, 0.3, 1., 7., 99., 1e12, 1e300}) {
    const std::vector<double> ticks = linear_ticks(high, 5);
    EXPECT_LE(ticks.size(), 5U) << high;
    EXPECT_GE(ticks.size(), 2U) << high;
    EXPECT_LE(ticks.back(), high * (1 + 1e-6));
  }
  EXPECT_THAT(linear_ticks(5e-324, 5), ElementsAre(0));
}

TEST(ReportScale, LabelsAreMovedApartNoMoreThanTheyNeed)
{
  const auto expect_places = [](const std::vector<double>& places, const std::vector<double>& wanted) {
    EXPECT_THAT(spread_out(places, 10, 0, 100), Pointwise(DoubleNear(1e-9), wanted));
  };
  expect_places({20, 50}, {20, 50});
  expect_places({50, 50}, {45, 55});
  expect_places({50, 20, 50}, {45, 20, 55});
  expect_places({0, 0, 1}, {0, 10, 20});
  expect_places({100, 99}, {100, 90});
  // no room for all: as far apart as it goes
  const std::vector<double> many = spread_out(std::vector<double>(21, 50.0), 10, 0, 100);
  EXPECT_NEAR(many.front(), 0, 1e-9);
  EXPECT_NEAR(many.back(), 100, 1e-9);
  EXPECT_THAT(spread_out({}, 10, 0, 100), ElementsAre());
}

Result result_with_ratio(const std::string& name, double ratio)
{
  Result result;
  result.name = name;
  result.mode = "closed";
  result.bytes = 16;
  result.ratio = Ratio{{ratio, ratio * 0.9, ratio * 1.1}, {}, {}};
  return result;
}

TEST(ReportCharts, ARatioIsDrawnWhereItBelongsAndMarkedForWhatItIs)
{
  Result ours = result_with_ratio("rtlane/spsc", 1.0);
  Result peer = result_with_ratio("linux/pipe", 100.0);
  peer.blocks = true;
  Result within = result_with_ratio("boost/queue", 10.0);
  within.in_process = true;
  const std::string chart = ratio_chart("r", {&ours, &within, &peer}).source();
  EXPECT_THAT(chart, HasSubstr("id=\"r-wide-title\""));
  EXPECT_THAT(chart, HasSubstr("id=\"r-narrow-title\""));
  EXPECT_THAT(chart, HasSubstr("class=\"mark ours\""));
  EXPECT_THAT(chart, HasSubstr("class=\"mark open peer\""));
  EXPECT_THAT(chart,
              HasSubstr("linux/pipe, 16\u00a0B: 100× the floor, 10th to 90th percentile of the rounds 90.0 to 110; "
                        "waits sleep in the kernel"));
  EXPECT_THAT(chart, HasSubstr("boost/queue 10.0×; linux/pipe 100×; "));
}

TEST(ReportCharts, ACurveEndsWithItsMaximumAndShowsTheCleanOne)
{
  Buckets buckets{{{100, 90}, {200, 9}, {1000, 1}}, 100, 900};
  const std::string chart = percentile_chart("p", "Round trips", {{"x", "line-0", true, &buckets, 99, 150}}).source();
  EXPECT_THAT(chart, HasSubstr("x: raw maximum 900 ns"));
  EXPECT_THAT(chart, HasSubstr("x: clean maximum 150 ns"));
  // 100 samples: p90 and the maximum, 1 in 100.
  EXPECT_THAT(chart, HasSubstr(">90 %<"));
  EXPECT_THAT(chart, HasSubstr(">99 %<"));
  EXPECT_THAT(chart, Not(HasSubstr(">99.9 %<")));
  const Buckets none;
  EXPECT_TRUE(percentile_chart("p", "Round trips", {{"x", "line-0", true, &none, {}, {}}}).empty());
}

TEST(ReportCharts, ATimeLineOfManyRoundsKeepsTheLargestOfThem)
{
  Result result = result_with_ratio("rtlane/spsc", 1.0);
  for (int i = 0; i < 100'000; ++i)
    result.timeline.push_back({i * 0.02, 200.0, Cause::clean});
  result.timeline[77'777] = {77'777 * 0.02, 3.1e6, Cause::host};
  const std::string chart = timeline_chart("t", result, timeline_range({&result})).source();
  EXPECT_THAT(chart, HasSubstr("3.1 ms, host after 1556 s"));
  EXPECT_THAT(chart, HasSubstr("100000 rounds; the largest sample of them, 3.1 ms,"));
  EXPECT_THAT(chart, HasSubstr("clean 99999; host 1; "));
  EXPECT_LT(chart.size(), 100'000U);
}

TEST(ReportCharts, ALongLabelIsCutAndItsWholeIsTheTooltip)
{
  const std::string cut = label_within({0, 0}, "日本日本日本日本日本", 40).source();
  EXPECT_THAT(cut, HasSubstr("<title>日本日本日本日本日本</title>"));
  EXPECT_THAT(cut, HasSubstr("</title>日本日本日…<"));
  EXPECT_THAT(label_within({0, 0}, "short", 40).source(), Not(HasSubstr("title")));
}

}  // namespace
}  // namespace rtlane::bench::report
