// Waiting for events, mutexes and semaphores: the typed answer, and waits for several at once.
//
//   const rtlane_handle handles[] = {filled.handle(), stop.handle()};
//   const rtlane::WaitResult result = rtlane::wait_any_for(handles, 100ms);
//   if (result && result.index == 0) take();
//   else if (result.status != rtlane::WaitStatus::timed_out) return fail(result.message());
//
// For one object use the members of its owner (event.hpp, mutex.hpp, semaphore.hpp), which have the same answers. The
// contract is that of rtlane_wait() and rtlane_wait_any() in rtlane/core/sync.h: nothing is allocated or thrown, no
// system call unless it sleeps.
//
// Times: a time-out of 0 or less looks and never sleeps. Deadlines of std::chrono::steady_clock, which is
// CLOCK_MONOTONIC, go to the kernel as they are. Of any other clock the time that is left is waited for, and then the
// clock is asked again: a wait never ends early, and notices a clock that is set forward only when that time is over.
#pragma once

#include <rtlane/core/sync.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ratio>
#include <span>
#include <system_error>
#include <type_traits>

namespace rtlane {

enum class WaitStatus : std::int32_t {
  ok = 0,         // taken
  abandoned = 1,  // taken: the mutex is yours, but its owner ended without unlocking it
  timed_out = 2,  // nothing is taken
  closed = 3,     // nothing is taken: another thread closed the last handle of this process meanwhile
  failed = 4,     // nothing is taken: WaitResult::error says why
};

constexpr const char* to_string(WaitStatus status) noexcept
{
  switch (status) {
    case WaitStatus::ok:
      return "ok";
    case WaitStatus::abandoned:
      return "abandoned";
    case WaitStatus::timed_out:
      return "timed out";
    case WaitStatus::closed:
      return "closed";
    case WaitStatus::failed:
      return "failed";
  }
  return "?";
}

struct [[nodiscard]] WaitResult {
  WaitStatus status = WaitStatus::failed;
  int error = 0;            // closed and failed: errno value, positive, of rtlane_wait(); else 0
  std::uint32_t index = 0;  // of wait_any: which one, for ok, abandoned and closed

  // Whether something was taken.
  [[nodiscard]] explicit constexpr operator bool() const noexcept
  {
    return status == WaitStatus::ok || status == WaitStatus::abandoned;
  }

  // closed and failed: the sentence, of use right after the wait by the thread that waited. Wait-free.
  [[nodiscard]] const char* message() const noexcept { return error == 0 ? "" : rtlane_error_message(); }

  // Of what rtlane_wait() or rtlane_wait_any() returned.
  [[nodiscard]] static constexpr WaitResult from_c(int result, std::uint32_t index = 0) noexcept
  {
    switch (result) {
      case 0:
        return {WaitStatus::ok, 0, index};
      case RTLANE_WAIT_ABANDONED:
        return {WaitStatus::abandoned, 0, index};
      case -ETIMEDOUT:
        return {WaitStatus::timed_out, 0, 0};
      case -ECANCELED:
        return {WaitStatus::closed, ECANCELED, index};
      default:
        return {WaitStatus::failed, -result, 0};
    }
  }
};

namespace detail {

// What can be asserted of "steady_clock is CLOCK_MONOTONIC"; that both show the same is tested (core/event_test.cpp).
static_assert(std::chrono::steady_clock::is_steady);
static_assert(std::is_same_v<std::chrono::steady_clock::period, std::nano>);

// In ns, rounded up: a wait never ends early. 0 for 0 and less, INT64_MAX for what does not fit.
template <class Rep, class Period>
[[nodiscard]] constexpr std::int64_t positive_ns(const std::chrono::duration<Rep, Period>& time) noexcept
{
  if (!(time > time.zero()))  // so for a NaN
    return 0;
  if (std::chrono::duration<long double, std::nano>(time).count() >= 9.2e18L)
    return INT64_MAX;
  return std::chrono::ceil<std::chrono::duration<std::int64_t, std::nano>>(time).count();
}

// The deadline of a wait of that length from now; the past for 0, so that nobody asks the clock.
template <class Rep, class Period>
[[nodiscard]] std::int64_t deadline_ns_after(const std::chrono::duration<Rep, Period>& timeout) noexcept
{
  const std::int64_t timeout_ns = positive_ns(timeout);
  if (timeout_ns == 0)
    return 0;
  const std::int64_t now_ns = std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  return timeout_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + timeout_ns;
}

// Calls until(deadline_ns) for the deadline of a clock as the head of this file says; it returns as
// rtlane_wait_until().
template <class Clock, class Duration, class Until>
[[nodiscard]] WaitResult wait_until_time(const std::chrono::time_point<Clock, Duration>& deadline, Until until)
{
  if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
    return until(positive_ns(deadline.time_since_epoch()));
  } else {
    for (;;) {
      const auto now = Clock::now();
      const bool over = !(now < deadline);
      const WaitResult result = until(over ? 0 : deadline_ns_after(deadline - now));
      if (result.status != WaitStatus::timed_out || over)
        return result;
    }
  }
}

[[nodiscard]] inline WaitResult wait_any_until_ns(std::span<const rtlane_handle> handles,
                                                  std::int64_t deadline_ns) noexcept
{
  // Too many stay too many in 32 bits.
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(handles.size(), RTLANE_WAIT_MAX + 1));
  std::uint32_t index = 0;
  const int result = rtlane_wait_any_until(handles.data(), count, deadline_ns, &index);
  return WaitResult::from_c(result, index);
}

[[noreturn]] inline void throw_errno(int error)
{
  throw std::system_error(error, std::generic_category(), rtlane_error_message());
}

}  // namespace detail

// Waits until one of the handles (1 .. RTLANE_WAIT_MAX) can be taken and takes that one only, the first in the order
// given when there are several; WaitResult::index tells which. Owners give their handle(); handles of other kinds that
// can be waited for, such as threads, may be among them. The answer alone tells of an abandoned mutex here:
// Mutex::abandoned() does not.
// failed: EINVAL (how many), EBADF, EXDEV, EOVERFLOW, ENOTRECOVERABLE; nothing is taken then.
[[nodiscard]] inline WaitResult wait_any(std::span<const rtlane_handle> handles) noexcept
{
  return detail::wait_any_until_ns(handles, INT64_MAX);
}

// Takes one of them when that is possible at once, else timed_out.
[[nodiscard]] inline WaitResult try_wait_any(std::span<const rtlane_handle> handles) noexcept
{
  return detail::wait_any_until_ns(handles, 0);
}

// The same until a deadline: timed_out then.
template <class Clock, class Duration>
[[nodiscard]] WaitResult wait_any_until(std::span<const rtlane_handle> handles,
                                        const std::chrono::time_point<Clock, Duration>& deadline) noexcept
{
  return detail::wait_until_time(
      deadline, [&](std::int64_t deadline_ns) { return detail::wait_any_until_ns(handles, deadline_ns); });
}

template <class Rep, class Period>
[[nodiscard]] WaitResult wait_any_for(std::span<const rtlane_handle> handles,
                                      const std::chrono::duration<Rep, Period>& timeout) noexcept
{
  return detail::wait_any_until_ns(handles, detail::deadline_ns_after(timeout));
}

}  // namespace rtlane
