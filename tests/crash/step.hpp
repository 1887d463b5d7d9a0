// Runs an operation one machine instruction at a time, inside its own process, and sends that process a signal after
// the k-th one.
//
// How: bench/support/single_step.hpp; after each step the instructions are counted and the watched memory is hashed.
//
// An *event* is a step after which the watched bytes differ from before, or in which a system call was made. All kills
// between two events leave the same shared state behind, so one kill per event stands for all of them; hot operations
// are killed after every instruction all the same.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../../bench/support/single_step.hpp"
#include "support/sanitizer.hpp"

namespace rtlane::test {

// Where to interrupt; the first condition met counts, 0 is never. begin() itself is instruction 0.
struct StepPlan {
  uint64_t instruction = 0;
  uint64_t event = 0;
  int signal = SIGKILL;
};

// What happened, readable by another process when it lies in a SharedPage.
struct StepReport {
  static constexpr uint64_t kEventMax = 65536;
  volatile uint64_t instructions = 0;
  volatile uint64_t events = 0;
  volatile uint64_t system_calls = 0;
  volatile uint64_t quiet_changes = 0;  // steps without a system call after which the watched bytes differed
  volatile uint32_t interrupted = 0;    // the plan's signal was sent
  volatile uint32_t finished = 0;       // the operation returned
  // The number of the instruction that made event i.
  volatile uint64_t event_instruction[kEventMax] = {};
};

// Memory whose bytes decide whether two steps are the same case.
struct Watched {
  const volatile void* begin = nullptr;
  size_t bytes = 0;
};

inline uint64_t hash_bytes(const volatile void* begin, size_t bytes, uint64_t hash = 0xcbf29ce484222325u)
{
  const volatile unsigned char* at = static_cast<const volatile unsigned char*>(begin);
  for (; bytes >= 8; bytes -= 8, at += 8)
    hash = (hash ^ *reinterpret_cast<const volatile uint64_t*>(at)) * 0x9e3779b97f4a7c15u, hash ^= hash >> 29;
  for (; bytes > 0; --bytes, ++at)
    hash = (hash ^ *at) * 0x100000001b3u;
  return hash;
}

namespace detail {

struct StepState {
  StepPlan plan;
  StepReport* report = nullptr;
  uint64_t (*hash)(void*) = nullptr;
  void* hash_context = nullptr;
  uint64_t last_hash = 0;
  bool call_next = false;
  bool call_made = true;  // in the step just done; for hash functions
  // Who asks for its hash at every instruction pays for it; false asks at system calls only.
  bool hash_each = true;
};
inline StepState step_state;

inline void on_step(const unsigned char* next)
{
  StepState& s = step_state;
  StepReport& r = *s.report;
  r.instructions = r.instructions + 1;
  bool event = s.call_next;
  s.call_made = event;
  if (event)
    r.system_calls = r.system_calls + 1;
  if (s.hash != nullptr && (s.hash_each || event)) {
    const uint64_t hash = s.hash(s.hash_context);
    if (!event && hash != s.last_hash) {
      event = true;
      r.quiet_changes = r.quiet_changes + 1;
    }
    s.last_hash = hash;
  }
  if (event) {
    if (r.events < StepReport::kEventMax)
      r.event_instruction[r.events] = r.instructions;
    r.events = r.events + 1;
  }
  s.call_next = next[0] == 0x0f && next[1] == 0x05;
  if (r.instructions == s.plan.instruction || (event && r.events == s.plan.event)) {
    const int signal = s.plan.signal;
    s.plan = StepPlan();
    r.interrupted = 1;
    kill(getpid(), signal);
  }
}

}  // namespace detail

// How far apart the interruptions of a sweep over all instructions are. Most instructions of an instrumented build are
// the sanitizer's, whose business is wrong accesses; which instruction it was matters in the others.
inline constexpr uint64_t sweep_step = built_with_sanitizer ? 7 : 1;

using bench::step_unavailable;

// Runs operation() stepwise; call it in a child made for that. hash(context) is called after every step, in a signal
// handler: no allocation, no lock.
template <class Operation>
__attribute__((noinline)) void run_stepped(const StepPlan& plan, StepReport& report, uint64_t (*hash)(void*),
                                           void* hash_context, bool hash_each, Operation&& operation)
{
  detail::StepState& s = detail::step_state;
  s = detail::StepState();
  s.plan = plan;
  s.report = &report;
  s.hash = hash;
  s.hash_context = hash_context;
  s.hash_each = hash_each;
  s.last_hash = hash == nullptr ? 0 : hash(hash_context);
  bench::single_step(detail::on_step, static_cast<Operation&&>(operation));
  report.finished = 1;
}

template <class Operation>
void run_stepped(const StepPlan& plan, StepReport& report, Watched watched, Operation&& operation)
{
  auto hash = [](void* context) {
    const Watched& w = *static_cast<const Watched*>(context);
    return hash_bytes(w.begin, w.bytes);
  };
  run_stepped(plan, report, watched.bytes == 0 ? nullptr : +hash, &watched, true, static_cast<Operation&&>(operation));
}

}  // namespace rtlane::test
