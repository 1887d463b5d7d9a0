// Round trips of the closed loop cut in two where the far side had the message.
//
// Both counters are of one machine, and the invariant tick counter of a machine runs at one rate on all its CPUs. What
// is left is a constant distance between two of them, of which bounds were measured (support/tick_offset.hpp): with the
// far counter ahead by o, `there` is stated o too long and `back` o too short, and their sum is the trip, exactly. So a
// difference between the directions says something only where it is larger than twice these bounds.
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <cstdint>

#include "../support/percentiles.hpp"
#include "report.hpp"
#include "segment.hpp"

namespace rtlane::bench {

class OneWay {
public:
  // One closed segment.
  void add(const SampleRoom& room, const TickClock& clock)
  {
    for (std::size_t i = 0; i < room.trips.kept(); ++i) {
      const std::uint64_t begin = room.trips.entries[i].begin_ticks;
      const std::uint64_t end = begin + room.trips.entries[i].length_ticks;
      const std::uint64_t came = room.came_ticks[i];
      below_0_ += came < begin || end < came ? 1 : 0;
      there_.record(came > begin ? clock.ns(came - begin) : 0);
      back_.record(end > came ? clock.ns(end - came) : 0);
    }
  }

  void end_of_launch()
  {
    theres_.end_of_one(there_);
    backs_.end_of_one(back_);
  }

  // {"there", "back", "below_0"}
  [[nodiscard]] cli::Json json() const
  {
    return {
        {"there", percentiles_json(there_, theres_)}, {"back", percentiles_json(back_, backs_)}, {"below_0", below_0_}};
  }

private:
  Histogram there_, back_;
  Units theres_, backs_;
  std::uint64_t below_0_ = 0;  // trips of which one part came out below 0, and counts as 0
};

}  // namespace rtlane::bench
