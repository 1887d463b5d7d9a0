// How often this process was continued after a stop, which is what tells a thread that was stopped (a debugger, Ctrl-Z)
// from one that went to sleep in an operation: the kernel counts both as giving up the CPU.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>

namespace rtlane::bench {
namespace detail {

inline std::atomic<std::uint64_t> continuations{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it is counted in a signal handler");

inline void count_continuation(int)
{
  continuations.fetch_add(1, std::memory_order_relaxed);  // relaxed: nothing is read on the strength of it
}

}  // namespace detail

// From now on, in this process; again does no harm. SIGCONT is sent to the process, so with several threads another one
// may count it, and may do so after this one has gone on.
inline void count_continuations() noexcept
{
  struct sigaction action = {};
  action.sa_handler = detail::count_continuation;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGCONT, &action, nullptr);
}

[[nodiscard]] inline std::uint64_t continuations() noexcept
{
  return detail::continuations.load(std::memory_order_relaxed);  // relaxed: counted in this thread before it went on
}

}  // namespace rtlane::bench
