#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "rt/iwin32.hpp"

namespace rtlane::test {
namespace {

class Iwin32Timer : public Iwin32 {};

// A timer and when its routine was called.
struct Calls {
  static constexpr int most = 100;
  int64_t begun_ns[most] = {};
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::atomic<bool> overlapped{false};
  std::atomic<int> length_ms{0};
  void (*action)(Calls&) = nullptr;
  HANDLE timer = nullptr;

  ~Calls()
  {
    if (timer != nullptr)
      RtDeleteTimer(timer);
  }

  bool create(ULONG priority = RT_PRIORITY_MIN, CLOCK clock = CLOCK_FASTEST)
  {
    timer = RtCreateTimer(nullptr, 0, routine, this, priority, clock);
    return timer != nullptr;
  }
  bool wait_for(int count)
  {
    return eventually([&] { return ended >= count; });
  }

  static VOID RTFCNDCL routine(PVOID context)
  {
    auto& self = *static_cast<Calls*>(context);
    const int index = self.begun;
    if (index != self.ended)
      self.overlapped = true;
    if (index < most)
      self.begun_ns[index] = now_ns();
    ++self.begun;
    if (self.length_ms > 0)
      sleep_us(self.length_ms * 1000);
    if (self.action != nullptr)
      self.action(self);
    ++self.ended;
  }
};

TEST_F(Iwin32Timer, OnceMeansOnceAndNotBeforeItsTime)
{
  Calls calls;
  ASSERT_TRUE(calls.create()) << rtlane_error_message();
  LARGE_INTEGER expiration = units(20 * units_per_ms);
  LARGE_INTEGER never = units(0);
  for (LARGE_INTEGER* interval : {static_cast<LARGE_INTEGER*>(nullptr), &never}) {
    const int before = calls.ended;
    const int64_t set_ns = now_ns();
    ASSERT_TRUE(RtSetTimerRelative(calls.timer, &expiration, interval)) << rtlane_error_message();
    ASSERT_TRUE(calls.wait_for(before + 1));
    EXPECT_GE(calls.begun_ns[before], set_ns + 20'000'000);
    sleep_us(60'000);
    EXPECT_EQ(calls.begun, before + 1);
  }
}

TEST_F(Iwin32Timer, ExpirationsLieOnAGrid)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER expiration = units(10 * units_per_ms);
  LARGE_INTEGER interval = units(4 * units_per_ms);
  const int64_t set_ns = now_ns();
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &expiration, &interval));
  ASSERT_TRUE(calls.wait_for(10));
  ASSERT_TRUE(RtCancelTimer(calls.timer, nullptr));
  for (int i = 0; i < 10; ++i)
    EXPECT_GE(calls.begun_ns[i], set_ns + 10'000'000 + i * 4'000'000) << i;
  EXPECT_FALSE(calls.overlapped);
}

// Sources take RtGetClockTimerPeriod's answer, or 1, for "as often as possible".
TEST_F(Iwin32Timer, AnIntervalIsNoShorterThanTheTimerPeriod)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER expiration = units(1);
  LARGE_INTEGER interval = units(1);
  const int64_t set_ns = now_ns();
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &expiration, &interval));
  ASSERT_TRUE(calls.wait_for(20));
  ASSERT_TRUE(RtCancelTimer(calls.timer, nullptr));
  for (int i = 0; i < 20; ++i)
    EXPECT_GE(calls.begun_ns[i], set_ns + i * 100'000) << i;
}

TEST_F(Iwin32Timer, WhatPassesDuringACallIsLeftOut)
{
  Calls calls;
  calls.length_ms = 33;
  calls.action = [](Calls& self) { self.length_ms = 0; };
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER interval = units(5 * units_per_ms);
  const int64_t set_ns = now_ns();
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &interval, &interval));
  ASSERT_TRUE(calls.wait_for(5));
  // The first call takes from 5 to 38 at least; made up for, the others would follow at once.
  for (int i = 1; i < 5; ++i)
    EXPECT_GE(calls.begun_ns[i], set_ns + (35 + 5 * i) * INT64_C(1000000)) << i;
  EXPECT_FALSE(calls.overlapped);
}

TEST_F(Iwin32Timer, AnAbsoluteTimeIsOneOfTheTimersClock)
{
  for (const CLOCK clock : {CLOCK_SYSTEM, CLOCK_2, CLOCK_FASTEST}) {
    Calls calls;
    ASSERT_TRUE(calls.create(RT_PRIORITY_MIN, clock));
    LARGE_INTEGER due = units(0);
    const int64_t read_ns = now_ns();
    ASSERT_TRUE(RtGetClockTime(clock, &due));
    due.QuadPart += 20 * units_per_ms;
    ASSERT_TRUE(RtSetTimer(calls.timer, &due, nullptr)) << rtlane_error_message();
    LARGE_INTEGER remain = units(0);
    ASSERT_TRUE(RtGetTimer(calls.timer, &remain));
    EXPECT_LE(remain.QuadPart, 20 * units_per_ms);
    ASSERT_TRUE(calls.wait_for(1));
    // A unit for its rounding; the wall clock may be slewed against the other.
    EXPECT_GE(calls.begun_ns[0], read_ns + (clock == CLOCK_SYSTEM ? 19'000'000 : 19'999'900));
  }
}

