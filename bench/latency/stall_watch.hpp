// Watches one side of a link for the times in which it did not get on, and tells those inside an operation of the
// channel from those between two.
#pragma once

#include <rtlane/core/tick_clock.hpp>
#include <rtlane/rt/noise.hpp>

#include <cstdint>

#include "continuations.hpp"
#include "segment.hpp"

namespace rtlane::bench {

// Of one side; made, used and destroyed in its thread, which is pinned. Lasts for all segments, since a meter is dear
// to make.
//
// The loop calls outside() and inside() in turn with the tick at which what the name says ended; the answer is the tick
// from which the next one counts. That is the same one, unless the counters were read there, after a stall or because
// the thread had been in the kernel: what that takes (some microseconds) is the observer's, and recorded.
template <bool watches>
class StallWatch {
public:
  StallWatch(const TickClock& clock, std::uint64_t threshold_ns)
      : meter_({}, clock, {.threshold_ns = threshold_ns, .attribute_ns = threshold_ns})
  {
    count_continuations();
  }

  void begin(SideRecord& record) noexcept
  {
    record_ = &record;
    continuations_ = continuations();
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
    const bool stalled = meter_.poll(now);
    if (!stalled && meter_.last_ticks() == now) [[likely]]
      return now;
    return add(now, stalled, inside);
  }

  // The counters were read; with a gap that is long enough, for a stall.
  [[gnu::noinline, gnu::cold]] std::uint64_t add(std::uint64_t now, bool stalled, std::uint32_t inside) noexcept
  {
    Stall stall{};
    stall.begin_ticks = now;
    stall.inside = inside;
    if (stalled) {
      const rt::Gap& gap = meter_.last();
      // Not from the gap's beginning, where that lies in what was the observer's.
      stall.begin_ticks = last_;
      stall.length_ticks = gap.begin_ticks + gap.length_ticks - last_;
      stall.reading_ticks = gap.reading_ticks;
      stall.parts = gap.parts;
      const std::uint64_t continued = continuations();
      stall.continued = continued != continuations_ ? 1 : 0;
      continuations_ = continued;
    }
    const std::uint64_t end = ticks();
    stall.observer_ticks = end - (stall.begin_ticks + stall.length_ticks);
    record_->stalls.add(stall);
    return end;
  }

  rt::GapMeter meter_;
  SideRecord* record_ = nullptr;
  std::uint64_t continuations_ = 0;
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
