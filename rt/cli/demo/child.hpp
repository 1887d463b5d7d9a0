// What sensor and controller have in common: getting to the shared state, proving to be alive, noticing
// who is not, and ending in order.
//
// The main thread only watches: signals, and every 100 ms the leases of the other two. The work has a
// thread of its own, which is the real-time one.
#pragma once

#include <rtlane/core/shared_memory.hpp>
#include <rtlane/rt/thread.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "demo/state.hpp"

namespace rtlane::demo {

class Child {
public:
  Child(Part part, SharedMemory memory) : part_(part), memory_(std::move(memory)) {}

  [[nodiscard]] State& state() const { return *static_cast<State*>(memory_.data()); }
  [[nodiscard]] const Plan& plan() const { return state().plan; }
  [[nodiscard]] rtlane_handle handle() const { return memory_.handle(); }
  [[nodiscard]] Part part() const { return part_; }
  [[nodiscard]] ChildFacts& facts() const;

  // The stream is to end now. Wait-free.
  [[nodiscard]] bool ending() const { return stop_asked(state()); }
  // The other end of the ring is dead: its lease is gone though it had not finished. Wait-free.
  [[nodiscard]] bool peer_gone() const { return peer_gone_.load(std::memory_order_relaxed); }

  // Makes the calling thread the real-time thread, locks the process's memory, tells the monitor what was
  // granted, and waits for the start. Nothing when the stream ends before it begins.
  [[nodiscard]] std::optional<std::int64_t> get_ready(const rtlane_shm_certificate& ring);

  // Sleeps until then, in slices, so that an end is noticed. False: it is ending.
  [[nodiscard]] bool sleep_until(std::int64_t due_ns) const;

  // Page faults of this thread since the start; none before it.
  void report_faults() const;

  // On stderr, under the part's name.
  void complain(const std::string& sentence) const;

  // The main thread's loop; returns when `finished_fd` becomes readable.
  void watch(int signal_fd, int finished_fd);

private:
  [[nodiscard]] int held(Part other) const;
  void look_after_the_others();

  Part part_;
  SharedMemory memory_;
  std::atomic<bool> peer_gone_{false};
  bool complained_ = false;
  std::optional<std::uint64_t> faults_before_;  // nothing: not started
};

// The whole life of a child process; argv[1] names the state object. `work` runs in the real-time thread;
// its value is the exit status.
int run_child(Part part, int argc, char** argv, int (*work)(Child& child));

}  // namespace rtlane::demo
