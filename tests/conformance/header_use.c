/* Compiled as C99 and, through header_use.cpp, as C++; with and without UNICODE. HEADER_USE is the function's name. */
#include <rtlane/core/iwin32.h>

#include "header_use.h"

static const TCHAR object_name[] = _T(HEADER_USE_NAME);

/* 0, or the line of the first type that has not the size it has for Windows programs, which is what structures in
 * shared memory depend on; characters of UNICODE and pointers excepted. */
static int types_differ(void)
{
  LARGE_INTEGER large;
  LPSECURITY_ATTRIBUTES no_attributes = NULL;
  PLARGE_INTEGER large_pointer = &large;

  if (sizeof(DWORD) != 4 || sizeof(LONG) != 4 || sizeof(ULONG) != 4 || sizeof(UINT) != 4 || sizeof(BOOLEAN) != 1)
    return __LINE__;
  if ((LONG)-1 > 0 || (DWORD)-1 < 0x7fffffff)
    return __LINE__;
#ifndef RTLANE_IWIN32_NO_TYPES
  if (sizeof(CHAR) != 1 || sizeof(UCHAR) != 1 || sizeof(BYTE) != 1 || (BYTE)-1 != 0xff || (UCHAR)-1 != 0xff)
    return __LINE__;
  if (sizeof(SHORT) != 2 || sizeof(USHORT) != 2 || sizeof(WORD) != 2 || (SHORT)-1 > 0 || (WORD)-1 != 0xffff)
    return __LINE__;
  if (sizeof(INT) != 4 || sizeof(BOOL) != 4 || (INT)-1 > 0 || (USHORT)-1 != 0xffff)
    return __LINE__;
  if (sizeof(LONGLONG) != 8 || sizeof(ULONGLONG) != 8 || (LONGLONG)-1 > 0 || (ULONGLONG)-1 < 1)
    return __LINE__;
  if (sizeof(LONG_PTR) != sizeof(void*) || sizeof(ULONG_PTR) != sizeof(void*) || sizeof(SIZE_T) != sizeof(void*))
    return __LINE__;
  if ((LONG_PTR)-1 > 0 || (ULONG_PTR)-1 < 1 || (SIZE_T)-1 < 1)
    return __LINE__;
  {
    char narrow[2] = "x";
    WCHAR wide[2] = L"x";
    CHAR character = 'x';
    UCHAR byte = 1;
    INT number = 2;
    SHORT small = 3;
    USHORT unsigned_small = 4;
    WORD word = 5;
    LONG signed_number = 6;
    ULONG unsigned_number = 7;
    DWORD double_word = 8;
    BOOL truth = TRUE;
    HANDLE handle = NULL;
    PVOID anything = narrow;
    LPVOID anything_too = anything;
    LPCVOID anything_constant = anything_too;
    LPSTR text = narrow;
    PSTR same_text = text;
    LPCSTR constant_text = same_text;
    PCSTR same_constant_text = constant_text;
    LPWSTR wide_text = wide;
    PWSTR same_wide_text = wide_text;
    LPCWSTR constant_wide_text = same_wide_text;
    PCWSTR same_constant_wide_text = constant_wide_text;
    TCHAR either[2] = TEXT("x");
    LPTSTR either_text = either;
    LPCTSTR constant_either_text = either_text;
    PCHAR character_pointer = &character;
    PUCHAR byte_pointer = &byte;
    PBYTE same_byte_pointer = byte_pointer;
    LPBYTE other_byte_pointer = same_byte_pointer;
    PINT number_pointer = &number;
    PBOOL truth_pointer = &truth;
    LPBOOL same_truth_pointer = truth_pointer;
    PSHORT small_pointer = &small;
    PUSHORT unsigned_small_pointer = &unsigned_small;
    PWORD word_pointer = &word;
    PLONG signed_pointer = &signed_number;
    LPLONG same_signed_pointer = signed_pointer;
    PULONG unsigned_pointer = &unsigned_number;
    PDWORD double_word_pointer = &double_word;
    LPDWORD same_double_word_pointer = double_word_pointer;
    PHANDLE handle_pointer = &handle;
    LPHANDLE same_handle_pointer = handle_pointer;
    SECURITY_ATTRIBUTES attributes = {sizeof(attributes), NULL, FALSE};
    PSECURITY_ATTRIBUTES attributes_pointer = &attributes;
    no_attributes = attributes_pointer;
    if (*(const char*)anything_constant != 'x' || *same_constant_text != *character_pointer ||
        *same_constant_wide_text != L'x' || *constant_either_text != TEXT('x') || *other_byte_pointer != 1 ||
        *number_pointer != 2 || *small_pointer != 3 || *unsigned_small_pointer != 4 || *word_pointer != 5 ||
        *same_signed_pointer != 6 || *unsigned_pointer != 7 || *same_double_word_pointer != 8 ||
        *same_truth_pointer != TRUE || *same_handle_pointer != NULL || no_attributes->nLength != sizeof(attributes))
      return __LINE__;
    no_attributes = NULL;
  }
  large.u.HighPart = -2;
  large.u.LowPart = 3;
  if (large.QuadPart != -2 * (LONGLONG)0x100000000 + 3 || large.HighPart != -2 || large.LowPart != 3)
    return __LINE__;
#endif
  large_pointer->QuadPart = -1;
  if (sizeof(LARGE_INTEGER) != 8 || large.QuadPart > 0 || no_attributes != NULL)
    return __LINE__;
  return 0;
}

