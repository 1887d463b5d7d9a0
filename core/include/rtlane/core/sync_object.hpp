// What Event, Mutex and Semaphore have in common: one owned handle, options of creation, and the four waits.
#pragma once

#include <rtlane/core/sync.h>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/object_name.hpp>
#include <rtlane/core/wait.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace rtlane {

// For create; open takes `lock` only.
struct SyncOptions {
  rtlane_wish lock = RTLANE_PREFERRED;
  int numa_node = -1;
  std::uint32_t mode = 0;
  std::uint32_t gid = UINT32_MAX;
  bool exclusive = false;

  [[nodiscard]] rtlane_shm_options to_c() const
  {
    rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
    options.lock = lock;
    options.numa_node = numa_node;
    options.mode = mode;
    options.gid = gid;
    options.exclusive = exclusive ? 1 : 0;
    return options;
  }
};

// Move-only owner of one handle.
//
// Threads: waits, what the kinds add, and close() may be called by any number of threads at once; who moves or destroys
// an owner is alone with it. Creating, opening and closing are set-up calls, not for a real-time loop.
class SyncObject {
public:
  SyncObject(const SyncObject&) = delete;
  SyncObject& operator=(const SyncObject&) = delete;

  // Waits until it can be taken and takes it: an auto-reset event is reset, a mutex owned (once more), a semaphore's
  // count less by one. Blocking; no system call when it need not sleep; never throws and never allocates.
  // failed: EBADF without a handle; mutexes: EXDEV, EOVERFLOW, ENOTRECOVERABLE as rtlane_wait().
  [[nodiscard]] WaitResult wait() noexcept { return wait_until_ns(INT64_MAX); }

  // Takes it when that is possible at once, else timed_out. Never sleeps.
  [[nodiscard]] WaitResult try_wait() noexcept { return wait_until_ns(0); }

  // timed_out, never before the time is over. For times and clocks see wait.hpp.
  template <class Rep, class Period>
  [[nodiscard]] WaitResult wait_for(const std::chrono::duration<Rep, Period>& timeout) noexcept
  {
    return wait_until_ns(detail::deadline_ns_after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] WaitResult wait_until(const std::chrono::time_point<Clock, Duration>& deadline) noexcept
  {
    return detail::wait_until_time(deadline, [this](std::int64_t deadline_ns) { return wait_until_ns(deadline_ns); });
  }

  // For people, not for decisions: it may be old when it arrives. kind is 0 when there is no handle. A system call.
  [[nodiscard]] rtlane_sync_state state_estimate() const noexcept
  {
    rtlane_sync_state state{};
    if (rtlane_sync_get_state(handle(), &state) < 0)
      return {};
    return state;
  }

  // Closes the handle. Waits of other threads end with `closed` when it is the last one of this process. A mutex that
  // is owned stays so until its thread unlocks it or ends.
  void close() noexcept
  {
    // relaxed: the handle table decides who closes.
    if (const rtlane_handle closing = handle_.exchange(0, std::memory_order_relaxed); closing != 0)
      rtlane_close(closing);
  }

  // relaxed: a number that means nothing without the handle table.
  [[nodiscard]] rtlane_handle handle() const noexcept { return handle_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool created() const noexcept { return created_; }
  [[nodiscard]] explicit operator bool() const noexcept { return handle() != 0; }

protected:
  SyncObject() = default;
  SyncObject(SyncObject&& other) noexcept { swap(other); }
  SyncObject& operator=(SyncObject&& other) noexcept
  {
    if (this != &other) {
      close();
      created_ = false;
      set_abandoned_flag(false);
      swap(other);
    }
    return *this;
  }
  ~SyncObject() { close(); }

  // Creates an Object: call(c_name, handle) returns as rtlane_event_create() and its siblings.
  template <class Object, class Call>
  [[nodiscard]] static expected<Object> obtain(const std::string& name, Call call)
  {
    if (detail::has_nul(name))
      return unexpected(detail::error_of_nul());
    rtlane_handle handle = 0;
    const int result = call(name.c_str(), &handle);
    if (result < 0)
      return unexpected(Error::from_c(result));
    Object object;
    object.handle_.store(handle, std::memory_order_relaxed);  // relaxed: nobody else has it yet
    object.created_ = result == 0;
    return object;
  }

  // The same for rtlane_event_open() and its siblings.
  template <class Object, class Call>
  [[nodiscard]] static expected<Object> obtain_existing(const std::string& name, Call call)
  {
    return obtain<Object>(name, [&](const char* c_name, rtlane_handle* handle) {
      const int result = call(c_name, handle);
      return result == 0 ? 1 : result;
    });
  }

  // The answer as the standard's calls give it: what is neither yes nor "not in time" is thrown.
  [[nodiscard]] static bool taken(WaitResult result)
  {
    if (result.error != 0)
      detail::throw_errno(result.error);
    return static_cast<bool>(result);
  }

  // An acquisition found the mutex abandoned, and nobody has said since that what it guards is whole again.
  // relaxed: written and read by whoever owns the mutex, which orders them.
  [[nodiscard]] bool abandoned_flag() const noexcept { return abandoned_.load(std::memory_order_relaxed); }
  void set_abandoned_flag(bool value) noexcept { abandoned_.store(value, std::memory_order_relaxed); }

private:
  [[nodiscard]] WaitResult wait_until_ns(std::int64_t deadline_ns) noexcept
  {
    const WaitResult result = WaitResult::from_c(rtlane_wait_until(handle(), deadline_ns));
    if (result.status == WaitStatus::abandoned)
      set_abandoned_flag(true);
    return result;
  }

  // relaxed: who moves an owner is alone with it.
  void swap(SyncObject& other) noexcept
  {
    handle_.store(other.handle_.exchange(handle(), std::memory_order_relaxed), std::memory_order_relaxed);
    abandoned_.store(other.abandoned_.exchange(abandoned_flag(), std::memory_order_relaxed), std::memory_order_relaxed);
    std::swap(created_, other.created_);
  }

  std::atomic<rtlane_handle> handle_{0};
  std::atomic<bool> abandoned_{false};
  bool created_ = false;
};

}  // namespace rtlane
