// Short spellings for events, mutexes and semaphores in tests.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/core/sync.h>

#include <cstdint>
#include <utility>

#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {

constexpr std::int64_t ms = 1'000'000;

// One handle of any kind; closed at the end.
class Handle {
public:
  explicit Handle(rtlane_handle handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() { close(); }

  int close()
  {
    const rtlane_handle closing = std::exchange(handle_, 0);
    return closing == 0 ? 0 : rtlane_close(closing);
  }
  operator rtlane_handle() const { return handle_; }

private:
  rtlane_handle handle_;
};

inline Handle made(int result, rtlane_handle handle)
{
  EXPECT_GE(result, 0) << rtlane_error_message();
  return Handle(handle);
}

inline Handle event(const char* name, bool manual_reset, bool set)
{
  rtlane_handle handle = 0;
  const int result = rtlane_event_create(name, manual_reset, set, nullptr, &handle);
  return made(result, handle);
}

inline Handle mutex(const char* name, bool owned)
{
  rtlane_handle handle = 0;
  const int result = rtlane_mutex_create(name, owned, nullptr, &handle);
  return made(result, handle);
}

inline Handle semaphore(const char* name, std::uint32_t initial, std::uint32_t maximum)
{
  rtlane_handle handle = 0;
  const int result = rtlane_semaphore_create(name, initial, maximum, nullptr, &handle);
  return made(result, handle);
}

inline rtlane_sync_state state_of(rtlane_handle handle)
{
  rtlane_sync_state state = {};
  EXPECT_EQ(rtlane_sync_get_state(handle, &state), 0) << rtlane_error_message();
  return state;
}

// Waits until as many sleep on the object.
inline void await_waiters(rtlane_handle handle, std::uint32_t waiters)
{
  while (!::testing::Test::HasFailure() && state_of(handle).waiters != waiters)
    sleep_us(1000);
}

}  // namespace rtlane::test
