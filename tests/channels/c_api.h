/* Checks written in C; each answers NULL or what failed. */
#ifndef RTLANE_TESTS_C_API_H
#define RTLANE_TESTS_C_API_H

#include <rtlane/channels/type.h>

#ifdef __cplusplus
extern "C" {
#endif

const struct rtlane_type* c_imu_type(void);
const char* c_misuse(void);
const char* c_stream(const char* name);
const char* c_open(const char* name);
const char* c_successors(const char* name);
const char* c_stride(const char* name);
const char* c_inspect(const char* name);

#ifdef __cplusplus
}
#endif

#endif
