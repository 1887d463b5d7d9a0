// Clocks and sleeping.
#include <rtlane/rt/iwin32_threads.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "answer.hpp"
#include "clocks.hpp"

namespace rtlane::rt::detail {
namespace {

// From 1601-01-01 to 1970-01-01.
constexpr std::int64_t unix_epoch_units = 116'444'736'000'000'000;

std::int64_t units_of(clockid_t clock)
{
  struct timespec now = {};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 10'000'000 + now.tv_nsec / unit_ns;
}

int give(PLARGE_INTEGER place, const char* name, std::int64_t value)
{
  if (place == nullptr)
    return fail(EINVAL, "%s is NULL", name);
  place->QuadPart = value;
  return 0;
}

BOOL give_of_clock(CLOCK clock, PLARGE_INTEGER place, std::int64_t units)
{
  if (const int error = check_clock(clock); error != 0)
    return bool_answer(error);
  return bool_answer(give(place, "pTime", units));
}

void sleep_ms(DWORD milliseconds)
{
  const ErrnoKeeper keeper;
  if (milliseconds == 0)
    ::sched_yield();
  else
    sleep_until(milliseconds == INFINITE ? rtlane::detail::never
                                         : rtlane::detail::deadline_after(milliseconds * std::int64_t{1'000'000}));
}

}  // namespace

bool is_clock(CLOCK clock) noexcept
{
  return (clock >= CLOCK_1 && clock <= CLOCK_4) || clock == CLOCK_FASTEST;
}

int check_clock(CLOCK clock) noexcept
{
  return is_clock(clock)
             ? 0
             : fail(EINVAL, "clock %u: there are CLOCK_1 to CLOCK_4 and CLOCK_FASTEST", static_cast<unsigned>(clock));
}

std::int64_t clock_units(CLOCK clock) noexcept
{
  return clock == CLOCK_SYSTEM ? units_of(CLOCK_REALTIME) + unix_epoch_units : units_of(CLOCK_MONOTONIC);
}

void sleep_until(rtlane::detail::Deadline deadline) noexcept
{
  const timespec end = rtlane::detail::to_timespec(deadline);
  // The system call itself: libc's function is a cancellation point.
  while (::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr) != 0 && errno == EINTR) {
  }
}

}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

BOOL RtGetClockTime(CLOCK Clock, PLARGE_INTEGER pTime) noexcept
{
  if (const int error = check_clock(Clock); error != 0)
    return bool_answer(error);
  return bool_answer(give(pTime, "pTime", clock_units(Clock)));
}

BOOL RtGetClockResolution(CLOCK Clock, PLARGE_INTEGER pTime) noexcept
{
  struct timespec step = {};
  ::clock_getres(CLOCK_MONOTONIC, &step);
  return give_of_clock(Clock, pTime, std::max<std::int64_t>(1, (step.tv_nsec + unit_ns - 1) / unit_ns));
}

BOOL RtGetClockTimerPeriod(CLOCK Clock, PLARGE_INTEGER pTime) noexcept
{
  return give_of_clock(Clock, pTime, timer_period_units);
}

DWORD GetTickCount() noexcept
{
  return static_cast<DWORD>(rtlane::detail::monotonic_ns() / 1'000'000);
}

DWORD RtGetTickCount() noexcept
{
  return GetTickCount();
}

BOOL QueryPerformanceCounter(PLARGE_INTEGER lpPerformanceCount) noexcept
{
  return bool_answer(give(lpPerformanceCount, "lpPerformanceCount", rtlane::detail::monotonic_ns()));
}

BOOL QueryPerformanceFrequency(PLARGE_INTEGER lpFrequency) noexcept
{
  return bool_answer(give(lpFrequency, "lpFrequency", 1'000'000'000));
}

VOID Sleep(DWORD dwMilliseconds) noexcept
{
  sleep_ms(dwMilliseconds);
}

VOID RtSleep(DWORD dwMilliseconds) noexcept
{
  sleep_ms(dwMilliseconds);
}

VOID RtSleepFt(PLARGE_INTEGER pDuration) noexcept
{
  const ErrnoKeeper keeper;
  if (pDuration == nullptr || pDuration->QuadPart < 0)
    (void)bool_answer(fail(EINVAL, "pDuration is NULL or negative: it points to a number of 100 ns units to sleep"));
  else if (pDuration->QuadPart == 0)
    ::sched_yield();
  else
    sleep_until(rtlane::detail::deadline_after(to_ns(pDuration->QuadPart)));
}
