/* Stands in for <iwin32x.h> of INtime's Windows side in ported sources; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_IWIN32X_H
#define RTLANE_COMPAT_IWIN32X_H

#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_threads.h>

#endif
