// Owner of one handle to a named counting semaphore, with the calls of std::counting_semaphore.
//
//   auto filled = rtlane::Semaphore::create("engine/filled", 0, slot_count);
//   if (!filled) return fail(filled.error().message);
//   filled->release();                                 in one process
//   if (filled->try_acquire_for(100ms)) take();        in another
//
// Use it to count what is there to be taken, by whichever thread. Nobody owns a unit: that of a process that was killed
// does not come back. To guard data use a Mutex, to carry it a channel.
//
// Errors: the calls with names of the standard throw std::system_error (errno in code(), generic category; what() has
// the sentence) for what the standard has no answer for: EBADF without a handle, ECANCELED when another thread closed
// the last handle of this process meanwhile. wait(), try_wait(), wait_for(), wait_until() of sync_object.hpp do
// the same as the acquire calls, tell everything in their answer and never throw.
#pragma once

#include <rtlane/core/sync.h>
#include <rtlane/core/sync_object.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

namespace rtlane {

class Semaphore : public SyncObject {
public:
  // Creates with 0 <= initial <= maximum, 1 <= maximum <= max(), or opens what exists, whose count and maximum then
  // stay: created() tells. An empty name makes an unnamed object.
  [[nodiscard]] static expected<Semaphore> create(const std::string& name, std::uint32_t initial,
                                                  std::uint32_t maximum = max(), const SyncOptions& options = {})
  {
    const rtlane_shm_options c_options = options.to_c();
    return obtain<Semaphore>(name, [&](const char* c_name, rtlane_handle* handle) {
      return rtlane_semaphore_create(c_name, initial, maximum, &c_options, handle);
    });
  }

  [[nodiscard]] static expected<Semaphore> open(const std::string& name, const SyncOptions& options = {})
  {
    const rtlane_shm_options c_options = options.to_c();
    return obtain_existing<Semaphore>(name, [&](const char* c_name, rtlane_handle* handle) {
      return rtlane_semaphore_open(c_name, &c_options, handle);
    });
  }

  Semaphore() = default;

  [[nodiscard]] static constexpr std::uint32_t max() noexcept { return RTLANE_SEMAPHORE_MAX; }

  // Adds count, 1 or more. Throws with EOVERFLOW when the maximum would be passed, EINVAL for 0; nothing is added
  // then. Lock-free; system calls only for who waits.
  void release(std::uint32_t count = 1)
  {
    if (const int result = rtlane_semaphore_release(handle(), count, nullptr); result < 0)
      detail::throw_errno(-result);
  }

  // The same without throwing: false when nothing was added, and rtlane_error_message() has the sentence. *previous
  // receives the count before.
  [[nodiscard]] bool try_release(std::uint32_t count = 1, std::uint32_t* previous = nullptr) noexcept
  {
    return rtlane_semaphore_release(handle(), count, previous) == 0;
  }

  // Takes one, and waits until there is one. Blocking.
  void acquire() { (void)taken(wait()); }

  // Takes one if there is one, at once, within a time or until a deadline (see wait.hpp); false: there was none.
  [[nodiscard]] bool try_acquire() { return taken(try_wait()); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& timeout)
  {
    return taken(wait_for(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& deadline)
  {
    return taken(wait_until(deadline));
  }
};

}  // namespace rtlane
