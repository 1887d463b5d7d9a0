#include "mutex_state.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.hpp"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace rtlane::detail {
namespace {

// The calling thread, once it is known; 0 before. Asking the kernel each time would be a system call.
constinit thread_local std::int32_t thread_id = 0;

constinit std::atomic<std::uint64_t> pid_namespace{0};

// glibc keeps the futex word, which the kernel knows the layout of, in the mutex's first member.
std::uint32_t lock_word(const pthread_mutex_t& lock) noexcept
{
  // relaxed: locking it, or the gate, orders
  return static_cast<std::uint32_t>(__atomic_load_n(&lock.__data.__lock, __ATOMIC_RELAXED));
}

Waitable::Attempt failed(int error, const char* what) noexcept
{
  return {Waitable::Taken::failed, fail(error, "%s", what)};
}

}  // namespace

// ThreadSanitizer does not know pthread_mutex_clocklock() (gcc 12), so it is told what came of it. Of a dead owner it
// cannot be told so: tests in which a thread ends as an owner do not run under it.
int lock_until(pthread_mutex_t& lock, const timespec& end) noexcept
{
#if defined(__SANITIZE_THREAD__)
  __tsan_mutex_pre_lock(&lock, __tsan_mutex_try_lock);
#endif
  const int error = ::pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &end);
#if defined(__SANITIZE_THREAD__)
  const bool locked = error == 0 || error == EOWNERDEAD;
  __tsan_mutex_post_lock(&lock, locked ? __tsan_mutex_try_lock : __tsan_mutex_try_lock | __tsan_mutex_try_lock_failed,
                         0);
#endif
  return error;
}

std::uint64_t pid_namespace_of_this_process() noexcept
{
  std::uint64_t number = pid_namespace.load(std::memory_order_relaxed);  // relaxed: everybody finds the same
  if (number == 0) {
    struct stat status = {};
    if (::stat("/proc/self/ns/pid", &status) == 0)
      number = status.st_ino;
    pid_namespace.store(number, std::memory_order_relaxed);  // relaxed: as above
  }
  return number;
}

void forget_identity_in_fork_child() noexcept
{
  thread_id = 0;
  // Now, rather than in a later call that promises to make no system call.
  if (pid_namespace.exchange(0, std::memory_order_relaxed) != 0)  // relaxed: one thread is left
    static_cast<void>(pid_namespace_of_this_process());
}

