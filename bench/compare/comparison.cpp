#include "comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <system_error>
#include <utility>

#include "significance.hpp"

namespace rtlane::bench {
namespace {

FigureComparison compare_figure(std::size_t figure, const std::vector<double>& a, const std::vector<double>& b)
{
  FigureComparison comparison;
  comparison.figure = figure;
  comparison.launches_a = a.size();
  comparison.launches_b = b.size();
  comparison.median_a = median_of(a);
  comparison.median_b = median_of(b);
  comparison.mann_whitney_p = mann_whitney_p(a, b);
  // All that follows takes logarithms.
  const auto is_0 = [](double value) { return value <= 0; };
  if (std::any_of(a.begin(), a.end(), is_0) || std::any_of(b.begin(), b.end(), is_0))
    return comparison;
  comparison.ratio = comparison.median_b / comparison.median_a;
  if (std::min(a.size(), b.size()) >= 2)
    comparison.interval = ratio_interval(a, b);
  if (std::min(a.size(), b.size()) >= launches_needed)
    comparison.corrected_p = decision_p(a, b);  // compare_sides() corrects it
  return comparison;
}

// The figures that take part in a family: the p values of a family are corrected together.
void correct(const std::vector<FigureComparison*>& family, double factor)
{
  std::vector<double> p;
  p.reserve(family.size());
  for (const FigureComparison* comparison : family)
    p.push_back(*comparison->corrected_p);
  p = holm(p);
  for (std::size_t i = 0; i < family.size(); ++i)
    family[i]->corrected_p = std::min(1.0, p[i] * factor);
}

Verdict verdict_of(const FigureComparison& comparison, double threshold)
{
  if (!comparison.ratio)
    return Verdict::not_comparable;
  if (!comparison.corrected_p)
    return Verdict::not_enough_data;
  const double cost = cost_ratio(comparison);
  if (*comparison.corrected_p > significant_p || std::abs(std::log(cost)) <= std::log1p(threshold))
    return Verdict::same;
  return cost > 1 ? Verdict::worse : Verdict::better;
}

bool measured(const Side& side, const ResultKey& key)
{
  const auto found = side.results.find(key);
  return found != side.results.end() && (found->second.launches > 0 || found->second.absent.empty());
}

std::vector<std::size_t> figures_of(const ResultLaunches& result)
{
  std::vector<std::size_t> there;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (!result.values[i].empty())
      there.push_back(i);
  }
  return there;
}

// `of` is the side that has measured it, if one has.
OneSided one_sided(const ResultKey& key, const ResultLaunches& of, const Side& other, const Side& b)
{
  const auto in_other = other.results.find(key);
  const auto in_b = b.results.find(key);
  return {key, in_other == other.results.end() ? "" : in_other->second.absent, figures_of(of),
          in_b != b.results.end() && in_b->second.failed()};
}

}  // namespace

const char* verdict_text(Verdict verdict)
{
  switch (verdict) {
    case Verdict::same:
      return "same";
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::not_enough_data:
      return "not enough data";
    case Verdict::not_comparable:
      return "not comparable";
  }
  return "?";
}

double cost_ratio(const FigureComparison& comparison)
{
  return figures[comparison.figure].larger_is_better ? comparison.median_a / comparison.median_b
                                                     : comparison.median_b / comparison.median_a;
}

Comparison compare_sides(const Side& a, const Side& b, double threshold)
{
  Comparison comparison;
  for (const auto& [key, of_a] : a.results) {
    if (!measured(a, key)) {
      if (measured(b, key))
        comparison.only_b.push_back(one_sided(key, b.results.at(key), a, b));
      else
        comparison.on_neither.push_back(one_sided(key, of_a, a, b));
      continue;
    }
    if (!measured(b, key)) {
      comparison.only_a.push_back(one_sided(key, of_a, b, b));
      continue;
    }
    const ResultLaunches& of_b = b.results.at(key);
    ResultComparison result{key, {}, {}, of_b.failed() ? of_b.absent : ""};
    for (const std::size_t i : figures_of(of_a)) {
      if (of_b.values[i].empty())
        result.only_a.push_back(i);
      else
        result.figures.push_back(compare_figure(i, of_a.values[i], of_b.values[i]));
    }
    comparison.results.push_back(std::move(result));
  }
  for (const auto& [key, of_b] : b.results) {
    if (a.results.contains(key))
      continue;
    if (measured(b, key))
      comparison.only_b.push_back(one_sided(key, of_b, a, b));
    else
      comparison.on_neither.push_back(one_sided(key, of_b, b, b));
  }

  std::vector<FigureComparison*> first, others;
  for (ResultComparison& result : comparison.results) {
    for (FigureComparison& figure : result.figures) {
      if (!figure.corrected_p)
        continue;
      const bool is_first = figure.figure == ratio_figure || figure.figure == throughput_figure;
      (is_first ? first : others).push_back(&figure);
    }
  }
  const double families = first.empty() || others.empty() ? 1 : 2;
  correct(first, families);
  correct(others, families);
  for (ResultComparison& result : comparison.results)
    for (FigureComparison& figure : result.figures)
      figure.verdict = verdict_of(figure, threshold);
  return comparison;
}

