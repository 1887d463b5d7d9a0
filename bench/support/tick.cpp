#include "tick.hpp"

#include <time.h>

namespace rtlane::bench {
namespace {

struct Bracket {
  std::int64_t ns;
  std::uint64_t ticks;
};

std::int64_t raw_ns() noexcept
{
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The tightest of several reads of both clocks: a preemption between them would spoil one.
Bracket read_both() noexcept
{
  Bracket best{};
  std::uint64_t best_width = UINT64_MAX;
  for (int i = 0; i < 32; ++i) {
    const std::uint64_t before = ticks();
    const std::int64_t ns = raw_ns();
    const std::uint64_t after = ticks();
    if (after - before < best_width) {
      best_width = after - before;
      best = {ns, before + (after - before) / 2};
    }
  }
  return best;
}

}  // namespace

double ticks_per_ns()
{
  const Bracket start = read_both();
  const timespec pause{0, 200'000'000};
  nanosleep(&pause, nullptr);
  const Bracket end = read_both();
  return static_cast<double>(end.ticks - start.ticks) / static_cast<double>(end.ns - start.ns);
}

}  // namespace rtlane::bench
