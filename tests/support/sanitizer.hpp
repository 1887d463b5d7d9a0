// Whether this build is instrumented, for tests that measure what instrumentation changes.
#pragma once

namespace rtlane::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool built_with_sanitizer = true;
#else
inline constexpr bool built_with_sanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool built_with_thread_sanitizer = true;
#else
inline constexpr bool built_with_thread_sanitizer = false;
#endif

}  // namespace rtlane::test
