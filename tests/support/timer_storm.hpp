// Interrupts on purpose.
#pragma once

#include <gtest/gtest.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include <rtlane/rt/clock.hpp>

namespace rtlane::test {

// Timers of the calling thread's CPU that nobody waits for: each is one interrupt and nothing else.
class TimerStorm {
public:
  static constexpr unsigned count = 400;
  static constexpr std::int64_t distance_ns = 50'000;

  TimerStorm()
  {
    for (int& fd : fds_)
      fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  }
  TimerStorm(const TimerStorm&) = delete;
  TimerStorm& operator=(const TimerStorm&) = delete;
  ~TimerStorm()
  {
    for (const int fd : fds_)
      close(fd);
  }

  // Returns when the last one is due, by rt::now_ns().
  std::int64_t start()
  {
    std::int64_t due_ns = rt::now_ns() + 5'000'000;
    for (const int fd : fds_) {
      due_ns += distance_ns;
      itimerspec when{};
      when.it_value = {static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)};
      EXPECT_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, nullptr), 0);
    }
    return due_ns;
  }

private:
  std::array<int, count> fds_{};
};

}  // namespace rtlane::test
