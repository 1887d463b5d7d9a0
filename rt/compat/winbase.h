/* Stands in for <winbase.h> in ported sources; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_WINBASE_H
#define RTLANE_COMPAT_WINBASE_H

#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_threads.h>

#endif
