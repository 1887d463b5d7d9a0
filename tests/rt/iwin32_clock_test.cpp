#include <pthread.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <thread>

#include "rt/iwin32.hpp"

namespace rtlane::test {
namespace {

class Iwin32Clock : public Iwin32 {};

int64_t ns_of(const timespec& time)
{
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int64_t wall_ns()
{
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return ns_of(now);
}

// ns since 1970 of a file time.
int64_t unix_ns(LONGLONG file_time)
{
  return (file_time - INT64_C(116444736000000000)) * 100;
}

template <class Call>
int64_t duration_ns(Call&& call)
{
  const int64_t before = now_ns();
  call();
  return now_ns() - before;
}

TEST_F(Iwin32Clock, SleepsTakeAtLeastTheirTime)
{
  LARGE_INTEGER duration = units(15 * units_per_ms + 1);
  EXPECT_GE(duration_ns([] { Sleep(15); }), 15'000'000);
  EXPECT_GE(duration_ns([] { RtSleep(15); }), 15'000'000);
  EXPECT_GE(duration_ns([&] { RtSleepFt(&duration); }), 15'000'100);
}

TEST_F(Iwin32Clock, SleepsThatSignalsInterruptGoOn)
{
  static std::atomic<int> signals;
  signals = 0;
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) { ++signals; };
  sigaction(SIGUSR1, &action, &before);
  const pthread_t sleeper = pthread_self();
  std::atomic<bool> over{false};
  std::thread disturber([&] {
    while (!over) {
      pthread_kill(sleeper, SIGUSR1);
      sleep_us(1000);
    }
  });
  while (signals == 0)
    sched_yield();
  const int seen = signals;
  EXPECT_GE(duration_ns([] { Sleep(40); }), 40'000'000);
  EXPECT_GT(signals, seen);
  over = true;
  disturber.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(Iwin32Clock, ASleepIsNoCancellationPoint)
{
  std::atomic<bool> asleep{false};
  std::atomic<bool> cancelled{false};
  std::atomic<bool> slept{false};
  std::thread sleeper([&] {
    asleep = true;
    Sleep(100);
    slept = true;
    while (!cancelled)
      sched_yield();
    pthread_testcancel();
    slept = false;
  });
  while (!asleep)
    sched_yield();
  pthread_cancel(sleeper.native_handle());
  cancelled = true;
  sleeper.join();
  EXPECT_TRUE(slept);
}

TEST_F(Iwin32Clock, ASleepOfNothingReturnsAndOneOfNonsenseSaysSo)
{
  LARGE_INTEGER duration = units(0);
  SetLastError(preset_error);
  Sleep(0);
  RtSleepFt(&duration);
  EXPECT_EQ(GetLastError(), preset_error);
  RtSleepFt(nullptr);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
  duration = units(-1);
  SetLastError(preset_error);
  RtSleepFt(&duration);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_PARAMETER});
}

TEST_F(Iwin32Clock, ASleepWithoutEndDoesNotEnd)
{
  SharedPage<std::atomic<int>> step;
  const Child sleeper = Child::start([&] {
    *step = 1;
    Sleep(INFINITE);
    *step = 2;
  });
  const Child other = Child::start([&] {
    LARGE_INTEGER longest = units(INT64_MAX);
    RtSleepFt(&longest);
    *step = 2;
  });
  ASSERT_TRUE(eventually([&] { return *step == 1; }));
  sleep_us(50'000);
  EXPECT_EQ(*step, 1);
}

TEST_F(Iwin32Clock, TheFastestClockIsTheMonotonicOneInUnitsOf100ns)
{
  for (const CLOCK clock : {CLOCK_2, CLOCK_3, CLOCK_4, CLOCK_FASTEST}) {
    LARGE_INTEGER time = units(-1);
    const int64_t before = now_ns();
    ASSERT_TRUE(RtGetClockTime(clock, &time));
    const int64_t after = now_ns();
    EXPECT_GE(time.QuadPart, before / 100);
    EXPECT_LE(time.QuadPart, after / 100);
  }
}

TEST_F(Iwin32Clock, TheSystemClockCountsFrom1601)
{
  LARGE_INTEGER time = units(-1);
  const int64_t before = wall_ns();
  ASSERT_TRUE(RtGetClockTime(CLOCK_SYSTEM, &time));
  const int64_t after = wall_ns();
  EXPECT_GE(unix_ns(time.QuadPart), before / 100 * 100);
  EXPECT_LE(unix_ns(time.QuadPart), after);
}

TEST_F(Iwin32Clock, TheResolutionIsTheKernelsAndAtLeastOneUnit)
{
  timespec step;
  clock_getres(CLOCK_MONOTONIC, &step);
  LARGE_INTEGER resolution = units(0);
  LARGE_INTEGER period = units(0);
  ASSERT_TRUE(RtGetClockResolution(CLOCK_1, &resolution));
  ASSERT_TRUE(RtGetClockTimerPeriod(CLOCK_FASTEST, &period));
  EXPECT_EQ(resolution.QuadPart, ns_of(step) <= 100 ? 1 : (ns_of(step) + 99) / 100);
  EXPECT_EQ(period.QuadPart, 1000) << "RTX's default, 100 us";
}

TEST_F(Iwin32Clock, TicksAreMillisecondsOf32Bits)
{
  const auto before = static_cast<DWORD>(now_ns() / 1'000'000);
  const DWORD ticks = GetTickCount();
  const DWORD more_ticks = RtGetTickCount();
  const auto after = static_cast<DWORD>(now_ns() / 1'000'000);
  EXPECT_LE(ticks - before, after - before);
  EXPECT_LE(more_ticks - ticks, after - before);
}

TEST_F(Iwin32Clock, ThePerformanceCounterAndItsFrequencyFitTogether)
{
  LARGE_INTEGER begin, end, frequency;
  ASSERT_TRUE(QueryPerformanceFrequency(&frequency));
  ASSERT_TRUE(QueryPerformanceCounter(&begin));
  Sleep(10);
  ASSERT_TRUE(QueryPerformanceCounter(&end));
  EXPECT_GE((end.QuadPart - begin.QuadPart) * 1000 / frequency.QuadPart, 10);
}

TEST_F(Iwin32Clock, NoClockAndNoPlaceAreRefused)
{
  LARGE_INTEGER time = units(77);
  EXPECT_REFUSED(RtGetClockTime(0, &time), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetClockTime(5, &time), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetClockResolution(CLOCK_FASTEST - 1, &time), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetClockTimerPeriod(0, &time), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetClockTime(CLOCK_1, nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtGetClockResolution(CLOCK_1, nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(QueryPerformanceCounter(nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_EQ(time.QuadPart, 77);
}

}  // namespace
}  // namespace rtlane::test
