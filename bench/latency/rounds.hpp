// Rounds: every candidate once, each between two segments of the floor, in an order that changes from round to round.
//
// What a machine can do changes within seconds, so a figure is worth something only beside the floor of the same
// moment. A candidate's turn in a round counts for ratios when its two floors differ by at most 15 %; turns that do not
// are counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../support/progress.hpp"
#include "../support/shared_room.hpp"
#include "candidates.hpp"
#include "pair.hpp"

namespace rtlane::bench {

struct RoundPlan {
  unsigned rounds = 100;
  unsigned warm_up_rounds = 2;
  unsigned floor_ms = 3;
  unsigned segment_ms = 6;  // of each segment of a candidate
  std::uint32_t seed = 1;   // of the order of the candidates in each round
};

// A candidate's turn.
struct Turn {
  std::size_t candidate;  // its index
  Pair& pair;
  double at_s;      // since the beginning of the run
  bool counts;      // false: warm-up
  double floor_ns;  // after the turn, in keep(): of one round trip; 0 when the two floors differ too much
};

class Rounds {
public:
  // Starts a pair for each candidate that is there. The candidates outlive it. They carry messages of one size: pairs
  // lock much memory.
  Rounds(const Candidates& candidates, const Placement& placement, const RoundPlan& plan);

  using Measure = std::function<bool(Turn&)>;  // runs segments; false: the pair failed
  using Keep = std::function<void(const Turn&)>;
  using Watch = std::function<void(const SampleRoom&)>;

  // `what` is for the progress line. Where watch is there it gets, once in each round that counts, a closed segment of
  // the floor, as long as a candidate's.
  void run(const std::string& what, const Measure& measure, const Keep& keep, const Watch& watch = {});

  [[nodiscard]] SampleRoom& room() { return room_; }
  [[nodiscard]] SegmentPlan segment(SegmentKind kind) const;
  [[nodiscard]] const Pair& pair(std::size_t candidate) const { return *pairs_[candidate]; }
  [[nodiscard]] bool has_pair(std::size_t candidate) const { return pairs_[candidate] != nullptr; }

  // ns of one round trip, of every floor segment that there was, and how many turns did not count.
  [[nodiscard]] const std::vector<double>& floors_ns() const { return floors_ns_; }
  [[nodiscard]] unsigned dropped(std::size_t candidate) const { return dropped_[candidate]; }

private:
  [[nodiscard]] double floor_ns();
  void run_floor(const SegmentPlan& plan);

  const Candidates& candidates_;
  const Placement placement_;
  const RoundPlan plan_;
  SharedRoom shared_;
  SampleRoom& room_;
  Pair floor_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<unsigned> dropped_;
  std::vector<double> floors_ns_;
  std::minstd_rand random_;  // of each launch from the plan's seed on: the same orders in all of them
  Progress progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The median of what a segment of SegmentKind::ratio left, in ns of one round trip. Reorders it.
double median_trip_ns(SampleRoom& room, const TickClock& clock);

}  // namespace rtlane::bench
