/* Programs in miniature that use iwin32.h, each compiled its own way (row H14). */
#ifndef RTLANE_TESTS_CONFORMANCE_HEADER_USE_H
#define RTLANE_TESTS_CONFORMANCE_HEADER_USE_H

#define HEADER_USE_NAME "header use"

#ifdef __cplusplus
extern "C" {
#endif

/* Each adds 1 to the first byte of the existing memory HEADER_USE_NAME, and leaves as they were the manual-reset event,
 * the mutex and the semaphore (1 of 3) of that name with " event", " mutex", " semaphore" behind it. Returns 0, or the
 * line that went wrong. */
int header_use_c_narrow(void);
int header_use_c_wide(void);
int header_use_cpp_narrow(void);
int header_use_cpp_wide(void);
int header_use_c_own_types(void);
int header_use_cpp_own_types(void);

/* 0, or the line of the first constant that is not what WinError.h and WinNT.h have. */
int header_numbers_differ(void);

#ifdef __cplusplus
}
#endif

#endif
