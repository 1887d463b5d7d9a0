// rtlane-bench latency and throughput, as their users meet them. How fast anything is, is nothing that a test could
// say; that the figures of one document agree with each other is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <numeric>
#include <string>
#include <vector>

#include "bench/bench_runs.hpp"
#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;

void expect_environment(const json& document)
{
  const json& environment = document["environment"];
  for (const char* const key : {"version", "compiler", "flags", "build", "kernel", "cpu_model", "hypervisor", "cpus",
                                "topology", "policy", "memory_locked", "refused", "tick", "load_average"})
    EXPECT_TRUE(environment.contains(key)) << key;
  EXPECT_EQ(environment["cpus"].size(), 2u);
  EXPECT_GT(environment["tick"]["hz"], 1e6);
}

void expect_percentiles(const json& figures)
{
  double before = 0;
  for (const char* const key : {"p50", "p90", "p99", "p99_9", "p99_99"}) {
    if (figures[key].is_null()) {
      EXPECT_GT(figures["needs"][key], figures["count"]) << key << figures;
      continue;
    }
    EXPECT_GE(figures[key].get<double>(), before) << key << figures;
    before = figures[key];
    // One launch says nothing of others.
    EXPECT_THAT(figures["no_confidence"][key].get<std::string>(),
                testing::StartsWith(std::string(key).size() > 3 ? "single stalls make it" : "needs 5 launches"))
        << figures;
  }
  EXPECT_GE(figures["max"].get<double>(), before);
}

std::uint64_t count_of(const json& histogram)
{
  return std::accumulate(histogram["buckets"].begin(), histogram["buckets"].end(), std::uint64_t{0},
                         [](std::uint64_t sum, const json& bucket) { return sum + bucket[1].get<std::uint64_t>(); });
}

// Every trip has one cause, and nothing is trimmed.
void expect_attribution(const json& result, const json& figures, std::size_t rounds)
{
  const std::uint64_t trips = figures["count"];
  EXPECT_GT(trips, 0u);
  EXPECT_EQ(count_of(result["histogram"]), trips);
  const json& attributed = result["attributed"];
  std::uint64_t causes = 0;
  for (const char* const cause : {"clean", "host", "interrupt", "preempted", "stopped", "fault", "observer", "inside"})
    causes += attributed[std::string(cause) + "_count"].get<std::uint64_t>();
  EXPECT_EQ(causes, trips);
  EXPECT_GT(attributed["clean_max_ns"], 0);
  EXPECT_LE(attributed["clean_max_ns"], attributed["channel_max_ns"]);
  EXPECT_LE(attributed["channel_max_ns"], figures["max"]);
  EXPECT_TRUE(attributed["inside_expected"].is_number()) << attributed;
  EXPECT_EQ(result["worst"][0]["ns"], figures["max"]);
  EXPECT_LE(result["worst"][0]["channel_ns"], figures["max"]);
  EXPECT_EQ(result["timeline"].size(), rounds);
  double longest = 0;
  for (const json& point : result["timeline"])
    longest = std::max(longest, point[1].get<double>());
  EXPECT_EQ(longest, figures["max"].get<double>());
}

