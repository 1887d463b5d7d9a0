// Two sides of launches, figure for figure, and what may be said of each.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "../support/document.hpp"
#include "launches.hpp"

namespace rtlane::bench {

inline constexpr std::size_t launches_needed = 5;  // a side
inline constexpr double significant_p = 0.05;

enum class Verdict { same, better, worse, not_enough_data, not_comparable };
const char* verdict_text(Verdict verdict);

struct FigureComparison {
  std::size_t figure = 0;  // in `figures`
  std::size_t launches_a = 0;
  std::size_t launches_b = 0;
  double median_a = 0;
  double median_b = 0;
  std::optional<double> ratio;                    // median_b / median_a; none of the launches is 0
  std::optional<std::array<double, 2>> interval;  // of ratio, 95 %; both sides have two launches
  double mann_whitney_p = 1;
  std::optional<double> corrected_p;  // of what the verdict rests on; there are enough launches, and a ratio
  Verdict verdict = Verdict::not_enough_data;
};

struct ResultComparison {
  ResultKey key;
  std::vector<FigureComparison> figures;  // those that both sides have
  std::vector<std::size_t> only_a;        // figures that B lacks
  std::string failed_in_b;                // why it was not measured in one of B's files, "" if it was or was skipped
};

struct OneSided {
  ResultKey key;
  std::string reason;                // "", "skipped: ...": why it is not on the other side
  std::vector<std::size_t> figures;  // those that the side has which measured it
  bool failed_in_b = false;
};

struct Comparison {
  std::vector<ResultComparison> results;
  std::vector<OneSided> only_a;
  std::vector<OneSided> only_b;
  std::vector<OneSided> on_neither;  // both sides name it, and neither has measured it
};

// How much more the figure costs on side B: 1.1 is 10 % worse, also for a rate, of which the time for one is compared.
// It has a ratio.
double cost_ratio(const FigureComparison& comparison);

// A difference counts from `threshold` on, 0.05 for 5 %: from a cost ratio above 1 + threshold, or below its inverse.
//
// p values are corrected by Holm's method in two families, each at half of significant_p: the first figure of the
// results (ratio or throughput), and all others. So the many percentiles do not blunt the figure that is looked at
// first. corrected_p holds that factor of two already.
Comparison compare_sides(const Side& a, const Side& b, double threshold);

// --fail-if
struct Limit {
  std::string text;
  std::size_t figure = 0;
  double percent = 0;
};

// "p99.9>+10%". Nothing when it is something else.
std::optional<Limit> parse_limit(const std::string& text);

// Whether the figure is worse by more than the limit, and significantly so.
bool breaks(const Limit& limit, const FigureComparison& comparison);

// The figure of a result that the limit is for, of those that it has: p50 is ratio where there is one.
std::optional<std::size_t> concerned(const Limit& limit, const std::vector<std::size_t>& there);

// What a limit came to. It was kept when nothing broke it, and nothing stands in `not_held`.
struct Judged {
  Limit limit;
  std::size_t held_against = 0;
  std::vector<std::string> broken_by;
  std::vector<std::string> not_held;  // sentences: what it could not be held against, and why

  [[nodiscard]] bool kept() const { return broken_by.empty() && not_held.empty(); }
};

Judged judge(const Limit& limit, const Comparison& comparison);

}  // namespace rtlane::bench
