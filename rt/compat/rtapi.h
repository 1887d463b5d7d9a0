/* Stands in for <rtapi.h> and <RtApi.h> of RTX in ported sources; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_RTAPI_H
#define RTLANE_COMPAT_RTAPI_H

#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_threads.h>

#endif
