// rtlane-bench as its users and `rtlane bench` meet it: exit statuses, help, documents. How fast anything is, is
// nothing that a test could say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> short_hand_over = {"hand-over", "--rounds", "2", "--round-ms", "5"};
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
  EXPECT_THAT(help.out, HasSubstr("\n  hand-over "));
  for (const std::string name : {"round-trip", "hand-over"}) {
    const Outcome manual = run_tool({name, "--help"});
    EXPECT_EQ(manual.status, 0);
    EXPECT_EQ(manual.err, "");
    EXPECT_THAT(manual.out, HasSubstr("\"schema\": \"rtlane.bench." + name + "/1\""));
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
      {{"round-trip", "extra"}, "extra"},
      {{"round-trip", "--bytes", "17"}, "--bytes"},
      {{"round-trip", "--rounds", "0"}, "--rounds"},
      {{"round-trip", "--round-ms", "nan"}, "--round-ms"},
      {{"round-trip", "--capacity", "0"}, "--capacity"},
      {{"round-trip", "--cpu-a", "1023"}, "may not run on CPU 1023"},
      {{"round-trip", "--cpu-a", "-1"}, "--cpu-a"},
      {{"hand-over", "extra"}, "extra"},
      {{"hand-over", "--rounds", "0"}, "--rounds"},
      {{"hand-over", "--round-ms", "1001"}, "--round-ms"},
      {{"hand-over", "--cpu-b", "1023"}, "may not run on CPU 1023"},
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
  for (const auto& arguments : {short_run, short_hand_over}) {
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

// The other process of a running benchmark, once there is one.
pid_t far_process_of(const Tool& tool)
{
  for (;;) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream stat(entry.path() / "stat");
      pid_t pid = 0;
      std::string name;
      char state = 0;
      pid_t parent = 0;
      if (stat >> pid >> name >> state >> parent && parent == tool.pid())
        return pid;
    }
    usleep(1000);
  }
}

json with_key(const json& results, const std::string& key)
{
  json found = json::array();
  std::copy_if(results.begin(), results.end(), std::back_inserter(found),
               [&](const json& result) { return result.contains(key); });
  return found;
}

TEST(HandOver, TheDocumentHoldsEveryCandidateAndItsPeers)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("bench.json");
  const Outcome outcome = run_tool(with(short_hand_over, {"--json", file}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(file));
  EXPECT_EQ(document["schema"], "rtlane.bench.hand-over/1");
  EXPECT_EQ(document["cpus"].size(), 2u);
  EXPECT_EQ(document["rounds"], 2);
  EXPECT_GT(document["floor_ns"]["p50"], 0.0);
  std::vector<std::string> ours;
  std::vector<std::string> peers;
  for (const json& result : document["results"]) {
    const auto kind = result["kind"].get<std::string>();
    const auto name = kind + " " + result["name"].get<std::string>();
    EXPECT_GT(result["rtt_ns"]["p50"], 0.0) << name;
    EXPECT_GE(result["sleeps_per_hand_over"], 0.0) << name;
    EXPECT_GE(result["preemptions"], 0) << name;
    EXPECT_EQ(result.contains("alone_ns"), kind == "at-once" || kind == "lock") << name;
    (result.contains("ratio_to") ? ours : peers).push_back(name);
  }
  EXPECT_THAT(ours, ElementsAre("asleep rtlane/event", "asleep rtlane/semaphore", "at-once rtlane/event",
                                "at-once rtlane/semaphore", "lock rtlane/mutex", "long-lock rtlane/mutex"));
  EXPECT_THAT(peers, ElementsAre("asleep posix/sem", "asleep linux/eventfd", "asleep pthread/mutex+cond",
                                 "at-once posix/sem", "at-once linux/eventfd", "at-once pthread/mutex+cond",
                                 "lock pthread/robust-pi-mutex", "long-lock pthread/robust-pi-mutex"));
  for (const json& result : with_key(document["results"], "ratio_to")) {
    const json& best = result["ratio_to_best"];
    EXPECT_EQ(result["ratio_to"].size(), result["name"] == "rtlane/mutex" ? 1u : 3u);
    bool named = false;
    for (const json& to : result["ratio_to"]) {
      EXPECT_GT(to["hand_over"]["p10"], 0.0);
      EXPECT_LE(to["hand_over"]["p10"], to["hand_over"]["median"]);
      EXPECT_LE(to["hand_over"]["median"], to["hand_over"]["p90"]);
      EXPECT_LE(to["hand_over"]["median"], best["median"]) << result;
      EXPECT_EQ(to.contains("alone"), result.contains("alone_ns")) << result;
      named = named || (to["peer"] == best["peer"] && to["hand_over"]["median"] == best["median"]);
    }
    EXPECT_TRUE(named) << result;
  }
  EXPECT_THAT(outcome.out, HasSubstr("the best"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

// A baton that is kept is off the other process's CPU when it comes.
TEST(HandOver, WhoWaitsForAKeptBatonIsAsleep)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  // On a loaded machine one may be preempted while it looks, which is no sleep: then it is measured again.
  json too_few;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const Outcome outcome = run_tool(with(short_hand_over, {"--json"}));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    too_few = json::array();
    for (const json& result : outcome.json()["results"]) {
      if (result["kind"] == "asleep" && result["sleeps_per_hand_over"] <= 0.5)
        too_few.push_back(result);
    }
    if (too_few.empty())
      break;
  }
  EXPECT_TRUE(too_few.empty()) << too_few;
}

TEST(HandOver, SaysWhoseHandOverDoesNotCome)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  Tool tool = Tool::start({"hand-over", "--rounds", "1000000"});
  const pid_t far_process = far_process_of(tool);
  ASSERT_EQ(kill(far_process, SIGSTOP), 0);
  const Outcome outcome = tool.wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("no hand-over for 10 s"));
}

TEST(HandOver, EndsWithTheOtherProcess)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  Tool tool = Tool::start({"hand-over", "--rounds", "1000000"});
  const pid_t far_process = far_process_of(tool);
  ASSERT_EQ(kill(far_process, SIGKILL), 0);
  const Outcome outcome = tool.wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("the other process has ended"));
}

}  // namespace
}  // namespace rtlane::test
