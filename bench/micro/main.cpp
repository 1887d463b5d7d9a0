// rtlane-micro: what each call costs by itself, in time (Google Benchmark) and in instructions.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "instructions.hpp"
#include "micro.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"

namespace rtlane::bench::micro {
namespace {

constexpr char manual[] =
    R"(Names say what is called and where: FAMILY/CALL[,CALL...][/CASE...]/TOPOLOGY, such as
spsc/try_push,try_pop/bytes:48/same_thread. Topologies: same_thread (both ends of a ring in one thread), two_threads,
alone (nobody else has the object), contended. Times are of one pass over all the calls of the name.

Arguments of Google Benchmark, among them:
  --benchmark_list_tests            list the names
  --benchmark_filter=REGEX          only those
  --benchmark_min_time=SECONDS      for each (default 0.5)
  --benchmark_repetitions=N         with mean, median and deviation
  --benchmark_enable_random_interleaving=true

JSON of the benchmarks is that of Google Benchmark; of --instructions {"schema": "rtlane.instructions/1", "built_by",
"operations": [{"operation", "bytes", "instructions", "calls", "elsewhere"}]}: instructions of rtlane itself, times that
another library was called, instructions there. bench/README.md says how they are counted.

Exit status: 0 measured, 1 a benchmark failed or what was asked for cannot be had here, 2 wrong usage.)";

// The table into FILE, or on standard output.
int write_instructions(const cli::Command& command, const std::string& file, cli::Report& report)
{
  const std::vector<InstructionCount> counts = count_instructions();
  if (!report.write(instructions_document(counts)))
    return cli::finding;
  const std::string text = instructions_text(counts);
  if (file.empty()) {
    if (!report.on_stdout())
      cli::say_out(text);
    return cli::good;
  }
  std::FILE* out = std::fopen(file.c_str(), "w");
  const bool written = out != nullptr && std::fwrite(text.data(), 1, text.size(), out) == text.size();
  const int error = errno;
  if ((out != nullptr && std::fclose(out) != 0) || !written)
    return command.fail(fmt::format("{} cannot be written: {}", file, std::strerror(written ? errno : error)));
  return cli::good;
}

int run_benchmarks(const cli::Command& command, const cli::Report& report)
{
  std::vector<std::string> arguments = command.others();
  if (report.on_stdout()) {
    arguments.emplace_back("--benchmark_format=json");
  } else if (report.wanted()) {
    arguments.push_back("--benchmark_out=" + report.path());
    arguments.emplace_back("--benchmark_out_format=json");
  }
  std::string program = command.name();
  std::vector<char*> argv = {program.data()};
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(argv.size()) - 1;
  benchmark::Initialize(&argc, argv.data());
  if (argc > 1)
    return command.fail(fmt::format("there is no argument '{}'; 'rtlane-micro --help' is the manual", argv[1]),
                        cli::usage);
  add_spsc();
  add_spsc_threads();
  add_spsc_c();
  add_histogram();
  add_clock();
  add_channel();
  add_shared_memory();
  add_sync();
  add_sync_threads();
  add_iwin32();
  if (benchmark::RunSpecifiedBenchmarks() == 0)
    return command.fail("no benchmark has such a name; --benchmark_list_tests lists them", cli::usage);
  return any_failed() ? cli::finding : cli::good;
}

int run(int argc, char** argv)
{
  cli::Command command("What each call of rtlane costs by itself, in time or in machine instructions.", "rtlane-micro",
                       manual);
  command.allow_others();
  std::string file;
  cli::Option instructions =
      command.option("--instructions", file, "Count instructions instead; the table goes into FILE if there is one")
          .type_name("[FILE]")
          .expects(0, 1);
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (instructions.count() > 0 && !command.others().empty())
    return command.fail(fmt::format("--instructions does not go together with '{}'", command.others().front()),
                        cli::usage);
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);
  return instructions.count() > 0 ? write_instructions(command, file, report) : run_benchmarks(command, report);
}

}  // namespace
}  // namespace rtlane::bench::micro

int main(int argc, char** argv)
{
  return rtlane::cli::run_program("rtlane-micro", argc, argv, &rtlane::bench::micro::run);
}
