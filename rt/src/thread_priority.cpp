#include "thread_priority.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <rtlane/rt/thread.hpp>

#include <cerrno>
#include <cstring>

namespace rtlane::rt::detail {
namespace {

static_assert(fifo_of_rtx(RT_PRIORITY_MIN) == 1 && fifo_of_rtx(RT_PRIORITY_MAX) == fifo_max);
static_assert(fifo_of_rtx(rtx_of_fifo(1)) == 1 && fifo_of_rtx(rtx_of_fifo(50)) == 50 &&
              fifo_of_rtx(rtx_of_fifo(fifo_max)) == fifo_max);

struct Scheduling {
  int policy = SCHED_OTHER;
  int level = 0;  // real-time priority, else nice

  [[nodiscard]] bool real_time() const noexcept { return policy == SCHED_FIFO || policy == SCHED_RR; }
};

int gone(const ThreadObject& thread)
{
  return fail(EBADF, "thread %d has ended", static_cast<int>(thread.tid()));
}

int read(const ThreadObject& thread, Scheduling& now)
{
  if (thread.has_ended())
    return gone(thread);
  const int policy = ::sched_getscheduler(thread.tid());
  sched_param parameter = {};
  if (policy < 0 || ::sched_getparam(thread.tid(), &parameter) != 0)
    return gone(thread);
  now.policy = policy & ~SCHED_RESET_ON_FORK;
  now.level = parameter.sched_priority;
  if (!now.real_time()) {
    errno = 0;
    now.level = ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread.tid()));
  }
  return 0;
}

// SCHED_RR stays SCHED_RR.
int make_real_time(const ThreadObject& thread, const Scheduling& now, int level)
{
  sched_param parameter = {};
  parameter.sched_priority = level;
  if (::sched_setscheduler(thread.tid(), now.policy == SCHED_RR ? SCHED_RR : SCHED_FIFO, &parameter) == 0)
    return 0;
  const int error = errno;
  return fail(error == EPERM ? EPERM : EBADF, "%s", why_no_fifo(error, level).c_str());
}

int make_ordinary(const ThreadObject& thread, int nice)
{
  const auto who = static_cast<id_t>(thread.tid());
  const int before = ::getpriority(PRIO_PROCESS, who);
  // First what may be refused, so that a refusal changes nothing.
  if (::setpriority(PRIO_PROCESS, who, nice) != 0) {
    if (errno == ESRCH)
      return gone(thread);
    return fail(EPERM,
                "going from nice %d back to nice %d was refused: run as root, or raise RLIMIT_NICE ('ulimit -e 40')",
                before, nice);
  }
  const sched_param parameter = {};
  return ::sched_setscheduler(thread.tid(), SCHED_OTHER, &parameter) == 0 ? 0 : gone(thread);
}

int remember(ThreadObject& thread, GivenPriority::Scale scale, int value)
{
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  thread.given = {scale, value, now.policy, now.level};
  return 0;
}

// The value that was given, if the thread is still scheduled as it made it.
bool recall(const ThreadObject& thread, GivenPriority::Scale scale, const Scheduling& now, int& value)
{
  const GivenPriority& given = thread.given;
  if (given.scale != scale || given.policy != now.policy || given.level != now.level)
    return false;
  value = given.value;
  return true;
}

int kernels_quantum_ms()
{
  std::ifstream file("/proc/sys/kernel/sched_rr_timeslice_ms");
  int quantum_ms = 0;
  return file >> quantum_ms && quantum_ms > 0 ? quantum_ms : 100;
}

}  // namespace

int set_rtx_priority(ThreadObject& thread, int priority) noexcept
{
  if (priority < RT_PRIORITY_MIN || priority > RT_PRIORITY_MAX)
    return fail(EINVAL, "priority %d: it is %d (worst) to %d (best)", priority, RT_PRIORITY_MIN, RT_PRIORITY_MAX);
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  if (const int error = make_real_time(thread, now, fifo_of_rtx(priority)); error != 0)
    return error;
  return remember(thread, GivenPriority::Scale::rtx, priority);
}

int set_win32_priority(ThreadObject& thread, int priority) noexcept
{
  if (priority < THREAD_PRIORITY_IDLE || priority > THREAD_PRIORITY_TIME_CRITICAL)
    return fail(EINVAL, "priority %d: it is %d (idle) to %d (time critical)", priority, THREAD_PRIORITY_IDLE,
                THREAD_PRIORITY_TIME_CRITICAL);
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  if (const int error = priority > 0 ? make_real_time(thread, now, fifo_of_win32(priority))
                                     : make_ordinary(thread, nice_of_win32(priority));
      error != 0)
    return error;
  return remember(thread, GivenPriority::Scale::win32, priority);
}

int get_rtx_priority(const ThreadObject& thread, int& priority) noexcept
{
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  if (!recall(thread, GivenPriority::Scale::rtx, now, priority))
    priority = now.real_time() ? rtx_of_fifo(now.level) : 0;
  return 0;
}

int get_win32_priority(const ThreadObject& thread, int& priority) noexcept
{
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  if (!recall(thread, GivenPriority::Scale::win32, now, priority))
    priority = now.real_time() ? win32_of_fifo(now.level) : win32_of_nice(now.level);
  return 0;
}

int set_quantum_ms(ThreadObject& thread, DWORD quantum_ms) noexcept
{
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  if (!now.real_time())
    return quantum_ms == 0 ? 0
                           : fail(EINVAL, "thread %d is no real-time thread: RtSetThreadPriority comes first",
                                  static_cast<int>(thread.tid()));
  const int quantum = kernels_quantum_ms();
  if (quantum_ms != 0 && quantum_ms != static_cast<DWORD>(quantum))
    return fail(EOPNOTSUPP,
                "a quantum of %u ms: Linux has one for all threads, %d ms here; take that or 0, or set it with "
                "'sysctl kernel.sched_rr_timeslice_ms=%u'",
                static_cast<unsigned>(quantum_ms), quantum, static_cast<unsigned>(quantum_ms));
  sched_param parameter = {};
  parameter.sched_priority = now.level;
  if (::sched_setscheduler(thread.tid(), quantum_ms == 0 ? SCHED_FIFO : SCHED_RR, &parameter) != 0) {
    const int error = errno;
    return fail(EPERM, "%s", why_no_fifo(error, now.level).c_str());
  }
  // The priority that was given is still in force.
  thread.given.policy = quantum_ms == 0 ? SCHED_FIFO : SCHED_RR;
  return 0;
}

int get_quantum_ms(const ThreadObject& thread, DWORD& quantum_ms) noexcept
{
  Scheduling now;
  if (const int error = read(thread, now); error != 0)
    return error;
  quantum_ms = now.policy == SCHED_RR ? static_cast<DWORD>(kernels_quantum_ms()) : 0;
  return 0;
}

}  // namespace rtlane::rt::detail
