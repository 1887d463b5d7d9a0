// rtlane-bench as its users and `rtlane bench` meet it: exit statuses, help, documents. How fast anything is, is
// nothing that a test could say.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "bench/bench_runs.hpp"
#include "peers/descriptor.hpp"
#include "peers/ending_roudis.hpp"
#include "rt/tool.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(BenchProgram, HelpNamesTheBenchmarksAndEachHasAManual)
{
  const Outcome help = run_tool({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("\n  latency "));
  EXPECT_THAT(help.out, HasSubstr("\n  hand-over "));
  EXPECT_THAT(help.out, HasSubstr("\n  report "));
  for (const std::string name : {"latency", "throughput", "stalls", "hand-over"}) {
    const Outcome manual = run_tool({name, "--help"});
    EXPECT_EQ(manual.status, 0);
    EXPECT_EQ(manual.err, "");
    EXPECT_THAT(manual.out, HasSubstr("rtlane.bench"));
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
      {{"latency", "extra"}, "extra"},
      {{"latency", "--bytes", "17"}, "--bytes"},
      {{"latency", "--bytes=-16"}, "--bytes: '-16' is no whole number from 0 on"},
      {{"latency", "--bytes=-18446744073709551600"}, "is no whole number from 0 on"},
      {{"latency", "--bytes=18446744073709551632"}, "is no whole number from 0 on"},
      {{"latency", "--bytes", "-16"}, "--bytes"},
      {{"latency", "--seed=-1"}, "--seed: '-1' is no whole number from 0 on"},
      {{"latency", "--launches=-4294967295"}, "--launches"},
      {{"latency", "--rounds=-1"}, "--rounds"},
      {{"latency", "--threshold-ns=-18446744073709550616"}, "--threshold-ns"},
      {{"stalls", "--seed=-1"}, "--seed: '-1' is no whole number from 0 on"},
      {{"stalls", "--stop-ms=-20"}, "--stop-ms"},
      {{"all", "--noise-seconds", "nan"}, "--noise-seconds"},
      {{"latency", "--rounds", "0"}, "--rounds"},
      {{"latency", "--segment-ms", "nan"}, "--segment-ms"},
      {{"latency", "--cpus", "0,1023"}, "may not run on CPU 1023"},
      {{"latency", "--cpus", "0,-1"}, "--cpus"},
      {{"latency", "--cpus", "0,0"}, "must differ"},
      {{"latency", "--channel", "tube"}, "there is no 'tube', only spsc"},
      {{"latency", "--peers", "nobody/nothing"}, "there is no 'nobody/nothing'"},
      {{"latency", "--mode", "half-open"}, "--mode"},
      {{"latency", "--mode", "open", "--rate", "0"}, "--rate"},
      {{"throughput", "--mode", "open"}, "--mode"},
      {{"throughput", "--bytes", "0"}, "--bytes"},
      {{"stalls", "--tries", "0"}, "--tries"},
      {{"stalls", "--stop-ms", "0"}, "--stop-ms"},
      {{"stalls", "--channel", "tube"}, "there is no 'tube', only spsc"},
      {{"stalls", "--rounds", "3"}, "--rounds"},
      {{"hand-over", "extra"}, "extra"},
      {{"hand-over", "--rounds", "0"}, "--rounds"},
      {{"hand-over", "--round-ms", "1001"}, "--round-ms"},
      {{"hand-over", "--cpus", "0,1023"}, "may not run on CPU 1023"},
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
  for (const auto& arguments : {short_latency, short_throughput, short_stalls, short_hand_over}) {
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

TEST(BenchProgram, JsonAloneTakesStandardOutput)
{
  RTLANE_NEED_TWO_CPUS;
  Watchdog watchdog(110);
  TempNamespace space;
  const Outcome outcome = run_tool(with(short_latency, {"--channel", "spsc", "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["results"].size(), 1u);
  EXPECT_THAT(outcome.err, HasSubstr("ratio to floor"));
}

// ---- a RouDi that an earlier run left ending

class EndingRouDi : public testing::Test {
protected:
  // As a guardian leaves it: the process that it works for, and a lock.
  void guardian(pid_t owner, bool told_to_end = false)
  {
    std::filesystem::create_directory(directory_);
    std::ofstream(directory_ + "/owner") << owner;
    if (told_to_end)
      std::ofstream(directory_ + "/ending") << "";
    alive_ = bench::Descriptor(open((directory_ + "/alive").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(flock(alive_.get(), LOCK_SH), 0);
  }
  [[nodiscard]] static pid_t ended_process()
  {
    const pid_t process = fork();
    if (process == 0)
      _exit(0);
    waitpid(process, nullptr, 0);
    return process;
  }
  std::string await(std::chrono::milliseconds patience) const
  {
    return bench::await_ending_roudis(scratch_.file("roudi-"), patience);
  }

  Scratch scratch_;
  std::string directory_ = scratch_.file("roudi-x1");
  bench::Descriptor alive_;
};

TEST_F(EndingRouDi, IsWaitedForAndNamedWhenItDoesNotEnd)
{
  EXPECT_EQ(await(std::chrono::milliseconds(0)), "");
  guardian(ended_process());
  EXPECT_THAT(await(std::chrono::milliseconds(1)), testing::AllOf(HasSubstr(directory_), HasSubstr("end iox-roudi")));
  std::atomic<bool> ended{false};
  std::thread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ended = true;
    alive_ = bench::Descriptor();
  });
  EXPECT_EQ(await(std::chrono::seconds(60)), "");
  EXPECT_TRUE(ended);
  ends.join();
}

TEST_F(EndingRouDi, OfAnOwnerThatLivesIsNobodysToWaitForUntilItIsToldToEnd)
{
  guardian(getpid());
  EXPECT_EQ(await(std::chrono::milliseconds(0)), "");
  alive_ = bench::Descriptor();
  std::filesystem::remove_all(directory_);
  guardian(getpid(), true);
  EXPECT_NE(await(std::chrono::milliseconds(0)), "");
}

}  // namespace
}  // namespace rtlane::test
