// rtlane-bench as its users and `rtlane bench` meet it: exit statuses, help, documents. How fast anything is, is
// nothing that a test could say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "bench/bench_runs.hpp"
#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(BenchProgram, HelpNamesTheBenchmarksAndEachHasAManual)
{
  const Outcome help = run_tool({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("\n  latency "));
  EXPECT_THAT(help.out, HasSubstr("\n  hand-over "));
  EXPECT_THAT(help.out, HasSubstr("\n  report "));
  for (const std::string name : {"latency", "throughput", "stalls", "hand-over"}) {
    const Outcome manual = run_tool({name, "--help"});
    EXPECT_EQ(manual.status, 0);
    EXPECT_EQ(manual.err, "");
    EXPECT_THAT(manual.out, HasSubstr("rtlane.bench"));
    EXPECT_THAT(manual.out, HasSubstr("Exit status: 0"));
  }
}

TEST(BenchProgram, WrongArgumentsAreNamedAndGiveStatusTwo)
{
  struct Case {
    std::vector<std::string> arguments;
    const char* said;
  };
  const Case cases[] = {
      {{"nonsense"}, "there is no benchmark 'nonsense'"},
      {{"--wrong"}, "--wrong"},
      {{"latency", "extra"}, "extra"},
      {{"latency", "--bytes", "17"}, "--bytes"},
      {{"latency", "--rounds", "0"}, "--rounds"},
      {{"latency", "--segment-ms", "nan"}, "--segment-ms"},
      {{"latency", "--cpus", "0,1023"}, "may not run on CPU 1023"},
      {{"latency", "--cpus", "0,-1"}, "--cpus"},
      {{"latency", "--cpus", "0,0"}, "must differ"},
      {{"latency", "--channel", "tube"}, "there is no 'tube', only spsc"},
      {{"latency", "--peers", "nobody/nothing"}, "there is no 'nobody/nothing'"},
      {{"latency", "--mode", "half-open"}, "--mode"},
      {{"latency", "--mode", "open", "--rate", "0"}, "--rate"},
      {{"throughput", "--mode", "open"}, "--mode"},
      {{"throughput", "--bytes", "0"}, "--bytes"},
      {{"stalls", "--tries", "0"}, "--tries"},
      {{"stalls", "--stop-ms", "0"}, "--stop-ms"},
      {{"stalls", "--channel", "tube"}, "there is no 'tube', only spsc"},
      {{"stalls", "--rounds", "3"}, "--rounds"},
      {{"hand-over", "extra"}, "extra"},
      {{"hand-over", "--rounds", "0"}, "--rounds"},
      {{"hand-over", "--round-ms", "1001"}, "--round-ms"},
      {{"hand-over", "--cpus", "0,1023"}, "may not run on CPU 1023"},
      {{"hand-over", "--json", "/nonexistent/file"}, "/nonexistent/file: cannot be written"},
      {{"--json", "/nonexistent/file"}, "/nonexistent/file: cannot be written"},
  };
  Watchdog watchdog(60);
  TempNamespace space;
  for (const Case& wrong : cases) {
    const Outcome outcome = run_tool(wrong.arguments);
    const std::string shown = testing::PrintToString(wrong.arguments);
    EXPECT_EQ(outcome.status, 2) << shown << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(wrong.said)) << shown;
    EXPECT_EQ(outcome.out, "") << shown;
  }
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(BenchProgram, OnOneCpuItSaysThatItNeedsTwo)
{
  Watchdog watchdog(60);
  TempNamespace space;
  for (const auto& arguments : {short_latency, short_throughput, short_stalls, short_hand_over}) {
    const Outcome outcome = run_tool(arguments, [] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
      return sched_setaffinity(0, sizeof one, &one) == 0;
    });
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr("may run on one CPU only"));
  }
}

TEST(BenchProgram, JsonAloneTakesStandardOutput)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool(with(short_latency, {"--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["results"].size(), 1u);
  EXPECT_THAT(outcome.err, HasSubstr("ratio to floor"));
}

}  // namespace
}  // namespace rtlane::test