int MutexState::initialise() noexcept
{
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  const int error = ::pthread_mutex_init(&lock, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  depth = 0;
  pid_namespace = pid_namespace_of_this_process();
  gate.store(0, std::memory_order_relaxed);  // relaxed: nobody else has it yet
  return -error;
}

bool MutexState::is_mine() const noexcept
{
  // A thread whose id is not known yet has never locked one.
  return thread_id != 0 && owner() == thread_id;
}

std::int32_t MutexState::owner() const noexcept
{
  return static_cast<std::int32_t>(lock_word(lock) & FUTEX_TID_MASK);
}

bool MutexState::owner_died() const noexcept
{
  return (lock_word(lock) & FUTEX_OWNER_DIED) != 0;
}

bool MutexState::has_lock_waiters() const noexcept
{
  return (lock_word(lock) & FUTEX_WAITERS) != 0;
}

bool MutexState::is_free() const noexcept
{
  return (lock_word(lock) & (FUTEX_TID_MASK | FUTEX_WAITERS)) == 0;
}

bool MutexState::is_owned_by_this_process() const noexcept
{
  const std::int32_t thread = owner();
  return thread != 0 && ::tgkill(::getpid(), thread, 0) == 0;
}

int MutexState::unlock() noexcept
{
  if (!is_mine())
    return -EPERM;
  if (depth > 1) {
    --depth;
    return 0;
  }
  depth = 0;
  if (const int error = ::pthread_mutex_unlock(&lock); error != 0)
    return -error;
  if ((gate.fetch_add(0, std::memory_order_acq_rel) & waiters) != 0)  // M1, pairs with M2
    futex_change_and_wake(gate, FUTEX_OP_ADD, 1);
  return 0;
}

Waitable::Attempt MutexWaitable::again() noexcept
{
  if (state_.depth == UINT32_MAX)
    return failed(EOVERFLOW, "the mutex was acquired 4294967295 times: release it as often as you wait for it");
  ++state_.depth;
  return {Taken::yes};
}

Waitable::Attempt MutexWaitable::finish(int error) noexcept
{
  switch (error) {
    case EOWNERDEAD:
      ::pthread_mutex_consistent(&state_.lock);
      [[fallthrough]];
    case 0:
      // Once known it is not learned again from bytes that others may write.
      if (thread_id == 0)
        thread_id = state_.owner();
      state_.depth = 1;
      return {error == 0 ? Taken::yes : Taken::abandoned};
    case EBUSY:
    case ETIMEDOUT:
      return {};
    case ENOTRECOVERABLE:
      return failed(ENOTRECOVERABLE, "the mutex is damaged: somebody else's writes went into it");
    default:
      return {Taken::failed,
              fail(error,
                   "the kernel refuses the wait for the mutex: %s (memory is short, or somebody sleeps on "
                   "its memory or wrote into it: make a new one)",
                   std::strerror(error))};
  }
}

Waitable::Attempt MutexWaitable::try_take(std::uint64_t) noexcept
{
  if (state_.is_mine())
    return again();
  if (state_.pid_namespace != pid_namespace_of_this_process())
    return failed(EXDEV, "the mutex belongs to another PID namespace, where thread ids mean other threads");
  return finish(::pthread_mutex_trylock(&state_.lock));
}

// glibc ends the process when the kernel answers that there is no such owner: possible only when somebody wrote into
// the mutex. Two that hand it to each other see the same owner all the time: a slice asks once.
bool MutexWaitable::names_nobody(std::int64_t now_ns) noexcept
{
  const std::uint32_t word = lock_word(state_.lock);
  const auto owner = static_cast<pid_t>(word & FUTEX_TID_MASK);
  if (owner == 0 || (word & FUTEX_OWNER_DIED) != 0)
    return false;
  const auto slice = static_cast<std::uint32_t>(now_ns / mutex_slice_ns);
  const std::uint64_t question = std::uint64_t{slice} << 32 | static_cast<std::uint32_t>(owner);
  if (seen_alive_.load(std::memory_order_relaxed) == question)  // relaxed: it says all by itself
    return false;
  if (::kill(owner, 0) != 0 && errno == ESRCH)
    return lock_word(state_.lock) == word;
  seen_alive_.store(question, std::memory_order_relaxed);  // relaxed: as above
  return false;
}

Waitable::Attempt MutexWaitable::sleep_alone(std::uint64_t, Deadline until) noexcept
{
  const std::int64_t now = monotonic_ns();
  if (names_nobody(now))
    return failed(ENOTRECOVERABLE, "the mutex is damaged: it names an owner that does not exist");
  // Never pthread_mutex_lock(), which needs no timer: it sleeps for good when the kernel finds a deadlock, also when
  // the other side gives up, and answers 0 when the kernel refuses the wait because of somebody who sleeps on the word.
  const timespec end = to_timespec(std::min(until, now + mutex_slice_ns));
  return finish(lock_until(state_.lock, end));
}

Waitable::Outlook MutexWaitable::outlook(std::uint64_t) const noexcept
{
  // Also while others sleep: the kernel hands it to them, and it never looks free meanwhile.
  const std::uint32_t now = lock_word(state_.lock);
  const bool is_there = (now & FUTEX_TID_MASK) == 0 || (now & FUTEX_OWNER_DIED) != 0;
  return is_there ? Outlook::take : Outlook::wait;
}

bool MutexWaitable::prepare(std::uint64_t, FutexSleep& sleep) noexcept
{
  std::uint32_t now = state_.gate.load(std::memory_order_acquire);  // M2, pairs with M1
  if ((now & MutexState::waiters) == 0)
    now = state_.gate.fetch_or(MutexState::waiters, std::memory_order_acq_rel);  // M2, pairs with M1
  // Not while the kernel passes it from a dead owner to a thread that has yet to run: trying until then would keep that
  // thread from running when both have one CPU.
  if (state_.is_free())
    return false;
  sleep = {&state_.gate, now | MutexState::waiters};
  return true;
}

void MutexWaitable::kick() noexcept
{
  futex_change_and_wake(state_.gate, FUTEX_OP_ADD, 2);
}

}  // namespace rtlane::detail