TEST_F(Iwin32Timer, APastTimeIsNowAndANegativeOneIsRelative)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER due = units(1);
  ASSERT_TRUE(RtSetTimer(calls.timer, &due, nullptr));
  ASSERT_TRUE(calls.wait_for(1));
  due = units(-15 * units_per_ms);
  const int64_t set_ns = now_ns();
  ASSERT_TRUE(RtSetTimer(calls.timer, &due, nullptr));
  ASSERT_TRUE(calls.wait_for(2));
  EXPECT_GE(calls.begun_ns[1], set_ns + 15'000'000);
}

TEST_F(Iwin32Timer, WhatIsSetCanBeCancelledButNotSet)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER hour = units(3'600'000 * units_per_ms);
  LARGE_INTEGER remain = units(-1);
  ASSERT_TRUE(RtGetTimer(calls.timer, &remain));
  EXPECT_EQ(remain.QuadPart, 0);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &hour, nullptr));
  EXPECT_REFUSED(RtSetTimerRelative(calls.timer, &hour, nullptr), FALSE, ERROR_BUSY);
  EXPECT_REFUSED(RtSetTimer(calls.timer, &hour, nullptr), FALSE, ERROR_BUSY);
  ASSERT_TRUE(RtGetTimer(calls.timer, &remain));
  EXPECT_GT(remain.QuadPart, hour.QuadPart / 2);
  EXPECT_LE(remain.QuadPart, hour.QuadPart);
  ASSERT_TRUE(RtCancelTimer(calls.timer, &remain));
  EXPECT_GT(remain.QuadPart, hour.QuadPart / 2);
  ASSERT_TRUE(RtCancelTimer(calls.timer, &remain));
  EXPECT_EQ(remain.QuadPart, 0);
  LARGE_INTEGER soon = units(1);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &soon, nullptr));
  EXPECT_TRUE(calls.wait_for(1));
}

TEST_F(Iwin32Timer, ACancelledTimerIsSilent)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER interval = units(units_per_ms);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &interval, &interval));
  ASSERT_TRUE(calls.wait_for(3));
  ASSERT_TRUE(RtCancelTimer(calls.timer, nullptr));
  ASSERT_TRUE(eventually([&] { return calls.begun == calls.ended; }));
  sleep_us(10'000);  // a call that had begun
  const int calls_until_then = calls.begun;
  sleep_us(30'000);
  EXPECT_EQ(calls.begun, calls_until_then);
}

TEST_F(Iwin32Timer, TheRoutineMaySetItsTimerAnewAndCancelIt)
{
  Calls calls;
  calls.action = [](Calls& self) {
    LARGE_INTEGER next = units(5 * units_per_ms);
    if (self.begun < 4)
      RtSetTimerRelative(self.timer, &next, nullptr);
  };
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER first = units(1);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &first, nullptr));
  ASSERT_TRUE(calls.wait_for(4));
  for (int i = 1; i < 4; ++i)
    EXPECT_GE(calls.begun_ns[i], calls.begun_ns[i - 1] + 5'000'000) << i;
  calls.action = [](Calls& self) { RtCancelTimer(self.timer, nullptr); };
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &first, &first));
  ASSERT_TRUE(calls.wait_for(5));
  sleep_us(20'000);
  EXPECT_EQ(calls.begun, 5);
}

TEST_F(Iwin32Timer, DeletingWaitsForACallThatHasBegun)
{
  Calls calls;
  calls.length_ms = 60;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER now = units(0);
  LARGE_INTEGER interval = units(units_per_ms);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &now, &interval));
  ASSERT_TRUE(eventually([&] { return calls.begun == 1; }));
  const HANDLE timer = std::exchange(calls.timer, nullptr);
  ASSERT_TRUE(RtDeleteTimer(timer)) << rtlane_error_message();
  const int ended = calls.ended;
  EXPECT_EQ(ended, calls.begun);
  EXPECT_GE(ended, 1);
  EXPECT_REFUSED(RtDeleteTimer(timer), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(RtSetTimerRelative(timer, &now, nullptr), FALSE, ERROR_INVALID_HANDLE);
  sleep_us(20'000);
  EXPECT_EQ(calls.begun, ended);
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Timer, TheRoutineMayDeleteItsTimer)
{
  Calls calls;
  calls.action = [](Calls& self) { EXPECT_TRUE(RtDeleteTimer(std::exchange(self.timer, nullptr))); };
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER interval = units(units_per_ms);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &interval, &interval));
  ASSERT_TRUE(calls.wait_for(1));
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
  EXPECT_EQ(calls.begun, 1);
}

