// Stalls, the machine's noise, its environment, the method, and every figure.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "blocks.hpp"
#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"
#include "sections.hpp"

namespace rtlane::bench::report {
namespace {

Markup verdict_chip(const std::string& verdict)
{
  const char* sign = verdict == "unaffected" ? "✓" : verdict == "delayed" ? "~" : verdict == "stuck" ? "✗" : "?";
  return element("span", {{"class", "chip verdict-" + (verdict.empty() ? std::string("unknown") : verdict)}},
                 element("span", {{"class", "sign"}, {"aria-hidden", "true"}}, text(sign)) +
                     element("span", verdict.empty() ? "not told" : verdict));
}

Markup cpu_block(const CpuNoise& cpu, int number)
{
  std::string lead = fmt::format("{} gaps from {} in {}; the longest {}", count(cpu.gaps), duration(cpu.threshold_ns),
                                 seconds(cpu.seconds), duration(cpu.max_ns));
  if (cpu.lost_ns && cpu.seconds && *cpu.seconds > 0.0)
    lead += fmt::format("; {} lost, {:.2g} % of the time", duration(cpu.lost_ns), *cpu.lost_ns / (*cpu.seconds * 1e7));
  if (cpu.interrupts)
    lead += fmt::format("; {} interrupts", count(cpu.interrupts));
  Markup content = element("h3", "CPU " + count(cpu.cpu)) + paragraph(lead + ".");
  const Markup chart = gap_chart(fmt::format("gaps-{}", number), cpu);
  content += chart.empty() ? missing("There is no histogram of its gaps.") : element("figure", chart);
  std::vector<Row> rows;
  for (const auto& [cause, share] : cpu.causes) {
    const std::string part = share.ns && cpu.lost_ns && *cpu.lost_ns > 0.0
                                 ? fmt::format("{:.1f} %", *share.ns / *cpu.lost_ns * 100.0)
                                 : absent;
    rows.push_back({{cause_chip(cause), Cell::figure(count(share.count)), Cell::figure(duration(share.ns)),
                     Cell::figure(part), Cell::figure(duration(share.max_ns))}});
  }
  content += rows.empty() ? missing("Its gaps are not told by class.")
                          : table("Gaps by class, CPU " + count(cpu.cpu),
                                  {"class", "gaps", "time", "of what was lost", "longest"}, rows);
  return content;
}

// A scalar, or an array of them, as text.
std::string plain_text(const cli::Json& value)
{
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_boolean())
    return value.get<bool>() ? "yes" : "no";
  if (value.is_null())
    return absent;
  if (value.is_number_float())
    return fmt::format("{:.10g}", value.get<double>());
  if (value.is_array()) {
    std::string all;
    for (const cli::Json& each : value)
      all += (all.empty() ? "" : ", ") + plain_text(each);
    return all.empty() ? "none" : all;
  }
  return value.dump(-1, ' ', false, cli::Json::error_handler_t::replace);
}

// Keys as the document has them, a dot between those of nested objects. Nesting is bounded by who read the document.
void add_rows(const cli::Json& object, const std::string& prefix, std::vector<Row>& rows)
{
  for (const auto& [key, value] : object.items()) {
    if (value.is_object())
      add_rows(value, prefix + key + ".", rows);
    else if (prefix + key != "refused")
      rows.push_back({{Cell::of(prefix + key), Cell::of(plain_text(value))}});
  }
}

Markup figure_cell(const Percentile* percentile)
{
  if (percentile == nullptr || !percentile->ns)
    return element("span", {{"class", "needs"}}, text(percentile_text(percentile)));
  Markup cell = text(duration(percentile->ns));
  if (percentile->low && percentile->high)
    cell +=
        element("span", {{"class", "under"}}, text(duration(percentile->low) + " to " + duration(percentile->high)));
  return cell;
}

struct Named {
  const char* what;
  const std::optional<Distribution>* distribution;
};

std::vector<Named> distributions_of(const Result& result, bool inside_calls)
{
  const std::vector<Named> wanted =
      inside_calls ? std::vector<Named>{{"in send", &result.send}, {"in receive", &result.receive}}
                   : std::vector<Named>{
                         {"round trip", &result.rtt}, {"service", &result.service}, {"response", &result.response}};
  std::vector<Named> there;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(there),
               [](const Named& named) { return named.distribution->has_value(); });
  return there;
}

