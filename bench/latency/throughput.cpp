// rtlane-bench throughput: how many messages a second one side can push to the other.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/statistics.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "run_options.hpp"
#include "runs.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(One side sends as fast as it can, the other receives, reads and checks every message, in the places and rounds of
'rtlane-bench latency': see its --help. per_floor is the headline: messages in the time of one raw cache-line round trip of
the same moment, the median over rounds; messages per second stand beside.

A saturated channel says nothing of latency, and a latency run nothing of this.

JSON: schema rtlane.bench/1, described in bench/README.md.

Exit status: 0 measured; 1 it could not be, or a candidate failed; 2 wrong usage.)";

// Of the whole run, and of the launch that is under way.
struct Kept {
  double per_ns = 0;  // of the turn
  std::vector<double> per_s;
  std::vector<double> per_floor;
  std::uint64_t lost = 0;

  void keep(const Turn& turn)
  {
    per_s.push_back(per_ns * 1e9);
    if (turn.floor_ns != 0)
      per_floor.push_back(per_ns * turn.floor_ns);
  }
};

Json median_or_null(const std::vector<double>& values)
{
  return values.empty() ? Json(nullptr) : Json(quantile(values, 0.5));
}

void measure_size(const RunOptions& options, const RunPlace& place, std::size_t bytes, Json& results,
                  FloorRecord& floor)
{
  const Candidates candidates = options.candidates(bytes);
  std::vector<Json> all;
  for (const Candidate& candidate : candidates)
    all.push_back(new_result(candidate, place, "saturated"));
  std::vector<Kept> total(candidates.size());
  const auto one_launch = [&](Rounds& rounds, const std::string& what) {
    std::vector<Kept> launch(candidates.size());
    const auto measure = [&](Turn& turn) {
      if (!turn.pair.run(rounds.segment(SegmentKind::saturated)))
        return false;
      const SampleRoom& room = rounds.room();
      const double ns = static_cast<double>(room.last_ticks - room.first_ticks) / place.placement.clock.ticks_per_ns();
      for (Kept* const kept : {&total[turn.candidate], &launch[turn.candidate]}) {
        kept->per_ns = static_cast<double>(room.received) / ns;
        kept->lost += turn.counts ? room.sent - room.received : 0;
      }
      return true;
    };
    rounds.run(what, measure, [&](const Turn& turn) {
      total[turn.candidate].keep(turn);
      launch[turn.candidate].keep(turn);
    });
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!all[i].contains("skipped"))
        all[i]["launches"].push_back({{"per_floor", median_or_null(launch[i].per_floor)}});
    }
  };
  for_each_launch(candidates, options, place, fmt::format("throughput, {} bytes", bytes), all, floor, one_launch);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!all[i].contains("skipped")) {
      all[i]["rounds"] = total[i].per_floor.size();
      all[i]["throughput_msgs_per_s"] = median_or_null(total[i].per_s);
      all[i]["per_floor"] = median_or_null(total[i].per_floor);
      if (!total[i].per_floor.empty())
        all[i]["per_floor_spread"] = spread(total[i].per_floor);
      all[i]["lost"] = total[i].lost;
    }
    results.push_back(std::move(all[i]));
  }
}

}  // namespace

Json measure_throughput(const RunOptions& options, const RunPlace& place)
{
  const auto start = std::chrono::steady_clock::now();
  Json document = new_document("throughput", options.plan.seed, place);
  Json results = Json::array();
  FloorRecord floor;
  for (const std::size_t bytes : options.bytes)
    measure_size(options, place, bytes, results, floor);
  document["duration_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!floor.rounds_ns.empty())
    document["floor"] = floor.json();
  document["results"] = std::move(results);
  return document;
}

std::string throughput_text(const Json& document)
{
  std::vector<const Json*> results;
  std::string notes;
  for (const Json& result : document["results"]) {
    if (result["mode"] != "saturated")
      continue;
    if (result.contains("skipped"))
      continue;
    if (result.contains("failed"))
      notes += fmt::format("failed: {}, {} bytes: {}\n", result["name"].get<std::string>(),
                           result["bytes"].get<std::uint64_t>(), cli::printable(result["failed"].get<std::string>()));
    results.push_back(&result);
  }
  const auto key = [](const Json* result) {
    return std::pair((*result)["bytes"].get<std::uint64_t>(),
                     (*result)["per_floor"].is_null() ? 0.0 : -(*result)["per_floor"].get<double>());
  };
  std::stable_sort(results.begin(), results.end(), [&](const Json* a, const Json* b) { return key(a) < key(b); });
  std::vector<std::vector<std::string>> rows = {
      {"bytes", "candidate", "per floor", "p10", "p90", "million/s", "lost", "rounds", "dropped"}};
  const auto cell = [](const Json& value) {
    return value.is_null() ? "-" : fmt::format("{:.2f}", value.get<double>());
  };
  for (const Json* result : results) {
    const Json& one = *result;
    const bool measured = one.contains("per_floor_spread");
    rows.push_back({fmt::format("{}", one["bytes"].get<std::uint64_t>()),
                    one["name"].get<std::string>() + (one["in_process"] == true ? " (threads)" : "") +
                        (one["blocks"] == true ? " (blocks)" : ""),
                    cell(one["per_floor"]), measured ? cell(one["per_floor_spread"]["p10"]) : "-",
                    measured ? cell(one["per_floor_spread"]["p90"]) : "-",
                    one["throughput_msgs_per_s"].is_null()
                        ? "-"
                        : fmt::format("{:.2f}", one["throughput_msgs_per_s"].get<double>() / 1e6),
                    fmt::format("{}", one["lost"].get<std::uint64_t>()),
                    fmt::format("{}", one["rounds"].get<std::uint64_t>()),
                    fmt::format("{}", one["dropped_rounds"].get<std::uint64_t>())});
  }
  return cli::table_text(rows) + fmt::format("seed {}\n", document["seed"].get<std::uint64_t>()) + notes;
}

int throughput(int argc, char** argv)
{
  cli::Command command("Throughput of rtlane's channels and of peers, in messages per raw cache-line round trip.",
                       "rtlane-bench throughput", manual);
  RunOptions options;
  options.bytes = {16, 48, 64};
  options.add_to(command);
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto status = options.settle(command))
    return *status;
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);
  const Json document = measure_throughput(options, RunPlace(options));
  const bool written = report.write(document);
  cli::say(report.text(), throughput_text(document));
  return written && !any_failed(document) ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