TEST_F(Iwin32Timer, ClosingTheHandleEndsTheTimer)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER interval = units(units_per_ms);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &interval, &interval));
  ASSERT_TRUE(calls.wait_for(2));
  EXPECT_TRUE(CloseHandle(std::exchange(calls.timer, nullptr)));
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Timer, ARoutineThatEndsItsThreadIsNotWaitedForForEver)
{
  Calls calls;
  calls.action = [](Calls&) { ExitThread(1); };
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER now = units(0);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &now, nullptr));
  ASSERT_TRUE(eventually([&] { return calls.begun == 1 && threads_of_this_process() == 1; }));
  EXPECT_TRUE(RtDeleteTimer(std::exchange(calls.timer, nullptr)));
}

TEST_F(Iwin32Timer, RunsAtItsPriority)
{
  static std::atomic<int> priority;
  priority = -1;
  Calls calls;
  calls.action = [](Calls&) { priority = RtGetThreadPriority(GetCurrentThread()); };
  ASSERT_TRUE(calls.create(100));
  LARGE_INTEGER now = units(0);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &now, nullptr));
  ASSERT_TRUE(calls.wait_for(1));
  EXPECT_EQ(priority, may_be_real_time() ? 100 : 0);
}

TEST_F(Iwin32Timer, NonsenseIsRefused)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER good = units(10);
  LARGE_INTEGER bad = units(-10);
  EXPECT_REFUSED(RtSetTimerRelative(calls.timer, nullptr, nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetTimerRelative(calls.timer, &bad, nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetTimerRelative(calls.timer, &good, &bad), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetTimer(calls.timer, nullptr, nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetTimer(calls.timer, &good, &bad), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetTimer(calls.timer, nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtSetTimerRelative(nullptr, &good, nullptr), FALSE, ERROR_INVALID_HANDLE);
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  EXPECT_REFUSED(RtCancelTimer(event.get(), nullptr), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(RtDeleteTimer(event.get()), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(WaitForSingleObject(calls.timer, 0), WAIT_FAILED, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(RtCreateTimer(nullptr, 0, nullptr, nullptr, 1, CLOCK_1), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtCreateTimer(nullptr, 0, Calls::routine, nullptr, 128, CLOCK_1), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtCreateTimer(nullptr, 0, Calls::routine, nullptr, 1, 7), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_EQ(calls.begun, 0);
}

TEST_F(Iwin32Timer, AForkChildIsToldThatTheTimerIsItsParents)
{
  SKIP_FORK_OF_THREADS();
  Calls calls;
  ASSERT_TRUE(calls.create());
  Child child = Child::start([&] {
    LARGE_INTEGER now = units(0);
    EXPECT_REFUSED(RtSetTimerRelative(calls.timer, &now, nullptr), FALSE, ERROR_INVALID_HANDLE);
    EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("fork"));
    EXPECT_TRUE(CloseHandle(std::exchange(calls.timer, nullptr)));
    Calls own;
    EXPECT_TRUE(own.create());
    EXPECT_TRUE(RtSetTimerRelative(own.timer, &now, nullptr));
    EXPECT_TRUE(own.wait_for(1));
  });
  EXPECT_EQ(child.wait(), 0);
  LARGE_INTEGER now = units(0);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &now, nullptr));
  EXPECT_TRUE(calls.wait_for(1));
}

TEST_F(Iwin32Timer, ARoutineThatForksIsNotCalledInTheChild)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "LeakSanitizer misses in the child what only the parent's main thread knows of";
  SKIP_FORK_OF_THREADS();
  static SharedPage<std::atomic<int>> calls_in_child;
  static std::atomic<pid_t> child;
  *calls_in_child = 0;
  child = 0;
  Calls calls;
  static pid_t parent;
  parent = getpid();
  calls.action = [](Calls&) {
    if (getpid() != parent) {
      if (++*calls_in_child == 3)
        _exit(1);
    } else if (child == 0) {
      const pid_t made = fork();
      if (made != 0)
        child = made;
    }
  };
  ASSERT_TRUE(calls.create());
  LARGE_INTEGER period = units(units_per_ms);
  ASSERT_TRUE(RtSetTimerRelative(calls.timer, &period, &period));
  ASSERT_TRUE(eventually([] { return child != 0; }));
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(*calls_in_child, 0);
}

TEST_F(Iwin32Timer, ManyThreadsMaySetAndCancelOneTimer)
{
  Calls calls;
  ASSERT_TRUE(calls.create());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      LARGE_INTEGER soon = units(1);
      for (int round = 0; round < 500; ++round) {
        RtSetTimerRelative(calls.timer, &soon, &soon);
        RtCancelTimer(calls.timer, nullptr);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  LARGE_INTEGER remain = units(-1);
  ASSERT_TRUE(RtCancelTimer(calls.timer, &remain));
  EXPECT_EQ(remain.QuadPart, 0);
  EXPECT_FALSE(calls.overlapped);
}

}  // namespace
}  // namespace rtlane::test