TEST(Latency, TheDocumentHoldsWhatTheReadmeSays)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("bench.json");
  const Outcome outcome = run_tool(with(short_latency, {"--channel", "spsc", "--json", file}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(file));
  EXPECT_EQ(document["schema"], "rtlane.bench/1");
  EXPECT_EQ(document["command"], "latency");
  EXPECT_EQ(document["seed"], 1);
  expect_environment(document);
  // One before all and one after each turn, warm-up included.
  EXPECT_EQ(document["floor"]["rounds"], 2 * (3 + 2));
  ASSERT_EQ(document["results"].size(), 1u);
  const json& result = document["results"][0];
  EXPECT_EQ(result["name"], "rtlane/spsc");
  EXPECT_EQ(result["kind"], "spsc");
  EXPECT_EQ(result["bytes"], 16);
  EXPECT_EQ(result["mode"], "closed");
  EXPECT_EQ(result["in_process"], false);
  EXPECT_EQ(result["blocks"], false);
  EXPECT_EQ(result["rounds"].get<int>() + result["dropped_rounds"].get<int>(), 3);
  const json& ratio = result["ratio_to_floor"];
  EXPECT_EQ(ratio["below_250ns"]["rounds"].get<int>() + ratio["from_250ns"]["rounds"].get<int>(), result["rounds"]);
  if (result["rounds"] != 0) {
    EXPECT_GT(ratio["p10"], 0.0);
    EXPECT_LE(ratio["p10"], ratio["median"]);
    EXPECT_LE(ratio["median"], ratio["p90"]);
  }
  expect_percentiles(result["rtt_ns"]);
  expect_percentiles(result["operation_ns"]["send"]);
  expect_percentiles(result["operation_ns"]["receive"]);

  if (result.contains("one_way_ns")) {
    const json& there = result["one_way_ns"]["there"];
    const json& back = result["one_way_ns"]["back"];
    const double longest = result["rtt_ns"]["max"];
    // The two parts of a trip make up the trip, whatever the counters' offset; rounding takes 1 ns each.
    EXPECT_EQ(there["count"], result["rtt_ns"]["count"]);
    EXPECT_EQ(back["count"], result["rtt_ns"]["count"]);
    EXPECT_GE(there["max"].get<double>() + back["max"].get<double>(), longest - 2);
    constexpr double offset_max_ns = 200;
    EXPECT_LE(there["max"].get<double>(), longest + offset_max_ns + 2);
    EXPECT_LE(back["max"].get<double>(), longest + offset_max_ns + 2);
    EXPECT_GT(there["p50"].get<double>() + back["p50"].get<double>(), 0);
  } else {
    EXPECT_FALSE(document["environment"]["tick"]["invariant"].get<bool>() &&
                 document["environment"]["tick"]["offset_ns"][0] >= -200 &&
                 document["environment"]["tick"]["offset_ns"][1] <= 200);
  }

  expect_attribution(result, result["rtt_ns"], 3);

  EXPECT_THAT(outcome.out, HasSubstr("rtlane/spsc"));
  EXPECT_THAT(outcome.out, HasSubstr("floor >=250 ns"));
  EXPECT_THAT(outcome.out, HasSubstr(result["worst"][0]["sentence"].get<std::string>()));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(Latency, FiveLaunchesGivePercentilesTheirIntervals)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool({"latency", "--channel", "spsc", "--bytes", "16", "--rounds", "1", "--segment-ms",
                                    "2", "--launches", "5", "--seed", "7", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  EXPECT_EQ(document["seed"], 7);
  EXPECT_THAT(outcome.err, HasSubstr("seed 7\n"));
  const json& result = document["results"][0];
  for (const json& figures : {result["rtt_ns"], result["operation_ns"]["send"], result["operation_ns"]["receive"]}) {
    EXPECT_EQ(figures["confidence_launches"], 5);
    ASSERT_TRUE(figures["confidence_95"].contains("p50")) << figures;
    EXPECT_LE(figures["confidence_95"]["p50"][0], figures["p50"]) << figures;
    EXPECT_GE(figures["confidence_95"]["p50"][1], figures["p50"]) << figures;
    EXPECT_FALSE(figures["no_confidence"].contains("p50")) << figures;
  }
  EXPECT_FALSE(result["launches"][0]["rtt_ns"].contains("confidence_95"));
}

TEST(Latency, TheOpenLoopShowsServiceAndResponse)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool(with(short_latency, {"--mode", "open", "--rate", "100000", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  const json& result = document["results"][0];
  EXPECT_EQ(result["mode"], "open");
  EXPECT_EQ(result["rate_hz"], 100000.0);
  EXPECT_EQ(result["lost"], 0);
  // 2 ms at 100 kHz in each of three rounds.
  EXPECT_EQ(result["response_ns"]["count"], 600);
  EXPECT_EQ(result["service_ns"]["count"], 600);
  expect_percentiles(result["response_ns"]);
  expect_percentiles(result["service_ns"]);
  // What is due before it is sent waits for longer.
  EXPECT_GE(result["response_ns"]["max"], result["service_ns"]["max"]);
  EXPECT_FALSE(result.contains("rtt_ns"));
  expect_attribution(result, result["response_ns"], 3);
}

TEST(Latency, ARateAtWhichNothingIsDueIsRefused)
{
  RTLANE_NEED_TWO_CPUS;
  for (const char* const rate : {"100", "nan"}) {
    const Outcome outcome = run_tool({"latency", "--mode", "open", "--rate", rate, "--segment-ms", "6"});
    EXPECT_EQ(outcome.status, 2) << rate;
    EXPECT_EQ(outcome.out, "") << rate;
    EXPECT_THAT(outcome.err, HasSubstr("--rate")) << rate;
  }
}

TEST(Latency, ASizeThatIsNamedTwiceIsMeasuredOnce)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome =
      run_tool({"latency", "--rounds", "2", "--bytes", "16,16", "--channel", "spsc", "--peers", "none", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["results"].size(), 1u);
}

TEST(Latency, ThreadsOfOneProcessAreMarked)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool(with(short_latency, {"--threads", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["results"][0]["in_process"], true);
}

TEST(Latency, WorksWithoutRealTime)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool(with(short_latency, {"--priority", "0", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["environment"]["policy"], "SCHED_OTHER");
}

TEST(Throughput, TheDocumentHoldsWhatTheReadmeSays)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool(with(short_throughput, {"--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  EXPECT_EQ(document["command"], "throughput");
  expect_environment(document);
  const json& result = document["results"][0];
  EXPECT_EQ(result["mode"], "saturated");
  EXPECT_EQ(result["lost"], 0);
  EXPECT_GT(result["throughput_msgs_per_s"], 0.0);
  EXPECT_EQ(result["rounds"].get<int>() + result["dropped_rounds"].get<int>(), 3);
}

// The processes below `parent`, youngest generation last.
// Two pairs (floor and ring) of two processes each.
std::vector<pid_t> workers_of(const Tool& tool)
{
  std::vector<pid_t> workers;
  while ((workers = descendants_of(tool.pid())).size() < 4)
    usleep(1000);
  return workers;
}

TEST(Latency, AWorkerThatIsKilledFailsItsCandidateAndNothingElse)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  Tool tool =
      Tool::start({"latency", "--rounds", "60", "--channel", "spsc", "--bytes", "16", "--peers", "none", "--json"});
  ASSERT_EQ(kill(workers_of(tool).back(), SIGKILL), 0);
  const Outcome outcome = tool.wait();
  EXPECT_EQ(outcome.status, 1);
  const json document = outcome.json();
  ASSERT_EQ(document["results"].size(), 1u);
  EXPECT_TRUE(document["results"][0].contains("failed")) << document["results"][0];
  EXPECT_GT(document["floor"]["rtt_ns"]["p50"], 0.0);
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(Latency, NobodyIsLeftWhenItIsKilled)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  Tool tool = Tool::start({"latency", "--rounds", "1000000", "--bytes", "16", "--peers", "none"});
  const std::vector<pid_t> workers = workers_of(tool);
  ASSERT_EQ(kill(tool.pid(), SIGKILL), 0);
  tool.wait();
  for (const pid_t worker : workers) {
    while (kill(worker, 0) == 0)
      usleep(1000);
  }
}

}  // namespace
}  // namespace rtlane::test
