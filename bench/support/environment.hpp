// Where a figure comes from: the machine, its settings, the build.
#pragma once

#include <rtlane/core/tick_clock.hpp>

#include <array>
#include <string>
#include <vector>

#include "report.hpp"

namespace rtlane::bench {

// "SMT siblings", "same L3", "across L3", "across sockets"; "unknown (guest)" where a hypervisor stands between.
std::string topology_of(int cpu_a, int cpu_b);

// Ticks: what the clock is worth. Takes a few milliseconds, and reads the drift since the calibration.
cli::Json tick_json(const TickClock& clock);

// The key "environment" of a document, but for what a benchmark knows alone (cpus, policy, memory_locked, refused).
cli::Json environment_json();

// Now, as "2026-11-25T20:00:00Z".
std::string utc_now();

}  // namespace rtlane::bench
