// Owner of one handle to a named event: wakes threads of any process.
//
//   auto ready = rtlane::Event::create("engine/ready");
//   if (!ready) return fail(ready.error().message);
//   if (!ready->wait_for(100ms)) ...                   in one process
//   ready->set();                                      in another
//
// Use it to say that something happened; to count how often, a Semaphore; to guard data, a Mutex; to carry data, a
// channel, whose reader can look without waiting. The contract of every call is in rtlane/core/sync.h; the waits (wait,
// try_wait, wait_for, wait_until) and their answers in sync_object.hpp and wait.hpp.
#pragma once

#include <rtlane/core/sync.h>
#include <rtlane/core/sync_object.hpp>

#include <string>

namespace rtlane {

class Event : public SyncObject {
public:
  enum class Reset {
    automatic,  // a set releases one wait; sets that come before it runs are one
    manual,     // stays set until reset, and releases everybody
  };

  // Creates, or opens what exists, whose kind and state then stay: created() tells. An empty name makes an unnamed
  // object.
  [[nodiscard]] static expected<Event> create(const std::string& name, Reset reset = Reset::automatic,
                                              bool initially_set = false, const SyncOptions& options = {})
  {
    const rtlane_shm_options c_options = options.to_c();
    return obtain<Event>(name, [&](const char* c_name, rtlane_handle* handle) {
      return rtlane_event_create(c_name, reset == Reset::manual ? 1 : 0, initially_set ? 1 : 0, &c_options, handle);
    });
  }

  [[nodiscard]] static expected<Event> open(const std::string& name, const SyncOptions& options = {})
  {
    const rtlane_shm_options c_options = options.to_c();
    return obtain_existing<Event>(
        name, [&](const char* c_name, rtlane_handle* handle) { return rtlane_event_open(c_name, &c_options, handle); });
  }

  Event() = default;

  // The three answer false without a handle only. Lock-free; a system call only for who waits.
  bool set() noexcept { return rtlane_event_set(handle()) == 0; }
  bool reset() noexcept { return rtlane_event_reset(handle()) == 0; }
  // Releases one of those that sleep now (manual reset: all) and leaves it reset. One that is just running may miss it:
  // prefer set().
  bool pulse() noexcept { return rtlane_event_pulse(handle()) == 0; }
};

}  // namespace rtlane
