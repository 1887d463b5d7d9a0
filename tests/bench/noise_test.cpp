// rtlane-bench noise: arguments, document, and that what is done to the program is what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <rtlane/rt/thread.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "noise/measure_noise.hpp"
#include "rt/tool.hpp"
#include "support/shared_page.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> classes = {"preempted", "stopped", "fault", "interrupt", "host"};

std::string last_cpu()
{
  return std::to_string(rt::allowed_cpus().back());
}

// All sums hold, whatever the machine did.
void expect_whole(const json& cpu)
{
  EXPECT_GT(cpu["seconds"], 0.0);
  std::uint64_t count = 0;
  std::uint64_t lost_ns = 0;
  std::uint64_t max_ns = 0;
  EXPECT_EQ(cpu["classes"].size(), classes.size());
  for (const std::string& name : classes) {
    const json& one = cpu["classes"][name];
    count += one["count"].get<std::uint64_t>();
    lost_ns += one["ns"].get<std::uint64_t>();
    max_ns = std::max(max_ns, one["max_ns"].get<std::uint64_t>());
    EXPECT_LE(one["max_ns"], one["ns"]) << name;
    EXPECT_EQ(one["count"] == 0, one["ns"] == 0) << name;
  }
  EXPECT_EQ(cpu["gaps"], count);
  EXPECT_EQ(cpu["max_ns"], max_ns);
  // Each sum is rounded to a nanosecond.
  EXPECT_NEAR(cpu["lost_ns"].get<double>(), static_cast<double>(lost_ns), 5.0);
  EXPECT_LE(cpu["lost_ns"].get<double>(), cpu["seconds"].get<double>() * 1e9);
  const json& histogram = cpu["histogram"];
  EXPECT_EQ(histogram["count"], count);
  EXPECT_EQ(histogram["max_ns"], max_ns);
  std::uint64_t in_buckets = 0;
  std::uint64_t bound_ns = 0;
  for (const json& bucket : histogram["buckets"]) {
    EXPECT_GT(bucket[0].get<std::uint64_t>(), bound_ns);
    bound_ns = bucket[0].get<std::uint64_t>();
    EXPECT_GE(bound_ns, cpu["threshold_ns"].get<std::uint64_t>() - 1);
    in_buckets += bucket[1].get<std::uint64_t>();
  }
  EXPECT_EQ(in_buckets, count);
  EXPECT_GE(bound_ns, max_ns);
}

