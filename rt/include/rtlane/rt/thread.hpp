// Makes the calling thread a real-time thread, as far as the system permits, and says what it got.
//
//   rtlane::rt::ThreadConfig config;
//   config.name = "controller";
//   config.cpu = 1;
//   config.fifo_priority = 80;
//   const auto grant = rtlane::rt::configure_this_thread(config);
//   for (const auto& refusal : grant.refused) warn(refusal);
//
// The order is fixed: name, signals, affinity, stack, policy, and last everything is read back from
// the kernel. Pinning comes before SCHED_FIFO, because a child inherits its parent's CPU: a FIFO
// thread that spins on its peer's CPU never lets the peer move away. Nothing here is fatal; who
// needs a property checks the grant. Set-up call, blocking; call it in the thread itself.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace rtlane::rt {

struct ThreadConfig {
  std::string name;                   // cut to 15 bytes, as the kernel does
  int cpu = -1;                       // the one CPU to run on; -1 = leave the affinity alone
  int fifo_priority = 0;              // 1..98 = SCHED_FIFO, 0 = leave the policy alone; 99 belongs to the kernel
  std::size_t stack_touch_bytes = 0;  // of stack below the caller to fault in; keep it below the stack's size
  bool block_signals = true;          // all of them: another thread is to take them
};

// Read back from the kernel, not what was asked for.
struct ThreadGrant {
  int policy = SCHED_OTHER;
  int priority = 0;
  int cpu = -1;                      // the only CPU it may run on; -1 = several
  std::vector<std::string> refused;  // a sentence for each thing not granted: what, why, what to do
};

// CPUs this thread may run on, ascending. Set-up.
inline std::vector<int> allowed_cpus()
{
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set))
      cpus.push_back(cpu);
  }
  return cpus;
}

namespace detail {

inline bool has_capability(unsigned bit)
{
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("CapEff:", 0) == 0)
      return (std::stoull(line.substr(7), nullptr, 16) >> bit & 1) != 0;
  }
  return false;
}

inline std::string why_no_fifo(int error, int priority)
{
  constexpr unsigned cap_sys_nice = 23;
  const std::string what = "SCHED_FIFO priority " + std::to_string(priority) + " was refused: ";
  if (error != EPERM)
    return what + std::strerror(error);
  rlimit limit{};
  getrlimit(RLIMIT_RTPRIO, &limit);
  if (has_capability(cap_sys_nice) || limit.rlim_cur >= static_cast<rlim_t>(priority))
    return what +
           "the process may use it, but its cpu cgroup has no real-time budget; "
           "give it one (cpu.rt_runtime_us) or start in the root cpu cgroup";
  return what + "RLIMIT_RTPRIO is " + std::to_string(limit.rlim_cur) +
         " and CAP_SYS_NICE is missing; run as root, or add '@realtime - rtprio 98' to "
         "/etc/security/limits.d/99-realtime.conf and log in again";
}

// Kept out of line, so that its frame is the memory that gets touched.
[[gnu::noinline]] inline char touch_stack(std::size_t bytes)
{
  constexpr std::size_t page = 4096;
  volatile char block[page];
  block[0] = 1;
  block[page - 1] = bytes > page ? touch_stack(bytes - page) : char{0};
  return static_cast<char>(block[0] + block[page - 1]);  // after the call: no tail call, every frame stays
}

}  // namespace detail

inline ThreadGrant configure_this_thread(const ThreadConfig& config)
{
  ThreadGrant grant;
  const pthread_t self = pthread_self();
  if (!config.name.empty())
    pthread_setname_np(self, config.name.substr(0, 15).c_str());

  if (config.block_signals) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
  }

  if (config.cpu >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    int error = EINVAL;
    if (config.cpu < CPU_SETSIZE) {
      CPU_SET(config.cpu, &one);
      error = pthread_setaffinity_np(self, sizeof one, &one);
    }
    if (error != 0)
      grant.refused.push_back("running on CPU " + std::to_string(config.cpu) + " was refused: " + std::strerror(error) +
                              "; see the CPUs this process may use with 'taskset -cp $$'");
  }

  if (config.stack_touch_bytes > 0)
    detail::touch_stack(config.stack_touch_bytes);

  if (config.fifo_priority > 0) {
    sched_param parameter{};
    parameter.sched_priority = config.fifo_priority;
    const int error = pthread_setschedparam(self, SCHED_FIFO, &parameter);
    if (error != 0)
      grant.refused.push_back(detail::why_no_fifo(error, config.fifo_priority));
  }

  sched_param parameter{};
  pthread_getschedparam(self, &grant.policy, &parameter);
  grant.priority = parameter.sched_priority;
  if (const std::vector<int> cpus = allowed_cpus(); cpus.size() == 1)
    grant.cpu = cpus.front();
  return grant;
}

}  // namespace rtlane::rt
