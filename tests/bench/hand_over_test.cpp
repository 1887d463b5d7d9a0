// rtlane-bench hand-over, as its users meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bench/bench_runs.hpp"
#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

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