// Empty without any.
Markup distribution_table(const std::string& caption, const Results& results, bool inside_calls)
{
  std::set<std::pair<double, std::string>> keys;
  for (const Result* result : results) {
    for (const Named& named : distributions_of(*result, inside_calls)) {
      for (const Percentile& percentile : (*named.distribution)->percentiles)
        keys.emplace(percentile.percent, percentile.key);
    }
  }
  std::vector<std::string> columns = {"result", "what", "samples"};
  for (const auto& [value, key] : keys)
    columns.push_back(percent(value));
  columns.push_back("max");
  std::vector<Row> rows;
  for (const Result* result : results) {
    for (const auto& [what, distribution] : distributions_of(*result, inside_calls)) {
      Row row{{result_cell(*result), element("span", {{"class", "what"}}, text(what)),
               Cell::figure(count((*distribution)->count))},
              result->ours()};
      for (const auto& [value, key] : keys)
        row.cells.emplace_back(figure_cell((*distribution)->find(key)), true);
      row.cells.push_back(Cell::figure(duration((*distribution)->max)));
      rows.push_back(row);
    }
  }
  return rows.empty() ? Markup()
                      : table(caption + ", with 95 % confidence below where 5 launches or more tell it", columns, rows);
}

Markup launch_table(const Results& results)
{
  std::vector<Row> rows;
  for (const Result* result : results) {
    int number = 0;
    for (const Launch& launch : result->launches) {
      const auto figure = [&](double value) {
        const auto found = std::find_if(launch.percentiles.begin(), launch.percentiles.end(),
                                        [&](const Percentile& p) { return p.percent == value; });
        return Cell::figure(found == launch.percentiles.end() ? absent : duration(found->ns));
      };
      rows.push_back({{result_cell(*result), Cell::figure(std::to_string(++number)), Cell::figure(times(launch.ratio)),
                       figure(50), figure(99), figure(99.9), figure(99.99), Cell::figure(duration(launch.max)),
                       Cell::figure(report::number(launch.per_floor))},
                      result->ours()});
    }
  }
  return rows.empty()
             ? Markup()
             : table("Each launch of fresh processes",
                     {"result", "launch", "ratio", "p50", "p99", "p99.9", "p99.99", "max", "messages per floor"}, rows);
}

}  // namespace

Markup stall_section(const Run& run)
{
  const Results results = ours_first(select(run, [](const Result& r) {
    return r.stall.has_value() || ((r.mode == "stop" || r.mode == "kill") && r.skipped.empty());
  }));
  if (results.empty())
    return section("stalls", "Stalls and kills", missing("This document has no results of modes stop and kill."));
  std::vector<Row> rows;
  for (const Result* result : results) {
    const Stall stall = result->stall.value_or(Stall{});
    const bool stopped = stall.stop_ns && *stall.stop_ns > 0.0;
    Markup what = text(result->mode + (stall.victim.empty() ? "" : " " + stall.victim));
    if (!stall.sentence.empty())
      what += element("span", {{"class", "under"}}, text(stall.sentence));
    rows.push_back({{Cell(breakable(result->name) + badges(*result)), Cell(verdict_chip(stall.verdict)),
                     Cell::figure(duration(stall.longest_wait_ns)), Cell(what),
                     Cell::figure(stopped ? duration(stall.stop_ns) : absent), Cell::figure(count(stall.tries)),
                     Cell::figure(count(stall.stuck)), Cell::figure(count(stall.lost)),
                     Cell::figure(count(stall.doubled)), Cell::figure(count(stall.torn))},
                    result->ours()});
  }
  return section(
      "stalls", "Stalls and kills",
      note("What the others saw while one participant was stopped or dead. Unaffected: they went on as before; "
           "delayed: they went on after a wait; stuck: some waited without end.") +
          table(
              "One participant stopped or killed",
              {"result", "verdict", "longest wait", "what", "stopped for", "tries", "stuck", "lost", "doubled", "torn"},
              rows));
}

