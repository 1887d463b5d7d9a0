// rtlane-bench as its users and `rtlane bench` meet it: exit statuses, help, documents. How fast anything is, is
// nothing that a test could say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> short_run = {"round-trip", "--rounds", "3", "--round-ms", "3", "--bytes", "16"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more)
{
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Both sides poll, and on a machine that is loaded all three rounds may be dropped: then it is measured again.
Outcome measured(const std::vector<std::string>& arguments)
{
  Outcome outcome;
  for (int attempt = 0; attempt < 20; ++attempt) {
    outcome = run_tool(arguments);
    if (outcome.status != 1 || outcome.err.find("rounds were dropped") == std::string::npos)
      break;
  }
  return outcome;
}

bool has_two_cpus()
{
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 2;
}

#define RTLANE_NEED_TWO_CPUS \
  if (!has_two_cpus())       \
  GTEST_SKIP() << "the benchmark polls on two CPUs, and this process may run on one only"

TEST(BenchProgram, HelpNamesTheBenchmarksAndEachHasAManual)
{
  const Outcome help = run_tool({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("\n  round-trip "));
  const Outcome manual = run_tool({"round-trip", "--help"});
  EXPECT_EQ(manual.status, 0);
  EXPECT_EQ(manual.err, "");
  EXPECT_THAT(manual.out, HasSubstr("\"schema\": \"rtlane.bench.round-trip/1\""));
  EXPECT_THAT(manual.out, HasSubstr("Exit status: 0"));
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
      {{"round-trip", "extra"}, "extra"},
      {{"round-trip", "--bytes", "17"}, "--bytes"},
      {{"round-trip", "--rounds", "0"}, "--rounds"},
      {{"round-trip", "--round-ms", "nan"}, "--round-ms"},
      {{"round-trip", "--capacity", "0"}, "--capacity"},
      {{"round-trip", "--cpu-a", "1023"}, "may not run on CPU 1023"},
      {{"round-trip", "--cpu-a", "-1"}, "--cpu-a"},
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
  const Outcome outcome = run_tool(short_run, [] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
  });
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("may run on one CPU only"));
}

TEST(BenchProgram, TheDocumentHoldsWhatTheManualSays)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("bench.json");
  // without the benchmark's name, which is the first then
  const Outcome outcome = measured(with({short_run.begin() + 1, short_run.end()}, {"--json", file}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(file));
  EXPECT_EQ(document["schema"], "rtlane.bench.round-trip/1");
  EXPECT_EQ(document["cpus"].size(), 2u);
  ASSERT_EQ(document["results"].size(), 1u);
  const json& result = document["results"][0];
  EXPECT_EQ(result["name"], "rtlane/SpscRing/round_trip");
  EXPECT_EQ(result["bytes"], 16);
  EXPECT_GE(result["rounds"], 1);
  EXPECT_EQ(result["rounds"].get<int>() + result["dropped_rounds"].get<int>(), 3);
  const json& ratio = result["ratio_to_floor"];
  EXPECT_GT(ratio["p10"], 0.0);
  EXPECT_LE(ratio["p10"], ratio["median"]);
  EXPECT_LE(ratio["median"], ratio["p90"]);
  EXPECT_EQ(ratio["below_250ns"]["rounds"].get<int>() + ratio["from_250ns"]["rounds"].get<int>(), result["rounds"]);
  EXPECT_GT(result["floor_ns"]["p50"], 0.0);
  EXPECT_GT(result["rtt_ns"]["p50"], 0.0);
  EXPECT_GE(result["page_bytes"], 4096);
  EXPECT_THAT(outcome.out, HasSubstr("floor >=250 ns"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(BenchProgram, JsonAloneTakesStandardOutput)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = measured(with(short_run, {"--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["results"].size(), 1u);
  EXPECT_THAT(outcome.err, HasSubstr("floor ns"));
}

}  // namespace
}  // namespace rtlane::test
