// How far the tick counters of two CPUs are apart: what one-way times and gaps of one side laid beside trips of the
// other are worth.
#pragma once

#include <rtlane/core/tick_clock.hpp>

namespace rtlane::bench {

// CPU b's counter minus CPU a's lies in [low_ns, high_ns], at the time of the call.
struct TickOffset {
  double low_ns;
  double high_ns;
};

// Cristian's method ("Probabilistic clock synchronization", 1989): b reads its counter between two readings of a, many
// times, and the tightest bounds count. Two threads poll for some milliseconds; die() when one of the CPUs cannot be
// had.
TickOffset measure_tick_offset(int cpu_a, int cpu_b, const TickClock& clock);

}  // namespace rtlane::bench
