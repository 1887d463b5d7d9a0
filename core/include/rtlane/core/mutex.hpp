// Owner of one handle to a named mutex: recursive, priority-inheriting, robust, and a TimedLockable of the standard, so
// that std::unique_lock, std::scoped_lock and std::lock take it.
//
//   auto guard = rtlane::Mutex::create("engine/guard");
//   if (!guard) return fail(guard.error().message);
//   const std::scoped_lock lock(*guard);
//   if (guard->abandoned()) {                          // a process was killed while it wrote the state
//     repair(*state);
//     guard->clear_abandoned();
//   }
//
// Use it to guard what several write. To wake somebody use an Event or a Semaphore; to carry data a channel, which
// needs no mutex and which no kill leaves half written.
//
// Abandonment: when a thread ends in any way while it owns the mutex, exactly one later acquisition of all processes is
// told so. Through this owner the locks of the standard cannot tell, so it is kept in abandoned() until
// clear_abandoned(), over any number of unlocks: std::lock and std::scoped_lock may acquire, give back and acquire
// again before they return, and a lock taken where nobody asks is not the last. It is kept in this object only: a
// process that gives the mutex back unrepaired says nothing to others. Who may not forget it uses wait() and its
// siblings of sync_object.hpp, which lock too and answer WaitStatus::abandoned; they set abandoned() as well.
//
// Errors: lock(), try_lock(), try_lock_for() and try_lock_until() throw std::system_error (errno in code(), generic
// category; what() has the sentence) for what the standard has no answer for; nothing is owned then. EBADF without a
// handle, ECANCELED when another thread closed the last handle of this process meanwhile, EXDEV in another PID
// namespace than its creator's, EOVERFLOW when acquired 2^32 - 1 times, ENOTRECOVERABLE when its memory was damaged.
// The waits never throw.
//
// A thread owns the mutex, not this object: moving or closing it unlocks nothing. Close it while no thread of this
// process owns the mutex, else there is no handle to unlock it with.
#pragma once

#include <rtlane/core/sync.h>
#include <rtlane/core/sync_object.hpp>

#include <chrono>
#include <string>

namespace rtlane {

class Mutex : public SyncObject {
public:
  // Creates it free, or opens what exists: created() tells. An empty name makes an unnamed object. EXDEV: it exists and
  // belongs to another PID namespace.
  [[nodiscard]] static expected<Mutex> create(const std::string& name, const SyncOptions& options = {})
  {
    return create_with(name, false, options);
  }

  // The same, and when it created, the calling thread owns it: no other can come first. When created() is false it
  // does not.
  [[nodiscard]] static expected<Mutex> create_owned(const std::string& name, const SyncOptions& options = {})
  {
    return create_with(name, true, options);
  }

  [[nodiscard]] static expected<Mutex> open(const std::string& name, const SyncOptions& options = {})
  {
    const rtlane_shm_options c_options = options.to_c();
    return obtain_existing<Mutex>(
        name, [&](const char* c_name, rtlane_handle* handle) { return rtlane_mutex_open(c_name, &c_options, handle); });
  }

  Mutex() = default;

  // Acquires it (once more when it is the caller's already), waiting until that is possible. Blocking; the owner runs
  // at the priority of the best waiter meanwhile. No system call when it is free, but for the first time in a thread
  // that created or opened no mutex.
  void lock() { (void)taken(wait()); }

  // Acquires it if that is possible at once, within a time or until a deadline (see wait.hpp); false: another thread
  // has it.
  [[nodiscard]] bool try_lock() { return taken(try_wait()); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& timeout)
  {
    return taken(wait_for(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline)
  {
    return taken(wait_until(deadline));
  }

  // Gives one acquisition back; with the first of them the mutex is free. false: the calling thread does not own it, or
  // there is no handle, and rtlane_error_message() has the sentence. Lock-free; system calls only for who waits.
  bool unlock() noexcept { return rtlane_mutex_unlock(handle()) == 0; }

  // Whether an acquisition through this object found it abandoned and clear_abandoned() was not called since. Ask while
  // you own the mutex. Wait-free.
  [[nodiscard]] bool abandoned() const noexcept { return abandoned_flag(); }

  // What it guards is whole again. Call it while you own the mutex. Wait-free.
  void clear_abandoned() noexcept { set_abandoned_flag(false); }

private:
  [[nodiscard]] static expected<Mutex> create_with(const std::string& name, bool owned, const SyncOptions& options)
  {
    const rtlane_shm_options c_options = options.to_c();
    return obtain<Mutex>(name, [&](const char* c_name, rtlane_handle* handle) {
      return rtlane_mutex_create(c_name, owned ? 1 : 0, &c_options, handle);
    });
  }
};

}  // namespace rtlane
