/* Stands in for <iwin32.h> of INtime in ported sources; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_IWIN32_H
#define RTLANE_COMPAT_IWIN32_H

#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_threads.h>

#endif
