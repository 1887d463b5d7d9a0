// A pair of workers for one candidate, near and far, which sleep until a segment is ordered. Each candidate has a pair
// of its own, so that one that hangs, crashes or scribbles over memory takes nothing else with it.
//
// Workers run on the two CPUs that are measured, pinned before they become SCHED_FIFO; who orders stays off them by
// sleeping, with a higher priority, and ends the workers of a segment that does not end.
//
// Ordering
//   P1 serving, release   ->  P2 serving, acquire    what the plan says; both sides are there
//   P3 finished, release  ->  P4 finished, acquire   what a side left in the SampleRoom (N1 and N2 of link_work.hpp)
#pragma once

#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/event.hpp>
#include <rtlane/core/semaphore.hpp>
#include <rtlane/rt/memory_lock.hpp>

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "../support/shared_room.hpp"
#include "candidates.hpp"
#include "segment.hpp"

namespace rtlane::bench {

// How all workers of a run are placed.
struct Placement {
  CpuPair cpus;
  int fifo_priority = 0;  // 0: left as it is; the orders' own is 10 higher
  bool threads = false;   // both sides in one process also where processes are possible
  TickClock clock;
  std::uint64_t threshold_ns;  // from which on a side that does not get on has a stall
};

// What each worker locks and faults in.
rt::MemoryLockConfig worker_memory();

// Children of a worker that ends become this process's, which can then await their end. Before the first Pair.
void adopt_orphans();

// What goes wrong in a worker is said here; shared with who orders.
struct WorkerFailure {
  std::array<char, 400> sentence;  // empty: nothing
};

class Pair {
public:
  // Forks the workers. They sleep. `room` is shared memory of the whole run.
  Pair(const Candidate& candidate, const Placement& placement, SampleRoom& room);
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair();  // ends them

  // Runs one segment: false when its workers had to be given up, now or before; failure() says why. Sleeps meanwhile.
  [[nodiscard]] bool run(const SegmentPlan& plan);

  // The thread of a side.
  [[nodiscard]] pid_t worker(Side side) const;

  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  [[nodiscard]] const std::string& failure() const { return failure_; }

private:
  struct alignas(cache_line_bytes) Flag {
    std::atomic<std::uint32_t> segment;
  };
  struct Control {
    SegmentPlan plan;
    std::atomic<std::uint32_t> number;  // of the segment that is ordered, or to quit
    std::array<Flag, 2> serving;
    std::array<Flag, 2> finished;
    std::array<std::atomic<pid_t>, 2> thread;  // ids of the workers; 0 = not yet known
    std::atomic<pid_t> far_process;            // 0: there is none of its own
    WorkerFailure failure;
  };

  [[noreturn]] void lead();
  void serve(Side side, LinkWork& work);
  void give_up(const std::string& why);
  void end_of_far();
  [[nodiscard]] bool has_ended();
  [[nodiscard]] std::string where(Side side) const;
  [[nodiscard]] Event& order(Side side) { return orders_[static_cast<std::size_t>(side)]; }

  const Candidate& candidate_;
  const Placement placement_;
  SampleRoom& room_;
  SharedRoom control_room_;
  Control& control_;
  std::array<Event, 2> orders_;
  Semaphore done_;  // one for each side that is ready or has finished
  std::uint32_t segment_ = 0;
  pid_t leader_ = 0;
  int leader_status_ = 0;
  std::string failure_;
};

}  // namespace rtlane::bench
