// What the kernel counts that can explain where a thread's time went: its context switches, page faults and waits for
// a CPU, the time that it ran, and the interrupts of a CPU.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <istream>
#include <optional>
#include <sstream>
#include <string>

namespace rtlane::rt {

// Of one thread, since it began; or the difference of two such.
struct ThreadCounts {
  std::uint64_t nvcsw = 0;         // it gave up the CPU: slept, or was stopped by a signal
  std::uint64_t nivcsw = 0;        // the CPU was taken from it
  std::uint64_t minflt = 0;        // page faults without a disk
  std::uint64_t majflt = 0;        // page faults that waited for one
  std::uint64_t run_delay_ns = 0;  // it could have run and waited for a CPU
  std::uint64_t cpu_ns = 0;        // it had a CPU
  std::uint64_t wall_ns = 0;       // passed, by CLOCK_MONOTONIC_RAW

  // Of a difference: for how long it had no CPU. Some kernels count the time of interrupts and what a host takes as
  // well, so without a switch or a fault this is no evidence of either.
  [[nodiscard]] constexpr std::uint64_t off_cpu_ns() const noexcept { return wall_ns > cpu_ns ? wall_ns - cpu_ns : 0; }

  friend ThreadCounts operator-(const ThreadCounts& later, const ThreadCounts& earlier) noexcept
  {
    return {later.nvcsw - earlier.nvcsw,
            later.nivcsw - earlier.nivcsw,
            later.minflt - earlier.minflt,
            later.majflt - earlier.majflt,
            later.run_delay_ns - earlier.run_delay_ns,
            later.cpu_ns - earlier.cpu_ns,
            later.wall_ns - earlier.wall_ns};
  }
  ThreadCounts& operator+=(const ThreadCounts& more) noexcept
  {
    nvcsw += more.nvcsw;
    nivcsw += more.nivcsw;
    minflt += more.minflt;
    majflt += more.majflt;
    run_delay_ns += more.run_delay_ns;
    cpu_ns += more.cpu_ns;
    wall_ns += more.wall_ns;
    return *this;
  }
  friend bool operator==(const ThreadCounts&, const ThreadCounts&) = default;
};

// Reads them for the thread that made it, which is the only one that may call read().
class ThreadCounters {
public:
  // Opens the thread's schedstat. Set-up.
  ThreadCounters() noexcept : schedstat_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
  ThreadCounters(const ThreadCounters&) = delete;
  ThreadCounters& operator=(const ThreadCounters&) = delete;
  ~ThreadCounters()
  {
    if (schedstat_ >= 0)
      ::close(schedstat_);
  }

  // False where the kernel was built without CONFIG_SCHED_INFO, or /proc is not there: run_delay_ns stays 0.
  [[nodiscard]] bool has_run_delay() const noexcept { return schedstat_ >= 0; }

  // Three system calls that never wait, about 1.5 us together; no allocation.
  [[nodiscard]] ThreadCounts read() const noexcept
  {
    ThreadCounts counts;
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    counts.nvcsw = static_cast<std::uint64_t>(usage.ru_nvcsw);
    counts.nivcsw = static_cast<std::uint64_t>(usage.ru_nivcsw);
    counts.minflt = static_cast<std::uint64_t>(usage.ru_minflt);
    counts.majflt = static_cast<std::uint64_t>(usage.ru_majflt);
    char text[96];  // "ns-on-cpu ns-waited slices"
    const ssize_t bytes = schedstat_ < 0 ? 0 : ::pread(schedstat_, text, sizeof text - 1, 0);
    if (bytes > 0) {
      text[bytes] = '\0';
      char* field = text;
      (void)std::strtoull(field, &field, 10);
      counts.run_delay_ns = std::strtoull(field, nullptr, 10);
    }
    // Next to each other, since their difference counts. The first field of schedstat would not do for cpu_ns: of a
    // thread that runs it is as old as its last tick.
    counts.cpu_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
    counts.wall_ns = read_ns(CLOCK_MONOTONIC_RAW);
    return counts;
  }

private:
  static std::uint64_t read_ns(clockid_t clock) noexcept
  {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  }

  int schedstat_;
};

namespace detail {

// The sum of CPU `cpu`'s column of a text as /proc/interrupts has it; no value when it has no such column.
inline std::optional<std::uint64_t> interrupts_in(std::istream& text, int cpu)
{
  // CPUs that are offline have no column, so the heading says which is which.
  std::string line;
  std::getline(text, line);
  std::istringstream heading(line);
  const std::string wanted = "CPU" + std::to_string(cpu);
  std::size_t columns = 0;
  std::optional<std::size_t> column;
  for (std::string name; heading >> name; ++columns) {
    if (name == wanted)
      column = columns;
  }
  if (!column)
    return {};
  std::uint64_t sum = 0;
  while (std::getline(text, line)) {
    std::istringstream row(line);
    std::string name;
    row >> name;
    if (name == "ERR:" || name == "MIS:")  // of the whole machine
      continue;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= *column && row >> count; ++i) {
      if (i == *column)
        sum += count;
    }
  }
  return sum;
}

}  // namespace detail

// How many interrupts of all kinds (devices, timer, those between CPUs) a CPU got since the machine started.
class InterruptCounts {
public:
  explicit InterruptCounts(int cpu) : cpu_(cpu) {}

  // No value when /proc/interrupts does not tell. Any thread. Set-up: some 60 us and more on many CPUs, it allocates,
  // and the kernel takes locks for it; never inside what is measured, nor in a real-time thread's loop.
  [[nodiscard]] std::optional<std::uint64_t> read() const
  {
    std::ifstream file("/proc/interrupts");
    return detail::interrupts_in(file, cpu_);
  }

private:
  int cpu_;
};

}  // namespace rtlane::rt
