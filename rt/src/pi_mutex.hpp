// A mutex of one process for threads of different priorities, any of which may be ended while it owns it.
#pragma once

#include <pthread.h>

#include <cerrno>

namespace rtlane::rt::detail {

// Makes a robust mutex that lends its owner the priority of who waits. Returns 0 or an errno.
inline int initialise_pi_mutex(pthread_mutex_t& mutex) noexcept
{
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  const int error = ::pthread_mutex_init(&mutex, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  return error;
}

// Returns what pthread_mutex_lock or trylock answered, 0 when the owner had ended inside.
inline int take_over(pthread_mutex_t& mutex, int result) noexcept
{
  return result == EOWNERDEAD ? ::pthread_mutex_consistent(&mutex) : result;
}

// For std::lock_guard.
class PiMutex {
public:
  PiMutex() noexcept { initialise_pi_mutex(mutex_); }
  PiMutex(const PiMutex&) = delete;
  PiMutex& operator=(const PiMutex&) = delete;
  ~PiMutex() { ::pthread_mutex_destroy(&mutex_); }

  void lock() noexcept { take_over(mutex_, ::pthread_mutex_lock(&mutex_)); }
  void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }

private:
  pthread_mutex_t mutex_;
};

}  // namespace rtlane::rt::detail
