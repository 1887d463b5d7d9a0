// Segments: the measuring process orders one after another, the other process serves them. The floor is one that every
// benchmark has.
//
// The serving process polls between segments. Who waits without polling in a segment of its own needs a watchdog of its
// own; everything here gives up after a time-out and says so.
//
// Ordering
//   O1 order, release     ->  O2 order, acquire     what a segment needs is written before it begins
//   S1 serving, release   ->  S2 serving, acquire   it is being served
//   D1 finished, release  ->  D2 finished, acquire  the other process has left it
//   F1 ping, release      ->  F2 ping, acquire      the floor, there
//   F3 pong, release      ->  F4 pong, acquire      the floor, back
#pragma once

#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

#include "process.hpp"

namespace rtlane::bench {

// What the two processes share. Each word is on a line of its own.
struct SegmentControl {
  alignas(cache_line_bytes) std::atomic<std::uint64_t> ping;
  alignas(cache_line_bytes) std::atomic<std::uint64_t> pong;
  alignas(cache_line_bytes) std::atomic<std::uint32_t> order;     // number of the segment to serve
  alignas(cache_line_bytes) std::atomic<std::uint32_t> serving;   // the same once it is being served
  alignas(cache_line_bytes) std::atomic<std::uint32_t> finished;  // the same once it is over
  alignas(cache_line_bytes) std::atomic<std::uint32_t> kind;
};

// Kinds of segments; a benchmark numbers its own from first_own_segment.
inline constexpr std::uint32_t floor_segment = 0;
inline constexpr std::uint32_t quit_segment = 1;
inline constexpr std::uint32_t first_own_segment = 2;

// Round trips per sample. The tick counter of some machines steps by 10 ns, which is coarse for one.
inline constexpr std::uint64_t trips_per_sample = 16;

// The number of the last message or ping of a segment.
inline constexpr std::uint64_t stop_number = UINT64_MAX;

// The measuring process's side.
class Segments {
public:
  explicit Segments(SegmentControl& control) : control_(control) {}

  // Returns when the other process serves the segment.
  void start(std::uint32_t kind);

  // Returns when the other process has left it.
  void await_end();

  // One segment of raw cache-line round trips: two 8-byte counters, plain polling. Fills samples with ticks per
  // trips_per_sample round trips and returns their median.
  std::uint64_t floor(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples);

private:
  SegmentControl& control_;
  std::uint32_t segment_ = 0;
  Patience patience_;
};

// The other process's side of a floor segment.
void serve_floor(SegmentControl& control, Patience& patience);

// The other process: serves until it is told to quit. serve(kind, patience) serves a segment of the benchmark's own.
template <class Serve>
void serve_segments(SegmentControl& control, Serve&& serve)
{
  Patience patience;
  for (std::uint32_t segment = 1;; ++segment) {
    while (control.order.load(std::memory_order_acquire) != segment)  // O2, pairs with O1
      patience.check("the next segment");
    patience.rest();
    const std::uint32_t kind = control.kind.load(std::memory_order_relaxed);  // relaxed: ordered by O2
    control.serving.store(segment, std::memory_order_release);                // S1, pairs with S2
    if (kind == quit_segment)
      return;
    if (kind == floor_segment)
      serve_floor(control, patience);
    else
      serve(kind, patience);
    patience.rest();
    control.finished.store(segment, std::memory_order_release);  // D1, pairs with D2
  }
}

}  // namespace rtlane::bench
