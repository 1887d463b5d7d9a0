// Any of the three is killed, alone or with another: the rest says so and ends, and nothing is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <sstream>

#include "demo.hpp"

namespace rtlane::test {
namespace {

using demo::Part;
using testing::HasSubstr;

constexpr Part all_parts[] = {Part::monitor, Part::sensor, Part::controller};

struct Aftermath {
  int monitor = 0;
  std::map<Part, int> children;
  std::string out;
  std::string err;
};

// Runs a demo, kills these parts, and waits until the last process is gone.
Aftermath after_killing(const std::vector<Part>& victims, const std::vector<std::string>& arguments)
{
  RunningDemo demo(arguments);
  Aftermath aftermath;
  if (!demo.wait_received(50)) {
    ADD_FAILURE() << "the demo does not start: " << demo.tool().err();
    return aftermath;
  }
  const std::int64_t killed_ns = now_ns();
  for (const Part victim : victims)
    kill(demo.pid(victim), SIGKILL);
  Outcome outcome = demo.tool().wait();
  aftermath.children = demo.wait_for_children();
  // not asserted: how long it takes is the machine's to say
  testing::Test::RecordProperty("ended_after_ms", std::to_string((now_ns() - killed_ns) / 1'000'000));
  aftermath.monitor = outcome.status;
  aftermath.out = outcome.out;
  aftermath.err = demo.tool().err();
  return aftermath;
}

bool contains(const std::vector<Part>& parts, Part part)
{
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

TEST(DemoKill, AKilledSensorIsNamedAndTheRestEndsAndNothingIsLeft)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Aftermath aftermath = after_killing({Part::sensor}, {"--duration", "0"});
  EXPECT_EQ(aftermath.monitor, 1);
  EXPECT_THAT(aftermath.err,
              testing::ContainsRegex("the sensor \\(process [0-9]+\\) was killed by signal 9 \\(SIGKILL\\)"));
  // all that it had published arrived
  EXPECT_THAT(aftermath.out, HasSubstr("lost 0, torn 0, doubled 0\n"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoKill, AKilledControllerIsNamedAndTheRestEndsAndNothingIsLeft)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Aftermath aftermath = after_killing({Part::controller}, {"--duration", "0"});
  EXPECT_EQ(aftermath.monitor, 1);
  EXPECT_THAT(aftermath.err,
              testing::ContainsRegex("the controller \\(process [0-9]+\\) was killed by signal 9 \\(SIGKILL\\)"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoKill, AKilledMonitorIsNoticedByItsLeaseAndNothingIsLeft)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Aftermath aftermath = after_killing({Part::monitor}, {"--duration", "0"});
  EXPECT_EQ(aftermath.monitor, -SIGKILL);
  ASSERT_EQ(aftermath.children.size(), 2u);
  EXPECT_EQ(aftermath.children.at(Part::sensor), 1);
  EXPECT_EQ(aftermath.children.at(Part::controller), 1);
  EXPECT_THAT(aftermath.err, testing::ContainsRegex(
                                 "the monitor \\(process [0-9]+\\) is dead: the kernel has dropped its lease; ending"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoKill, AnyTwoAtOnceLeaveTheThirdToCleanUp)
{
  Watchdog watchdog(100);
  for (const Part survivor : all_parts) {
    SCOPED_TRACE(std::string("survivor: ") + name_of(survivor));
    TempNamespace space;
    std::vector<Part> victims;
    std::copy_if(std::begin(all_parts), std::end(all_parts), std::back_inserter(victims),
                 [&](Part part) { return part != survivor; });
    const Aftermath aftermath = after_killing(victims, {"--duration", "0"});
    EXPECT_EQ(aftermath.monitor, contains(victims, Part::monitor) ? -SIGKILL : 1);
    if (survivor != Part::monitor) {
      EXPECT_EQ(aftermath.children.at(survivor), 1);
    }
    EXPECT_FALSE(aftermath.err.empty());
    EXPECT_TRUE(object_files(space.path()).empty());
  }
}

TEST(DemoKill, AllThreeAtOnceLeaveOrphansThatLsShowsAndGcRemoves)
{
  Watchdog watchdog(60);
  TempNamespace space;
  // The controller first is asked nothing any more: stopped, the three cannot clean up after each other.
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(50));
  for (const Part part : all_parts)
    kill(demo.pid(part), SIGSTOP);
  for (const Part part : all_parts)
    kill(demo.pid(part), SIGKILL);
  EXPECT_EQ(demo.tool().wait().status, -SIGKILL);
  EXPECT_EQ(demo.wait_for_children().size(), 2u);
  const Outcome listed = run_tool({"ls"});
  EXPECT_EQ(listed.status, 1);
  EXPECT_THAT(listed.out, HasSubstr("orphan"));
  const Outcome collected = run_tool({"gc"});
  EXPECT_EQ(collected.status, 0);
  EXPECT_THAT(collected.out, HasSubstr("removed test "));
  EXPECT_THAT(collected.out, HasSubstr("removed test.state "));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoKill, ASensorThatWaitsForRoomEndsWhenTheControllerIsKilled)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  RunningDemo demo(
      {"--imu", scratch.write("rolling.csv", rolling_recording(10'000)), "--speed", "20", "--capacity", "16"});
  ASSERT_TRUE(demo.wait_received(20));
  kill(demo.controller(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return demo.full_waits() > 0; }));
  kill(demo.controller(), SIGKILL);
  const Outcome outcome = demo.tool().wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr(" not used by the controller that died"));
  EXPECT_TRUE(object_files(space.path()).empty());
}

TEST(DemoKill, WhileTheMonitorIsStoppedTheOthersNoticeEachOthersDeath)
{
  Watchdog watchdog(60);
  for (const Part victim : {Part::sensor, Part::controller}) {
    SCOPED_TRACE(name_of(victim));
    TempNamespace space;
    RunningDemo demo({"--duration", "0"});
    ASSERT_TRUE(demo.wait_received(20));
    demo.tool().signal(SIGSTOP);
    kill(demo.pid(victim), SIGKILL);
    const std::string sentence = std::string("the ") + name_of(victim) + " (process " +
                                 std::to_string(demo.pid(victim)) + ") is dead: the kernel has dropped its lease";
    EXPECT_TRUE(eventually([&] { return demo.tool().err().find(sentence) != std::string::npos; }));
    demo.tool().signal(SIGCONT);
    EXPECT_EQ(demo.tool().wait().status, 1);
    EXPECT_TRUE(object_files(space.path()).empty());
  }
}

TEST(DemoKill, AKilledMonitorIsTheEndAlsoForAStoppedPart)
{
  Watchdog watchdog(60);
  for (const Part stopped : {Part::sensor, Part::controller}) {
    SCOPED_TRACE(std::string("stopped: ") + name_of(stopped));
    TempNamespace space;
    RunningDemo demo({"--duration", "0"});
    ASSERT_TRUE(demo.wait_received(20));
    kill(demo.pid(stopped), SIGSTOP);
    ASSERT_TRUE(eventually([&] { return process_state(demo.pid(stopped)) == 'T'; }));
    demo.tool().signal(SIGKILL);
    EXPECT_EQ(demo.tool().wait().status, -SIGKILL);
    EXPECT_EQ(demo.wait_for_children(), (std::map<Part, int>{{Part::sensor, 1}, {Part::controller, 1}}));
    EXPECT_TRUE(object_files(space.path()).empty());
  }
}

// The child processes of a process, as many as it has at this moment.
std::vector<pid_t> children_of(pid_t parent)
{
  const std::string task = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
  std::istringstream list(read_file(task));
  return {std::istream_iterator<pid_t>(list), {}};
}

TEST(DemoKill, AtAnyMomentOfTheStartTheRestEndsAndTheNextOneStarts)
{
  Watchdog watchdog(110);
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  std::printf("seed %u\n", seed);
  int left_objects = 0;
  for (int round = 0; round < 24; ++round) {
    // Off but while a demo runs: the shells of clean-ups must not become children of ours.
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    TempNamespace space;
    Tool tool = Tool::start({"demo", "--name", "test", "--duration", "0"});
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    // from before its first instruction to its first samples
    sleep_us(static_cast<std::int64_t>(random() % 60'000));
    std::vector<pid_t> started = children_of(tool.pid());
    const std::size_t victim = round % 3;
    SCOPED_TRACE(testing::Message() << "round " << round << ", victim " << victim << ", " << started.size()
                                    << " children");
    if (victim == 0)
      tool.signal(SIGKILL);
    else if (victim <= started.size())
      kill(started[victim - 1], SIGKILL);
    else
      tool.signal(SIGTERM);
    const int status = tool.wait().status;
    if (victim == 0) {
      EXPECT_EQ(status, -SIGKILL);
    } else if (victim <= started.size()) {
      EXPECT_EQ(status, 1) << tool.err();
    } else {
      // It may not have got so far yet that it hears the signal.
      EXPECT_TRUE(status == 0 || status == -SIGTERM) << status << " " << tool.err();
    }
    while (waitpid(-1, nullptr, 0) > 0) {  // all of them end, or the watchdog does
    }

    const bool left = !object_files(space.path()).empty();
    left_objects += left ? 1 : 0;
    EXPECT_TRUE(!left || victim == 0);
    EXPECT_EQ(run_tool({"gc"}).status, 0);
    EXPECT_TRUE(object_files(space.path()).empty());
    if (round % 8 == 0) {
      EXPECT_EQ(run_tool({"demo", "--name", "test", "--duration", "0.1"}).status, 0);
    }
  }
  RecordProperty("left_to_gc", left_objects);
}

TEST(DemoKill, WhenSomebodyRemovesTheFilesNobodyRunsOnUnwatched)
{
  Watchdog watchdog(60);
  TempNamespace space;
  RunningDemo demo({"--duration", "0"});
  ASSERT_TRUE(demo.wait_received(20));
  for (const std::string& file : object_files(space.path()))
    std::filesystem::remove(space.path() + "/" + file);
  EXPECT_EQ(demo.tool().wait().status, 1);
  EXPECT_THAT(demo.tool().err(), HasSubstr("somebody removed the files of the demo"));
}

TEST(DemoKill, TheNextDemoOfThatNameStartsAsIfNothingHadBeen)
{
  Watchdog watchdog(60);
  TempNamespace space;
  {
    RunningDemo demo({"--duration", "0"});
    ASSERT_TRUE(demo.wait_received(20));
    for (const Part part : all_parts)
      kill(demo.pid(part), SIGSTOP);
    for (const Part part : all_parts)
      kill(demo.pid(part), SIGKILL);
    demo.tool().wait();
    demo.wait_for_children();
  }
  const Outcome outcome = run_tool({"demo", "--name", "test", "--duration", "1", "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["sent"], outcome.json()["received"]);
  EXPECT_EQ(outcome.json()["lost"], 0);
  EXPECT_TRUE(object_files(space.path()).empty());
}

}  // namespace
}  // namespace rtlane::test
