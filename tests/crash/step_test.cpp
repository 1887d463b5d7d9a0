// The stepping harness itself: it must see every state, and a bug that shows for one instruction only.
#include "crash/step.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "crash/syscall_stepper.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

struct Toy {
  std::atomic<uint64_t> first;
  std::atomic<uint64_t> second;
};

void write_both(Toy& toy)
{
  toy.first.store(1, std::memory_order_relaxed);
  toy.second.store(1, std::memory_order_release);
}

#define SKIP_WITHOUT_STEPPING()                     \
  if (const char* step_reason = step_unavailable()) \
  GTEST_SKIP() << step_reason

TEST(Step, CountsTheSameInstructionsInEveryRun)
{
  SKIP_WITHOUT_STEPPING();
  const Watchdog watchdog(60);
  std::vector<uint64_t> counts;
  for (int run = 0; run < 3; ++run) {
    SharedPage<StepReport> report;
    SharedPage<Toy> toy;
    Child child = Child::start([&] {
      run_stepped(StepPlan(), *report, Watched{&*toy, sizeof(Toy)}, [&] { write_both(*toy); });
    });
    ASSERT_EQ(child.wait(), 0);
    EXPECT_EQ(report->finished, 1u);
    EXPECT_EQ(report->events, 2u) << "two stores of new values are two events";
    counts.push_back(uint64_t{report->instructions});
  }
  EXPECT_GE(counts[0], 2u);
  EXPECT_EQ(counts[0], counts[1]);
  EXPECT_EQ(counts[1], counts[2]);
}

TEST(Step, KillsAfterEachInstructionSoThatEveryPrefixOfTheStoresIsSeen)
{
  SKIP_WITHOUT_STEPPING();
  const Watchdog watchdog(60);
  bool none = false;
  bool half = false;
  bool both = false;
  bool finished = false;
  for (uint64_t k = 1; !finished; ++k) {
    ASSERT_LT(k, 1000u);
    SharedPage<StepReport> report;
    SharedPage<Toy> toy;
    Child child = Child::start([&] {
      run_stepped(StepPlan{k, 0, SIGKILL}, *report, Watched(), [&] { write_both(*toy); });
    });
    const int status = child.wait();
    finished = report->interrupted == 0;
    ASSERT_EQ(status, finished ? 0 : -SIGKILL);
    ASSERT_FALSE(toy->second == 1 && toy->first == 0) << "stores seen out of order";
    none = none || toy->first == 0;
    half = half || (toy->first == 1 && toy->second == 0);
    both = both || toy->second == 1;
  }
  EXPECT_TRUE(none && half && both);
}

TEST(Step, KillsAtEachEventLeaveEachDistinctStateOnce)
{
  SKIP_WITHOUT_STEPPING();
  const Watchdog watchdog(60);
  for (uint64_t event = 1; event <= 2; ++event) {
    SharedPage<StepReport> report;
    SharedPage<Toy> toy;
    Child child = Child::start([&] {
      run_stepped(StepPlan{0, event, SIGKILL}, *report, Watched{&*toy, sizeof(Toy)}, [&] { write_both(*toy); });
    });
    ASSERT_EQ(child.wait(), -SIGKILL);
    EXPECT_EQ(toy->first, 1u);
    EXPECT_EQ(toy->second, event - 1);
  }
}

TEST(Step, StopsAndContinuesAtEachInstruction)
{
  SKIP_WITHOUT_STEPPING();
  const Watchdog watchdog(60);
  for (uint64_t k = 1;; ++k) {
    SharedPage<StepReport> report;
    SharedPage<Toy> toy;
    Child child = Child::start([&] {
      run_stepped(StepPlan{k, 0, SIGSTOP}, *report, Watched(), [&] { write_both(*toy); });
    });
    if (!child.wait_stopped()) {
      EXPECT_EQ(child.wait(), 0);
      EXPECT_GE(k, 3u);
      break;
    }
    child.signal(SIGCONT);
    ASSERT_EQ(child.wait(), 0);
    EXPECT_EQ(toy->second, 1u) << "the operation went on to its end";
  }
}

TEST(Step, ASystemCallIsAnEvent)
{
  SKIP_WITHOUT_STEPPING();
  const Watchdog watchdog(60);
  SharedPage<StepReport> report;
  Child child = Child::start([&] {
    run_stepped(StepPlan(), *report, Watched(), [&] {
      syscall(SYS_getppid);
      syscall(SYS_getppid);
    });
  });
  ASSERT_EQ(child.wait(), 0);
  EXPECT_EQ(report->system_calls, 2u);
  EXPECT_EQ(report->events, 2u);
}

TEST(SyscallStepper, StopsAtEachEntryAndExitOfTheOperationOnly)
{
  const Watchdog watchdog(60);
  SharedPage<Toy> toy;
  SyscallStepper stepper([&] { syscall(SYS_getuid); },
                         [&] {
                           toy->first = 1;
                           syscall(SYS_getppid);
                           toy->second = 1;
                           syscall(SYS_getpid);
                         });
  if (stepper.problem() == "ptrace is refused here")
    GTEST_SKIP() << stepper.problem();
  std::vector<std::pair<long, bool>> stops;
  while (stepper.next()) {
    stops.emplace_back(stepper.call(), stepper.at_exit());
    if (stops.size() == 1) {
      EXPECT_TRUE(toy->first == 1 && toy->second == 0) << "stopped at the first call, before the second store";
    }
  }
  EXPECT_EQ(stepper.problem(), "");
  const std::vector<std::pair<long, bool>> expected = {
      {SYS_getppid, false}, {SYS_getppid, true}, {SYS_getpid, false}, {SYS_getpid, true}};
  EXPECT_EQ(stops, expected);
}

TEST(SyscallStepper, KilledAtAnEntryTheCallIsNotMade)
{
  const Watchdog watchdog(60);
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_NONBLOCK), 0);
  {
    SyscallStepper stepper([] {},
                           [&] {
                             if (write(pipe_ends[1], "x", 1) != 1)
                               _exit(1);
                           });
    if (stepper.problem() == "ptrace is refused here")
      GTEST_SKIP() << stepper.problem();
    ASSERT_TRUE(stepper.next());
    EXPECT_EQ(stepper.call(), SYS_write);
    EXPECT_FALSE(stepper.at_exit());
    stepper.kill_now();
  }
  char byte;
  EXPECT_EQ(read(pipe_ends[0], &byte, 1), -1) << "nothing was written";
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace rtlane::test
