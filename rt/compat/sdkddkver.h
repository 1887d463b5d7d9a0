/* Stands in for <SDKDDKVer.h>, which projects for RTX64 include first; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_SDKDDKVER_H
#define RTLANE_COMPAT_SDKDDKVER_H

/* Versions of Windows: nothing here asks for them. */

#endif
