// The tail: percentile curves, maxima over time, the worst samples, and what they are attributed to.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "blocks.hpp"
#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"
#include "sections.hpp"

namespace rtlane::bench::report {
namespace {

constexpr std::size_t ours_in_chart_max = 3;
constexpr std::size_t polling_in_chart_max = 3;
constexpr std::size_t sleeping_in_chart_max = 2;

Curve curve_of(const Result& result, const std::string& css_class)
{
  Curve curve{result.name, css_class, result.ours(), &*result.histogram, {}, {}};
  if (result.attributed) {
    curve.clean_count = result.attributed->clean_count;
    curve.clean_max_ns = result.attributed->clean_max_ns;
  }
  return curve;
}

// Ours and the peers that come closest, fastest first.
std::vector<Curve> selected_curves(Results results)
{
  sort_by_ratio(results);
  std::vector<Curve> curves;
  std::size_t ours = 0;
  std::size_t polling = 0;
  std::size_t sleeping = 0;
  for (const Result* result : results) {
    std::size_t& kept = result->ours() ? ours : result->blocks ? sleeping : polling;
    const std::size_t most = result->ours()   ? ours_in_chart_max
                             : result->blocks ? sleeping_in_chart_max
                                              : polling_in_chart_max;
    if (kept == most)
      continue;
    const std::size_t style = result->ours() ? ours : ours_in_chart_max + polling + sleeping;
    ++kept;
    curves.push_back(curve_of(*result, fmt::format("line-{}", style)));
  }
  return curves;
}

Markup open_chart(const std::string& id, const Result& result)
{
  std::vector<Curve> curves;
  if (result.service_histogram)
    curves.push_back({"service", "line-1", false, &*result.service_histogram, {}, {}});
  if (result.histogram) {
    Curve response{"response", "line-0", true, &*result.histogram, {}, {}};
    if (result.attributed) {
      response.clean_count = result.attributed->clean_count;
      response.clean_max_ns = result.attributed->clean_max_ns;
    }
    curves.push_back(response);
  }
  const Markup chart = gap_between_chart(id, "Service and response of " + title_of(result), curves);
  if (chart.empty())
    return {};
  std::string caption = title_of(result);
  if (result.rate_hz)
    caption += fmt::format(" at {} messages per second", count(result.rate_hz));
  caption += fmt::format(": {} late, {} lost.", count(result.late), count(result.lost));
  return element("figure", element("figcaption", caption) + chart);
}

// Beside each other where there is room.
Markup pair(const Markup& figures)
{
  return figures.empty() ? Markup() : element("div", {{"class", "pair"}}, figures);
}

Markup open_charts(const Run& run)
{
  Markup ours;
  Markup others;
  int number = 0;
  for (const Result* result : select(run, [](const Result& r) { return r.mode == "open"; }))
    (result->ours() ? ours : others) += open_chart(fmt::format("open-{}", ++number), *result);
  if (ours.empty() && others.empty())
    return {};
  return element("h3", "At a fixed rate: service and response") +
         note(
             "Service is counted from when a message was sent, response from when it was due. The gap between the two "
             "is "
             "coordinated omission: what a measurement hides that waits for the last message before it sends the "
             "next.") +
         pair(ours) + fold("Peers", pair(others), ours.empty());
}

std::vector<Cause> causes_in(const Results& results)
{
  std::vector<bool> seen(cause_names.size());
  for (const Result* result : results) {
    for (const RoundMaximum& round : result->timeline)
      seen[static_cast<std::size_t>(round.cause)] = true;
  }
  std::vector<Cause> causes;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i])
      causes.push_back(static_cast<Cause>(i));
  }
  return causes;
}

struct Told {
  const Result* result;
  const WorstSample* sample;
};

std::vector<Told> worst_samples(const Run& run, bool ours)
{
  std::vector<Told> told;
  for (const Result& result : run.results) {
    if (result.ours() != ours)
      continue;
    for (const WorstSample& sample : result.worst)
      told.push_back({&result, &sample});
  }
  std::stable_sort(told.begin(), told.end(), [](const Told& a, const Told& b) { return a.sample->ns > b.sample->ns; });
  return told;
}

Markup worst_list(const std::vector<Told>& told, std::size_t from, std::size_t to)
{
  Markup items;
  for (std::size_t i = from; i < std::min(to, told.size()); ++i) {
    const auto& [result, sample] = told[i];
    std::string place = title_of(*result);
    if (sample->at_s)
      place += ", after " + seconds(sample->at_s);
    if (sample->cpu)
      place += ", CPU " + count(sample->cpu);
    items += element(
        "li", element("span", {{"class", "duration"}}, text(duration(sample->ns))) + cause_chip(sample->cause) +
                  element("span", {{"class", "place"}}, text(place)) +
                  element("p", sample->sentence.empty() ? "The document has no sentence for it." : sample->sentence));
  }
  return items.empty() ? Markup() : element("ol", {{"class", "worst"}, {"start", std::to_string(from + 1)}}, items);
}

