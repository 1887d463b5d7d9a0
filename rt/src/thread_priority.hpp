// The scales of RTX and Win32 on that of the kernel.
#pragma once

#include "thread_object.hpp"

namespace rtlane::rt::detail {

inline constexpr int fifo_max = 98;  // 99 is the kernel's

constexpr int fifo_of_rtx(int priority) noexcept
{
  return 1 + priority * (fifo_max - 1) / RT_PRIORITY_MAX;
}
// The lowest that gives the level.
constexpr int rtx_of_fifo(int level) noexcept
{
  const int above = level < fifo_max ? level - 1 : fifo_max - 1;
  return (above * RT_PRIORITY_MAX + fifo_max - 2) / (fifo_max - 1);
}

constexpr int fifo_of_win32(int priority) noexcept
{
  return fifo_of_rtx(priority * RT_PRIORITY_MAX / THREAD_PRIORITY_TIME_CRITICAL);
}
constexpr int win32_of_fifo(int level) noexcept
{
  int priority = 1;
  while (priority < THREAD_PRIORITY_TIME_CRITICAL && fifo_of_win32(priority) < level)
    ++priority;
  return priority;
}

constexpr int nice_of_win32(int priority) noexcept
{
  return priority > -4 ? -5 * priority : 19;
}
constexpr int win32_of_nice(int nice) noexcept
{
  return nice <= 0 ? 0 : nice < 19 ? -(nice + 4) / 5 : THREAD_PRIORITY_IDLE;
}

// Each returns 0 or more, or a negative errno with a sentence. Inside Process::enter().
int set_rtx_priority(ThreadObject& thread, int priority) noexcept;
int set_win32_priority(ThreadObject& thread, int priority) noexcept;
int get_rtx_priority(const ThreadObject& thread, int& priority) noexcept;
int get_win32_priority(const ThreadObject& thread, int& priority) noexcept;
int set_quantum_ms(ThreadObject& thread, DWORD quantum_ms) noexcept;
int get_quantum_ms(const ThreadObject& thread, DWORD& quantum_ms) noexcept;

}  // namespace rtlane::rt::detail
