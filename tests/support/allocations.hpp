// Counts what the program allocates. It replaces malloc, so one source of a program includes it, no more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace rtlane::test {

inline std::atomic<bool> counting_allocations{false};
inline std::atomic<std::uint64_t> allocations{0};

inline void count_allocation()
{
  allocations += counting_allocations ? 1 : 0;
}

}  // namespace rtlane::test

// Every allocation of the program passes here, those of C functions too. Sanitizers bring their own malloc.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);

void* malloc(std::size_t size)
{
  rtlane::test::count_allocation();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size)
{
  rtlane::test::count_allocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size)
{
  rtlane::test::count_allocation();
  return __libc_realloc(memory, size);
}
}
namespace rtlane::test {
inline constexpr bool allocations_are_seen = true;
}
#else
namespace rtlane::test {
inline constexpr bool allocations_are_seen = false;
}
#endif
