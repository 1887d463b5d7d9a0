// Beside each other: ratios to the floor, throughput, floor bins.
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

std::string rounds_text(const Result& result)
{
  std::string text = count(result.rounds);
  if (result.dropped_rounds && *result.dropped_rounds > 0.0)
    text += fmt::format(" ({} dropped)", count(result.dropped_rounds));
  return text;
}

// Of results without figures: why.
Markup left_out(const Run& run)
{
  Markup items;
  for (const Result& result : run.results) {
    for (const auto& [what, why] : {std::pair{"skipped", &result.skipped}, {"failed", &result.failed}}) {
      if (!why->empty())
        items += element("li", element("b", title_of(result)) + text(fmt::format(" {}: {}", what, *why)));
    }
  }
  return items.empty() ? Markup() : element("ul", {{"class", "left-out"}}, items);
}

Row ratio_row(const Result& result)
{
  const auto& latency = result.latency();
  const auto figure = [&](const char* key) {
    return Cell::figure(percentile_text(latency ? latency->find(key) : nullptr));
  };
  const Spread spread = result.ratio ? result.ratio->spread : Spread{};
  Markup name = breakable(result.name) + badges(result);
  for (const auto& [what, why] : {std::pair{"skipped", &result.skipped}, {"failed", &result.failed}}) {
    if (!why->empty())
      name += text(" ") + element("span", {{"class", "badge bad"}}, text(what));
  }
  return {{name, Cell::figure(times(spread.median)), Cell::figure(range(spread.p10, spread.p90)), figure("p50"),
           figure("p99"), figure("p99_9"), Cell::figure(duration(latency ? latency->max : Figure())),
           result.worst.empty() ? Cell::of(absent) : Cell(cause_chip(result.worst.front().cause)),
           Cell::figure(duration(result.attributed ? result.attributed->clean_max_ns : Figure())),
           Cell::of(result.kind.empty() ? absent : result.kind), Cell::figure(rounds_text(result))},
          result.ours()};
}

std::string size_title(const Result& result)
{
  return result.bytes ? size(result.bytes) + " messages" : "Size not told";
}

// Chart and table of what was measured alike.
Markup compared(const std::string& id, Results results, const std::string& title)
{
  sort_by_ratio(results);
  Results with_ratio = results;
  std::erase_if(with_ratio, [](const Result* result) { return !std::isfinite(ratio_of(*result)); });
  std::vector<Row> rows;
  for (const Result* result : results)
    rows.push_back(ratio_row(*result));
  return (with_ratio.empty() ? Markup() : element("figure", ratio_chart(id, with_ratio))) +
         table(title + ", the lowest ratio first",
               {"result", "ratio", "p10 to p90", "p50", "p99", "p99.9", "max", "cause", "clean max", "kind", "rounds"},
               rows);
}

}  // namespace

Markup comparison_section(const Run& run)
{
  const auto of_mode = [&](const char* mode) {
    return by_size(select(run, [&](const Result& result) {
      return result.mode == mode || (result.mode.empty() && std::string(mode) == "closed");
    }));
  };
  Markup first;
  Markup others;
  int number = 0;
  for (const char* mode : {"closed", "open"}) {
    for (const Results& group : of_mode(mode)) {
      const bool open = std::string(mode) == "open";
      const std::string title = size_title(*group.front()) + (open ? ", at a fixed rate: responses" : "");
      const Markup content = compared(fmt::format("ratio-{}", ++number), group, title);
      if (first.empty())
        first = element("h3", title) + content;
      else
        others += fold(title, content);
    }
  }
  if (first.empty())
    return section("comparison", "Beside each other", missing("This document has no latency results.") + left_out(run));
  return section("comparison", "Beside each other",
                 note("The median over rounds of a round trip divided by the raw cache-line round trip measured beside "
                      "it; the line "
                      "spans the 10th to 90th percentile of the rounds. Left is better; the scale is logarithmic.") +
                     legend({{legend_mark(Shape::disc, "ours"), "ours, between processes"},
                             {legend_mark(Shape::disc, "peer"), "peer, between processes"},
                             {legend_mark(Shape::ring, "peer"), "within one process: it cannot cross processes"},
                             {legend_mark(Shape::square, "peer"), "who waits sleeps in the kernel"}}) +
                     first + others + left_out(run));
}

Markup throughput_section(const Run& run)
{
  Results results = select(run, [](const Result& r) { return r.mode == "saturated" && r.skipped.empty(); });
  if (results.empty())
    return section("throughput", "Throughput", missing("This document has no results of mode saturated."));
  std::stable_sort(results.begin(), results.end(), [](const Result* a, const Result* b) {
    return a->per_floor.value_or(-1.0) > b->per_floor.value_or(-1.0);
  });
  Markup content = note(
      "Messages that pass in the time of one raw cache-line round trip, and messages per second beside it. Right is "
      "better. The line spans the 10th to 90th percentile of the rounds; ○ and a hollow bar: within one process.");
  Results drawn = results;
  std::erase_if(drawn, [](const Result* result) { return !result->per_floor; });
  int number = 0;
  for (const Results& group : by_size(drawn))
    content += element("h3", size_title(*group.front())) +
               element("figure", throughput_chart(fmt::format("throughput-{}", ++number), group));
  std::vector<Row> rows;
  for (const Result* result : results) {
    const Spread spread = result->per_floor_spread.value_or(Spread{});
    rows.push_back({{result_cell(*result), Cell::figure(report::number(result->per_floor)),
                     Cell::figure(range(spread.p10, spread.p90)), Cell::figure(rate(result->throughput_msgs_per_s)),
                     Cell::figure(rounds_text(*result))},
                    result->ours()});
  }
  return section("throughput", "Throughput",
                 content + fold("As a table",
                                table("Throughput, the highest first",
                                      {"result", "messages per floor", "p10 to p90", "messages", "rounds"}, rows),
                                drawn.empty()));
}

Markup floor_section(const Run& run)
{
  Markup content;
  if (run.floor) {
    const Floor& floor = *run.floor;
    content += paragraph(
        fmt::format("The raw cache-line round trip took {} (p10 {}, p90 {}) over {} rounds; {} rounds were dropped.",
                    duration(floor.rtt_ns.median), duration(floor.rtt_ns.p10), duration(floor.rtt_ns.p90),
                    count(floor.rounds), count(floor.dropped_rounds)));
    content += paragraph(fmt::format("It was below 250 ns in {} rounds and from 250 ns in {}.",
                                     count(floor.below_250ns_rounds), count(floor.from_250ns_rounds)));
  } else {
    content += missing("The document does not tell the floor.");
  }
  Results results = select(run, [](const Result& result) {
    return result.ratio && (result.ratio->below_250ns.median || result.ratio->from_250ns.median);
  });
  sort_by_ratio(results);
  std::vector<Row> rows;
  for (const Result* result : results) {
    const FloorBin& below = result->ratio->below_250ns;
    const FloorBin& from = result->ratio->from_250ns;
    rows.push_back({{result_cell(*result), Cell::figure(times(below.median)), Cell::figure(count(below.rounds)),
                     Cell::figure(times(from.median)), Cell::figure(count(from.rounds))},
                    result->ours()});
  }
  if (rows.empty())
    content += missing("No result has its ratio by floor bin.");
  else
    content += fold("Ratio by floor bin", table("Ratio to the floor while that was below and from 250 ns",
                                                {"result", "below 250 ns", "rounds", "from 250 ns", "rounds"}, rows));
  return section("floor", "The floor", content);
}

}  // namespace rtlane::bench::report
