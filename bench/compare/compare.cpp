// rtlane-bench compare: whether two runs differ, launch by launch.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/document.hpp"
#include "comparison.hpp"
#include "launches.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "significance.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(A and B are documents of schema rtlane.bench/1, each one file or several with commas between them, whose launches are
pooled. B is compared with A: 'worse' means that B is. A launch is one number, since the samples within it are not
independent; so measure with at least five launches a side, better ten, and alternate: A, B, A, B.

For each result of both sides (same name, bytes, mode, rate, in_process and blocks) and each figure:
  ratio        launches[].ratio_to_floor
  p50 ... max  launches[].rtt_ns (or response_ns) in floor round trips: by the floor that the launch's own ratio implies,
               p50 / ratio, so that p50 is the ratio and not listed; without a ratio by the document's floor.rtt_ns.p50
  throughput   launches[].per_floor
The table has the medians of A and B over their launches, B/A with its 95 % interval (bootstrap over launches, seed
20251125), p of the Mann-Whitney U test (exact up to 60 launches in all, ties included), and the verdict:
  worse, better    significant, and off by more than --threshold
  same             no such difference was shown; the interval says how large one may be all the same
  not enough data  fewer than 5 launches a side
  not comparable   a launch has the figure 0: no ratio to it can be told
Significant: corrected p at most 0.05, by Holm's method over all figures of all results, half of the 5 % for ratio and
throughput, half for the rest. From 15 launches a side it is p of the U test that is corrected. Below that the U test
could find nothing among several comparisons, so the difference of the medians is set against the scatter of the
launches; that supposes that most launches of a side lie in one heap, and up to a fifth of them may be disturbed.
Off by 10 % is 1.1 times the time, or 1/1.1 of the time; a throughput is compared as the time for one message.

--fail-if 'FIGURE>+N%' ends with status 1 when a result is worse by more than N %, significantly. FIGURE is one of
ratio, p50, p90, p99, p99.9, p99.99, max, throughput (p50 is ratio where there is one). It may be given several times.
Status 1 too, with a sentence on standard error, when it could not be held against a result of A that has the figure: B
failed, has not measured it, or too few launches of it, or one of them has 0; and when there is no such result.

A launch counts once: a file that is named twice, or two that hold the same launches, are refused. When the runs of A and
B did not take turns, a warning says so.

JSON: {"schema": "rtlane.bench.compare/1", "a": [FILE, ...], "b": [FILE, ...], "threshold_percent", "seed", "warnings":
[SENTENCE, ...], "results": [{"name", "bytes", "mode", "in_process", "blocks", "rate_hz" (if any), "figures":
[{"figure", "launches": [of A, of B], "median": [of A, of B], "ratio": B/A | null, "ratio_95": [lower, upper] | null,
"p_mann_whitney", "p_corrected" | null, "verdict", "needs_launches" (with not enough data)}]}], "only_a": [{"name",
"bytes", "mode", "in_process", "blocks", "rate_hz", "reason": SENTENCE | null}], "only_b", "on_neither" (the same),
"fail_if": [{"limit", "held_against": figures that it was held against, "broken_by": [LABEL, ...], "not_held":
[SENTENCE, ...]}]}. With the document on standard output, the table goes to standard error.

Exit status: 0 compared, and every limit of --fail-if was held and kept; 1 one was not, or the document could not be
written; 2 wrong usage, or a file that is no such document.)";

Json key_json(const ResultKey& key)
{
  Json json = {{"name", key.name},
               {"bytes", key.bytes},
               {"mode", key.mode},
               {"in_process", key.in_process},
               {"blocks", key.blocks}};
  if (key.rate_hz)
    json["rate_hz"] = *key.rate_hz;
  return json;
}

