// A monotonic counter that is cheap to read, and what it counts.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <time.h>
#endif

namespace rtlane::bench {

// x86: the time stamp counter, unfenced (about 10 ns in a guest). The distance of two reads bounds what
// happened between them to within the out-of-order window, a few nanoseconds. Elsewhere: nanoseconds.
inline std::uint64_t ticks() noexcept
{
#if defined(__x86_64__)
  return __rdtsc();
#else
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
#endif
}

// Ticks per nanosecond, measured against CLOCK_MONOTONIC_RAW for 200 ms.
double ticks_per_ns();

}  // namespace rtlane::bench
