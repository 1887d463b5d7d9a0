#include "timer_object.hpp"

#include <linux/futex.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "thread_priority.hpp"

namespace rtlane::rt::detail {
namespace {

// The first instant of the grid after now.
std::int64_t next_on_grid(std::int64_t due_ns, std::int64_t interval_ns, std::int64_t now_ns)
{
  if (now_ns < due_ns)
    return due_ns;
  const std::int64_t passed_ns = now_ns - due_ns;
  const std::int64_t step_ns = interval_ns - passed_ns % interval_ns;
  return step_ns > rtlane::detail::never - now_ns ? rtlane::detail::never : now_ns + step_ns;
}

DWORD run_timer(LPVOID timer)
{
  static_cast<Timer*>(timer)->run();
  return 0;
}

}  // namespace

void Timer::run()
{
  std::unique_lock lock(mutex_);
  while (!closed_) {
    const std::int64_t now_ns = is_set_ ? rtlane::detail::monotonic_ns() : 0;
    if (!is_set_ || now_ns < due_ns_) {
      // relaxed: changes are made inside the mutex
      const FutexSleep sleep = {&change_, change_.load(std::memory_order_relaxed)};
      const Deadline until = is_set_ ? due_ns_ : rtlane::detail::never;
      lock.unlock();
      rtlane::detail::futex_sleep(sleep, until);
      lock.lock();
      continue;
    }
    const std::uint64_t setting = settings_;
    if (interval_ns_ == 0)
      is_set_ = false;
    else
      due_ns_ = next_on_grid(due_ns_, interval_ns_, now_ns);
    lock.unlock();
    routine_(context_);
    // The routine forked, and this is the child.
    if (belongs_to_parent())
      return;
    lock.lock();
    // What passed during the call is left out.
    if (is_set_ && setting == settings_)
      due_ns_ = next_on_grid(due_ns_, interval_ns_, rtlane::detail::monotonic_ns());
  }
}

void Timer::changed() noexcept
{
  rtlane::detail::futex_change_and_wake(change_, FUTEX_OP_ADD, 1);
}

int Timer::refuse_parents() const noexcept
{
  return belongs_to_parent() ? fail(EBADF, "the timer was made before the fork: its thread is the parent's") : 0;
}

int Timer::set(std::int64_t due, bool absolute, std::int64_t interval) noexcept
{
  if (const int error = refuse_parents(); error != 0)
    return error;
  const std::int64_t delay = absolute ? std::max<std::int64_t>(0, due - clock_units(clock_)) : due;
  const std::lock_guard lock(mutex_);
  if (is_set_)
    return fail(EBUSY, "the timer is set already: RtCancelTimer comes first");
  is_set_ = true;
  due_ns_ = delay == 0 ? rtlane::detail::monotonic_ns() : rtlane::detail::deadline_after(to_ns(delay));
  interval_ns_ = to_ns(interval);
  ++settings_;
  changed();
  return 0;
}

std::int64_t Timer::remaining_units() const noexcept
{
  if (!is_set_)
    return 0;
  // Rounded up: 0 is a timer that is not set.
  return std::max<std::int64_t>(1, (due_ns_ - rtlane::detail::monotonic_ns() + unit_ns - 1) / unit_ns);
}

int Timer::cancel(std::int64_t& remaining) noexcept
{
  if (const int error = refuse_parents(); error != 0)
    return error;
  const std::lock_guard lock(mutex_);
  remaining = remaining_units();
  is_set_ = false;
  changed();
  return 0;
}

int Timer::remaining(std::int64_t& remaining) noexcept
{
  if (const int error = refuse_parents(); error != 0)
    return error;
  const std::lock_guard lock(mutex_);
  remaining = remaining_units();
  return 0;
}

void Timer::close() noexcept
{
  if (belongs_to_parent())
    return;
  const std::lock_guard lock(mutex_);
  is_set_ = false;
  closed_ = true;
  changed();
}

int TimerObject::create(PTIMERROUTINE routine, PVOID context, CLOCK clock, std::size_t stack_bytes, int priority,
                        std::shared_ptr<TimerObject>& made)
{
  auto timer = std::make_shared<Timer>(routine, context, clock);
  std::shared_ptr<ThreadObject> thread;
  if (const int error = ThreadObject::start({run_timer, timer.get(), timer, stack_bytes}, thread); error != 0)
    return error;
  // Refused: the sentence is the caller's to read, the timer runs without.
  (void)set_rtx_priority(*thread, priority);
  try {
    made = std::make_shared<TimerObject>(std::move(timer), thread);
  } catch (...) {
    thread->call_off();
    throw;
  }
  thread->resume();
  return 0;
}

}  // namespace rtlane::rt::detail