Json figure_json(const FigureComparison& comparison)
{
  Json json = {{"figure", figures[comparison.figure].name},
               {"launches", {comparison.launches_a, comparison.launches_b}},
               {"median", {comparison.median_a, comparison.median_b}},
               {"ratio", comparison.ratio ? Json(*comparison.ratio) : Json(nullptr)},
               {"ratio_95", comparison.interval ? Json(*comparison.interval) : Json(nullptr)},
               {"p_mann_whitney", comparison.mann_whitney_p},
               {"p_corrected", comparison.corrected_p ? Json(*comparison.corrected_p) : Json(nullptr)},
               {"verdict", verdict_text(comparison.verdict)}};
  if (comparison.verdict == Verdict::not_enough_data)
    json["needs_launches"] = launches_needed;
  return json;
}

Json one_sided_json(const std::vector<OneSided>& results)
{
  Json list = Json::array();
  for (const OneSided& result : results) {
    list.push_back(key_json(result.key));
    list.back()["reason"] = result.reason.empty() ? Json(nullptr) : Json(result.reason);
  }
  return list;
}

Json document_of(const Side& a, const Side& b, const Comparison& comparison, const std::vector<std::string>& warnings,
                 const std::vector<Judged>& judged, double threshold_percent)
{
  Json results = Json::array();
  for (const ResultComparison& result : comparison.results) {
    results.push_back(key_json(result.key));
    results.back()["figures"] = Json::array();
    for (const FigureComparison& figure : result.figures)
      results.back()["figures"].push_back(figure_json(figure));
  }
  Json limits = Json::array();
  for (const Judged& one : judged)
    limits.push_back({{"limit", one.limit.text},
                      {"held_against", one.held_against},
                      {"broken_by", one.broken_by},
                      {"not_held", one.not_held}});
  return {{"schema", "rtlane.bench.compare/1"},
          {"a", a.files},
          {"b", b.files},
          {"threshold_percent", threshold_percent},
          {"seed", comparison_seed},
          {"warnings", warnings},
          {"results", std::move(results)},
          {"only_a", one_sided_json(comparison.only_a)},
          {"only_b", one_sided_json(comparison.only_b)},
          {"on_neither", one_sided_json(comparison.on_neither)},
          {"fail_if", std::move(limits)}};
}

std::string number(double value)
{
  return fmt::format("{:.4g}", value);
}

std::string p_text(double p)
{
  return p < 0.0001 ? "<0.0001" : fmt::format("{:.4f}", p);
}

std::string table(const Comparison& comparison)
{
  std::vector<std::vector<std::string>> rows = {
      {"result", "figure", "launches", "A", "B", "B/A", "95 % of B/A", "p (U)", "p corrected", "verdict"}};
  for (const ResultComparison& result : comparison.results) {
    const std::string name = cli::printable(label(result.key));
    if (result.figures.empty())
      rows.push_back({name, "-", "0", "-", "-", "-", "-", "-", "-",
                      fmt::format("not enough data: needs {} launches a side", launches_needed)});
    for (const FigureComparison& figure : result.figures) {
      std::string verdict = verdict_text(figure.verdict);
      if (figure.verdict == Verdict::not_comparable)
        verdict += ": a launch has 0";
      if (figure.verdict == Verdict::not_enough_data)
        verdict += fmt::format(": needs {} launches a side", launches_needed);
      rows.push_back(
          {name, figures[figure.figure].name, fmt::format("{}+{}", figure.launches_a, figure.launches_b),
           number(figure.median_a), number(figure.median_b), figure.ratio ? fmt::format("{:.3f}", *figure.ratio) : "-",
           figure.interval ? fmt::format("{:.3f} to {:.3f}", (*figure.interval)[0], (*figure.interval)[1]) : "-",
           p_text(figure.mann_whitney_p), figure.corrected_p ? p_text(*figure.corrected_p) : "-", verdict});
    }
  }
  return cli::table_text(rows);
}