bool beyond_chance(const Attribution& attribution)
{
  if (!attribution.inside_stalls || !attribution.inside_expected)
    return false;
  const double expected = *attribution.inside_expected;
  return *attribution.inside_stalls > expected + 3.0 * std::sqrt(std::max(expected, 1.0));
}

Row attribution_row(const Result& result)
{
  const Attribution& attribution = *result.attributed;
  Row row{{result_cell(result), Cell::figure(count(attribution.clean_count)),
           Cell::figure(duration(attribution.clean_max_ns)), Cell::figure(duration(attribution.channel_max_ns))},
          result.ours()};
  for (std::size_t i = 1; i < cause_names.size(); ++i) {
    const auto found = attribution.causes.find(static_cast<Cause>(i));
    const Share share = found == attribution.causes.end() ? Share{} : found->second;
    Markup cell = text(count(share.count));
    if (share.ns && *share.ns > 0.0)
      cell += element("span", {{"class", "under"}}, text(duration(share.ns)));
    row.cells.emplace_back(cell, true);
  }
  Markup stalls = text(count(attribution.inside_stalls));
  if (beyond_chance(attribution))
    stalls = element("b", {{"class", "beyond"}}, stalls);
  row.cells.emplace_back(stalls, true);
  row.cells.push_back(Cell::figure(number(attribution.inside_expected)));
  return row;
}

}  // namespace

Markup percentile_section(const Run& run)
{
  Markup content;
  const Results closed =
      select(run, [](const Result& r) { return r.histogram && (r.mode == "closed" || r.mode.empty()); });
  if (closed.empty())
    content += missing("No result of mode closed has a histogram.");
  else
    content += note(
        "Each line: ours, and the peers with the lowest ratios (at most three that poll and two that sleep; the table "
        "below has "
        "all). ● raw maximum, ○ the largest of the samples that nobody took time from. Nothing is trimmed.");
  int number = 0;
  for (const Results& group : by_size(closed)) {
    const std::string title = "Round trips, " + size(group.front()->bytes) + " messages";
    const Markup chart = percentile_chart(fmt::format("percentiles-{}", ++number), title, selected_curves(group));
    if (number == 1)
      content += element("h3", title) + element("figure", chart);
    else if (!chart.empty())
      content += fold(title, element("figure", chart));
  }
  return section("percentiles", "Percentiles", content + open_charts(run));
}

Markup timeline_section(const Run& run)
{
  const Results results = ours_first(select(run, [](const Result& r) { return !r.timeline.empty(); }));
  if (results.empty())
    return section("timeline", "Maxima over time", missing("No result has a time line."));
  const LatencyRange range = timeline_range(results);
  Markup first;
  Markup ours;
  Markup peers;
  int number = 0;
  const Figure smallest = results.front()->bytes;
  for (const Result* result : results) {
    const Markup chart = element("figure", element("figcaption", title_of(*result)) +
                                               timeline_chart(fmt::format("timeline-{}", ++number), *result, range));
    (!result->ours() ? peers : result->mode == "closed" && result->bytes == smallest ? first : ours) += chart;
  }
  return section(
      "timeline", "Maxima over time",
      note("The largest sample of each round, by what took its time. All charts have the same latency scale.") +
          cause_legend(causes_in(results)) + first + fold("Other sizes and modes", ours, first.empty()) +
          fold("Peers", peers, first.empty() && ours.empty()));
}

Markup worst_section(const Run& run)
{
  const std::vector<Told> ours = worst_samples(run, true);
  const std::vector<Told> peers = worst_samples(run, false);
  if (ours.empty() && peers.empty())
    return section("worst", "The worst samples", missing("The document does not tell single samples."));
  constexpr std::size_t shown = 10;
  Markup content = ours.empty() ? missing("None of our channels.") : worst_list(ours, 0, shown);
  content += fold(fmt::format("{} more of ours", ours.size() - std::min(shown, ours.size())),
                  worst_list(ours, shown, ours.size()));
  content += fold(fmt::format("{} of peers", peers.size()), worst_list(peers, 0, peers.size()));
  return section("worst", "The worst samples", content);
}

Markup attribution_section(const Run& run)
{
  const Results results = ours_first(select(run, [](const Result& r) { return r.attributed.has_value(); }));
  if (results.empty())
    return section("attribution", "Attribution", missing("No result has its samples attributed."));
  std::vector<std::string> columns = {"result", "clean", "clean max", "channel max"};
  columns.insert(columns.end(), cause_names.begin() + 1, cause_names.end());
  columns.insert(columns.end(), {"stalls inside", "expected"});
  std::vector<Row> rows;
  for (const Result* result : results)
    rows.push_back(attribution_row(*result));
  return section(
      "attribution", "Attribution",
      note("How many samples each cause took most of, and below that how much of those. Clean max: the largest time of "
           "a "
           "sample without all in which a side was held up; channel max: without only what is proved to be somebody "
           "else's. Expected: how many stalls inside operations the host causes, by those inside the floor's; a bold "
           "figure is more than three standard deviations above that.") +
          table("Samples by cause", columns, rows));
}

}  // namespace rtlane::bench::report
