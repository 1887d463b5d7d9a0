#include "comparison.hpp"

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
  comparison.ratio = comparison.median_b / comparison.median_a;
  comparison.mann_whitney_p = mann_whitney_p(a, b);
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
  for (const FigureComparison* comparison : family)
    p.push_back(*comparison->corrected_p);
  p = holm(p);
  for (std::size_t i = 0; i < family.size(); ++i)
    family[i]->corrected_p = std::min(1.0, p[i] * factor);
}

Verdict verdict_of(const FigureComparison& comparison, double threshold)
{
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

std::string reason_of(const Side& side, const ResultKey& key)
{
  const auto found = side.results.find(key);
  return found == side.results.end() ? "" : found->second.absent;
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
        comparison.only_b.push_back({key, of_a.absent});
      else
        comparison.on_neither.push_back({key, of_a.absent});
      continue;
    }
    if (!measured(b, key)) {
      comparison.only_a.push_back({key, reason_of(b, key)});
      continue;
    }
    ResultComparison result{key, {}};
    const ResultLaunches& of_b = b.results.at(key);
    for (std::size_t i = 0; i < figures.size(); ++i) {
      if (!of_a.values[i].empty() && !of_b.values[i].empty())
        result.figures.push_back(compare_figure(i, of_a.values[i], of_b.values[i]));
    }
    comparison.results.push_back(std::move(result));
  }
  for (const auto& [key, of_b] : b.results) {
    if (a.results.contains(key))
      continue;
    if (measured(b, key))
      comparison.only_b.push_back({key, ""});
    else
      comparison.on_neither.push_back({key, of_b.absent});
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

bool concerns(const Limit& limit, const ResultComparison& result, const FigureComparison& comparison)
{
  if (limit.figure == comparison.figure)
    return true;
  return limit.figure == p50_figure && comparison.figure == ratio_figure &&
         std::none_of(result.figures.begin(), result.figures.end(),
                      [](const FigureComparison& other) { return other.figure == p50_figure; });
}

}  // namespace rtlane::bench
