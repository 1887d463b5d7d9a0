#include "segments.hpp"

#include <rtlane/core/tick_clock.hpp>

#include "statistics.hpp"

namespace rtlane::bench {

void Segments::start(std::uint32_t kind)
{
  control_.ping.store(0, std::memory_order_relaxed);                    // relaxed: ordered by O1
  control_.pong.store(0, std::memory_order_relaxed);                    // relaxed: ordered by O1
  control_.kind.store(kind, std::memory_order_relaxed);                 // relaxed: ordered by O1
  control_.order.store(++segment_, std::memory_order_release);          // O1, pairs with O2
  while (control_.serving.load(std::memory_order_acquire) != segment_)  // S2, pairs with S1
    patience_.check("the other process to serve");
  patience_.rest();
}

void Segments::await_end()
{
  while (control_.finished.load(std::memory_order_acquire) != segment_)  // D2, pairs with D1
    patience_.check("the other process to finish");
  patience_.rest();
}

std::uint64_t Segments::floor(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples)
{
  start(floor_segment);
  samples.clear();
  std::uint64_t before = ticks();
  const std::uint64_t end = before + duration_ticks;
  for (std::uint64_t number = 1;; ++number) {
    const bool last = before >= end;
    const std::uint64_t sent = last ? stop_number : number;
    control_.ping.store(sent, std::memory_order_release);          // F1, pairs with F2
    while (control_.pong.load(std::memory_order_acquire) != sent)  // F4, pairs with F3
      patience_.check("a pong");
    if (last)
      break;
    if (number % trips_per_sample == 0)
      sample(samples, before);
  }
  patience_.rest();
  return median(samples);
}

void serve_floor(SegmentControl& control, Patience& patience)
{
  for (std::uint64_t expected = 1;; ++expected) {
    std::uint64_t seen;
    while ((seen = control.ping.load(std::memory_order_acquire)) != expected &&
           seen != stop_number)  // F2, pairs with F1
      patience.check("a ping");
    control.pong.store(seen, std::memory_order_release);  // F3, pairs with F4
    if (seen == stop_number)
      return;
  }
}

}  // namespace rtlane::bench
