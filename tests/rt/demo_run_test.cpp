#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include "demo.hpp"
#include "support/sanitizer.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

void expect_percentiles(const json& figures)
{
  EXPECT_GT(figures["count"], 0);
  EXPECT_LE(figures["p50_ns"], figures["p99_ns"]);
  EXPECT_LE(figures["p99_ns"], figures["p99_9_ns"]);
  EXPECT_LE(figures["p99_9_ns"], figures["max_ns"]);
}

void expect_whole(const json& document)
{
  EXPECT_EQ(document["schema"], "rtlane.demo/1");
  EXPECT_EQ(document["outcome"], "complete");
  EXPECT_EQ(document["status"], 0);
  EXPECT_EQ(document["sent"], document["received"]);
  for (const char* none : {"lost", "torn", "doubled", "unread"})
    EXPECT_EQ(document[none], 0) << none;
  EXPECT_EQ(document["latency"]["count"], document["received"]);
  expect_percentiles(document["latency"]);
  expect_percentiles(document["tick_late"]);
  EXPECT_GE(document["missed_ticks"], 0);
  EXPECT_GE(document["page_size"], 4096);
  EXPECT_TRUE(document["locked_bytes"].is_number_unsigned());
}

TEST(DemoRun, AWholeRecordingArrivesAtItsTimesAndGivesTheAttitude)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  // ten times to and fro; ends with the roll on its way up
  const std::string recording = scratch.write("rolling.csv", rolling_recording(2'001));
  const Outcome outcome = run_tool({"demo", "--imu", recording, "--speed", "20", "--json", scratch.file("demo.json")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(scratch.file("demo.json")));
  expect_whole(document);
  EXPECT_EQ(document["source"], "imu");
  EXPECT_EQ(document["file"], recording);
  EXPECT_EQ(document["sent"], 2'001);
  EXPECT_EQ(document["replay_late"]["count"], 2'001);
  expect_percentiles(document["replay_late"]);
  // the replay keeps the time stamps: 20 s at 20 times the speed cannot take less
  EXPECT_GE(document["elapsed_s"], 1.0);
  EXPECT_NEAR(document["attitude"]["roll_deg"].get<double>(), 0.0, 1.0);
  EXPECT_NEAR(document["attitude"]["pitch_deg"].get<double>(), 0.0, 0.1);
  EXPECT_NEAR(document["attitude"]["roll_max_deg"].get<double>(), 30.0, 1.0);
  EXPECT_EQ(document.count("loop"), 0u);
  EXPECT_THAT(outcome.out, HasSubstr("sent 2001, received 2001, lost 0, torn 0"));
  EXPECT_THAT(outcome.out, HasSubstr("largest roll"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoRun, TheRealRecordingArrivesWholeAtTwentyTimesItsSpeed)
{
  RTLANE_NEED_RECORDING(recording);
  Watchdog watchdog(100);
  TempNamespace space;
  const Outcome outcome = run_tool({"demo", "--imu", recording, "--speed", "20", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  expect_whole(document);
  EXPECT_EQ(document["sent"], 13'514);
  EXPECT_GE(document["elapsed_s"], 135.3 / 20);
  EXPECT_NEAR(document["attitude"]["roll_deg"].get<double>(), -1.24, 0.5);
  EXPECT_NEAR(document["attitude"]["pitch_deg"].get<double>(), 0.06, 0.5);
  EXPECT_NEAR(document["attitude"]["roll_max_deg"].get<double>(), 67.0, 2.0);
  EXPECT_NEAR(document["attitude"]["pitch_max_deg"].get<double>(), 62.3, 2.0);
}

TEST(DemoRun, AtAnySpeedAndWithATinyRingNothingIsDroppedAndTheWaitsAreCounted)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome = run_tool({"demo", "--imu", scratch.write("rolling.csv", rolling_recording(10'000)), "--speed",
                                    "1e9", "--capacity", "64", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  expect_whole(document);
  EXPECT_EQ(document["received"], 10'000);
  EXPECT_EQ(document["capacity"], 64);
  EXPECT_GT(document["full_waits"], 0);
  EXPECT_GT(document["full_wait_ns"], 0);
  // who waited for room came late to the next sample's time: the last one by nearly all of the waiting
  EXPECT_GT(document["replay_late"]["max_ns"].get<double>(), document["full_wait_ns"].get<double>() / 2);
  // the text went to standard error
  EXPECT_THAT(outcome.err, HasSubstr("samples waited for room"));
}

TEST(DemoRun, ASensorThatWasHeldUpShowsInTheLatenessOfTheReplay)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  RunningDemo demo({"--imu", scratch.write("rolling.csv", rolling_recording(100'000)), "--json"});
  ASSERT_TRUE(demo.wait_received(20));
  kill(demo.sensor(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return process_state(demo.sensor()) == 'T'; }));
  const std::uint64_t before = demo.sent();
  sleep_us(400'000);  // what is to be seen
  kill(demo.sensor(), SIGCONT);
  EXPECT_TRUE(eventually([&] { return demo.sent() > before + 60; }));
  demo.tool().signal(SIGTERM);
  const json document = demo.tool().wait().json();
  // the samples are 10 ms apart
  EXPECT_GE(document["replay_late"]["max_ns"], 380'000'000);
  EXPECT_THAT(demo.tool().err(), HasSubstr("replay late by"));
}

TEST(DemoRun, TheAttitudeDoesNotDependOnTheSpeed)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const std::string recording = scratch.write("rolling.csv", rolling_recording(3'000));
  const json slow = run_tool({"demo", "--imu", recording, "--speed", "30", "--json"}).json();
  const json fast = run_tool({"demo", "--imu", recording, "--speed", "1e9", "--rate", "100", "--json"}).json();
  EXPECT_EQ(slow["received"], 3'000);
  EXPECT_EQ(slow["attitude"], fast["attitude"]);
}

TEST(DemoRun, TheHostSourceClosesItsLoopAndShowsBeforeAndAfter)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome = run_tool({"demo", "--duration", "3", "--rate", "500", "--json", scratch.file("demo.json")});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(scratch.file("demo.json")));
  expect_whole(document);
  EXPECT_EQ(document["source"], "host");
  EXPECT_DOUBLE_EQ(document["rate_hz"].get<double>(), 500.0);
  EXPECT_EQ(document.count("attitude"), 0u);
  const json& loop = document["loop"];
  expect_percentiles(loop["before"]);
  expect_percentiles(loop["after"]);
  EXPECT_GT(loop["margin_ns"], 0);
  EXPECT_LE(loop["margin_ns"], loop["margin_limit_ns"]);
  EXPECT_GT(loop["spin_share"], 0.0);
  EXPECT_LT(loop["spin_share"], 0.5);
  // Not how small, which the machine decides, but that the loop works: a tick that sleeps to its due time is always
  // late by its wake-up, one that wakes earlier is not.
  EXPECT_LT(loop["after"]["p50_ns"], loop["before"]["p50_ns"]);
  EXPECT_THAT(outcome.out, HasSubstr("sensor late, before (margin 0)"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoRun, DurationEndsAReplayEarlyWithoutLoss)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome =
      run_tool({"demo", "--imu", scratch.write("rolling.csv", rolling_recording(10'000)), "--duration", "1", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  expect_whole(document);
  EXPECT_GT(document["sent"], 10);
  EXPECT_LT(document["sent"], 10'000);
}

TEST(DemoRun, WithoutATerminalItWritesALineASecondAndThenTheTable)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Outcome outcome = run_tool({"demo", "--duration", "2.5"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
  const std::size_t table = outcome.out.find("\ncomplete after ");
  ASSERT_NE(table, std::string::npos);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = outcome.out.find("  latency p50", at)) < table; ++at)
    ++lines;
  EXPECT_GE(lines, 2u);
}

TEST(DemoRun, TwoAtOnceDoNotCollide)
{
  Watchdog watchdog(60);
  TempNamespace space;
  Tool one = Tool::start({"demo", "--duration", "2", "--rate", "200", "--json"});
  Tool two = Tool::start({"demo", "--duration", "2", "--rate", "200", "--json"});
  const Outcome first = one.wait();
  const Outcome second = two.wait();
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(second.status, 0) << second.err;
  expect_whole(first.json());
  expect_whole(second.json());
  EXPECT_NE(first.json()["ring"], second.json()["ring"]);
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoRun, ANameThatIsTakenIsRefusedAndTheOtherIsNotDisturbed)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(20));
  const Outcome refused = run_tool({"demo", "--name", "test"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("exists already"));
  const std::uint64_t so_far = demo.received();
  EXPECT_TRUE(demo.wait_received(so_far + 20));
  demo.tool().signal(SIGINT);
  EXPECT_EQ(demo.tool().wait().status, 0);
}

TEST(DemoRun, InfoAndLsLookIntoItWhileItRuns)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(20));
  const json info = run_tool({"info", "test", "--json"}).json();
  EXPECT_EQ(info["channel"]["type"], "HostSample");
  EXPECT_EQ(info["channel"]["producer_alive"], true);
  EXPECT_EQ(info["channel"]["consumer_alive"], true);
  EXPECT_GE(info["channel"]["published"], 20);
  EXPECT_EQ(info["holders"]["locks"], 3);
  std::vector<int> pids;
  for (const json& process : info["holders"]["processes"])
    pids.push_back(process["pid"]);
  EXPECT_THAT(pids, testing::UnorderedElementsAre(demo.monitor(), demo.sensor(), demo.controller()));
  EXPECT_EQ(run_tool({"ls"}).status, 0);
  demo.tool().signal(SIGTERM);
  EXPECT_EQ(demo.tool().wait().status, 0);
}

TEST(DemoRun, AsAnOrdinaryUserItRunsAndSaysWhatWasNotGranted)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can become another user here";
  Watchdog watchdog(60);
  TempNamespace space;
  ASSERT_EQ(chown(space.path().c_str(), kOtherUid, kOtherUid), 0);
  const Outcome outcome = run_tool_as(kOtherUid, {"demo", "--duration", "1", "--json"}, [] {
    const rlimit nothing = {0, 0};
    return setrlimit(RLIMIT_RTPRIO, &nothing) == 0 && setrlimit(RLIMIT_MEMLOCK, &nothing) == 0;
  });
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  expect_whole(document);
  EXPECT_EQ(document["locked_bytes"], 0);
  EXPECT_THAT(document["lock_reason"].get<std::string>(), HasSubstr("RLIMIT_MEMLOCK"));
  for (const char* part : {"sensor", "controller"}) {
    EXPECT_EQ(document[part]["policy"], "SCHED_OTHER") << part;
    EXPECT_THAT(document[part]["not_granted"].get<std::string>(),
                testing::AllOf(HasSubstr("SCHED_FIFO priority 80 was refused"), HasSubstr("RLIMIT_RTPRIO is 0")))
        << part;
    // Sanitizers turn mlockall() into nothing, which refuses nothing.
    if (!built_with_sanitizer) {
      EXPECT_THAT(document[part]["not_granted"].get<std::string>(),
                  HasSubstr("locking the process's memory was refused"))
          << part;
    }
  }
  EXPECT_THAT(outcome.err, HasSubstr("SCHED_FIFO priority 80 was refused"));
}

TEST(DemoRun, WithOneCpuItRunsToo)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Outcome outcome = run_tool({"demo", "--duration", "1", "--json"}, [] {
    cpu_set_t all;
    cpu_set_t one;
    CPU_ZERO(&all);
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof all, &all);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &all))
        CPU_SET(cpu, &one);
    }
    return sched_setaffinity(0, sizeof one, &one) == 0;
  });
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  expect_whole(document);
  EXPECT_EQ(document["sensor"]["cpu"], document["controller"]["cpu"]);
}

}  // namespace
}  // namespace rtlane::test
