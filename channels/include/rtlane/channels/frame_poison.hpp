// In a build with AddressSanitizer: bytes of a ring that its user must not touch at present are reported when touched.
// Otherwise these functions do nothing.
//
// What one endpoint may touch is known to this process only, so each process sees its own mistakes, not its peer's.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define RTLANE_DETAIL_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RTLANE_DETAIL_POISON 1
#endif
#endif

#ifdef RTLANE_DETAIL_POISON
// Of the sanitizer's public interface.
extern "C" {
void __asan_poison_memory_region(void const volatile* begin, std::size_t bytes);
void __asan_unpoison_memory_region(void const volatile* begin, std::size_t bytes);
}
#endif

namespace rtlane::detail {

#ifdef RTLANE_DETAIL_POISON
inline constexpr bool bytes_can_be_hidden = true;
inline void hide_bytes(const std::byte* begin, std::size_t bytes) noexcept
{
  __asan_poison_memory_region(begin, bytes);
}
inline void show_bytes(const std::byte* begin, std::size_t bytes) noexcept
{
  __asan_unpoison_memory_region(begin, bytes);
}
#else
inline constexpr bool bytes_can_be_hidden = false;
inline void hide_bytes(const std::byte*, std::size_t) noexcept {}
inline void show_bytes(const std::byte*, std::size_t) noexcept {}
#endif

}  // namespace rtlane::detail
#undef RTLANE_DETAIL_POISON
