// Joins trips with what held up either side meanwhile, and keeps count.
//
// A trip is a round trip, or the way of a message from when it was due. It is acquitted only of the time that is proved
// to be somebody else's; what nothing explains stays with the channel:
//   - A stall between two operations is somebody else's for sure: no code of the channel runs there.
//   - Of one inside an operation only that is which the counters of the thread explain (rt::explain()): that it waited
//     for its CPU, or took page faults. Time asleep is when the process was stopped by a signal, and else the
//     operation's own. The rest is counted as `inside`.
//   - Reading those counters after a stall is the observer's: neither the channel's nor the host's.
//   - The rest of the trip, in no stall of either side, is the channel's.
// Of a stall that reaches beyond a trip, the trip is acquitted of what must have been in it, wherever in the stall that
// was; and of what held up both sides at once only once.
//
// How many stalls inside operations a host causes by itself is measured, on the floor: whose operations are a load or a
// store, so that all stalls inside them are the host's.
//
// Raw figures are kept beside; nothing is left out of either.
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cause.hpp"
#include "report.hpp"
#include "segment.hpp"

namespace rtlane::bench {

// A time in which a side was held up, and by what: parts of it, which together are its length.
struct Held {
  std::uint64_t begin;
  std::uint64_t end;
  std::array<std::uint64_t, cause_count> parts;

  [[nodiscard]] std::uint64_t length() const noexcept { return end - begin; }
};

// What held up a side, in order: stalls, and readings of the counters after them.
std::vector<Held> held_of(const SideRecord& side, const TickClock& clock);

// What held up one trip.
struct Blame {
  Cause cause = Cause::clean;                      // of the largest part
  std::size_t side = 0;                            // where that was
  std::uint64_t cause_ticks = 0;                   // what that took of the trip
  std::uint64_t explained_ticks = 0;               // what is not the channel's
  std::uint64_t held_ticks = 0;                    // that, and stalls inside operations that nothing explains
  std::uint64_t inside_ticks = 0;                  // the latter on `side`, where the cause is inside
  std::array<std::uint64_t, cause_count> parts{};  // of both sides; inside: without what is in no stall
};

struct WorstSample {
  std::uint64_t ns;
  double at_s;
  Cause cause;
  std::uint64_t inside_ns;   // in a stall inside an operation, where that is the cause
  std::uint64_t channel_ns;  // that nothing proves to be another's
  int cpu;
  std::string sentence;
};

// The figures of one candidate over all its segments of one kind, closed or open.
class Attribution {
public:
  static constexpr std::size_t worst_kept = 10;

  Attribution(const TickClock& clock, std::array<int, 2> cpus) : clock_(&clock), cpus_(cpus) {}

  // One segment, which began at_s after the run did. The trips are in the order of their beginnings.
  void add(const SampleRoom& room, std::span<const Trip> trips, double at_s);

  // What the closed loop left of the floor in the same round.
  void add_floor(const SampleRoom& room);

  [[nodiscard]] const Histogram& trips() const { return trips_; }

  // The keys "attributed", "worst" and "timeline" of the document.
  [[nodiscard]] cli::Json attributed_json() const;
  [[nodiscard]] cli::Json worst_json() const;
  [[nodiscard]] cli::Json timeline_json() const { return timeline_; }

private:
  struct Total {
    std::uint64_t count = 0;
    std::uint64_t ticks = 0;
  };
  // Of a side, over all segments.
  struct Inside {
    std::uint64_t stalls = 0;  // of which most is on the channel's account
    std::uint64_t ticks = 0;   // inside operations

    void add(const SideRecord& side, const std::vector<Held>& held);
  };

  void count(const Trip& trip, const Blame& blame);
  void keep_worst(const Trip& trip, const Blame& blame, double at_s);
  [[nodiscard]] cli::Json inside_expected_json() const;

  const TickClock* clock_;
  std::array<int, 2> cpus_;
  Histogram trips_;
  std::uint64_t clean_max_ticks_ = 0;
  std::uint64_t channel_max_ticks_ = 0;
  std::uint64_t unexplained_ticks_ = 0;           // of trips that were held up
  std::array<Total, cause_count> totals_{};       // over trips
  std::vector<std::uint64_t> outside_stalls_ns_;  // that no counter explains
  std::array<Inside, 2> inside_;
  std::array<Inside, 2> inside_floor_;
  std::vector<WorstSample> worst_;  // largest first
  cli::Json timeline_ = cli::Json::array();
};

}  // namespace rtlane::bench
