// The iwin32 border of timers.
#include <algorithm>
#include <cerrno>

#include "clocks.hpp"
#include "timer_object.hpp"

namespace rtlane::rt::detail {
namespace {

template <class Work>
BOOL with_timer(HANDLE handle, Work&& work)
{
  const ErrnoKeeper keeper;
  return bool_answer(guarded_call([&] {
    const std::shared_ptr<TimerObject> object = target_of<TimerObject>(handle, "timer");
    return object != nullptr ? work(object->timer()) : -EBADF;
  }));
}

// *pInterval, 0 when there is none. Returns 0, or -EINVAL with a sentence.
int read_interval(PLARGE_INTEGER place, std::int64_t& interval)
{
  interval = place != nullptr ? place->QuadPart : 0;
  if (interval > 0)
    interval = std::max(interval, timer_period_units);
  return interval >= 0 ? 0
                       : fail(EINVAL, "*pInterval is %lld: it is the time between expirations, or 0",
                              static_cast<long long>(interval));
}

int refuse_null_expiration()
{
  return fail(EINVAL, "pExpiration is NULL: it points to the time of the first expiration");
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

HANDLE RtCreateTimer(PSECURITY_ATTRIBUTES, ULONG StackSize, PTIMERROUTINE Routine, PVOID Context, ULONG Priority,
                     CLOCK Clock) noexcept
{
  const ErrnoKeeper keeper;
  HANDLE handle = nullptr;
  const int result = set_up_call([&] {
    if (Routine == nullptr)
      return fail(EINVAL, "Routine is NULL: pass the function that the timer is to call");
    if (Priority > RT_PRIORITY_MAX)
      return fail(EINVAL, "priority %u: it is %d (worst) to %d (best)", static_cast<unsigned>(Priority),
                  RT_PRIORITY_MIN, RT_PRIORITY_MAX);
    if (const int error = check_clock(Clock); error != 0)
      return error;
    if (const int error = check_handle_room(1); error != 0)
      return error;
    std::shared_ptr<TimerObject> timer;
    if (const int error = TimerObject::create(Routine, Context, Clock, StackSize, static_cast<int>(Priority), timer);
        error != 0)
      return error;
    handle = give_handle(std::move(timer));
    return 0;
  });
  if (result < 0)
    set_last_error(to_last_error(result));
  return handle;
}

BOOL RtSetTimerRelative(HANDLE hTimer, PLARGE_INTEGER pExpiration, PLARGE_INTEGER pInterval) noexcept
{
  return with_timer(hTimer, [&](Timer& timer) {
    std::int64_t interval = 0;
    if (pExpiration == nullptr)
      return refuse_null_expiration();
    if (pExpiration->QuadPart < 0)
      return fail(EINVAL, "*pExpiration is %lld: it is the time until the first expiration",
                  static_cast<long long>(pExpiration->QuadPart));
    if (const int error = read_interval(pInterval, interval); error != 0)
      return error;
    return timer.set(pExpiration->QuadPart, false, interval);
  });
}

BOOL RtSetTimer(HANDLE hTimer, PLARGE_INTEGER pExpiration, PLARGE_INTEGER pInterval) noexcept
{
  return with_timer(hTimer, [&](Timer& timer) {
    std::int64_t interval = 0;
    if (pExpiration == nullptr)
      return refuse_null_expiration();
    if (const int error = read_interval(pInterval, interval); error != 0)
      return error;
    const std::int64_t due = pExpiration->QuadPart;
    if (due < 0)
      return timer.set(due == INT64_MIN ? INT64_MAX : -due, false, interval);
    return timer.set(due, true, interval);
  });
}

BOOL RtCancelTimer(HANDLE hTimer, PLARGE_INTEGER pRemain) noexcept
{
  return with_timer(hTimer, [&](Timer& timer) {
    std::int64_t remaining = 0;
    const int error = timer.cancel(remaining);
    if (error == 0 && pRemain != nullptr)
      pRemain->QuadPart = remaining;
    return error;
  });
}

BOOL RtGetTimer(HANDLE hTimer, PLARGE_INTEGER pRemain) noexcept
{
  return with_timer(hTimer, [&](Timer& timer) {
    if (pRemain == nullptr)
      return fail(EINVAL, "pRemain is NULL");
    std::int64_t remaining = 0;
    const int error = timer.remaining(remaining);
    if (error == 0)
      pRemain->QuadPart = remaining;
    return error;
  });
}

BOOL RtDeleteTimer(HANDLE hTimer) noexcept
{
  const ErrnoKeeper keeper;
  return bool_answer(guarded_call([&] {
    const std::shared_ptr<TimerObject> object = target_of<TimerObject>(hTimer, "timer");
    if (object == nullptr)
      return -EBADF;
    // Of two that delete at once one closes.
    if (const int error = rtlane_close(from_pointer(hTimer)); error != 0)
      return error;
    object->timer().close();
    if (object->timer().belongs_to_parent() || &object->thread() == ThreadObject::here())
      return 0;
    object->thread().wait_for_end(rtlane::detail::never);
    return set_up_call([] {
      ThreadObject::reap();
      return 0;
    });
  }));
}