std::optional<Limit> parse_limit(const std::string& text)
{
  constexpr std::string_view middle = ">+";
  const std::size_t at = text.find(middle);
  if (at == std::string::npos || text.back() != '%')
    return std::nullopt;
  const std::string_view number =
      std::string_view(text).substr(at + middle.size(), text.size() - at - middle.size() - 1);
  Limit limit{text, figures.size(), 0};
  const auto read =
      std::from_chars(number.data(), number.data() + number.size(), limit.percent, std::chars_format::fixed);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (std::string_view(text).substr(0, at) == figures[i].name)
      limit.figure = i;
  }
  if (read.ec != std::errc() || read.ptr != number.data() + number.size() || !std::isfinite(limit.percent) ||
      limit.percent < 0 || limit.figure == figures.size())
    return std::nullopt;
  return limit;
}

bool breaks(const Limit& limit, const FigureComparison& comparison)
{
  return comparison.corrected_p && *comparison.corrected_p <= significant_p &&
         cost_ratio(comparison) > 1 + limit.percent / 100;
}

std::optional<std::size_t> concerned(const Limit& limit, const std::vector<std::size_t>& there)
{
  const auto has = [&](std::size_t figure) { return std::find(there.begin(), there.end(), figure) != there.end(); };
  if (has(limit.figure))
    return limit.figure;
  return limit.figure == p50_figure && has(ratio_figure) ? std::optional(ratio_figure) : std::nullopt;
}

Judged judge(const Limit& limit, const Comparison& comparison)
{
  Judged judged{limit, 0, {}, {}};
  for (const ResultComparison& result : comparison.results) {
    std::vector<std::size_t> of_both;
    for (const FigureComparison& figure : result.figures)
      of_both.push_back(figure.figure);
    const std::string name = label(result.key);
    const auto figure = concerned(limit, of_both);
    if (!result.failed_in_b.empty() && (figure || concerned(limit, result.only_a)))
      judged.not_held.push_back(fmt::format("{}: a run of B has not measured it ({})", name, result.failed_in_b));
    if (!figure) {
      if (concerned(limit, result.only_a))
        judged.not_held.push_back(fmt::format("{}: B does not have that figure", name));
      continue;
    }
    const FigureComparison& compared = *std::find_if(result.figures.begin(), result.figures.end(),
                                                     [&](const auto& one) { return one.figure == *figure; });
    if (!compared.ratio) {
      judged.not_held.push_back(fmt::format("{}: a launch has the figure 0, so there is no ratio", name));
    } else if (!compared.corrected_p) {
      judged.not_held.push_back(fmt::format("{}: {} launches of A and {} of B, and {} a side are needed", name,
                                            compared.launches_a, compared.launches_b, launches_needed));
    } else {
      ++judged.held_against;
      if (breaks(limit, compared))
        judged.broken_by.push_back(name);
    }
  }
  for (const OneSided& result : comparison.only_a) {
    if (concerned(limit, result.figures))
      judged.not_held.push_back(fmt::format("{}: B has not measured it ({})", label(result.key),
                                            result.reason.empty() ? "it is not there" : result.reason));
  }
  for (const OneSided& result : comparison.on_neither) {
    if (result.failed_in_b)
      judged.not_held.push_back(fmt::format("{}: B has not measured it ({})", label(result.key), result.reason));
  }
  if (judged.held_against == 0 && judged.not_held.empty())
    judged.not_held.emplace_back("no result has that figure on both sides");
  return judged;
}

}  // namespace rtlane::bench