TEST(Noise, HelpIsTheManual)
{
  const Outcome help = run_tool({"noise", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_THAT(help.out, HasSubstr("\"schema\": \"rtlane.bench/1\""));
  EXPECT_THAT(help.out, HasSubstr("Exit status: 0"));
  for (const std::string& name : classes)
    EXPECT_THAT(help.out, HasSubstr("\n  " + name + " "));
  EXPECT_THAT(run_tool({"--help"}).out, HasSubstr("\n  noise "));
}

TEST(Noise, WrongArgumentsAreNamedAndGiveStatusTwo)
{
  struct Case {
    std::vector<std::string> arguments;
    std::string said;
  };
  const Case cases[] = {
      {{"extra"}, "extra"},
      {{"--seconds", "0"}, "--seconds"},
      {{"--seconds", "nan"}, "--seconds"},
      {{"--threshold-ns", "49"}, "--threshold-ns"},
      {{"--threshold-ns", "-300"}, "--threshold-ns"},
      {{"--policy", "rr"}, "--policy"},
      {{"--cpus", "1023"}, "may not run on CPU 1023"},
      {{"--cpus", "x"}, "--cpus"},
      {{"--cpus", "-1"}, "--cpus"},
      {{"--cpus", last_cpu() + "," + last_cpu()}, "names CPU " + last_cpu() + " twice"},
      {{"--json", "/nonexistent/file"}, "/nonexistent/file: cannot be written"},
  };
  Watchdog watchdog(60);
  for (const Case& wrong : cases) {
    std::vector<std::string> arguments = {"noise"};
    arguments.insert(arguments.end(), wrong.arguments.begin(), wrong.arguments.end());
    const Outcome outcome = run_tool(arguments);
    EXPECT_EQ(outcome.status, 2) << wrong.said << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(wrong.said));
    EXPECT_EQ(outcome.out, "") << wrong.said;
  }
}

TEST(Noise, TheDocumentHoldsWhatTheManualSaysForEachCpu)
{
  Watchdog watchdog(110);
  const Scratch scratch;
  const std::string file = scratch.file("noise.json");
  const Outcome outcome = run_tool({"noise", "--seconds", "0.25", "--threshold-ns", "400", "--json", file});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = json::parse(read_file(file));
  EXPECT_EQ(document["schema"], "rtlane.bench/1");
  EXPECT_EQ(document["command"], "noise");
  EXPECT_THAT(document["started"].get<std::string>(), testing::ContainsRegex("^20[0-9-]+T[0-9:]+Z$"));
  EXPECT_GE(document["duration_s"], 0.25);
  std::set<int> cpus;
  for (const json& cpu : document["noise"]) {
    cpus.insert(cpu["cpu"].get<int>());
    EXPECT_GE(cpu["seconds"], 0.25);
    EXPECT_EQ(cpu["threshold_ns"], 400);
    EXPECT_TRUE(cpu["interrupts"].is_null() || cpu["interrupts"] > 0);
    expect_whole(cpu);
    EXPECT_THAT(outcome.out, HasSubstr("\n" + std::to_string(cpu["cpu"].get<int>()) + "    preempted "));
  }
  EXPECT_EQ(cpus.size(), std::min<std::size_t>(2, rt::allowed_cpus().size()));
  EXPECT_EQ(cpus.size(), document["noise"].size());
  EXPECT_THAT(outcome.out, HasSubstr("400 ns or more between two readings"));
}

TEST(Noise, JsonAloneTakesStandardOutputAndTheCpusAreThoseNamed)
{
  Watchdog watchdog(110);
  const Outcome outcome = run_tool({"noise", "--seconds", "0.05", "--cpus", last_cpu(), "--policy", "other", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json document = outcome.json();
  ASSERT_EQ(document["noise"].size(), 1u);
  EXPECT_EQ(document["noise"][0]["cpu"], rt::allowed_cpus().back());
  expect_whole(document["noise"][0]);
  EXPECT_THAT(outcome.err, HasSubstr("gaps/s"));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("refused")));
}

// The default is what there is, no more than it may use.
TEST(Noise, OnOneCpuItPollsOnThatOne)
{
  Watchdog watchdog(110);
  const Outcome outcome = run_tool({"noise", "--seconds", "0.05", "--json"}, [] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(rt::allowed_cpus().back()), &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
  });
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_EQ(outcome.json()["noise"].size(), 1u);
  EXPECT_EQ(outcome.json()["noise"][0]["cpu"], rt::allowed_cpus().back());
}

TEST(Noise, AStopOfTheProgramIsStopped)
{
  Watchdog watchdog(110);
  Tool tool = Tool::start({"noise", "--seconds", "3", "--cpus", last_cpu(), "--json"});
  // A thread that has run for so long polls.
  const auto polls = [&] {
    std::error_code error;
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(tool.pid()) + "/task", error)) {
      const std::string ran_ns = read_file(task.path() / "schedstat");
      if (read_file(task.path() / "comm") == "noise/" + last_cpu() + "\n" &&
          std::strtoull(ran_ns.c_str(), nullptr, 10) > 100'000'000)
        return true;
    }
    return false;
  };
  ASSERT_TRUE(eventually(polls));
  for (int i = 0; i < 5; ++i) {
    tool.signal(SIGSTOP);
    siginfo_t info = {};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(tool.pid()), &info, WSTOPPED | WEXITED | WNOWAIT), 0);
    ASSERT_EQ(info.si_code, CLD_STOPPED);
    sleep_us(100'000);
    tool.signal(SIGCONT);
    sleep_us(20'000);
  }
  const Outcome outcome = tool.wait();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json cpu = outcome.json()["noise"][0];
  expect_whole(cpu);
  // Some may have hit it asleep, which does not count, or come too late on a busy machine.
  EXPECT_GE(cpu["classes"]["stopped"]["count"], 1) << cpu["classes"];
  EXPECT_GE(cpu["classes"]["stopped"]["max_ns"], 100'000'000);
}

// An ordinary poller beside another one that never sleeps.
TEST(Noise, WhatAnotherThreadTakesIsPreempted)
{
  Watchdog watchdog(110);
  std::atomic<bool> finish{false};
  std::thread hog([&] {
    rt::ThreadConfig config;
    config.cpu = rt::allowed_cpus().back();
    rt::configure_this_thread(config);
    while (!finish) {
    }
  });
  const Outcome outcome = run_tool({"noise", "--seconds", "0.5", "--cpus", last_cpu(), "--policy", "other", "--json"});
  finish = true;
  hog.join();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json cpu = outcome.json()["noise"][0];
  expect_whole(cpu);
  const json& taken = cpu["classes"]["preempted"];
  EXPECT_GE(taken["count"], 5);
  // Both have the same right to the CPU, but the poller's sleeps, which do not count, are the hog's, and a busy host
  // has made a sixth of half the time.
  EXPECT_GE(taken["ns"].get<double>(), 0.05 * cpu["seconds"].get<double>() * 1e9);
}

