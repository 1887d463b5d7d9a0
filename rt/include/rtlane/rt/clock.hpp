// The one clock of a real-time loop: CLOCK_MONOTONIC, in nanoseconds, for stamps and for sleeping.
//
// Never mix it with CLOCK_REALTIME, which jumps: a loop that sleeps by one clock and measures by the
// other reports overruns that never were.
#pragma once

#include <time.h>

#include <cerrno>
#include <cstdint>

namespace rtlane::rt {

// Wait-free; no system call where the kernel's vdso serves the clock.
inline std::int64_t now_ns() noexcept
{
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Sleeps until now_ns() is at least due_ns; returns at once when it is. Signal handlers that run
// meanwhile do not shorten it.
inline void sleep_until_ns(std::int64_t due_ns) noexcept
{
  const timespec due{static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)};
  while (due_ns > 0 && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) == EINTR) {
  }
}

}  // namespace rtlane::rt