/* Calling conventions go where Windows programs write them. */
static DWORD WINAPI wait_at_most(HANDLE handle, PLARGE_INTEGER timeout)
{
  return RtWaitForSingleObjectEx(handle, timeout);
}
static DWORD RTAPI APIENTRY wait_in(HANDLE handle)
{
  return RtWaitForSingleObject(handle, INFINITE);
}
static BOOL CALLBACK RTFCNDCL set_in(HANDLE handle)
{
  return RtSetEvent(handle);
}

static int use_event(void)
{
  LPSECURITY_ATTRIBUTES attributes = NULL;
  LARGE_INTEGER timeout;
  HANDLE handles[2];
  HANDLE created = RtCreateEvent(attributes, TRUE, FALSE, TEXT(HEADER_USE_NAME) TEXT(" event"));
  HANDLE created_too = CreateEvent(NULL, TRUE, FALSE, _T(HEADER_USE_NAME) _T(" event"));
  HANDLE opened = RtOpenEvent(EVENT_ALL_ACCESS, FALSE, TEXT(HEADER_USE_NAME) TEXT(" event"));
  HANDLE opened_too = OpenEvent(SYNCHRONIZE | EVENT_MODIFY_STATE, FALSE, TEXT(HEADER_USE_NAME) TEXT(" event"));
  timeout.QuadPart = 10;
  if (created == NULL || created_too == NULL || opened == NULL || opened_too == NULL)
    return __LINE__;
  if (wait_at_most(created, &timeout) != WAIT_TIMEOUT || !set_in(opened) || wait_in(created_too) != WAIT_OBJECT_0)
    return __LINE__;
  if (!ResetEvent(created_too) || WaitForSingleObject(opened, 0) != WAIT_TIMEOUT || !SetEvent(opened_too))
    return __LINE__;
  handles[0] = created;
  handles[1] = opened;
  if (RtWaitForMultipleObjects(2, handles, FALSE, INFINITE) != WAIT_OBJECT_0 ||
      WaitForMultipleObjects(0, handles, FALSE, 0) != WAIT_FAILED ||
      RtWaitForMultipleObjectsEx(2, handles, FALSE, NULL) != WAIT_OBJECT_0)
    return __LINE__;
  if (!RtPulseEvent(created) || WaitForMultipleObjects(2, handles, FALSE, 0) != WAIT_TIMEOUT)
    return __LINE__;
  if (!SetEvent(created) || !RtResetEvent(created) || !PulseEvent(created) ||
      RtWaitForSingleObject(opened_too, 0) != WAIT_TIMEOUT)
    return __LINE__;
  if (!CloseHandle(created) || !RtCloseHandle(created_too) || !CloseHandle(opened) || !CloseHandle(opened_too))
    return __LINE__;
  return 0;
}

