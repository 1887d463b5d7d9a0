// Verdicts on runs that are made up, so that what differs is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "bench/launch_noise.hpp"
#include "compare/comparison.hpp"
#include "compare/launches.hpp"
#include "support/sanitizer.hpp"

namespace rtlane::bench {
namespace {

using test::LaunchNoise;
using testing::ElementsAre;

const std::vector<std::string> names = {"boost/spsc_queue", "rtlane/frame", "rtlane/mpmc", "rtlane/snapshot",
                                        "rtlane/spsc"};
constexpr double threshold = 0.05;

ResultKey key_of(const std::string& name, const std::string& mode = "closed")
{
  return {name, 16, mode, false, false, std::nullopt};
}

// One run of all results: of each the ratio and five percentiles that scatter more the further out they lie, and a
// result with a throughput. A disturbed launch is so in all its figures.
Side run(LaunchNoise& noise, std::size_t launches)
{
  Side side;
  for (const std::string& name : names) {
    ResultLaunches& result = side.results[key_of(name)];
    result.launches = launches;
    for (std::size_t i = 0; i < launches; ++i) {
      const double disturbance = noise.disturbance();
      result.values[ratio_figure].push_back(disturbance * std::exp(0.03 * noise.normal()));
      double typical = 1;
      double scatter = 0.03;
      for (std::size_t figure = p50_figure + 1; figure < throughput_figure; ++figure)
        result.values[figure].push_back(disturbance * (typical *= 2) * std::exp((scatter *= 1.7) * noise.normal()));
    }
  }
  ResultLaunches& saturated = side.results[key_of("rtlane/spsc", "saturated")];
  saturated.launches = launches;
  for (const double cost : noise.launches(launches, 1))
    saturated.values[throughput_figure].push_back(5 / cost);
  return side;
}

void slow_down(Side& side, const ResultKey& key, double factor)
{
  for (std::size_t i = 0; i < figures.size(); ++i)
    for (double& value : side.results.at(key).values[i])
      value = figures[i].larger_is_better ? value / factor : value * factor;
}

Verdict verdict_on(const Comparison& comparison, const ResultKey& key, std::size_t figure)
{
  for (const ResultComparison& result : comparison.results) {
    if (result.key != key)
      continue;
    for (const FigureComparison& one : result.figures)
      if (one.figure == figure)
        return one.verdict;
  }
  ADD_FAILURE() << "no figure " << figure << " of " << label(key);
  return Verdict::same;
}

std::size_t count(const Comparison& comparison, Verdict verdict)
{
  std::size_t found = 0;
  for (const ResultComparison& result : comparison.results)
    for (const FigureComparison& figure : result.figures)
      found += figure.verdict == verdict ? 1 : 0;
  return found;
}

constexpr std::size_t figures_in_all = 5 * 6 + 1;

class Launches : public testing::TestWithParam<std::size_t> {
protected:
  static constexpr int tries = test::built_with_sanitizer ? 20 : 60;
};

// A run against itself, with 31 figures to be wrong about.
TEST_P(Launches, OfTheSameProgramAreCalledTheSameInAtLeast19Of20Tries)
{
  LaunchNoise noise(20251125);
  int same = 0;
  for (int i = 0; i < tries; ++i) {
    const Comparison comparison = compare_sides(run(noise, GetParam()), run(noise, GetParam()), threshold);
    same += count(comparison, Verdict::same) == figures_in_all ? 1 : 0;
  }
  EXPECT_GE(same * 20, tries * 19) << same << " of " << tries;
}

// One result of six is slower by a fifth. Five launches of which a tenth is disturbed cannot always show it.
TEST_P(Launches, ShowAPlantedSlowdownOfAFifth)
{
  LaunchNoise noise(42);
  const ResultKey slower = key_of("rtlane/mpmc");
  int found = 0;
  int alarms = 0;
  for (int i = 0; i < tries; ++i) {
    const Side a = run(noise, GetParam());
    Side b = run(noise, GetParam());
    slow_down(b, slower, 1.2);
    const Comparison comparison = compare_sides(a, b, threshold);
    found += verdict_on(comparison, slower, ratio_figure) == Verdict::worse ? 1 : 0;
    for (const std::string& name : names)
      alarms += name != slower.name && verdict_on(comparison, key_of(name), ratio_figure) != Verdict::same ? 1 : 0;
  }
  RecordProperty("found_percent", found * 100 / tries);
  EXPECT_GE(found * 100, tries * (GetParam() < 10 ? 65 : 85)) << found << " of " << tries;
  EXPECT_LE(alarms * 20, tries);
}

// The same pairs the other way round: what was worse is better, and what was the same stays so.
TEST_P(Launches, GiveTheMirroredVerdictsTheOtherWayRound)
{
  LaunchNoise noise(43);
  for (int i = 0; i < tries / 4; ++i) {
    const Side a = run(noise, GetParam());
    Side b = run(noise, GetParam());
    slow_down(b, key_of("rtlane/spsc"), 1.3);
    slow_down(b, key_of("rtlane/spsc", "saturated"), 1.3);
    slow_down(b, key_of("rtlane/frame"), 0.6);
    const Comparison forth = compare_sides(a, b, threshold);
    const Comparison back = compare_sides(b, a, threshold);
    EXPECT_EQ(count(forth, Verdict::worse), count(back, Verdict::better));
    EXPECT_EQ(count(forth, Verdict::better), count(back, Verdict::worse));
    for (std::size_t r = 0; r < forth.results.size(); ++r)
      for (std::size_t f = 0; f < forth.results[r].figures.size(); ++f)
        EXPECT_EQ(*forth.results[r].figures[f].corrected_p, *back.results[r].figures[f].corrected_p);
  }
}

INSTANTIATE_TEST_SUITE_P(, Launches, testing::Values(5, 10, 16));

// Launches without scatter: all that is left is arithmetic.
Side exact(double ratio, std::size_t launches)
{
  Side side;
  ResultLaunches& result = side.results[key_of("rtlane/spsc")];
  result.launches = launches;
  for (std::size_t i = 0; i < launches; ++i)
    result.values[ratio_figure].push_back(ratio + 1e-6 * static_cast<double>(i));
  return side;
}

Side exact_throughput(double per_floor, std::size_t launches)
{
  Side side = exact(per_floor, launches);
  std::swap(side.results.begin()->second.values[ratio_figure], side.results.begin()->second.values[throughput_figure]);
  return side;
}

const FigureComparison& only_figure(const Comparison& comparison)
{
  return comparison.results.at(0).figures.at(0);
}

TEST(Compare, FewerThanFiveLaunchesASideGetNoVerdict)
{
  for (const auto& [of_a, of_b] : {std::pair(4, 20), std::pair(20, 4), std::pair(1, 1), std::pair(1, 9)}) {
    const Comparison comparison =
        compare_sides(exact(1, static_cast<std::size_t>(of_a)), exact(2, static_cast<std::size_t>(of_b)), threshold);
    EXPECT_EQ(only_figure(comparison).verdict, Verdict::not_enough_data) << of_a << " " << of_b;
    EXPECT_FALSE(only_figure(comparison).corrected_p);
    EXPECT_NEAR(*only_figure(comparison).ratio, 2, 1e-4);
    EXPECT_EQ(only_figure(comparison).interval.has_value(), of_a > 1);
  }
  EXPECT_EQ(only_figure(compare_sides(exact(1, 5), exact(2, 5), threshold)).verdict, Verdict::worse);
}

TEST(Compare, ADifferenceWithinTheThresholdIsTheSameHoweverCertain)
{
  EXPECT_EQ(only_figure(compare_sides(exact(1, 10), exact(1.049, 10), threshold)).verdict, Verdict::same);
  EXPECT_EQ(only_figure(compare_sides(exact(1, 10), exact(1.051, 10), threshold)).verdict, Verdict::worse);
  EXPECT_EQ(only_figure(compare_sides(exact(1.049, 10), exact(1, 10), threshold)).verdict, Verdict::same);
  EXPECT_EQ(only_figure(compare_sides(exact(1.051, 10), exact(1, 10), threshold)).verdict, Verdict::better);
  EXPECT_EQ(only_figure(compare_sides(exact(1, 10), exact(1.051, 10), 0.1)).verdict, Verdict::same);
  EXPECT_EQ(only_figure(compare_sides(exact(1, 10), exact(1.01, 10), 0)).verdict, Verdict::worse);
}

TEST(Compare, ALowerThroughputIsWorse)
{
  const Comparison comparison = compare_sides(exact_throughput(4, 10), exact_throughput(3, 10), threshold);
  EXPECT_EQ(only_figure(comparison).verdict, Verdict::worse);
  EXPECT_NEAR(*only_figure(comparison).ratio, 0.75, 1e-4);
  EXPECT_NEAR(cost_ratio(only_figure(comparison)), 4.0 / 3, 1e-4);
  EXPECT_EQ(only_figure(compare_sides(exact_throughput(3, 10), exact_throughput(4, 10), threshold)).verdict,
            Verdict::better);
}

TEST(Compare, TheMorePercentilesThereAreTheSurerEachHasToBe)
{
  LaunchNoise noise(1);
  const Side a = run(noise, 10);
  Side b = run(noise, 10);
  Side a_one, b_one;
  const ResultKey key = key_of("rtlane/spsc");
  slow_down(b, key, 1.06);
  a_one.results[key] = a.results.at(key);
  b_one.results[key] = b.results.at(key);
  const Comparison all = compare_sides(a, b, threshold);
  const Comparison one = compare_sides(a_one, b_one, threshold);
  const auto& among_all = std::find_if(all.results.begin(), all.results.end(), [&](const ResultComparison& result) {
                            return result.key == key;
                          })->figures;
  const auto& alone = one.results[0].figures;
  ASSERT_EQ(among_all.size(), alone.size());
  bool any_surer = false;
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_GE(*among_all[i].corrected_p, *alone[i].corrected_p);
    EXPECT_EQ(among_all[i].mann_whitney_p, alone[i].mann_whitney_p);
    any_surer = any_surer || *among_all[i].corrected_p > *alone[i].corrected_p;
  }
  EXPECT_TRUE(any_surer);
}

TEST(Compare, ResultsOfOneSideAreListedWithTheReason)
{
  Side a = exact(1, 5);
  Side b = exact(1, 5);
  a.results[key_of("only/a")] = a.results.begin()->second;
  a.results[key_of("skipped/b")] = a.results.begin()->second;
  b.results[key_of("skipped/b")].absent = "skipped: no peer here";
  b.results[key_of("only/b")] = b.results.begin()->second;
  a.results[key_of("failed/both")].absent = "failed: killed";
  b.results[key_of("failed/both")].absent = "failed: killed";
  const Comparison comparison = compare_sides(a, b, threshold);
  EXPECT_EQ(comparison.results.size(), 1u);
  const auto listed = [](const std::vector<OneSided>& results) {
    std::vector<std::string> text;
    for (const OneSided& result : results)
      text.push_back(result.key.name + (result.reason.empty() ? "" : " " + result.reason));
    return text;
  };
  EXPECT_THAT(listed(comparison.only_a), ElementsAre("only/a", "skipped/b skipped: no peer here"));
  EXPECT_THAT(listed(comparison.only_b), ElementsAre("only/b"));
  EXPECT_THAT(listed(comparison.on_neither), ElementsAre("failed/both failed: killed"));
}

// ---- limits

TEST(Limit, IsAFigureAndAPercentage)
{
  const auto limit = parse_limit("p99.9>+10%");
  ASSERT_TRUE(limit);
  EXPECT_STREQ(figures[limit->figure].name, "p99.9");
  EXPECT_EQ(limit->percent, 10);
  EXPECT_EQ(parse_limit("throughput>+2.5%")->percent, 2.5);
  for (const Figure& figure : figures)
    EXPECT_TRUE(parse_limit(std::string(figure.name) + ">+0%")) << figure.name;
  for (const char* wrong :
       {"",          "%",           ">+%",         "p99.9",      "p99.9>10%",   "p99.9>+10",   "p99.9>+%",
        "p99.9>+x%", "p99.9>+1e3%", "p99.9>+-1%",  "p99.9>++1%", "p99.9>+nan%", "p99.9>+inf%", "p99.9>+ 10%",
        "p99>+10%%", "p98>+10%",    "p99.9 >+10%", "mean>+10%",  ">+10%",       "p99.9<+10%"})
    EXPECT_FALSE(parse_limit(wrong)) << wrong;
}

TEST(Limit, IsBrokenByWhatIsWorseByMoreAndSignificantlySo)
{
  const auto broken = [](const char* limit, const Side& a, const Side& b) {
    return breaks(*parse_limit(limit), only_figure(compare_sides(a, b, threshold)));
  };
  EXPECT_TRUE(broken("ratio>+10%", exact(1, 10), exact(1.11, 10)));
  EXPECT_FALSE(broken("ratio>+10%", exact(1, 10), exact(1.09, 10)));
  EXPECT_TRUE(broken("ratio>+1%", exact(1, 10), exact(1.02, 10)));  // below --threshold, which is for verdicts
  EXPECT_FALSE(broken("ratio>+10%", exact(1.5, 10), exact(1, 10)));
  EXPECT_FALSE(broken("ratio>+10%", exact(1, 4), exact(1.5, 4)));
  EXPECT_TRUE(broken("throughput>+10%", exact_throughput(4, 10), exact_throughput(3.6, 10)));
  EXPECT_FALSE(broken("throughput>+10%", exact_throughput(4, 10), exact_throughput(3.7, 10)));
  EXPECT_FALSE(broken("throughput>+10%", exact_throughput(3, 10), exact_throughput(4, 10)));
  // 30 % worse in the medians, which such scatter gives by itself
  Side a = exact(1, 5);
  Side b = exact(1, 5);
  a.results.begin()->second.values[ratio_figure] = {1, 2, 3, 4, 5};
  b.results.begin()->second.values[ratio_figure] = {1, 2, 3.9, 4, 5};
  EXPECT_FALSE(broken("ratio>+10%", a, b));
}

TEST(Limit, OnP50IsOneOnTheRatioWhereThatStandsForIt)
{
  EXPECT_EQ(concerned(*parse_limit("p50>+10%"), {ratio_figure}), ratio_figure);
  EXPECT_EQ(concerned(*parse_limit("p90>+10%"), {ratio_figure}), std::nullopt);
  EXPECT_EQ(concerned(*parse_limit("p50>+10%"), {ratio_figure, p50_figure}), p50_figure);
}

// What of A's results a limit cannot be held against is no proof that nothing got worse.
TEST(Limit, IsNotKeptWhereItCouldNotBeHeld)
{
  const auto judged = [](const Side& a, const Side& b) {
    return judge(*parse_limit("p50>+10%"), compare_sides(a, b, 0));
  };
  const Side whole = exact(1, 5);
  EXPECT_TRUE(judged(whole, exact(1, 5)).kept());
  EXPECT_EQ(judged(whole, exact(1, 5)).held_against, 1u);
  EXPECT_FALSE(judged(whole, exact(2, 5)).kept());

  Side missing;
  EXPECT_THAT(judged(whole, missing).not_held,
              ElementsAre("rtlane/spsc 16 B closed: B has not measured it (it is not there)"));
  Side failed;
  failed.results[key_of("rtlane/spsc")].absent = "failed: killed";
  EXPECT_THAT(judged(whole, failed).not_held,
              ElementsAre("rtlane/spsc 16 B closed: B has not measured it (failed: killed)"));
  EXPECT_EQ(judged(failed, failed).not_held.size(), 1u);
  EXPECT_THAT(judged(failed, whole).not_held, ElementsAre("no result has that figure on both sides"));
  Side one_failed = exact(1, 5);
  one_failed.results.begin()->second.absent = "failed: killed";
  EXPECT_THAT(judged(whole, one_failed).not_held,
              ElementsAre("rtlane/spsc 16 B closed: a run of B has not measured it (failed: killed)"));
  Side skipped;
  skipped.results[key_of("rtlane/spsc")].absent = "skipped: not installed";
  EXPECT_EQ(judged(whole, skipped).not_held.size(), 1u);
  Side more = exact(1, 5);
  more.results[key_of("new/one")] = more.results.begin()->second;
  EXPECT_TRUE(judged(whole, more).kept());
  EXPECT_THAT(judged(whole, exact(1, 4)).not_held,
              ElementsAre("rtlane/spsc 16 B closed: 5 launches of A and 4 of B, and 5 a side are needed"));
  EXPECT_THAT(judged(whole, exact_throughput(1, 5)).not_held,
              ElementsAre("rtlane/spsc 16 B closed: B does not have that figure"));
}

TEST(Compare, AFigureOfZeroHasNoRatioAndNoVerdictOfTheSame)
{
  for (const bool in_a : {false, true}) {
    Side a = exact_throughput(3, 10);
    Side b = exact_throughput(3, 10);
    (in_a ? a : b).results.begin()->second.values[throughput_figure][4] = 0;
    const Comparison comparison = compare_sides(a, b, threshold);
    EXPECT_EQ(only_figure(comparison).verdict, Verdict::not_comparable);
    EXPECT_FALSE(only_figure(comparison).ratio);
    EXPECT_FALSE(only_figure(comparison).interval);
    const Judged judged = judge(*parse_limit("throughput>+10%"), comparison);
    EXPECT_THAT(judged.not_held,
                ElementsAre("rtlane/spsc 16 B closed: a launch has the figure 0, so there is no ratio"));
  }
  Side nothing = exact_throughput(0, 5);
  for (double& value : nothing.results.begin()->second.values[throughput_figure])
    value = 0;
  EXPECT_EQ(only_figure(compare_sides(nothing, nothing, threshold)).verdict, Verdict::not_comparable);
}

// ---- runs that took turns

Side begun(const std::vector<std::string>& starts)
{
  Side side;
  side.starts = starts;
  side.files.resize(starts.size(), "x.json");
  return side;
}

TEST(Alternation, IsMissedWhereOneSideWasMeasuredBeforeTheOther)
{
  const auto problem = [](const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return alternation_problem(begun(a), begun(b));
  };
  using testing::HasSubstr;
  EXPECT_THAT(problem({"1"}, {"2"}), HasSubstr("all launches of A were before those of B"));
  EXPECT_THAT(problem({"4", "3"}, {"2", "1"}), HasSubstr("all launches of B were before those of A"));
  EXPECT_THAT(problem({"1", "2", "5", "6", "7"}, {"3", "4", "8", "9"}), HasSubstr("too seldom"));
  EXPECT_THAT(problem({"1", ""}, {"2"}), HasSubstr("x.json does not say when it was started"));
  EXPECT_EQ(problem({"1", "3"}, {"2", "4"}), "");
  EXPECT_EQ(problem({"1", "4"}, {"2", "3"}), "");
  EXPECT_EQ(problem({"1"}, {"1"}), "");
}

}  // namespace
}  // namespace rtlane::bench
