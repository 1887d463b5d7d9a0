// rtlane-bench: finds the benchmark and runs it.
#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "benchmarks.hpp"
#include "command.hpp"
#include "output.hpp"

namespace {

namespace cli = rtlane::cli;

struct Benchmark {
  std::string_view name;
  int (*run)(int argc, char** argv);
  std::string_view summary;
};

constexpr std::array benchmarks = {
    Benchmark{"latency", rtlane::bench::latency, "how long a message takes, and who is to blame for the worst"},
    Benchmark{"throughput", rtlane::bench::throughput, "how many messages a second one side can push to the other"},
    Benchmark{"stalls", rtlane::bench::stalls, "what the others see when a participant is stopped or killed"},
    Benchmark{"hand-over", rtlane::bench::hand_over, "events, semaphores and mutexes between sleeping processes"},
    Benchmark{"noise", rtlane::bench::noise, "what the machine takes from threads that only poll, and why"},
    Benchmark{"all", rtlane::bench::all, "all of these but hand-over, with every peer: a document, a page, a text"},
};

constexpr std::array tools = {
    Benchmark{"report", rtlane::bench::report_page, "what was measured as one HTML page"},
    Benchmark{"compare", rtlane::bench::compare, "whether two runs differ, with launches as the unit"},
    Benchmark{"export", rtlane::bench::export_run, "histograms and figures as .hgrm, .hlog and .csv"},
};

std::string help_text()
{
  std::string text =
      "Benchmarks of rtlane, as ratios to what the machine could do without it at that moment, and of the machine.\n"
      "\n"
      "Usage: rtlane-bench [BENCHMARK | TOOL] [ARGUMENTS]     ('rtlane bench' is the same)\n"
      "\n"
      "Benchmarks (without a name: the first):\n";
  for (const Benchmark& benchmark : benchmarks)
    text += fmt::format("  {:<11} {}\n", benchmark.name, benchmark.summary);
  text += "\nWith documents of benchmarks:\n";
  for (const Benchmark& tool : tools)
    text += fmt::format("  {:<11} {}\n", tool.name, tool.summary);
  return text +
         "\n"
         "'rtlane-bench BENCHMARK --help' is the manual of a benchmark, or of a tool.\n"
         "\n"
         "Exit status: 0 measured, 1 a failure, 2 wrong usage.\n";
}

int run(int argc, char** argv)
{
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    cli::say_out(help_text());
    return cli::good;
  }
  if (name.empty() || name.front() == '-')
    return benchmarks.front().run(argc, argv);
  for (const Benchmark& benchmark : benchmarks) {
    if (benchmark.name == name)
      return benchmark.run(argc - 1, argv + 1);
  }
  for (const Benchmark& tool : tools) {
    if (tool.name == name)
      return tool.run(argc - 1, argv + 1);
  }
  cli::say_err(fmt::format("rtlane-bench: there is no benchmark '{}'; 'rtlane-bench --help' lists them\n",
                           cli::printable(name)));
  return cli::usage;
}

}  // namespace

int main(int argc, char** argv)
{
  return cli::run_program("rtlane-bench", argc, argv, &run);
}
