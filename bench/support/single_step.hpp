// Runs an operation one machine instruction at a time, inside its own process.
//
// How: the x86 trap flag raises SIGTRAP after every instruction. No ptrace and no second process, so it works in
// containers and takes microseconds per step instead of hundreds.
// A system call counts as one step together with the instruction after it (the flag is off inside the kernel). A
// repeated string instruction is a step for each repetition.
#pragma once

#include <csignal>

#if defined(__x86_64__)
#include <ucontext.h>
#endif

namespace rtlane::bench {

// Called after every step, in a signal handler: no allocation, no lock. `next` is the instruction that comes now.
using AfterStep = void (*)(const unsigned char* next);

// Why stepping is impossible here, or nullptr.
inline const char* step_unavailable()
{
#if !defined(__x86_64__)
  return "single-stepping inside the process needs the trap flag of x86-64";
#elif defined(__SANITIZE_THREAD__)
  return "ThreadSanitizer delays signals, so it cannot be single-stepped";
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return "ThreadSanitizer delays signals, so it cannot be single-stepped";
#else
  return nullptr;
#endif
#else
  return nullptr;
#endif
}

#if defined(__x86_64__)

namespace detail {

inline AfterStep after_step = nullptr;

inline void on_trap(int, siginfo_t*, void* context)
{
  after_step(reinterpret_cast<const unsigned char*>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]));
}

}  // namespace detail

// Runs operation() stepwise and keeps SIGTRAP. One thread of a process at a time. Inlined, so that as little as
// possible is stepped that is not the operation: one instruction before it, and what ends the stepping after it.
template <class Operation>
[[gnu::always_inline]] inline void single_step(AfterStep after_step, Operation&& operation)
{
  detail::after_step = after_step;
  struct sigaction action = {};
  action.sa_sigaction = detail::on_trap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, nullptr);
  // The lea steps over the red zone of the enclosing function.
  asm volatile("lea -128(%%rsp),%%rsp; pushfq; orl $0x100,(%%rsp); popfq; lea 128(%%rsp),%%rsp" ::: "memory", "cc");
  operation();
  asm volatile("lea -128(%%rsp),%%rsp; pushfq; andl $~0x100,(%%rsp); popfq; lea 128(%%rsp),%%rsp" ::: "memory", "cc");
}

#else

// Not here: see step_unavailable().
template <class Operation>
void single_step(AfterStep, Operation&&)
{}

#endif

}  // namespace rtlane::bench
