// The C calls that have nothing to do with one kind of channel.
#include <rtlane/channels/status.h>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/status.hpp>

using rtlane::Status;

static_assert(static_cast<int>(Status::ok) == RTLANE_OK && static_cast<int>(Status::empty) == RTLANE_EMPTY &&
              static_cast<int>(Status::full) == RTLANE_FULL && static_cast<int>(Status::busy) == RTLANE_BUSY &&
              static_cast<int>(Status::lost) == RTLANE_LOST && static_cast<int>(Status::closed) == RTLANE_CLOSED &&
              static_cast<int>(Status::corrupt) == RTLANE_CORRUPT &&
              static_cast<int>(Status::too_small) == RTLANE_TOO_SMALL &&
              static_cast<int>(Status::too_large) == RTLANE_TOO_LARGE);
static_assert(rtlane::wait_forever == RTLANE_WAIT_FOREVER);

const char* rtlane_status_name(int status) noexcept
{
  return rtlane::to_string(static_cast<Status>(status));
}

int64_t rtlane_monotonic_now_ns(void) noexcept
{
  return rtlane::monotonic_now_ns();
}

int64_t rtlane_deadline_after(int64_t ns) noexcept
{
  return rtlane::deadline_after(ns);
}
