#include "instruction_counter.hpp"

// The first and the last byte of this program's code, from the linker.
extern "C" {
extern const unsigned char __executable_start[];  // NOLINT(readability-identifier-naming): its name
extern const unsigned char etext[];
}

namespace rtlane::bench::micro {
namespace {

bool is_own(const unsigned char* instruction)
{
  return instruction >= __executable_start && instruction < etext;
}

}  // namespace

void detail::count_step(const unsigned char* next)
{
  // The instruction before the first one known is the stepper's.
  const unsigned char* done = step_at;
  step_at = next;
  if (done == next)
    return;  // a repeated string instruction counts once
  if (done != nullptr && !is_own(done)) {
    ++step_counts.elsewhere;
    return;
  }
  ++step_counts.own;
  if (!is_own(next))
    ++step_counts.calls;
}

}  // namespace rtlane::bench::micro