static int use_mutex(void)
{
  HANDLE created = RtCreateMutex(NULL, FALSE, TEXT(HEADER_USE_NAME) TEXT(" mutex"));
  HANDLE created_too = CreateMutex(NULL, FALSE, TEXT(HEADER_USE_NAME) TEXT(" mutex"));
  HANDLE opened = RtOpenMutex(MUTEX_ALL_ACCESS, FALSE, TEXT(HEADER_USE_NAME) TEXT(" mutex"));
  HANDLE opened_too = OpenMutex(SYNCHRONIZE, FALSE, TEXT(HEADER_USE_NAME) TEXT(" mutex"));
  if (created == NULL || created_too == NULL || opened == NULL || opened_too == NULL)
    return __LINE__;
  if (WaitForSingleObject(created, INFINITE) != WAIT_OBJECT_0 || WaitForSingleObject(opened, 0) == WAIT_ABANDONED)
    return __LINE__;
  if (!RtReleaseMutex(created_too) || !ReleaseMutex(opened_too) || ReleaseMutex(created) ||
      GetLastError() != ERROR_NOT_OWNER)
    return __LINE__;
  if (!CloseHandle(created) || !RtCloseHandle(created_too) || !CloseHandle(opened) || !CloseHandle(opened_too))
    return __LINE__;
  return 0;
}

static int use_semaphore(void)
{
  LONG previous = -1;
  LPLONG receiver = &previous;
  HANDLE created = RtCreateSemaphore(NULL, 1, 3, TEXT(HEADER_USE_NAME) TEXT(" semaphore"));
  HANDLE created_too = CreateSemaphore(NULL, 1, 3, TEXT(HEADER_USE_NAME) TEXT(" semaphore"));
  HANDLE opened = RtOpenSemaphore(SEMAPHORE_ALL_ACCESS, FALSE, TEXT(HEADER_USE_NAME) TEXT(" semaphore"));
  HANDLE opened_too = OpenSemaphore(SEMAPHORE_MODIFY_STATE, FALSE, TEXT(HEADER_USE_NAME) TEXT(" semaphore"));
  if (created == NULL || created_too == NULL || opened == NULL || opened_too == NULL)
    return __LINE__;
  if (!RtReleaseSemaphore(created, 1, receiver) || previous != 1 || !ReleaseSemaphore(opened, 1, receiver) ||
      previous != 2)
    return __LINE__;
  if (ReleaseSemaphore(created_too, 1, NULL) || GetLastError() != ERROR_TOO_MANY_POSTS)
    return __LINE__;
  if (WaitForSingleObject(opened_too, 0) != WAIT_OBJECT_0 || WaitForSingleObject(created, 0) != WAIT_OBJECT_0)
    return __LINE__;
  if (!CloseHandle(created) || !RtCloseHandle(created_too) || !CloseHandle(opened) || !CloseHandle(opened_too))
    return __LINE__;
  return 0;
}

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
  CONST DWORD bytes = 64;
  int line = types_differ();

#if defined(UNICODE) || defined(_UNICODE)
  if (sizeof(TCHAR) != sizeof(WCHAR))
    return __LINE__;
#else
  if (sizeof(TCHAR) != 1)
    return __LINE__;
#endif
  if (line != 0)
    return line;
  if (sizeof(object_name) / sizeof(object_name[0]) > MAX_PATH)
    return __LINE__;

  created = RtCreateSharedMemory(PAGE_READWRITE, 0, bytes, name, &created_location);
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

  line = use_event();
  if (line == 0)
    line = use_mutex();
  if (line == 0)
    line = use_semaphore();
  return line;
}
