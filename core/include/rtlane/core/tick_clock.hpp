// The cheapest clock there is for measuring durations: the CPU's tick counter, without a system call or the vdso.
//
//   const rtlane::TickClock clock = rtlane::TickClock::calibrate();    // once; takes 200 ms
//   const std::uint64_t before = rtlane::ticks();
//   work();
//   histogram.record(clock.ns(rtlane::ticks() - before));
//
// x86-64: the time stamp counter. AArch64: the virtual counter, CNTVCT_EL0. Elsewhere: CLOCK_MONOTONIC in nanoseconds.
// All CPUs count from one origin where is_invariant() is true and the kernel keeps them together, as it does on every
// machine whose clock source is `tsc`; who compares readings of two CPUs and cannot afford to trust that measures it.
// Rates differ from CLOCK_MONOTONIC's by what NTP steers: use this for durations, that for deadlines.
//
// Readings are wait-free and may be taken by any thread, also inside a signal handler.
#pragma once

#include <time.h>

#include <cmath>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace rtlane {

// Now, in ticks. The CPU may take the reading some nanoseconds early or late: instructions around it overlap with it.
inline std::uint64_t ticks() noexcept
{
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t now;
  asm volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#else
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
#endif
}

// The same around a measured piece of code: what stands before ticks_begin() has completed when it reads, and what
// stands after it has not begun; what stands before ticks_end() has completed. About twice the price of ticks().
inline std::uint64_t ticks_begin() noexcept
{
#if defined(__x86_64__)
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
#if defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
  return ticks();
#endif
}

inline std::uint64_t ticks_end() noexcept
{
#if defined(__x86_64__)
  unsigned cpu = 0;
  const std::uint64_t now = __rdtscp(&cpu);
  _mm_lfence();
  return now;
#else
  return ticks_begin();
#endif
}

class TickClock {
public:
  // Compares the counter with CLOCK_MONOTONIC_RAW, which nobody steers, over `duration_ns` (a sleep). Off by less than
  // 1 ppm for the 200 ms of the default, on an idle machine.
  static TickClock calibrate(std::int64_t duration_ns = 200'000'000) noexcept
  {
    const Reading start = read_both();
    sleep(duration_ns);
    return TickClock(start, read_both());
  }

  [[nodiscard]] double ticks_per_ns() const noexcept { return ticks_per_ns_; }
  [[nodiscard]] double frequency_hz() const noexcept { return ticks_per_ns_ * 1e9; }

  // A number of ticks as nanoseconds, and the other way, rounded to the nearest; exact to 2^52.
  [[nodiscard]] std::uint64_t ns(std::uint64_t tick_count) const noexcept
  {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(tick_count) / ticks_per_ns_));
  }
  [[nodiscard]] std::uint64_t ticks_of_ns(std::uint64_t duration_ns) const noexcept
  {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(duration_ns) * ticks_per_ns_));
  }

  // How far the rate since the calibration differs from the calibrated one, in parts per million. Large values mean
  // that the counter was changed meanwhile, or that the machine was suspended or moved.
  [[nodiscard]] double drift_ppm() const noexcept
  {
    const TickClock since(start_, read_both());
    return (since.ticks_per_ns_ / ticks_per_ns_ - 1) * 1e6;
  }

  // Whether the counter keeps one rate in all power states of the CPU, as the CPU says itself.
  [[nodiscard]] static bool is_invariant() noexcept
  {
#if defined(__x86_64__)
    constexpr unsigned invariant_tsc = 1U << 8;  // CPUID 8000'0007, EDX
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & invariant_tsc) != 0;
#else
    return true;
#endif
  }

  // "tsc", "cntvct" or "monotonic".
  [[nodiscard]] static const char* source() noexcept
  {
#if defined(__x86_64__)
    return "tsc";
#elif defined(__aarch64__)
    return "cntvct";
#else
    return "monotonic";
#endif
  }

private:
  struct Reading {
    std::int64_t ns;
    std::uint64_t ticks;
  };

  TickClock(const Reading& start, const Reading& end) noexcept
      : start_(start),
        ticks_per_ns_(static_cast<double>(end.ticks - start.ticks) / static_cast<double>(end.ns - start.ns))
  {}

  static void sleep(std::int64_t duration_ns) noexcept
  {
    timespec rest{static_cast<time_t>(duration_ns / 1'000'000'000), static_cast<long>(duration_ns % 1'000'000'000)};
    while (nanosleep(&rest, &rest) != 0) {
    }
  }

  // Both clocks at one instant: the tightest of several tries, since an interruption between them would spoil one.
  static Reading read_both() noexcept
  {
    Reading best{};
    std::uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < 32; ++i) {
      timespec now{};
      const std::uint64_t before = ticks_begin();
      clock_gettime(CLOCK_MONOTONIC_RAW, &now);
      const std::uint64_t width = ticks_end() - before;
      if (width < best_width) {
        best_width = width;
        best = {std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec, before + width / 2};
      }
    }
    return best;
  }

  Reading start_;
  double ticks_per_ns_;
};

}  // namespace rtlane
