#include "mutex_state.hpp"

#include <signal.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.hpp"

namespace rtlane::detail {
namespace {

constinit std::atomic<std::uint64_t> pid_namespace{0};

Waitable::Attempt failed(int error, const char* what) noexcept
{
  return {Waitable::Taken::failed, fail(error, "%s", what)};
}

}  // namespace

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

void forget_pid_namespace_in_fork_child() noexcept
{
  // Now, rather than in a later call that promises to make no system call.
  if (pid_namespace.exchange(0, std::memory_order_relaxed) != 0)  // relaxed: one thread is left
    static_cast<void>(pid_namespace_of_this_process());
}

void MutexState::initialise() noexcept
{
  lock.initialise();
  depth = 0;
  pid_namespace = pid_namespace_of_this_process();
  gate.store(0, std::memory_order_relaxed);  // relaxed: nobody else has it yet
}

bool MutexState::is_owned_by_this_process() const noexcept
{
  const std::int32_t thread = lock.owner();
  return thread != 0 && ::tgkill(::getpid(), thread, 0) == 0;
}

int MutexState::unlock() noexcept
{
  if (!lock.is_mine())
    return -EPERM;
  if (depth > 1) {
    --depth;
    return 0;
  }
  depth = 0;
  if (const int error = lock.unlock(); error != 0)
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
    case 0:
    case EOWNERDEAD:
      state_.depth = 1;
      return {error == 0 ? Taken::yes : Taken::abandoned};
    case EBUSY:
    case ETIMEDOUT:
      return {};
    case ESRCH:
      return failed(ENOTRECOVERABLE, "the mutex is damaged: it names an owner that does not exist");
    case ENOSYS:
      return failed(ENOSYS, "a mutex needs the list of a thread's robust mutexes as glibc keeps it");
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
  if (state_.lock.is_mine())
    return again();
  if (state_.pid_namespace != pid_namespace_of_this_process())
    return failed(EXDEV, "the mutex belongs to another PID namespace, where thread ids mean other threads");
  return finish(state_.lock.try_lock());
}

Waitable::Attempt MutexWaitable::sleep_alone(std::uint64_t, Deadline until) noexcept
{
  // No other thread, no close to notice: the timer, which costs a fifth of a microsecond, can be spared.
  const bool looks_again = __libc_single_threaded == 0;
  const int error = state_.lock.lock(looks_again ? std::min(until, monotonic_ns() + mutex_slice_ns) : until);
  if (error != EDEADLK)
    return finish(error);
  RobustLock::rest_in_deadlock(until);
  return {};
}

Waitable::Outlook MutexWaitable::outlook(std::uint64_t) const noexcept
{
  // Also while others sleep: the kernel hands it to them, and it never looks free meanwhile.
  return state_.lock.looks_takeable() ? Outlook::take : Outlook::wait;
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
