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
    EXPECT_LE(figures["confidence_95"][key][0], figures[key]) << key << figures;
    EXPECT_GE(figures["confidence_95"][key][1], figures[key]) << key << figures;
  }
  EXPECT_GE(figures["max"].get<double>(), before);
}

std::uint64_t count_of(const json& histogram)
{
  return std::accumulate(histogram["buckets"].begin(), histogram["buckets"].end(), std::uint64_t{0},
                         [](std::uint64_t sum, const json& bucket) { return sum + bucket[1].get<std::uint64_t>(); });
}

TEST(Latency, TheDocumentHoldsWhatTheReadmeSays)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Scratch scratch;
  const std::string file = scratch.file("bench.json");
  const Outcome outcome = run_tool(with(short_latency, {"--json", file}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(file));
  EXPECT_EQ(document["schema"], "rtlane.bench/1");
  EXPECT_EQ(document["command"], "latency");
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

  // Every trip has one cause, and nothing is trimmed.
  const std::uint64_t trips = result["rtt_ns"]["count"];
  EXPECT_GT(trips, 0u);
  EXPECT_EQ(count_of(result["histogram"]), trips);
  std::uint64_t causes = 0;
  for (const char* const cause : {"clean", "host", "interrupt", "preempted", "stopped", "fault", "inside"})
    causes += result["attributed"][std::string(cause) + "_count"].get<std::uint64_t>();
  EXPECT_EQ(causes, trips);
  EXPECT_EQ(result["worst"][0]["ns"], result["rtt_ns"]["max"]);
  EXPECT_EQ(result["timeline"].size(), 3u);
  double longest = 0;
  for (const json& point : result["timeline"])
    longest = std::max(longest, point[1].get<double>());
  EXPECT_EQ(longest, result["rtt_ns"]["max"].get<double>());

  EXPECT_THAT(outcome.out, HasSubstr("rtlane/spsc"));
  EXPECT_THAT(outcome.out, HasSubstr("floor >=250 ns"));
  EXPECT_THAT(outcome.out, HasSubstr(result["worst"][0]["sentence"].get<std::string>()));
  EXPECT_TRUE(object_files(space.path()).empty());
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
  Tool tool = Tool::start({"latency", "--rounds", "60", "--bytes", "16", "--peers", "none", "--json"});
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
