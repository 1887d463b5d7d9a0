// What a segment is: some milliseconds in which one pair of workers, a near and a far one, does one thing, and what it
// leaves behind for who ordered it.
#pragma once

#include <rtlane/core/cache_line.hpp>
#include <rtlane/rt/noise.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::bench {

enum class SegmentKind : std::uint32_t {
  ratio,   // closed loop, timed in groups of trips_per_group and nothing else between polls: for the ratio to the floor
  closed,  // closed loop, every trip timed and both sides watched for gaps: for the distribution
  open,    // near sends on a schedule, far only receives: for what a stream of sensor values sees
  saturated,  // near sends as fast as it can: for the throughput
};

struct SegmentPlan {
  SegmentKind kind;
  std::uint64_t duration_ticks;
  std::uint64_t interval_ticks;    // open: between two messages
  std::uint64_t stop_again_ticks;  // how long the far side has to see the last message before it is sent again
};

// Round trips that are timed together: the tick counter of some machines steps by 10 ns, which is coarse for one.
inline constexpr std::uint64_t trips_per_group = 16;

// Round trips before those that are timed, whatever the mode: caches and branch predictors have seen another candidate
// last.
inline constexpr std::uint64_t warm_up_trips = 64;

// Numbers of messages from here on end a segment.
inline constexpr std::uint64_t first_stop_message = UINT64_MAX << 32;

// One timed round trip.
struct Trip {
  std::uint64_t begin_ticks;
  std::uint64_t length_ticks;
  std::uint32_t send_ticks;     // inside the call that sent
  std::uint32_t receive_ticks;  // inside the call that received
};

enum class Side : std::uint32_t { near, far };

// A time for which a side did not get on, at least as long as the run's threshold, and the reading of its evidence
// right after it. With a length of 0 such a reading without a stall: the thread had been in the kernel for a moment.
struct Stall {
  std::uint64_t begin_ticks;
  std::uint64_t length_ticks;
  std::uint64_t reading_ticks;   // of the length, readings that were disturbed themselves
  std::uint64_t observer_ticks;  // after it
  rt::GapParts parts;            // what the counters say of the length
  std::uint32_t inside;          // 1: inside an operation of the channel, 0: between two
  std::uint32_t continued;       // 1: the process was stopped by a signal and continued meanwhile
};

template <class T, std::size_t capacity>
struct Record {
  std::uint64_t count;  // of all that there were; at most `capacity` are kept
  std::array<T, capacity> entries;

  void clear() noexcept { count = 0; }
  void add(const T& entry) noexcept
  {
    if (count < capacity)
      entries[count] = entry;
    ++count;
  }
  [[nodiscard]] std::size_t kept() const noexcept { return count < capacity ? count : capacity; }
};

// What one side leaves behind. Written by that side during the segment, read by who ordered it afterwards.
struct SideRecord {
  // Holds all that the longest segment (100 ms) can have: a stall takes 300 ns, and reading its evidence 1 us.
  alignas(cache_line_bytes) Record<Stall, 80'000> stalls;
  std::uint64_t inside_ticks;   // of the whole segment, inside operations
  std::uint64_t outside_ticks;  // and between them; without the observer's
  std::uint64_t interrupts;     // that the side's CPU got meanwhile

  void clear() noexcept
  {
    stalls.clear();
    inside_ticks = outside_ticks = interrupts = 0;
  }
};

// One for all pairs, since one segment runs at a time. Zeroed memory is an empty one.
struct SampleRoom {
  static constexpr std::size_t messages_max = 1 << 18;

  std::array<SideRecord, 2> sides;
  alignas(cache_line_bytes) Record<std::uint64_t, 1 << 18> groups;  // ratio: ticks of trips_per_group trips
  alignas(cache_line_bytes) Record<Trip, messages_max> trips;       // closed
  // open: when each message was due, was sent, and came (0 = not); closed: when that of each kept trip came
  alignas(cache_line_bytes) std::array<std::uint64_t, messages_max> due_ticks;
  alignas(cache_line_bytes) std::array<std::uint64_t, messages_max> sent_ticks;
  alignas(cache_line_bytes) std::array<std::uint64_t, messages_max> came_ticks;
  alignas(cache_line_bytes) std::uint64_t sent;      // open and saturated: messages
  alignas(cache_line_bytes) std::uint64_t received;  // by the far side, each once and in order
  std::uint64_t first_ticks;                         // saturated: when the first and
  std::uint64_t last_ticks;                          // the last one came
};

}  // namespace rtlane::bench
