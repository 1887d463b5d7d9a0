// A mutex of one process for threads of different priorities, any of which may be ended while it owns it.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "robust_lock.hpp"

namespace rtlane::rt::detail {

// For std::lock_guard.
class PiMutex {
public:
  PiMutex() noexcept { lock_.initialise(); }
  PiMutex(const PiMutex&) = delete;
  PiMutex& operator=(const PiMutex&) = delete;

  [[nodiscard]] bool is_mine() const noexcept { return lock_.is_mine(); }
  [[nodiscard]] bool try_lock() noexcept { return is_taken(lock_.try_lock()); }
  void lock() noexcept
  {
    for (int error = lock_.try_lock(); !is_taken(error); error = lock_.lock(rtlane::detail::never)) {
      if (error == EDEADLK)
        rtlane::detail::RobustLock::rest_in_deadlock(rtlane::detail::never);
      else if (error != EBUSY)
        give_up(error);
    }
  }
  void unlock() noexcept { lock_.unlock(); }

private:
  static bool is_taken(int error) noexcept { return error == 0 || error == EOWNERDEAD; }

  // Nobody could go on: what the lock guards would be guarded no more.
  [[noreturn]] static void give_up(int error) noexcept
  {
    std::fprintf(stderr, "rtlane: a lock of this process is damaged, or was never initialised: %s\n",
                 std::strerror(error));
    std::abort();
  }

  rtlane::detail::RobustLock lock_;
};

}  // namespace rtlane::rt::detail
