/* Compiled as C99 and, through header_use.cpp, as C++; with and without UNICODE. HEADER_USE is the function's name. */
#include <rtlane/core/iwin32.h>

#include "header_use.h"

static const TCHAR object_name[] = _T(HEADER_USE_NAME);

int HEADER_USE(void)
{
  VOID* created_location = NULL;
  LPVOID opened_location = NULL;
  LPCTSTR name = object_name;
  HANDLE created = 0;
  HANDLE opened = INVALID_HANDLE_VALUE;
  DWORD before = 0;
  BOOL done = FALSE;
  BOOLEAN inherit = FALSE;

#if defined(UNICODE) || defined(_UNICODE)
  if (sizeof(TCHAR) != sizeof(WCHAR))
    return __LINE__;
#else
  if (sizeof(TCHAR) != 1)
    return __LINE__;
#endif
  if (sizeof(DWORD) != 4 || sizeof(LONG) != 4 || sizeof(ULONG) != 4 || sizeof(UINT) != 4 || sizeof(BOOLEAN) != 1)
    return __LINE__;
  if ((LONG)-1 > 0 || (DWORD)-1 < 0x7fffffff)
    return __LINE__;
  if (sizeof(object_name) / sizeof(object_name[0]) > MAX_PATH)
    return __LINE__;

  created = RtCreateSharedMemory(PAGE_READWRITE, 0, 64, name, &created_location);
  if (created == NULL || GetLastError() != ERROR_ALREADY_EXISTS)
    return __LINE__;
  SetLastError(ERROR_SUCCESS);
  opened = RtOpenSharedMemory(SHM_MAP_ALL_ACCESS, inherit, TEXT(HEADER_USE_NAME), &opened_location);
  if (opened == NULL || RtGetLastError() != ERROR_SUCCESS)
    return __LINE__;
  before = *(unsigned char*)created_location;
  *(unsigned char*)opened_location = (unsigned char)(before + 1);
  if (*(unsigned char*)created_location != before + 1)
    return __LINE__;

  done = RtUnmapSharedMemory(opened_location);
  if (done != TRUE || !CloseHandle(opened) || !RtCloseHandle(created))
    return __LINE__;
  RtSetLastError(ERROR_SUCCESS);
  if (CloseHandle(created) || GetLastError() != ERROR_INVALID_HANDLE)
    return __LINE__;
  return 0;
}
