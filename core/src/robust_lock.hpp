// A lock between processes that survives its owner and lends it priority, made of what Linux has for that:
// FUTEX_LOCK_PI, and the list by which the kernel finds what a thread that ends still owns
// (Documentation/locking/robust-futex-ABI.rst, Documentation/locking/pi-futex.rst in the kernel's tree).
//
// Free, it is one compare and exchange: the word goes from 0 to the thread's id. Else the kernel decides; it passes the
// lock to the waiter of highest priority, and marks the word FUTEX_OWNER_DIED when the owner ended instead of
// unlocking.
//
// The list is that of the C library, which registers its head for every thread and links its own robust mutexes into
// it: a lock is linked as glibc links a pthread_mutex_t, so both kinds may be owned in any order. Before a lock enters
// or leaves the list it is named as the pending one, so that a kill finds it at every instruction between.
//
// Why not pthread_mutex_t, which is made of the same: without a time-out glibc's sleeps for good when the kernel finds
// a deadlock, also when another gives up, and takes a refused wait for success; with one it ends the process when the
// word names nobody, and the timer costs 0.2 us a hand-over.
//
// Ordering
//   L1 word, release  ->  L2 word, acquire   what the owner wrote before it unlocked; where the kernel passes the lock
//      on it orders
#pragma once

#include <cstddef>
#include <cstdint>

#include "futex.hpp"

namespace rtlane::detail {

struct RobustLock {
  FutexWord word;  // thread id of the owner | FUTEX_WAITERS | FUTEX_OWNER_DIED; 0 = free
  std::uint32_t unused[5];
  // Addresses of the `next` of the neighbours in the list of the owner, which alone touches them. Bit 0 of what points
  // forward: priority-inheriting.
  std::uintptr_t previous;
  std::uintptr_t next;

  // Free; nobody else has it yet. Introduces the calling thread.
  void initialise() noexcept;

  // Return 0; EOWNERDEAD: taken as well, from an owner that has ended; another errno: not taken. EBUSY: another thread
  // has it, or look again. ETIMEDOUT. EDEADLK: its owner waits for this thread, perhaps not for ever. ESRCH: the word
  // names a thread that does not exist. ENOSYS: this C library keeps no list, or another one. Not for the owner.
  int try_lock() noexcept;            // lock-free; a system call only when its owner ended
  int lock(Deadline until) noexcept;  // blocking; deadlines but `never` cost a timer

  // By the owner. Returns 0 or an errno: the word was damaged.
  int unlock() noexcept;

  [[nodiscard]] bool is_mine() const noexcept;
  [[nodiscard]] std::int32_t owner() const noexcept;   // thread id; 0 = nobody
  [[nodiscard]] bool owner_died() const noexcept;      // and nobody has it since
  [[nodiscard]] bool has_waiters() const noexcept;     // so that the kernel passes it on
  [[nodiscard]] bool looks_takeable() const noexcept;  // a try_lock() may succeed

  // What a thread has to ask the kernel for once before it locks: its id and its list. Later calls do nothing, nor does
  // a later try_lock() ask.
  static void introduce_this_thread() noexcept;

  // What to do after EDEADLK, until `until` at most: the circle is open when another gives up, which the kernel tells
  // nobody.
  static void rest_in_deadlock(Deadline until) noexcept;

private:
  int taken() noexcept;
};

static_assert(sizeof(RobustLock) == 40, "part of the layout");
static_assert(offsetof(RobustLock, previous) == 24 && offsetof(RobustLock, next) == 32, "where glibc has them");

}  // namespace rtlane::detail
