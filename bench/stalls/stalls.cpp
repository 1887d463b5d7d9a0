// rtlane-bench stalls: what the others see when one participant is stopped or killed.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include "../benchmarks.hpp"
#include "../latency/runs.hpp"
#include "../support/process.hpp"
#include "../support/progress.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "stalls_result.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(Many short tries for each candidate and each victim: messages go one way, the victim works flat out, and at a random
instant (most often inside an operation) it is stopped for --stop-ms, or killed. Recorded is what the others see: the
longest wait, whether anybody is stuck, and which messages were lost, came twice or torn. Victims are the producer, the
consumer, and where a link is for many producers one of two.

A wait is a call of a survivor that does not return; with two producers also a message that the other one has sent and
that does not come. Time for which the survivor had no CPU, or waited for a disk, does not count. What else the machine
does to a call shows in as many tries with nobody stopped (the column `nobody`).

unaffected   nobody waited for the victim
delayed      somebody waited for half of the stop or more, until its end, in more tries than with nobody stopped
stuck        somebody was inside one call for 200 ms, or nothing got through any more; given up then

After a kill a new participant comes in the victim's place, where a new process can. Lost are messages that the link had
accepted and that did not come; when the consumer is killed also the one that it had just taken. Peers that cannot cross
processes are threads, of which none can be stopped or killed alone: a signal halts it, after a kill for ever.

JSON: schema rtlane.bench/1, described in bench/README.md.

Exit status: 0 measured; 1 it could not be, or a candidate failed (a peer that does not get over a kill is a result);
2 wrong usage.)";

void measure_link(const AnyLinkMaker& link, const StallPlan& plan, const RunPlace& place, Progress& progress,
                  Json& results)
{
  if (link.make == nullptr) {
    for (const char* const mode : {"stop", "kill"})
      results.push_back(new_result(link, place, mode));
    return;
  }
  const std::string what = fmt::format("stalls: {}, {} bytes", link.info.name, link.bytes);
  const StallFigures figures = measure_columns(
      link, plan, place.placement, [&](std::size_t done, std::size_t steps) { progress.show(what, done, steps); });
  for (const Blow blow : {Blow::stop, Blow::kill}) {
    for (const Victim victim : victims_of(link.info)) {
      Json result = new_result(link, place, blow == Blow::stop ? "stop" : "kill");
      if (!figures.failure.empty())
        result["failed"] = figures.failure;
      else if (figures.find(victim, blow)->tries == 0)
        result["failed"] = "others took the time, or nothing could be set up any more after a kill";
      const Column* const column = figures.find(victim, blow);
      const Column* const control = figures.find(victim, Blow::none);
      if (column->tries != 0 && control->tries != 0)
        result["stall"] = stall_json(*column, *control, plan, link.info, result["in_process"].get<bool>());
      results.push_back(std::move(result));
    }
  }
}

}  // namespace

Json measure_stalls(const RunOptions& options, const StallPlan& plan, const RunPlace& place)
{
  const auto start = std::chrono::steady_clock::now();
  Json document = new_document("stalls", plan.seed, place);
  Json results = Json::array();
  Progress progress;
  for (const std::size_t bytes : options.bytes) {
    for (const AnyLinkMaker& link : options.links(bytes))
      measure_link(link, plan, place, progress, results);
  }
  document["duration_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  document["results"] = std::move(results);
  return document;
}

int stalls(int argc, char** argv)
{
  cli::Command command("What the others see when a participant of a channel is stopped or killed at a random instant.",
                       "rtlane-bench stalls", manual);
  RunOptions options;
  options.bytes = {16};
  options.priority = 0;  // nobody has to be starved for this
  StallPlan plan;
  plan.seed = std::random_device{}();
  options.add_choice_to(command);
  command.option("--tries", plan.tries, "Tries of each kind").shows_default().in_range(1, 100'000);
  command
      .option_for<std::uint64_t>(
          "--stop-ms", [&](std::uint64_t ms) { plan.stop_ns = ms * 1'000'000; },
          "How long the victim is stopped (default: 20)")
      .in_range(1, 10'000);
  command.option("--seed", plan.seed, "Of the random instants (default: another one each time)").check(whole_number);
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto status = options.settle(command))
    return *status;
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);
  const Json document = measure_stalls(options, plan, RunPlace(options));
  const bool written = report.write(document);
  cli::say(report.text(), fmt::format("seed {}\n\n", plan.seed) + stalls_text(document));
  return written && !any_failed(document) ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
