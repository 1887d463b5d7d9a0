/* For checks written in C: each function answers NULL or what failed. */
#ifndef RTLANE_TESTS_C_CHECK_H
#define RTLANE_TESTS_C_CHECK_H

#include <rtlane/core/api.h>
#include <stdio.h>

static char failure[512];

#define CHECK(condition)                                                                                   \
  do {                                                                                                     \
    if (!(condition)) {                                                                                    \
      snprintf(failure, sizeof failure, "line %d: %s (%s)", __LINE__, #condition, rtlane_error_message()); \
      return failure;                                                                                      \
    }                                                                                                      \
  } while (0)

#endif
