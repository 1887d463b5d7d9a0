// A mutex: the bytes that all its processes share, and what is done to them.
//
// The lock is robust and priority-inheriting: the kernel passes it on when its owner ends in any way, and lends the
// owner the priority of who waits. On top of it:
//
//   depth  counts the acquisitions of the owner, which alone touches it.
//   gate   is what those sleep on that wait for several things at once (the lock's word cannot be slept on there):
//          bit 0 says that somebody does or is about to, the rest counts. Who unlocks adds 1 when the bit is on, by
//          FUTEX_WAKE_OP, which wakes them all; they compete with everybody else.
//
// Kills: an owner that dies passes the lock on by the kernel's hand. Nothing rings the gate then, nor when a thread is
// killed between its unlock and its look at the gate: a wait for several looks again after mutex_gate_slice_ns.
//
// The owner is known by its thread id, which means something in one PID namespace only.
//
// Ordering
//   M1 gate, acq_rel  ->  M2 gate, acquire   a waiter that comes to the gate after an unlock sees the lock free, an
//      unlock that comes after the waiter sees it: there is no third case, since both change one word
#pragma once

#include <cstddef>
#include <cstdint>

#include "futex.hpp"
#include "robust_lock.hpp"
#include "waitable.hpp"

namespace rtlane::detail {

// How long a wait for several may not notice that an owner died.
inline constexpr std::int64_t mutex_gate_slice_ns = 10'000'000;
// How long a wait for one may not notice that another thread closed its handle.
inline constexpr std::int64_t mutex_slice_ns = 100'000'000;

struct MutexState {
  RobustLock lock;
  std::uint32_t depth;
  std::uint32_t reserved;
  std::uint64_t pid_namespace;  // of the creator; never changes
  std::byte padding[128 - 56];
  FutexWord gate;

  static constexpr std::uint32_t waiters = 1;

  // Nobody else has it yet.
  void initialise() noexcept;

  // Neither owned nor about to be passed on by the kernel.
  [[nodiscard]] bool is_free() const noexcept { return lock.owner() == 0 && !lock.has_waiters(); }

  // A thread of this process owns it, and has not ended.
  [[nodiscard]] bool is_owned_by_this_process() const noexcept;

  // Returns 0, -EPERM when the calling thread is not the owner, or what the kernel made of a damaged word.
  int unlock() noexcept;
};

static_assert(offsetof(MutexState, depth) == 40);
static_assert(offsetof(MutexState, pid_namespace) == 48);
static_assert(offsetof(MutexState, gate) == 128, "waiters for several write another line than owners");

// The number of this process's PID namespace; 0 = not known.
std::uint64_t pid_namespace_of_this_process() noexcept;

// What is known is the parent's, which may have unshared it for its children.
void forget_pid_namespace_in_fork_child() noexcept;

class MutexWaitable final : public Waitable {
public:
  explicit MutexWaitable(MutexState& state) noexcept : state_(state) {}

  [[nodiscard]] std::uint64_t begin() const noexcept override { return 0; }
  [[nodiscard]] Attempt try_take(std::uint64_t mark) noexcept override;
  [[nodiscard]] Outlook outlook(std::uint64_t mark) const noexcept override;
  [[nodiscard]] bool prepare(std::uint64_t mark, FutexSleep& sleep) noexcept override;
  Attempt sleep_alone(std::uint64_t mark, Deadline until) noexcept override;
  void kick() noexcept override;
  [[nodiscard]] std::int64_t slice_ns() const noexcept override { return mutex_gate_slice_ns; }

private:
  Attempt again() noexcept;
  Attempt finish(int error) noexcept;

  MutexState& state_;
};

}  // namespace rtlane::detail
