// What a machine takes from a thread that only polls: the floor below which no latency on these CPUs can stay.
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/tick_clock.hpp>
#include <rtlane/rt/noise.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report.hpp"

namespace rtlane::bench {

struct NoiseOptions {
  std::vector<int> cpus;  // a thread on each
  double seconds = 2;     // of polling, on each CPU; sleeps come on top
  std::uint64_t threshold_ns = 300;
  int fifo_priority = 50;      // 0 = SCHED_OTHER
  bool prove_each_gap = true;  // false: tell interrupts by their rate, also where counting them is cheap
};

// "preempted", "stopped", "fault", "interrupt", "host".
const char* name_of(rt::NoiseCause cause);

struct NoiseTotals {
  std::uint64_t count = 0;
  std::uint64_t ns = 0;
  std::uint64_t max_ns = 0;
};

struct CpuNoise {
  int cpu = -1;
  double seconds = 0;  // polled
  std::uint64_t threshold_ns = 0;
  NoiseTotals gaps;
  std::array<NoiseTotals, rt::noise_cause_count> causes;  // in the order of NoiseCause
  std::optional<std::uint64_t> interrupts;              // of the CPU while it was polled; none where they are not told
  Histogram lengths;                                    // of the gaps
  double longest_at_s = 0;                              // since the first poll
  rt::NoiseCause longest_cause = rt::NoiseCause::host;  // only when there are gaps

  bool is_fifo = false;
  bool each_gap_proved = false;  // the CPU's interrupts were counted after each gap; else they are told by their rate
  bool has_trap = false;         // rt/preemption_witness.hpp
  std::vector<std::string> refused;  // a sentence for each thing not granted
};

// Polls on all of these CPUs at once, each thread pinned and, where that is permitted, SCHED_FIFO, and returns when all
// have ended. 6 ms of 100 they sleep, so that other work is not starved; that time does not count, nor does what it
// takes to count interrupts after each gap.
std::vector<CpuNoise> measure_noise(const NoiseOptions& options, const TickClock& clock);

// The key "noise" of a document.
cli::Json noise_json(const std::vector<CpuNoise>& noise);

}  // namespace rtlane::bench
