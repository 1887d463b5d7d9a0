// What the three processes of a demo share beside the ring: the plan, orders, and counters.
//
// It lies in one shared memory object called "<ring>.state". Each process holds the lease that carries its
// number (Part) for as long as it lives: that is how the others know, without a clock. Every word has one
// writer but `stop`; counters are relaxed atomics, because each is a fact of its own.
//
// Ordering
//   R1 ready, release      ->  R2 ready, acquire      a child's note and facts are complete when it is ready
//   G1 start_ns, release   ->  G2 start_ns, acquire   the monitor has seen both ready and set the grid
//   F1 finished, release   ->  F2 finished, acquire   a child's last counters, when its part is done
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::demo {

// Which process; also the number of its lease on the state object.
enum class Part : std::uint32_t { monitor = 0, sensor = 1, controller = 2 };

constexpr const char* name_of(Part part) noexcept
{
  return part == Part::monitor ? "monitor" : part == Part::sensor ? "sensor" : "controller";
}

enum class Source : std::uint32_t { host = 0, imu = 1 };

// Why the stream is to end before its time.
enum class Stop : std::uint32_t { none = 0, asked = 1, peer_died = 2 };

// Written by the monitor before the other two exist, never changed.
struct Plan {
  std::uint64_t magic;  // plan_magic
  Source source;
  std::int32_t sensor_cpu;  // -1 = any
  std::int32_t controller_cpu;
  std::int32_t fifo_priority;  // 0 = no SCHED_FIFO
  std::int32_t monitor_pid;
  double speed;                  // of the replay
  std::int64_t period_ns;        // of the controller, and of the host source
  std::int64_t duration_ns;      // 0 = until the recording ends
  std::int64_t margin_limit_ns;  // of the host source
  char ring[320];
  char imu_path[4096];
};

inline constexpr std::uint64_t plan_magic = 0x32304f4d45445452;  // "RTDEMO02"

// What every child tells about itself, before `ready`.
struct ChildFacts {
  std::atomic<std::uint32_t> ready;     // 1 = waits for the start
  std::atomic<std::uint32_t> finished;  // 1 = its part is done, what follows is only leaving
  std::int32_t pid;
  std::int32_t policy;  // read back from the kernel
  std::int32_t priority;
  std::int32_t cpu;  // -1 = several
  std::uint32_t ring_tier;
  std::uint64_t ring_page_bytes;
  std::uint64_t ring_locked_bytes;
  char note[512];                     // what was not granted; lines
  std::atomic<std::uint64_t> faults;  // page faults of the real-time thread since the start
};

struct State {
  Plan plan;

  alignas(cache_line_bytes) std::atomic<std::uint32_t> stop;  // enum Stop; by any of the three
  std::atomic<std::int64_t> start_ns;                         // 0 = wait; then the grid's origin

  struct alignas(cache_line_bytes) Sensor : ChildFacts {
    std::atomic<std::uint64_t> total;  // samples there will be; 0 = open end
    std::atomic<std::uint64_t> sent;
    std::atomic<std::uint64_t> full_waits;  // samples that found the ring full and waited
    std::atomic<std::uint64_t> full_wait_ns;
    std::atomic<std::uint64_t> missed_ticks;  // of the host source: slots of its grid that it slept through
    std::atomic<std::uint64_t> spin_ns;       // of the host source: spent polling the clock
    Histogram replay_late;                    // of a recording: how late each sample's turn came
  } sensor;

  struct alignas(cache_line_bytes) Controller : ChildFacts {
    std::atomic<std::uint64_t> received;
    std::atomic<std::uint64_t> lost;     // numbers that never came
    std::atomic<std::uint64_t> doubled;  // numbers that came again
    std::atomic<std::uint64_t> torn;     // checksums that do not match
    std::atomic<std::uint64_t> ticks;
    std::atomic<std::uint64_t> missed_ticks;
    std::atomic<double> roll_deg;
    std::atomic<double> pitch_deg;
    std::atomic<double> roll_max_deg;  // of the absolute values
    std::atomic<double> pitch_max_deg;
    alignas(cache_line_bytes) std::atomic<std::int64_t> margin_ns;  // the order to the sensor; the newest counts
    alignas(cache_line_bytes) Histogram latency;                    // published -> in the hands of a tick
    Histogram tick_late;                                            // how late ticks begin
    Histogram before;                                               // host: lateness with margin 0
    Histogram after;                                                // host: lateness in the last half
  } controller;
};

static_assert(std::atomic<double>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

// The only writer of a counter adds to it.
template <class Number>
void count(std::atomic<Number>& counter, Number more = 1) noexcept
{
  // relaxed: one writer, and readers want the number only
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

inline bool stop_asked(const State& state) noexcept
{
  return state.stop.load(std::memory_order_relaxed) != 0;  // relaxed: an order without anything behind it
}

inline void ask_stop(State& state, Stop why) noexcept
{
  std::uint32_t none = 0;
  // relaxed: as stop_asked; an earlier reason stays
  state.stop.compare_exchange_strong(none, static_cast<std::uint32_t>(why), std::memory_order_relaxed);
}

}  // namespace rtlane::demo