// Timers of a CPU that nobody waits for, 1000 a second for 0.9 s.
class Timers {
public:
  explicit Timers(int cpu)
  {
    std::thread([&] {
      rt::ThreadConfig config;
      config.cpu = cpu;
      rt::configure_this_thread(config);
      std::int64_t due_ns = now_ns();
      for (int& fd : fds_) {
        due_ns += 1'000'000;
        itimerspec when{};
        when.it_value = {static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)};
        fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        EXPECT_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, nullptr), 0);
      }
    }).join();
  }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers()
  {
    for (const int fd : fds_)
      close(fd);
  }

private:
  std::array<int, 900> fds_{};
};

TEST(Noise, TimersAreInterrupts)
{
  Watchdog watchdog(110);
  const Timers timers(rt::allowed_cpus().back());
  const Outcome outcome = run_tool({"noise", "--seconds", "0.4", "--cpus", last_cpu(), "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const json cpu = outcome.json()["noise"][0];
  expect_whole(cpu);
  if (cpu["interrupts"].is_null())
    GTEST_SKIP() << "/proc/interrupts does not tell";
  if (cpu["classes"]["preempted"]["ns"] > 200'000'000)
    GTEST_SKIP() << "others had the CPU for half of the time, and the timers' interrupts with it";
  EXPECT_GE(cpu["interrupts"], 250);
  EXPECT_GE(cpu["classes"]["interrupt"]["count"], 200);
}

// A CPU's interrupts that are not many cannot be all of its gaps' causes.
TEST(Noise, WhatIsNoInterruptIsTheHosts)
{
  Watchdog watchdog(110);
  const TickClock clock = TickClock::calibrate();
  bench::NoiseOptions options;
  options.cpus = {rt::allowed_cpus().back()};
  options.seconds = 0.5;
  const std::vector<bench::CpuNoise> noise = bench::measure_noise(options, clock);
  ASSERT_EQ(noise.size(), 1u);
  if (!noise[0].each_gap_proved)
    GTEST_SKIP() << "counting interrupts takes too long here, or is not possible";
  EXPECT_LE(noise[0].causes[static_cast<std::size_t>(rt::NoiseCause::interrupt)].count, *noise[0].interrupts);
}

TEST(Noise, WhereInterruptsAreToldByRateAllShortGapsGoByOneName)
{
  Watchdog watchdog(110);
  const TickClock clock = TickClock::calibrate();
  bench::NoiseOptions options;
  options.cpus = {rt::allowed_cpus().back()};
  options.seconds = 0.5;
  options.prove_each_gap = false;
  const std::vector<bench::CpuNoise> noise = bench::measure_noise(options, clock);
  ASSERT_EQ(noise.size(), 1u);
  EXPECT_FALSE(noise[0].each_gap_proved);
  const json document = json::parse(bench::noise_json(noise).dump());
  expect_whole(document[0]);
  const auto& interrupts = noise[0].causes[static_cast<std::size_t>(rt::NoiseCause::interrupt)];
  const auto& host = noise[0].causes[static_cast<std::size_t>(rt::NoiseCause::host)];
  EXPECT_LT(interrupts.max_ns, rt::longest_interrupt_ns);
  if (interrupts.count > 0) {
    EXPECT_GE(2 * *noise[0].interrupts, interrupts.count);
    EXPECT_GE(host.ns, host.count * rt::longest_interrupt_ns) << "each of these is a long one";
  }
}

TEST(Noise, WithoutPermissionItMeasuresAllTheSameAndSaysWhatWasRefused)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can become a user who may not";
  Watchdog watchdog(110);
  const Outcome outcome = run_tool_as(kOtherUid, {"noise", "--seconds", "0.05", "--cpus", last_cpu()}, [] {
    const rlimit none{0, 0};
    return setrlimit(RLIMIT_RTPRIO, &none) == 0;
  });
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("SCHED_FIFO priority 50 was refused: RLIMIT_RTPRIO is 0"));
}

}  // namespace
}  // namespace rtlane::test
