// What the participants of a try tell who directs it: where each is, what it has waited for, which messages came.
//
// Everything of it survives the death of whoever wrote it: each word is written by one participant, at once.
//
// Ordering
//   B1 stage, release       ->  B2 stage, acquire       what a participant has left behind
//   G1 order, release       ->  G2 order, acquire       what an order needs was written before it
//   W1 wait_count, release  ->  W2 wait_count, acquire  the waits that it counts
#pragma once

#include <rtlane/core/cache_line.hpp>

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::bench {

// Who takes part: the pair, for links of many producers a second one, and who comes in the place of one that was
// killed.
enum class Part : std::uint32_t { producer, consumer, other_producer, successor };
inline constexpr std::size_t part_count = 4;

enum class Stage : std::uint32_t { absent, attached, finished };

enum class Order : std::uint32_t { wait, go, end_producers, end_all, leave };

// A time for which a participant did not get on. Shorter ones than this are not told apart.
inline constexpr std::uint64_t wait_threshold_ns = 100'000;

struct Wait {
  std::uint64_t begin_ticks;
  std::uint64_t length_ticks;
  std::uint64_t excused_ticks;  // of them, what the counters say the channel did not take
};

struct alignas(cache_line_bytes) PartState {
  static constexpr std::uint32_t waits_max = 512;

  std::atomic<pid_t> process;  // of its own; 0: none
  std::atomic<pid_t> thread;
  std::atomic<Stage> stage;
  std::atomic<std::uint64_t> inside_since;   // when the operation began that it is in; 0: between two
  std::atomic<std::uint64_t> operations;     // that it has finished
  std::atomic<std::uint64_t> longest_ticks;  // of those in the window that are no wait
  std::atomic<std::uint32_t> halted;         // a thread: it stands in the signal handler
  std::atomic<std::uint32_t> wait_count;
  std::array<Wait, waits_max> waits;  // in the window: operations that took so long,
  std::atomic<std::uint32_t> pause_count;
  std::array<Wait, waits_max> pauses;  // and times between two
};

// The messages of one producer.
struct Stream {
  static constexpr std::uint64_t numbers_max = 1 << 20;  // it sends 1, 2, ... to here

  alignas(cache_line_bytes) std::atomic<std::uint64_t> sent;      // the last one that the link accepted
  alignas(cache_line_bytes) std::atomic<std::uint64_t> received;  // how many came, each counted once
  std::array<std::atomic<std::uint8_t>, numbers_max + 1> times;   // how often each came
};

// When a message of a producer that keeps pauses was first tried to be sent, and when it came.
struct Ages {
  static constexpr std::uint64_t numbers_max = 1 << 14;

  std::array<std::atomic<std::uint64_t>, numbers_max + 1> tried_ticks;
  std::array<std::atomic<std::uint64_t>, numbers_max + 1> came_ticks;
};

struct Board {
  alignas(cache_line_bytes) std::atomic<Order> order;
  // From the blow until the stopped one goes on; 0: not yet.
  std::atomic<std::uint64_t> window_begin;
  std::atomic<std::uint64_t> window_end;
  std::atomic<std::uint32_t> let_go;  // threads in the signal handler go on
  std::atomic<std::uint64_t> torn;
  std::atomic<pid_t> host;  // the process of participants that are threads; 0: none
  std::array<PartState, part_count> parts;
  std::array<Stream, part_count> streams;  // that of the consumer is not used
  Ages ages;                               // of the other producer
  std::array<char, 300> failure;           // the sentence of a participant that gave up

  [[nodiscard]] PartState& of(Part part) noexcept { return parts[static_cast<std::size_t>(part)]; }
  [[nodiscard]] Stream& stream(Part part) noexcept { return streams[static_cast<std::size_t>(part)]; }

  // As zeroed memory is. Nobody else uses it at that time, so relaxed throughout.
  void clear() noexcept
  {
    order.store(Order::wait, std::memory_order_relaxed);
    window_begin.store(0, std::memory_order_relaxed);
    window_end.store(0, std::memory_order_relaxed);
    let_go.store(0, std::memory_order_relaxed);
    torn.store(0, std::memory_order_relaxed);
    host.store(0, std::memory_order_relaxed);
    failure[0] = '\0';
    for (PartState& part : parts) {
      part.process.store(0, std::memory_order_relaxed);
      part.thread.store(0, std::memory_order_relaxed);
      part.stage.store(Stage::absent, std::memory_order_relaxed);
      part.inside_since.store(0, std::memory_order_relaxed);
      part.operations.store(0, std::memory_order_relaxed);
      part.longest_ticks.store(0, std::memory_order_relaxed);
      part.halted.store(0, std::memory_order_relaxed);
      part.wait_count.store(0, std::memory_order_relaxed);
      part.pause_count.store(0, std::memory_order_relaxed);
    }
    for (Stream& stream : streams) {
      // One more than was accepted may have come; further on a scribbler may have been.
      const std::uint64_t used = std::min(stream.sent.load(std::memory_order_relaxed) + 2, Stream::numbers_max);
      for (std::uint64_t number = 0; number <= used; ++number)
        stream.times[number].store(0, std::memory_order_relaxed);
      stream.sent.store(0, std::memory_order_relaxed);
      stream.received.store(0, std::memory_order_relaxed);
    }
    for (std::uint64_t number = 0; number <= Ages::numbers_max; ++number) {
      ages.tried_ticks[number].store(0, std::memory_order_relaxed);
      ages.came_ticks[number].store(0, std::memory_order_relaxed);
    }
  }
};

}  // namespace rtlane::bench
