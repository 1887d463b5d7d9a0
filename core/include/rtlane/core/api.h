/* Linkage of the exported C functions, and the library's version. */
#ifndef RTLANE_CORE_API_H
#define RTLANE_CORE_API_H

#if defined(__GNUC__)
#define RTLANE_API __attribute__((visibility("default")))
#else
#define RTLANE_API
#endif

#ifdef __cplusplus
#define RTLANE_NOEXCEPT noexcept
#define RTLANE_EXTERN_C_BEGIN extern "C" {
#define RTLANE_EXTERN_C_END }
#else
#define RTLANE_NOEXCEPT
#define RTLANE_EXTERN_C_BEGIN
#define RTLANE_EXTERN_C_END
#endif

RTLANE_EXTERN_C_BEGIN

/* "MAJOR.MINOR.PATCH" of the library that is linked. Wait-free. */
RTLANE_API const char* rtlane_version(void) RTLANE_NOEXCEPT;

/* One English sentence about the last failed rtlane_* or Rt* call of this thread: what is wrong and
 * what to do about it. "" when none failed yet. Only of use right after a failure: later calls, also successful ones,
 * may have written another. The pointer stays valid for the thread's life. Wait-free. */
RTLANE_API const char* rtlane_error_message(void) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
