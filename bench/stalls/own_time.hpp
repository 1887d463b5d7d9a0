// How long threads have had to get on: on a CPU or asleep, without the time for which they waited for a CPU, which is
// nobody's fault here.
#pragma once

#include <fmt/format.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace rtlane::bench {

// Of any thread of the system, by the kernel's count. To be looked at every millisecond or so.
class OwnTime {
public:
  explicit OwnTime(pid_t thread) : thread_(thread) { restart(); }

  void restart()
  {
    own_ns_ = 0;
    last_ = Clock::now();
    on_cpu_ns_ = read_on_cpu_ns();
  }

  // Up to now, and notes it.
  [[nodiscard]] std::uint64_t look_ns()
  {
    const Clock::time_point now = Clock::now();
    const std::uint64_t on_cpu_ns = read_on_cpu_ns();
    // The count of one that runs moves at each tick of its CPU only.
    if (on_cpu_ns > on_cpu_ns_)
      own_ns_ += on_cpu_ns - on_cpu_ns_;
    else if (!wants_cpu())
      own_ns_ += static_cast<std::uint64_t>(std::chrono::nanoseconds(now - last_).count());
    on_cpu_ns_ = on_cpu_ns;
    last_ = now;
    return own_ns_;
  }

private:
  using Clock = std::chrono::steady_clock;

  // 0 where the kernel does not count, or the thread is gone.
  [[nodiscard]] std::uint64_t read_on_cpu_ns() const
  {
    std::uint64_t on_cpu = 0;
    std::ifstream(fmt::format("/proc/{}/schedstat", thread_)) >> on_cpu;
    return on_cpu;
  }

  // Whether it runs or waits for a CPU. Where nobody counts it is taken to get on.
  [[nodiscard]] bool wants_cpu() const
  {
    std::string line;
    std::getline(std::ifstream(fmt::format("/proc/{}/stat", thread_)), line);
    const std::size_t after_name = line.rfind(')');
    return on_cpu_ns_ != 0 && after_name != std::string::npos && line.compare(after_name, 3, ") R") == 0;
  }

  pid_t thread_;
  Clock::time_point last_;
  std::uint64_t on_cpu_ns_ = 0;
  std::uint64_t own_ns_ = 0;
};

// Of several.
class OwnTimes {
public:
  void add(pid_t thread) { times_.emplace_back(thread); }

  void restart()
  {
    for (OwnTime& time : times_)
      time.restart();
  }

  // Of who has had the least.
  [[nodiscard]] std::uint64_t look_least_ns()
  {
    std::uint64_t least = UINT64_MAX;
    for (OwnTime& time : times_)
      least = std::min(least, time.look_ns());
    return least;
  }

private:
  std::vector<OwnTime> times_;
};

}  // namespace rtlane::bench
