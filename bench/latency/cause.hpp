// What a sample was held up by.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace rtlane::bench {

enum class Cause {
  clean,      // neither side was held up: all of it is the channel's
  host,       // between two operations, and nothing in this system explains it
  interrupt,  // between two operations, by interrupts to judge by their rate
  preempted,  // another thread had the CPU
  stopped,    // the thread was stopped, or slept
  fault,      // it took a page fault
  observer,   // this benchmark read the counters after a stall
  inside,     // nothing proves that it was not the channel, though something held up a side
};

inline constexpr std::size_t cause_count = 8;
inline constexpr std::array<std::string_view, cause_count> cause_names = {"clean",   "host",  "interrupt", "preempted",
                                                                          "stopped", "fault", "observer",  "inside"};

constexpr std::size_t index_of(Cause cause) noexcept
{
  return static_cast<std::size_t>(cause);
}

constexpr std::string_view name_of(Cause cause) noexcept
{
  return cause_names[index_of(cause)];
}

}  // namespace rtlane::bench
