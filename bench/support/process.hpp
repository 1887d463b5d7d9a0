// The two processes of a benchmark: the near one measures, the far one answers. Where they run, and what ends them when
// something goes wrong.
#pragma once

#include <rtlane/core/expected.hpp>

#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace rtlane::cli {
class Command;
}

namespace rtlane::bench {

// Ends this process with the sentence on standard error and exit status 1.
[[noreturn]] void die(const std::string& sentence);

// From now on, in this process and its children: the sentence goes there instead, cut to fit and ended by 0.
void die_into(std::span<char> place);

// What a call of `who` answered has to be good: else die() with the reason, which is errno.
[[noreturn]] void die_of_errno(const char* who, int error);
inline void must(bool good, const char* who)
{
  if (!good) [[unlikely]]
    die_of_errno(who, errno);
}
// The same for calls that answer the reason.
inline void must_be_0(int error, const char* who)
{
  if (error != 0) [[unlikely]]
    die_of_errno(who, error);
}

// The value, or die() with the error's sentence.
template <class T>
T need(expected<T> result)
{
  if (!result)
    die(result.error().message);
  return std::move(*result);
}

// Ends a spin-wait that never ends: looks at the clock once in a while.
class Patience {
public:
  void check(const char* what)
  {
    if ((++polls_ & 0xfffff) == 0)
      look_at_clock(what);
  }
  void rest() { since_ = 0; }

private:
  void look_at_clock(const char* what);

  std::uint64_t polls_ = 0;
  time_t since_ = 0;
};

struct CpuPair {
  int near = -1;  // of the measuring process; -1 = any
  int far = -1;   // of the other one
};

// --cpus A,B. `far_process` is what the manual calls the other process.
void add_cpu_options(cli::Command& command, CpuPair& cpus, const std::string& far_process);

// A check of an option: what is wrong with what is no number from 0 to 2^64 - 1 written in digits. CLI11 takes -16 for
// 2^64 - 16.
std::string whole_number(const std::string& text);

// Fills in the CPUs that were not named. The value is an exit status: what is wrong was said. `why` two are needed ends
// a sentence.
std::optional<int> choose_cpus(const cli::Command& command, CpuPair& cpus, const std::string& why);

// Moves this process there, or ends it by die().
void pin(int cpu);

// Runs body() in a process of its own, which is killed when this thread ends.
template <class Body>
pid_t start_process(Body&& body)
{
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0)
    die("cannot fork");
  if (child > 0)
    return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent && getppid() != 0)  // 0: it is outside this PID namespace
    std::_Exit(1);
  body();
  std::_Exit(0);
}

// The same on that CPU.
template <class Body>
pid_t start_far_process(int cpu, Body&& body)
{
  return start_process([&] {
    pin(cpu);
    body();
  });
}

// Waits for its end, which has to be a good one.
void join_far_process(pid_t process);

}  // namespace rtlane::bench