Markup noise_section(const Run& run)
{
  if (run.noise.empty())
    return section("noise", "Noise of the machine", missing("The document does not tell the noise of the CPUs."));
  std::vector<Cause> causes;
  for (std::size_t i = 1; i < cause_names.size(); ++i) {
    const auto cause = static_cast<Cause>(i);
    if (std::any_of(run.noise.begin(), run.noise.end(),
                    [&](const CpuNoise& cpu) { return cpu.causes.contains(cause); }))
      causes.push_back(cause);
  }
  Markup content = note(
                       "Gaps in a loop that does nothing but read the clock: what the machine takes from any program. "
                       "Bars: how many "
                       "of each length; the marks on top: the longest of each class.") +
                   cause_legend(causes);
  int number = 0;
  for (const CpuNoise& cpu : run.noise)
    content += element("div", {{"class", "cpu"}}, cpu_block(cpu, ++number));
  return section("noise", "Noise of the machine", content);
}

Markup method_section()
{
  const auto item = [](const char* head, const char* sentence) {
    return element("li", element("b", head) + text(std::string(" ") + sentence));
  };
  return section(
      "method", "Method",
      element("ul",
              item("The floor",
                   "is the raw cache-line round trip: two processes on the same two CPUs, two 8-byte counters "
                   "on lines of their own, polled with plain acquire loads.") +
                  item("Rounds",
                       "of some 20 ms are interleaved, each with the floor before and after it, and a round whose two "
                       "floors differ by more than 15 % is dropped and counted, since CPUs of a shared machine move "
                       "from one second to the next.") +
                  item("Nothing is trimmed:",
                       "the raw maximum stands beside the clean one, and a percentile that the sample "
                       "cannot support says how many samples it needs.") +
                  item("A class",
                       "tells what took most of a sample: clean (no gap on either side), host (a gap that "
                       "nothing in the guest explains), interrupt, preempted (another thread had the CPU), "
                       "stopped (the thread was stopped or slept), fault (a page fault), observer (the benchmark read "
                       "counters after a gap), inside (the channel's own: a gap inside its operation, or time in no "
                       "gap, which nothing proves to be somebody else's).")));
}

Markup environment_section(const Run& run)
{
  Markup content;
  if (run.environment.is_object() && run.environment.contains("refused") && !run.environment["refused"].empty()) {
    Markup refused;
    for (const cli::Json& sentence : run.environment["refused"])
      refused += element("li", plain_text(sentence));
    content += paragraph("Asked for and not granted:") + element("ul", {{"class", "refused"}}, refused);
  }
  std::vector<Row> rows = {{{Cell::of("command"), Cell::of(run.command.empty() ? absent : run.command)}},
                           {{Cell::of("started"), Cell::of(run.started.empty() ? absent : run.started)}},
                           {{Cell::of("duration"), Cell::of(seconds(run.duration_s))}}};
  if (run.environment.is_object())
    add_rows(run.environment, "", rows);
  else
    content += missing("The document does not tell the environment: its figures cannot be placed.");
  return section("environment", "Environment", content + table("The run and its machine", {"key", "value"}, rows));
}

Markup figures_section(const Run& run)
{
  const Results results = ours_first(select(run, [](const Result&) { return true; }));
  const Markup latencies = distribution_table("Percentiles", results, false);
  return section("figures", "All figures",
                 (latencies.empty() ? missing("No result has percentiles.") : latencies) +
                     fold("Time inside the calls", distribution_table("Time inside the calls", results, true)) +
                     fold("Each launch", launch_table(results)));
}

}  // namespace rtlane::bench::report
