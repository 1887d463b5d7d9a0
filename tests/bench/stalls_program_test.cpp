// rtlane-bench stalls, as its users meet it. What it finds out of which link is stalls_test.cpp's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "bench/bench_runs.hpp"
#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;

TEST(StallsProgram, TheDocumentHoldsAResultForEachBlowAndVictim)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("stalls.json");
  const Outcome outcome = run_tool(with(short_stalls, {"--channel", "spsc", "--seed", "7", "--json", file}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(file));
  EXPECT_EQ(document["schema"], "rtlane.bench/1");
  EXPECT_EQ(document["command"], "stalls");
  EXPECT_EQ(document["environment"]["policy"], "SCHED_OTHER");
  ASSERT_EQ(document["results"].size(), 4u);
  std::size_t at = 0;
  for (const std::string mode : {"stop", "kill"}) {
    for (const std::string victim : {"producer", "consumer"}) {
      const json& result = document["results"][at++];
      EXPECT_EQ(result["name"], "rtlane/spsc");
      EXPECT_EQ(result["kind"], "spsc");
      EXPECT_EQ(result["bytes"], 16);
      EXPECT_EQ(result["mode"], mode);
      EXPECT_EQ(result["in_process"], false);
      const json& stall = result["stall"];
      EXPECT_EQ(stall["victim"], victim);
      EXPECT_EQ(stall["tries"], 3);
      EXPECT_EQ(stall["seed"], 7);
      EXPECT_EQ(stall.contains("stop_ns"), mode == "stop");
      if (mode == "stop") {
        EXPECT_EQ(stall["stop_ns"], 20'000'000);
        EXPECT_FALSE(stall.contains("successors"));
      } else {
        EXPECT_EQ(stall["successors"]["went_on"], 3);
        EXPECT_EQ(stall["successors"]["gave_up"], 0);
      }
      EXPECT_EQ(stall["control"]["tries"], 3);
      EXPECT_GT(stall["longest_wait_ns"], 0);
      EXPECT_GT(stall["control"]["longest_wait_ns"], 0);
      EXPECT_LE(stall["inside"], 3);
      EXPECT_EQ(stall["stuck"], 0) << stall;
      EXPECT_LE(stall["lost_most"], mode == "kill" && victim == "consumer" ? 1 : 0) << stall;
      EXPECT_EQ(stall["doubled"], 0) << stall;
      EXPECT_EQ(stall["torn"], 0) << stall;
      EXPECT_THAT(stall["verdict"].get<std::string>(), AnyOf("unaffected", "delayed"));
      EXPECT_THAT(stall["sentence"].get<std::string>(), HasSubstr(victim));
    }
  }
  EXPECT_THAT(outcome.out, HasSubstr("seed 7\n"));
  EXPECT_THAT(outcome.out, HasSubstr("rtlane/spsc"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(StallsProgram, ThreadsAreMarkedAndExplained)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("stalls.json");
  const Outcome outcome = run_tool(with(short_stalls, {"--threads", "--json", file}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const json& result : json::parse(read_file(file))["results"])
    EXPECT_EQ(result["in_process"], true);
  EXPECT_THAT(outcome.out, HasSubstr("threads: a thread cannot be stopped or killed alone"));
}

TEST(StallsProgram, NobodyIsLeftWhenItIsKilled)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  Tool tool = Tool::start({"stalls", "--tries", "100000", "--peers", "none"});
  std::vector<pid_t> below;
  // Who directs, and two who take part.
  while ((below = descendants_of(tool.pid())).size() < 3)
    usleep(1000);
  ASSERT_EQ(kill(tool.pid(), SIGKILL), 0);
  tool.wait();
  for (const pid_t one : below) {
    while (kill(one, 0) == 0)
      usleep(1000);
  }
}

}  // namespace
}  // namespace rtlane::test
