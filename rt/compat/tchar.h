/* Stands in for <tchar.h> in ported sources: the names that follow UNICODE; see rt/README.md, "Ported sources". */
#ifndef RTLANE_COMPAT_TCHAR_H
#define RTLANE_COMPAT_TCHAR_H

#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_threads.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#ifndef _TCHAR
#define _TCHAR TCHAR
#endif

#if defined(UNICODE) || defined(_UNICODE)
/* _tmain and wmain are not here: libc calls main() with narrow arguments. Write main() and convert them. */
#define _tprintf RtWprintf
#define _ttoi RtWtoi
#define _tcslen wcslen
#define _tcscpy wcscpy
#define _tcsncpy wcsncpy
#define _tcscat wcscat
#define _tcscmp wcscmp
#define _tcsncmp wcsncmp
#define _tcschr wcschr
#define _tcsstr wcsstr
#else
#define _tmain main
#define _tprintf printf
#define _ttoi RtAtoi
#define _tcslen strlen
#define _tcscpy strcpy
#define _tcsncpy strncpy
#define _tcscat strcat
#define _tcscmp strcmp
#define _tcsncmp strncmp
#define _tcschr strchr
#define _tcsstr strstr
#endif

#endif
