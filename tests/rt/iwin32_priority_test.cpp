#include <gmock/gmock.h>
#include <sched.h>
#include <sys/resource.h>

#include <atomic>

#include "rt/iwin32.hpp"
#include "support/users.hpp"

namespace rtlane::test {
namespace {

// A thread that waits to be scheduled.
class Iwin32Priority : public Iwin32 {
protected:
  void SetUp() override
  {
    thread_ = start_thread(body_, 0, &id_);
    ASSERT_NE(thread_.get(), nullptr) << rtlane_error_message();
  }
  void TearDown() override
  {
    go_ = true;
    EXPECT_EQ(WaitForSingleObject(thread_.get(), INFINITE), WAIT_OBJECT_0);
  }

  HANDLE thread() const { return thread_.get(); }
  int policy() const { return sched_getscheduler(static_cast<pid_t>(id_)); }
  int level() const
  {
    sched_param parameter = {};
    sched_getparam(static_cast<pid_t>(id_), &parameter);
    return parameter.sched_priority;
  }
  int nice_of() const { return getpriority(PRIO_PROCESS, id_); }

private:
  struct Body {
    std::atomic<bool>& go;
    int operator()() const
    {
      while (!go)
        sleep_us(500);
      return 0;
    }
  };

  std::atomic<bool> go_{false};
  Body body_{go_};
  DWORD id_ = 0;
  Handle thread_;
};

#define SKIP_WITHOUT_REAL_TIME() \
  if (!may_be_real_time())       \
  GTEST_SKIP() << "SCHED_FIFO is refused here: run as root, or raise RLIMIT_RTPRIO"

TEST_F(Iwin32Priority, AThreadStartsAsAnOrdinaryOne)
{
  EXPECT_EQ(policy(), SCHED_OTHER);
  EXPECT_EQ(GetThreadPriority(thread()), THREAD_PRIORITY_NORMAL);
  EXPECT_EQ(RtGetThreadPriority(thread()), RT_PRIORITY_MIN);
}

TEST_F(Iwin32Priority, RtxPrioritiesAreLevelsOfFifoInOrder)
{
  SKIP_WITHOUT_REAL_TIME();
  int before = 0;
  for (int priority = RT_PRIORITY_MIN; priority <= RT_PRIORITY_MAX; ++priority) {
    ASSERT_TRUE(RtSetThreadPriority(thread(), priority)) << rtlane_error_message();
    ASSERT_EQ(policy(), SCHED_FIFO);
    ASSERT_EQ(level(), 1 + priority * 97 / 127);
    ASSERT_GE(level(), before);
    ASSERT_EQ(RtGetThreadPriority(thread()), priority);
    before = level();
  }
  EXPECT_EQ(before, 98);
}

TEST_F(Iwin32Priority, Win32PrioritiesAreNicesAndLevelsInOrder)
{
  SKIP_WITHOUT_REAL_TIME();
  const struct {
    int priority;
    int policy;
    int value;
  } rows[] = {{THREAD_PRIORITY_IDLE, SCHED_OTHER, 19},        {THREAD_PRIORITY_LOWEST, SCHED_OTHER, 10},
              {THREAD_PRIORITY_BELOW_NORMAL, SCHED_OTHER, 5}, {THREAD_PRIORITY_NORMAL, SCHED_OTHER, 0},
              {THREAD_PRIORITY_ABOVE_NORMAL, SCHED_FIFO, 7},  {THREAD_PRIORITY_HIGHEST, SCHED_FIFO, 13},
              {THREAD_PRIORITY_TIME_CRITICAL, SCHED_FIFO, 98}};
  for (const auto& row : rows) {
    ASSERT_TRUE(SetThreadPriority(thread(), row.priority)) << rtlane_error_message();
    EXPECT_EQ(policy(), row.policy) << row.priority;
    EXPECT_EQ(row.policy == SCHED_FIFO ? level() : nice_of(), row.value) << row.priority;
    EXPECT_EQ(GetThreadPriority(thread()), row.priority);
  }
}

TEST_F(Iwin32Priority, WhatOthersSetIsAnsweredOnBothScales)
{
  SKIP_WITHOUT_REAL_TIME();
  ASSERT_TRUE(RtSetThreadPriority(thread(), RT_PRIORITY_MAX));
  EXPECT_EQ(GetThreadPriority(thread()), THREAD_PRIORITY_TIME_CRITICAL);
  ASSERT_TRUE(SetThreadPriority(thread(), THREAD_PRIORITY_HIGHEST));
  EXPECT_EQ(level(), 1 + RtGetThreadPriority(thread()) * 97 / 127);
  ASSERT_TRUE(SetThreadPriority(thread(), THREAD_PRIORITY_LOWEST));
  EXPECT_EQ(RtGetThreadPriority(thread()), 0);
}

TEST_F(Iwin32Priority, TheCallerNeedsNoHandleOfItsOwn)
{
  Child child = Child::start([] {
    EXPECT_TRUE(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_LOWEST)) << rtlane_error_message();
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 10);
    EXPECT_EQ(GetThreadPriority(RtGetCurrentThread()), THREAD_PRIORITY_LOWEST);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Priority, WhatARealTimeThreadMakesIsOrdinary)
{
  SKIP_FORK_OF_THREADS();
  SKIP_WITHOUT_REAL_TIME();
  Child child = Child::start([] {
    EXPECT_TRUE(RtSetThreadPriority(GetCurrentThread(), 1)) << rtlane_error_message();
    auto body = [] { return sched_getscheduler(0); };
    const Handle made = start_thread(body);
    EXPECT_EQ(WaitForSingleObject(made.get(), INFINITE), WAIT_OBJECT_0);
    EXPECT_EQ(exit_code_of(made), DWORD{SCHED_OTHER});
  });
  EXPECT_EQ(child.wait(), 0);
}

// The new thread has no CPU as an ordinary one; its maker must not wait for that.
TEST_F(Iwin32Priority, MakingAThreadDoesNotWaitForLesserThreads)
{
  SKIP_FORK_OF_THREADS();
  SKIP_WITHOUT_REAL_TIME();
  Child child = Child::start([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    std::atomic<bool> running{false};
    std::atomic<bool> made{false};
    auto body = [&] {
      running = true;
      timespec used = {};
      while (!made && used.tv_nsec < 300'000'000 && used.tv_sec == 0)
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
      return made ? 1 : 2;
    };
    const Handle lesser = start_thread(body, CREATE_SUSPENDED);
    EXPECT_TRUE(RtSetThreadPriority(lesser.get(), 50)) << rtlane_error_message();
    EXPECT_TRUE(RtSetThreadPriority(GetCurrentThread(), 100)) << rtlane_error_message();
    ResumeThread(lesser.get());
    while (!running)
      Sleep(1);
    auto nothing = [] { return 0; };
    const Handle thread = start_thread(nothing);
    made = true;
    EXPECT_EQ(WaitForSingleObject(lesser.get(), INFINITE), WAIT_OBJECT_0);
    EXPECT_EQ(exit_code_of(lesser), 1u);
    EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Priority, NonsenseIsRefused)
{
  EXPECT_REFUSED(RtSetThreadPriority(thread(), -1), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetThreadPriority(thread(), 128), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(SetThreadPriority(thread(), -16), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(SetThreadPriority(thread(), 16), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetThreadTimeQuantum(thread(), 10), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetThreadPriority(nullptr), THREAD_PRIORITY_ERROR_RETURN, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(GetThreadPriority(nullptr), THREAD_PRIORITY_ERROR_RETURN, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(RtGetThreadTimeQuantum(nullptr), 0xFFFFFFFFu, ERROR_INVALID_HANDLE);
  EXPECT_EQ(policy(), SCHED_OTHER);
}

TEST_F(Iwin32Priority, AnEndedThreadHasNone)
{
  auto body = [] { return 0; };
  const Handle ended = start_thread(body);
  ASSERT_EQ(WaitForSingleObject(ended.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_REFUSED(RtSetThreadPriority(ended.get(), 1), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(GetThreadPriority(ended.get()), THREAD_PRIORITY_ERROR_RETURN, ERROR_INVALID_HANDLE);
}

TEST_F(Iwin32Priority, ARefusalChangesNothingAndSaysWhatToGrant)
{
  SKIP_FORK_OF_THREADS();
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may become somebody who may not";
  Child child = Child::start([] {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_RTPRIO, &none);
    setrlimit(RLIMIT_NICE, &none);
    ASSERT_TRUE(become(kOtherUid));
    EXPECT_REFUSED(RtSetThreadPriority(GetCurrentThread(), 10), FALSE, ERROR_ACCESS_DENIED);
    EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("rtprio"));
    EXPECT_REFUSED(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_ABOVE_NORMAL), FALSE, ERROR_ACCESS_DENIED);
    EXPECT_TRUE(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_LOWEST)) << rtlane_error_message();
    EXPECT_REFUSED(SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_NORMAL), FALSE, ERROR_ACCESS_DENIED);
    EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("RLIMIT_NICE"));
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    EXPECT_EQ(GetThreadPriority(GetCurrentThread()), THREAD_PRIORITY_LOWEST);
    // A timer runs all the same.
    static std::atomic<int> priority;
    priority = -1;
    const HANDLE timer = RtCreateTimer(
        nullptr, 0, [](PVOID) { priority = RtGetThreadPriority(GetCurrentThread()); }, nullptr, 100, CLOCK_1);
    EXPECT_NE(timer, nullptr);
    EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("rtprio"));
    LARGE_INTEGER now = units(0);
    EXPECT_TRUE(RtSetTimerRelative(timer, &now, nullptr));
    EXPECT_TRUE(eventually([] { return priority != -1; }));
    EXPECT_EQ(priority, 0);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Priority, TheQuantumIsTheKernelsOrNone)
{
  SKIP_WITHOUT_REAL_TIME();
  EXPECT_TRUE(RtSetThreadTimeQuantum(thread(), 0));
  EXPECT_EQ(RtGetThreadTimeQuantum(thread()), 0u);
  ASSERT_TRUE(RtSetThreadPriority(thread(), 20));
  EXPECT_EQ(RtGetThreadTimeQuantum(thread()), 0u);
  std::ifstream file("/proc/sys/kernel/sched_rr_timeslice_ms");
  DWORD quantum_ms = 0;
  if (!(file >> quantum_ms))
    GTEST_SKIP() << "the kernel does not tell its quantum";
  ASSERT_TRUE(RtSetThreadTimeQuantum(thread(), quantum_ms)) << rtlane_error_message();
  EXPECT_EQ(policy(), SCHED_RR);
  EXPECT_EQ(RtGetThreadTimeQuantum(thread()), quantum_ms);
  EXPECT_EQ(RtGetThreadPriority(thread()), 20);
  EXPECT_REFUSED(RtSetThreadTimeQuantum(thread(), quantum_ms + 1), FALSE, ERROR_NOT_SUPPORTED);
  ASSERT_TRUE(RtSetThreadPriority(thread(), 21));
  EXPECT_EQ(policy(), SCHED_RR);
  ASSERT_TRUE(RtSetThreadTimeQuantum(thread(), 0));
  EXPECT_EQ(policy(), SCHED_FIFO);
  EXPECT_EQ(RtGetThreadPriority(thread()), 21);
}

TEST_F(Iwin32Priority, TheCurrentProcessorIsOneThatTheCallerMayUse)
{
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  const DWORD cpu = GetCurrentProcessorNumber();
  ASSERT_LT(cpu, DWORD{CPU_SETSIZE});
  EXPECT_TRUE(CPU_ISSET(cpu, &allowed));
}

}  // namespace
}  // namespace rtlane::test