std::string lists(const Comparison& comparison)
{
  std::string text;
  const auto list = [&](const std::vector<OneSided>& results, const char* where) {
    for (const OneSided& result : results) {
      text += fmt::format("{}: {}", where, cli::printable(label(result.key)));
      text += result.reason.empty() ? "\n" : fmt::format(" ({})\n", cli::printable(result.reason));
    }
  };
  list(comparison.only_a, "only in A");
  list(comparison.only_b, "only in B");
  list(comparison.on_neither, "measured in neither");
  return text;
}

std::string summary(const Comparison& comparison, double threshold_percent)
{
  std::array<std::size_t, 5> counts{};
  for (const ResultComparison& result : comparison.results)
    for (const FigureComparison& figure : result.figures)
      ++counts[static_cast<std::size_t>(figure.verdict)];
  std::string text;
  for (const Verdict verdict : {Verdict::worse, Verdict::better, Verdict::same, Verdict::not_enough_data})
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[static_cast<std::size_t>(verdict)],
                        verdict_text(verdict));
  if (const std::size_t zeros = counts[static_cast<std::size_t>(Verdict::not_comparable)]; zeros > 0)
    text += fmt::format(", {} {}", zeros, verdict_text(Verdict::not_comparable));
  return fmt::format("{} (figures; of B against A, beyond {:g} %; seed {})\n", text, threshold_percent,
                     comparison_seed);
}

}  // namespace

int compare(int argc, char** argv)
{
  cli::Command command("Whether two runs differ, with launches as the unit.", "rtlane-bench compare", manual);
  std::string files_a;
  std::string files_b;
  double threshold_percent = 10;
  std::vector<std::string> limit_texts;
  command.option("A", files_a, "Document of the run that is the measure; several with commas").required();
  command.option("B", files_b, "Document of the run that is compared with it; several with commas").required();
  command.option("--threshold", threshold_percent, "Differences up to that many percent do not count")
      .shows_default()
      .in_range(0.0, 1000.0);
  command.option("--fail-if", limit_texts, "Status 1 when a result is worse by more than that: 'p99.9>+10%'")
      .type_name("LIMIT")
      .expects(1)
      .may_be_repeated();
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  std::vector<Limit> limits;
  limits.reserve(limit_texts.size());
  for (const std::string& text : limit_texts) {
    const auto limit = parse_limit(text);
    if (!limit)
      return command.fail(
          fmt::format("--fail-if '{}' is not understood: write FIGURE>+N%, as p99.9>+10%, with one of ratio, "
                      "p50, p90, p99, p99.9, p99.99, max, throughput",
                      text),
          cli::usage);
    limits.push_back(*limit);
  }
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);

  Side a;
  Side b;
  try {
    a = read_side(cli::split(files_a));
    b = read_side(cli::split(files_b));
    refuse_repeated_launches(a, b);
  } catch (const BadDocument& bad) {
    return command.fail(bad.what(), cli::usage);
  }
  const Comparison comparison = compare_sides(a, b, threshold_percent / 100);
  std::vector<std::string> warnings = differences(a, b);
  if (const std::string problem = alternation_problem(a, b); !problem.empty())
    warnings.push_back(problem);
  std::vector<Judged> judged;
  for (const Limit& limit : limits)
    judged.push_back(judge(limit, comparison));
  const bool written = report.write(document_of(a, b, comparison, warnings, judged, threshold_percent));

  for (const std::string& warning : warnings)
    cli::say_err(fmt::format("rtlane-bench compare: {}\n", cli::printable(warning)));
  cli::say(report.text(), table(comparison) + lists(comparison) + summary(comparison, threshold_percent));
  bool kept = true;
  for (const Judged& one : judged) {
    for (const std::string& name : one.broken_by)
      cli::say(report.text(), fmt::format("--fail-if '{}' is broken by {}\n", one.limit.text, cli::printable(name)));
    for (const std::string& sentence : one.not_held)
      cli::say_err(fmt::format("rtlane-bench compare: --fail-if '{}' could not be held: {}\n", one.limit.text,
                               cli::printable(sentence)));
    kept = kept && one.kept();
  }
  return written && kept ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
