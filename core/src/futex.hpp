// The futex calls that waits are made of. Words lie in shared memory, deadlines are those of CLOCK_MONOTONIC.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>

namespace rtlane::detail {

using FutexWord = std::atomic<std::uint32_t>;
static_assert(sizeof(FutexWord) == 4 && FutexWord::is_always_lock_free);

// When a wait ends: ns of CLOCK_MONOTONIC.
using Deadline = std::int64_t;
inline constexpr Deadline never = INT64_MAX;

inline std::int64_t monotonic_ns() noexcept
{
  struct timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// timeout_ns as of rtlane_wait(). The past for 0, so that nobody asks the clock; nor does a wait without an end.
inline Deadline deadline_after(std::int64_t timeout_ns) noexcept
{
  if (timeout_ns == 0)
    return 0;
  if (timeout_ns < 0)
    return never;
  const std::int64_t now = monotonic_ns();
  return timeout_ns > never - now ? never : now + timeout_ns;
}

inline timespec to_timespec(Deadline deadline) noexcept
{
  const Deadline ns = deadline < 0 ? 0 : deadline;
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

// Where to sleep, and for as long as the word has which value.
struct FutexSleep {
  FutexWord* word = nullptr;
  std::uint32_t value = 0;
};

// Sleeps until woken. Returns 0, or -EAGAIN (another value), -EINTR, -ETIMEDOUT: look again.
inline int futex_sleep(const FutexSleep& sleep, Deadline deadline) noexcept
{
  const timespec end = to_timespec(deadline);
  const long result = ::syscall(SYS_futex, sleep.word, FUTEX_WAIT_BITSET, sleep.value,
                                deadline == never ? nullptr : &end, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result < 0 ? -errno : 0;
}

inline constexpr unsigned futex_sleeps_max = 16;

// Sleeps on several words, at most futex_sleeps_max, until one is woken. Returns as futex_sleep(); another error where
// that cannot be had: -ENOSYS on kernels before 5.16, what a filter of system calls answers (often -EPERM), -ENOMEM.
inline int futex_sleep_any(const FutexSleep* sleeps, unsigned count, Deadline deadline) noexcept
{
#ifndef SYS_futex_waitv
  constexpr long SYS_futex_waitv = 449;  // the same number on every machine
#endif
  struct {
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
  } waiters[futex_sleeps_max];
  for (unsigned i = 0; i < count; ++i)
    waiters[i] = {sleeps[i].value, reinterpret_cast<std::uintptr_t>(sleeps[i].word), 2 /* FUTEX_32 */, 0};
  const timespec end = to_timespec(deadline);
  const long result =
      ::syscall(SYS_futex_waitv, waiters, count, 0, deadline == never ? nullptr : &end, CLOCK_MONOTONIC);
  return result < 0 ? -errno : 0;
}

// Changes the word and wakes all who sleep on it, as one step that no kill can divide. Returns how many slept.
// operation is a FUTEX_OP_*; argument is 0 .. 2047.
inline int futex_change_and_wake(FutexWord& word, unsigned operation, unsigned argument) noexcept
{
  // The kernel changes the second address and then wakes sleepers of the first; both are this word. Its comparison
  // decides about a second round of wake-ups, of which there are none to give.
  const std::uint32_t encoded = FUTEX_OP(operation, argument, FUTEX_OP_CMP_EQ, 0);
  const long result = ::syscall(SYS_futex, &word, FUTEX_WAKE_OP, INT_MAX, 0, &word, encoded);
  return static_cast<int>(result);
}

// How many sleep on the word: the kernel moves them from the word to itself and counts.
inline std::uint32_t futex_sleepers(const FutexWord& word) noexcept
{
  const long result = ::syscall(SYS_futex, &word, FUTEX_REQUEUE, 0, INT_MAX, &word);
  return result > 0 ? static_cast<std::uint32_t>(result) : 0;
}

}  // namespace rtlane::detail
