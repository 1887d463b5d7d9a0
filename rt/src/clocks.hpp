// Times in units of 100 ns.
#pragma once

#include <rtlane/rt/iwin32_threads_types.h>

#include <cstdint>

#include "futex.hpp"

namespace rtlane::rt::detail {

inline constexpr std::int64_t unit_ns = 100;
inline constexpr std::int64_t units_max = rtlane::detail::never / unit_ns;

// The shortest interval of a timer.
inline constexpr std::int64_t timer_period_units = 1000;

// ns; what cannot be told in 63 bits is never.
constexpr std::int64_t to_ns(std::int64_t units) noexcept
{
  return units >= units_max ? rtlane::detail::never : units * unit_ns;
}

bool is_clock(CLOCK clock) noexcept;

// There is such a clock.
std::int64_t clock_units(CLOCK clock) noexcept;

// Returns 0, or -EINVAL with a sentence.
int check_clock(CLOCK clock) noexcept;

// Sleeps until CLOCK_MONOTONIC shows deadline. No cancellation point.
void sleep_until(rtlane::detail::Deadline deadline) noexcept;

}  // namespace rtlane::rt::detail
