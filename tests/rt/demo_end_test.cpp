// Ending a demo in order: signals to any part, and parts that are stopped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "demo.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

void expect_clean_end(const Outcome& outcome, const TempNamespace& space)
{
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("interrupted after "));
  EXPECT_THAT(outcome.out, HasSubstr("lost 0, torn 0, doubled 0\n"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoEnd, CtrlCToTheWholeGroupEndsAllWithTheTable)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(100));
  demo.tool().signal_group(SIGINT);
  expect_clean_end(demo.tool().wait(), space);
}

TEST(DemoEnd, SigintAndSigtermToAnyOfTheThreeEndAllWithTheTable)
{
  Watchdog watchdog(100);
  for (const int number : {SIGINT, SIGTERM}) {
    for (const demo::Part part : {demo::Part::monitor, demo::Part::sensor, demo::Part::controller}) {
      SCOPED_TRACE(std::string(strsignal(number)) + " to the " + name_of(part));
      TempNamespace space;
      RunningDemo demo({"--duration", "0"});
      ASSERT_TRUE(demo.wait_received(20));
      kill(demo.pid(part), number);
      expect_clean_end(demo.tool().wait(), space);
    }
  }
}

TEST(DemoEnd, ASignalThatTheCallerIgnoresStaysIgnoredInAllThree)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"}, [] { return std::signal(SIGHUP, SIG_IGN) != SIG_ERR; });  // as nohup does
  ASSERT_TRUE(demo.wait_received(20));
  demo.tool().signal_group(SIGHUP);
  for (const demo::Part part : {demo::Part::monitor, demo::Part::sensor, demo::Part::controller})
    kill(demo.pid(part), SIGHUP);
  EXPECT_TRUE(demo.wait_received(demo.received() + 300));
  EXPECT_FALSE(demo.stop_asked());
  demo.tool().signal(SIGTERM);
  expect_clean_end(demo.tool().wait(), space);
}

TEST(DemoEnd, AHangUpEndsItInOrder)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(20));
  demo.tool().signal_group(SIGHUP);
  expect_clean_end(demo.tool().wait(), space);
}

TEST(DemoEnd, AnInterruptedRunWritesItsJsonDocument)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0", "--json"});
  ASSERT_TRUE(demo.wait_received(20));
  demo.tool().signal(SIGINT);
  const Outcome outcome = demo.tool().wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.json()["outcome"], "interrupted");
  EXPECT_EQ(outcome.json()["sent"], outcome.json()["received"]);
}

TEST(DemoEnd, ASlowReplayIsInterruptedInTheMiddleOfItsSleep)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  RunningDemo demo({"--imu", scratch.write("rolling.csv", rolling_recording(10)), "--speed",
                    "0.001"});  // ten seconds between samples
  ASSERT_TRUE(demo.wait_received(1));
  demo.tool().signal(SIGINT);
  expect_clean_end(demo.tool().wait(), space);
}

TEST(DemoEnd, AStoppedSensorIsNotDead)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(50));
  kill(demo.sensor(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return demo.tool().out().find("sensor is stopped, not dead") != std::string::npos; }));
  kill(demo.sensor(), SIGCONT);
  const std::uint64_t so_far = demo.received();
  EXPECT_TRUE(demo.wait_received(so_far + 50));
  demo.tool().signal(SIGINT);
  expect_clean_end(demo.tool().wait(), space);
}

TEST(DemoEnd, AStoppedControllerIsWaitedForAndNothingIsLost)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0", "--capacity", "64"});
  ASSERT_TRUE(demo.wait_received(50));
  kill(demo.controller(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return demo.full_waits() > 0; }));
  EXPECT_EQ(demo.tool().err(), "");
  kill(demo.controller(), SIGCONT);
  EXPECT_TRUE(demo.wait_received(demo.received() + 100));
  demo.tool().signal(SIGINT);
  const Outcome outcome = demo.tool().wait();
  expect_clean_end(outcome, space);
  EXPECT_THAT(outcome.out, HasSubstr("samples waited for room"));
}

TEST(DemoEnd, AStoppedChildDoesNotKeepAnEndThatWasAskedFor)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(20));
  kill(demo.sensor(), SIGSTOP);
  demo.tool().signal(SIGINT);
  const Outcome outcome = demo.tool().wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("is stopped; letting it run on so that it can end"));
  EXPECT_THAT(outcome.out, HasSubstr("lost 0, torn 0, doubled 0\n"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoEnd, ASecondInterruptKills)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(20));
  kill(demo.sensor(), SIGSTOP);
  kill(demo.controller(), SIGSTOP);
  demo.tool().signal(SIGINT);
  // two pending signals of one kind are one: the second must find the first taken
  ASSERT_TRUE(eventually([&] { return demo.stop_asked(); }));
  demo.tool().signal(SIGTERM);
  const Outcome outcome = demo.tool().wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("asked twice"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoEnd, AReaderThatGoesAwayEndsItInOrder)
{
  Watchdog watchdog(60);
  TempNamespace space;
  Child shell = Child::start([] {
    const std::string command =
        std::string("set -o pipefail; '") + RTLANE_TOOL + "' demo --duration 0 | head -1 > /dev/null";
    execlp("bash", "bash", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  });
  EXPECT_EQ(shell.wait(), 0);
  EXPECT_TRUE(object_files(space.path()).empty());
}

}  // namespace
}  // namespace rtlane::test
