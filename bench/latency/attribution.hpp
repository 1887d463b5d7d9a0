// Joins round trips with what held up either side meanwhile, and keeps count.
//
// A stall between two operations is somebody else's for sure: no code of the channel runs there. One inside an
// operation is the channel's unless the counters of the thread prove that it was preempted, stopped or took a fault.
// What is left is counted as `inside`, with the number to expect of a host that takes its time from operations as
// often, per time spent in them, as from what lies between.
//
// Raw figures are kept beside; nothing is left out of either.
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "cause.hpp"
#include "report.hpp"
#include "segment.hpp"

namespace rtlane::bench {

// The cause of each stall of a side, in order.
std::vector<Cause> causes_of(const SideRecord& side, const TickClock& clock);

// What held up one trip.
struct Blame {
  Cause cause = Cause::clean;         // of what took most
  std::size_t side = 0;               // where that was
  std::uint64_t cause_ticks = 0;      // what that took of the trip
  std::uint64_t explained_ticks = 0;  // what all that is not the channel's took of it
};

struct WorstSample {
  std::uint64_t ns;
  double at_s;
  Cause cause;
  std::uint64_t cause_ns;
  int cpu;
  std::string sentence;
};

// The figures of one candidate over all its closed segments.
class Attribution {
public:
  static constexpr std::size_t worst_kept = 10;

  Attribution(const TickClock& clock, std::array<int, 2> cpus) : clock_(&clock), cpus_(cpus) {}

  // One closed segment, which began at_s after the run did.
  void add(const SampleRoom& room, double at_s);

  [[nodiscard]] const Histogram& round_trips() const { return round_trips_; }
  [[nodiscard]] const Histogram& sends() const { return sends_; }
  [[nodiscard]] const Histogram& receives() const { return receives_; }

  // The keys "attributed", "worst" and "timeline" of the document.
  [[nodiscard]] cli::Json attributed_json() const;
  [[nodiscard]] cli::Json worst_json() const;
  [[nodiscard]] cli::Json timeline_json() const { return timeline_; }

private:
  struct Total {
    std::uint64_t count = 0;
    std::uint64_t ticks = 0;
  };

  void count(const Trip& trip, const Blame& blame);
  void keep_worst(const Trip& trip, const Blame& blame, double at_s);

  const TickClock* clock_;
  std::array<int, 2> cpus_;
  Histogram round_trips_;
  Histogram sends_;
  Histogram receives_;
  std::uint64_t clean_max_ticks_ = 0;
  std::array<Total, cause_count> totals_{};       // over trips
  std::vector<std::uint64_t> outside_stalls_ns_;  // that no counter explains
  std::uint64_t inside_stalls_ = 0;
  std::uint64_t inside_ticks_ = 0;
  std::uint64_t outside_ticks_ = 0;
  std::vector<WorstSample> worst_;  // largest first
  cli::Json timeline_ = cli::Json::array();
};

}  // namespace rtlane::bench
