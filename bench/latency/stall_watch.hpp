// Watches one side of a link for the times in which it did not get on, and tells those inside an operation of the
// channel from those between two.
#pragma once

#include <rtlane/core/tick_clock.hpp>
#include <rtlane/rt/noise.hpp>

#include <cstdint>

#include "segment.hpp"

namespace rtlane::bench {

// Of one side; made, used and destroyed in its thread, which is pinned. Lasts for all segments, since a meter is dear
// to make.
//
// The loop calls outside() and inside() in turn with the tick at which what the name says ended; the answer is the tick
// from which the next one counts. That is the same one, unless a stall ended there: then the counters were read, which
// takes a microsecond that is nobody's.
template <bool watches>
class StallWatch {
public:
  StallWatch(const TickClock& clock, std::uint64_t threshold_ns)
      : meter_({}, clock, {.threshold_ns = threshold_ns, .attribute_ns = threshold_ns})
  {}

  void begin(SideRecord& record) noexcept
  {
    record_ = &record;
    meter_.begin();
    last_ = ticks();
  }

  [[nodiscard]] std::uint64_t outside(std::uint64_t now) noexcept
  {
    record_->outside_ticks += now - last_;
    return last_ = see(now, 0);
  }

  [[nodiscard]] std::uint64_t inside(std::uint64_t now) noexcept
  {
    record_->inside_ticks += now - last_;
    return last_ = see(now, 1);
  }

private:
  [[nodiscard]] std::uint64_t see(std::uint64_t now, std::uint32_t inside) noexcept
  {
    if (!meter_.poll(now)) [[likely]]
      return now;
    const rt::Gap& gap = meter_.last();
    record_->stalls.add({gap.begin_ticks, gap.length_ticks, inside, gap.kind});
    return ticks();
  }

  rt::GapMeter meter_;
  SideRecord* record_ = nullptr;
  std::uint64_t last_ = 0;
};

// Who sleeps in the kernel while he waits is held up all the time, by design.
template <>
class StallWatch<false> {
public:
  StallWatch(const TickClock&, std::uint64_t) {}
  void begin(SideRecord&) noexcept {}
  [[nodiscard]] std::uint64_t outside(std::uint64_t now) noexcept { return now; }
  [[nodiscard]] std::uint64_t inside(std::uint64_t now) noexcept { return now; }
};

}  // namespace rtlane::bench
