// rtlane-bench all: everything that is measured between two CPUs, in one run and one document, with the page and the
// text.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "../benchmarks.hpp"
#include "../latency/runs.hpp"
#include "../noise/measure_noise.hpp"
#include "../report/page.hpp"
#include "../report/read_run.hpp"
#include "../support/progress.hpp"
#include "options.hpp"
#include "output.hpp"
#include "output_file.hpp"
#include "report.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(The machine's noise, then latency (closed loop, and open loop with one size), throughput, stops and kills, for every
channel and every peer that was there when rtlane-bench was built: what the subcommands of these names do, with fewer rounds
and tries, in one document. Writes into DIR
  rtlane-bench.json   the document, for report, compare and export
  rtlane-bench.html   the page that 'rtlane-bench report' makes of it
  rtlane-bench.txt    the tables
and prints the tables.

JSON: schema rtlane.bench/1, described in bench/README.md.

Whether the files can be written is found out before the work. When one cannot be in the end, the tables are printed all
the same, and so are the other files written.

Exit status: 0 measured; 1 it could not be, a file could not be written, or a candidate failed (a peer that does not get
over a kill is a result); 2 wrong usage.)";

// The floor of a run of several parts is that of the longest one.
void add_floor(Json& document, const Json& part)
{
  if (!part.contains("floor"))
    return;
  if (!document.contains("floor") || document["floor"]["rounds"] < part["floor"]["rounds"])
    document["floor"] = part["floor"];
}

void add_results(Json& document, Json&& part)
{
  add_floor(document, part);
  for (Json& result : part["results"])
    document["results"].push_back(std::move(result));
}

}  // namespace

int all(int argc, char** argv)
{
  cli::Command command("Everything that is measured between two CPUs: one document, one page, one text.",
                       "rtlane-bench all", manual);
  RunOptions options;
  options.bytes = {16, 48, 64, 1024};
  options.peers = "all";
  options.launches = 5;
  options.plan.rounds = 12;
  options.plan.warm_up_rounds = 1;
  std::string folder = "rtlane-bench-results";
  double noise_s = 2;
  std::size_t open_bytes = 64;
  double rate_hz = 10'000;
  StallPlan stall_plan;
  stall_plan.tries = 8;
  stall_plan.column_s_max = 3;
  options.add_to(command);
  command.option("--tries", stall_plan.tries, "Tries of each kind of stop and kill")
      .shows_default()
      .in_range(1, 100'000);
  command.option("--out", folder, "Where the files go; made if it is not there").type_name("DIR").shows_default();
  command.option("--noise-seconds", noise_s, "How long the noise is measured").shows_default().in_range(0.01, 3600.0);
  command.option("--rate", rate_hz, "Messages a second of the open loop").shows_default().in_range(1.0, 1e7);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto status = options.settle(command))
    return *status;
  RunOptions open = options;
  open.bytes = {open_bytes};
  open.launches = 1;
  open.plan.segment_ms = 30;
  if (const auto status = open.check_rate(command, rate_hz))
    return *status;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return command.fail(fmt::format("--out {}: the folder cannot be made: {}", folder, error.message()), cli::usage);
  // Whether they can be written is found out before the work.
  std::array<cli::OutputFile, 3> files;
  const std::array names = {"rtlane-bench.json", "rtlane-bench.html", "rtlane-bench.txt"};
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (const auto opened = files[i].open(folder + "/" + names[i]); !opened)
      return command.fail(opened.error().message, cli::usage);
  }

  const auto start = std::chrono::steady_clock::now();
  const RunPlace place(options);
  Json document = new_document("all", options.plan.seed, place);
  NoiseOptions noise;
  noise.cpus = {options.cpus.near, options.cpus.far};
  noise.seconds = noise_s;
  noise.fifo_priority = options.priority;
  {
    Progress progress;
    progress.show("noise", 0, 0);
    document["noise"] = noise_json(measure_noise(noise, place.placement.clock));
  }
  document["results"] = Json::array();
  Json latency = measure_latency(options, "closed", 0, place);
  std::string text = latency_text(latency);
  add_results(document, std::move(latency));

  Json open_loop = measure_latency(open, "open", rate_hz, place);
  text += "\n" + latency_text(open_loop);
  add_results(document, std::move(open_loop));

  Json throughput = measure_throughput(options, place);
  text += "\n" + throughput_text(throughput);
  add_results(document, std::move(throughput));

  RunOptions one_size = options;
  one_size.bytes = {16};
  stall_plan.seed = options.plan.seed;
  Json stalls = measure_stalls(one_size, stall_plan, place);
  text += "\n" + stalls_text(stalls);
  add_results(document, std::move(stalls));

  document["duration_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  document["environment"]["tick"]["drift_ppm"] = place.placement.clock.drift_ppm();

  // What was measured is told first: then it is not lost when a file cannot be written.
  cli::say_out(text);
  const std::string json_text = document.dump(2) + "\n";
  const auto run = report::read_run(json_text);
  std::string page;
  bool written = true;
  if (run) {
    page = report::page(*run, names[0]);
  } else {
    written = false;
    cli::say_err(fmt::format("rtlane-bench all: there is no page of the document: {}\n", run.error().message));
  }
  const std::array<const std::string*, 3> contents = {&json_text, &page, &text};
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (contents[i]->empty())
      continue;
    if (const int write_error = files[i].write(*contents[i]); write_error != 0) {
      written = false;
      cli::say_err(fmt::format("rtlane-bench all: {}: cannot be written: {}\n", cli::printable(files[i].path()),
                               std::strerror(write_error)));
    } else {
      cli::say_out(fmt::format("{}{}\n", i == 0 ? "\n" : "", cli::printable(files[i].path())));
    }
  }
  return !written || any_failed(document) ? cli::finding : cli::good;
}

}  // namespace rtlane::bench
