// A timer: what its thread and those that set it share.
//
// The thread sleeps on the word `change`, which every change adds to, until the next expiration. What is said below to
// be guarded is so by a mutex that a thread may be ended in.
#pragma once

#include <rtlane/rt/iwin32_threads.h>

#include <cstdint>
#include <memory>

#include "clocks.hpp"
#include "pi_mutex.hpp"
#include "thread_object.hpp"

namespace rtlane::rt::detail {

class Timer {
public:
  Timer(PTIMERROUTINE routine, PVOID context, CLOCK clock)
      : routine_(routine), context_(context), clock_(clock), fork_count_(Process::instance().fork_count())
  {}

  // The thread's: calls the routine until the timer is closed.
  void run();

  // Times in 100 ns; due: absolute on the timer's clock. Each returns 0 or a negative errno with a sentence.
  int set(std::int64_t due, bool absolute, std::int64_t interval) noexcept;
  int cancel(std::int64_t& remaining) noexcept;
  int remaining(std::int64_t& remaining) noexcept;

  // The thread ends, after a call that has begun.
  void close() noexcept;

  // Made before a fork, by the process that has the thread.
  [[nodiscard]] bool belongs_to_parent() const noexcept { return fork_count_ != Process::instance().fork_count(); }

private:
  int refuse_parents() const noexcept;
  [[nodiscard]] std::int64_t remaining_units() const noexcept;
  void changed() noexcept;

  PiMutex mutex_;
  bool is_set_ = false;  // guarded, as all up to settings_
  bool closed_ = false;
  std::int64_t due_ns_ = 0;       // CLOCK_MONOTONIC
  std::int64_t interval_ns_ = 0;  // 0 = once
  std::uint64_t settings_ = 0;    // how often it was set
  FutexWord change_{0};
  const PTIMERROUTINE routine_;
  const PVOID context_;
  const CLOCK clock_;
  const std::uint64_t fork_count_;  // of the process that has the thread
};

class TimerObject final : public HandleTarget, public std::enable_shared_from_this<TimerObject> {
public:
  // Makes the timer and starts its thread. Returns 0, or a negative errno with a sentence. Inside Process::enter().
  static int create(PTIMERROUTINE routine, PVOID context, CLOCK clock, std::size_t stack_bytes, int priority,
                    std::shared_ptr<TimerObject>& made);

  TimerObject(std::shared_ptr<Timer> timer, std::shared_ptr<ThreadObject> thread)
      : timer_(std::move(timer)), thread_(std::move(thread))
  {}
  ~TimerObject() override { timer_->close(); }

  [[nodiscard]] rtlane_kind kind() const noexcept override { return no_kind; }
  [[nodiscard]] Timer& timer() const noexcept { return *timer_; }
  [[nodiscard]] ThreadObject& thread() const noexcept { return *thread_; }

private:
  std::shared_ptr<Timer> timer_;
  std::shared_ptr<ThreadObject> thread_;
};

}  // namespace rtlane::rt::detail
