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
int write_instructions(const CLI::App& app, const std::string& file, cli::Report& report)
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
    return cli::fail(app, fmt::format("{} cannot be written: {}", file, std::strerror(written ? errno : error)));
  return cli::good;
}

int run_benchmarks(const CLI::App& app, const cli::Report& report)
{
  std::vector<std::string> arguments = app.remaining();
  if (report.on_stdout()) {
    arguments.emplace_back("--benchmark_format=json");
  } else if (report.wanted()) {
    arguments.push_back("--benchmark_out=" + report.path());
    arguments.emplace_back("--benchmark_out_format=json");
  }
  std::string program = app.get_name();
  std::vector<char*> argv = {program.data()};
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(argv.size()) - 1;
  benchmark::Initialize(&argc, argv.data());
  if (argc > 1)
    return cli::fail(app, fmt::format("there is no argument '{}'; 'rtlane-micro --help' is the manual", argv[1]),
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
    return cli::fail(app, "no benchmark has such a name; --benchmark_list_tests lists them", cli::usage);
  return any_failed() ? cli::finding : cli::good;
}

int run(int argc, char** argv)
{
  CLI::App app("What each call of rtlane costs by itself, in time or in machine instructions.", "rtlane-micro");
  app.footer(manual);
  app.allow_extras();
  std::string file;
  CLI::Option* instructions =
      app.add_option("--instructions", file, "Count instructions instead; the table goes into FILE if there is one")
          ->type_name("[FILE]")
          ->expected(0, 1);
  cli::Report report;
  report.add_option(app);
  if (const auto status = cli::parse(app, argc, argv))
    return *status;
  if (*instructions && app.remaining_size() > 0)
    return cli::fail(app, fmt::format("--instructions does not go together with '{}'", app.remaining().front()),
                     cli::usage);
  if (const auto opened = report.open(); !opened)
    return cli::fail(app, opened.error().message, cli::usage);
  return *instructions ? write_instructions(app, file, report) : run_benchmarks(app, report);
}

}  // namespace
}  // namespace rtlane::bench::micro

int main(int argc, char** argv)
{
  return rtlane::cli::run_program("rtlane-micro", argc, argv, &rtlane::bench::micro::run);
}
