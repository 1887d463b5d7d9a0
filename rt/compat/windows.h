/* Stands in for <windows.h> in sources ported from INtime or RTX; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_WINDOWS_H
#define RTLANE_COMPAT_WINDOWS_H

#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_threads.h>
#include <string.h>

/* Words of Windows' compilers that change nothing here. (__declspec does: write what it means.) */
#ifndef _cdecl
#define _cdecl
#endif
#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif
#ifndef __fastcall
#define __fastcall
#endif
#ifndef __int64
#define __int64 long long
#endif
#ifndef __forceinline
#define __forceinline inline
#endif

#ifndef ZeroMemory
#define ZeroMemory(destination, length) memset((destination), 0, (length))
#endif
#ifndef FillMemory
#define FillMemory(destination, length, fill) memset((destination), (fill), (length))
#endif
#ifndef CopyMemory
#define CopyMemory(destination, source, length) memcpy((destination), (source), (length))
#endif
#ifndef MoveMemory
#define MoveMemory(destination, source, length) memmove((destination), (source), (length))
#endif
#ifndef UNREFERENCED_PARAMETER
#define UNREFERENCED_PARAMETER(parameter) ((void)(parameter))
#endif

#endif
