/* Named objects with the spelling of INtime's iwin32 and of RTX: the border for ported sources.
 *
 *   VOID* memory;
 *   HANDLE handle = RtCreateSharedMemory(PAGE_READWRITE, 0, sizeof(State), TEXT("state"), &memory);
 *   if (handle == NULL) return GetLastError();
 *
 * New code uses rtlane/core/shm.h, which names the same objects in the same namespace and can say
 * more (sizes of 64 bits, page tier, certificate); a HANDLE is an rtlane_handle carried in a pointer.
 *
 * Contract: a call answers a handle or TRUE, or NULL or FALSE and sets the calling thread's last
 * error; rtlane_error_message() then has the sentence. On failure nothing is left behind and no
 * output parameter is written. errno is left as it was.
 *
 * Last errors of the calls that take a name:
 *   ERROR_FILE_NOT_FOUND        2     open: there is no such object
 *   ERROR_PATH_NOT_FOUND        3     the name has a backslash
 *   ERROR_ACCESS_DENIED         5     no permission for the object or the namespace directory
 *   ERROR_INVALID_HANDLE        6     the name is in use by an object of another type; open: the name is ""
 *   ERROR_NOT_ENOUGH_MEMORY     8     no room, over the pool limit, or a required tier or lock was refused
 *   ERROR_INVALID_PARAMETER    87     location NULL; open: name NULL; create: MaximumSizeHigh not 0, or a new
 *                                     object of size 0; an environment variable that makes no sense
 *   ERROR_INVALID_NAME        123     W form: a character that is not a Unicode scalar value
 *   ERROR_FILENAME_EXCED_RANGE 206    more than MAX_PATH characters, not counting the terminating NUL
 *   ERROR_FILE_INVALID       1006     a foreign, damaged or differently versioned file stands at the name's place
 *   ERROR_NO_SYSTEM_RESOURCES 1450    handle or object table full
 *   ERROR_GEN_FAILURE          31     anything else the kernel refused (the message has it)
 *
 * Names: 1..260 characters, any but backslash, compared exactly. A forms take UTF-8 whatever the
 * locale (a byte that is not UTF-8 counts as one character and is kept), W forms UTF-32, which is
 * what wchar_t holds here; equal text is the same object.
 *
 * Deviations from INtime: handles belong to their process. A value handed to another process is
 * refused there with ERROR_INVALID_HANDLE, or names that process's own object: share the name.
 *
 * Threads: any thread may call. The last-error functions and RtUnmapSharedMemory are wait-free;
 * the others are set-up calls of core/shm.h (locks, allocation, kernel): not for a real-time loop.
 *
 * Environment of create and open, beside that of core/shm.h and read at each call:
 *   RTLANE_HUGE  huge pages for a new object: preferred (default, from 2 MiB upward), required, never
 *   RTLANE_LOCK  locking the memory in this process: preferred (default), required, never
 *   RTLANE_MODE  permission bits of a new object in octal, 600..777 (default 600)
 *
 * Types and constants that a program has already as macros stay its own; typedefs must agree, which
 * C11 and C++ compilers check. A C99 program with typedefs of its own defines
 * RTLANE_IWIN32_NO_TYPES first. DWORD, ULONG and LONG have 32 bits, so they are not `long` here.
 */
#ifndef RTLANE_CORE_IWIN32_H
#define RTLANE_CORE_IWIN32_H

#include <rtlane/core/api.h>

#include <stddef.h>
#include <stdint.h>

/* Types: the sizes of Windows, so not the `long` that its headers spell them with. */
#ifndef RTLANE_IWIN32_NO_TYPES
#ifndef VOID
typedef void VOID;
#endif
#ifndef CHAR
typedef char CHAR;
#endif
#ifndef WCHAR
typedef wchar_t WCHAR;
#endif
#ifndef BOOL
typedef int BOOL;
#endif
#ifndef BOOLEAN
typedef uint8_t BOOLEAN;
#endif
#ifndef DWORD
typedef uint32_t DWORD;
#endif
#ifndef ULONG
typedef uint32_t ULONG;
#endif
#ifndef UINT
typedef uint32_t UINT;
#endif
#ifndef LONG
typedef int32_t LONG;
#endif
#ifndef HANDLE
typedef void* HANDLE;
#endif
#ifndef PVOID
typedef void* PVOID;
#endif
#ifndef LPVOID
typedef void* LPVOID;
#endif
#ifndef LPSTR
typedef char* LPSTR;
#endif
#ifndef LPCSTR
typedef const char* LPCSTR;
#endif
#ifndef LPWSTR
typedef wchar_t* LPWSTR;
#endif
#ifndef LPCWSTR
typedef const wchar_t* LPCWSTR;
#endif
#endif

/* A program's own definitions are held to the sizes the library was built with. */
typedef char rtlane_iwin32_dword_has_32_bits[sizeof(DWORD) == 4 ? 1 : -1];
typedef char rtlane_iwin32_boolean_has_8_bits[sizeof(BOOLEAN) == 1 ? 1 : -1];
typedef char rtlane_iwin32_bool_is_an_int[sizeof(BOOL) == sizeof(int) ? 1 : -1];
typedef char rtlane_iwin32_handle_is_a_pointer[sizeof(HANDLE) == sizeof(void*) ? 1 : -1];
typedef char rtlane_iwin32_wchar_is_wchar_t[sizeof(WCHAR) == sizeof(wchar_t) ? 1 : -1];

/* TCHAR follows UNICODE; either of the two macros will do. */
#if defined(UNICODE) || defined(_UNICODE)
#ifndef RTLANE_IWIN32_NO_TYPES
#ifndef TCHAR
typedef wchar_t TCHAR;
#endif
#ifndef LPTSTR
typedef wchar_t* LPTSTR;
#endif
#ifndef LPCTSTR
typedef const wchar_t* LPCTSTR;
#endif
#endif
#define RTLANE_IWIN32_TEXT(literal) L##literal
#define RtCreateSharedMemory RtCreateSharedMemoryW
#define RtOpenSharedMemory RtOpenSharedMemoryW
#else
#ifndef RTLANE_IWIN32_NO_TYPES
#ifndef TCHAR
typedef char TCHAR;
#endif
#ifndef LPTSTR
typedef char* LPTSTR;
#endif
#ifndef LPCTSTR
typedef const char* LPCTSTR;
#endif
#endif
#define RTLANE_IWIN32_TEXT(literal) literal
#define RtCreateSharedMemory RtCreateSharedMemoryA
#define RtOpenSharedMemory RtOpenSharedMemoryA
#endif

/* Two steps, so that a macro given to TEXT is expanded first. */
#ifndef TEXT
#define TEXT(literal) RTLANE_IWIN32_TEXT(literal)
#endif
#ifndef _T
#define _T(literal) RTLANE_IWIN32_TEXT(literal)
#endif

#ifndef FALSE
#define FALSE 0
#endif
#ifndef TRUE
#define TRUE 1
#endif
#ifndef MAX_PATH
#define MAX_PATH 260
#endif
#ifndef INVALID_HANDLE_VALUE
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#endif

/* What sources pass for flProtect and dwDesiredAccess; ignored. */
#ifndef PAGE_NOACCESS
#define PAGE_NOACCESS 0x01
#endif
#ifndef PAGE_READONLY
#define PAGE_READONLY 0x02
#endif
#ifndef PAGE_READWRITE
#define PAGE_READWRITE 0x04
#endif
#ifndef SHM_MAP_READ
#define SHM_MAP_READ 1
#endif
#ifndef SHM_MAP_WRITE
#define SHM_MAP_WRITE 2
#endif
#ifndef SHM_MAP_ALL_ACCESS
#define SHM_MAP_ALL_ACCESS 3
#endif

/* The numbers of WinError.h. */
#ifndef ERROR_SUCCESS
#define ERROR_SUCCESS 0
#endif
#ifndef ERROR_INVALID_FUNCTION
#define ERROR_INVALID_FUNCTION 1
#endif
#ifndef ERROR_FILE_NOT_FOUND
#define ERROR_FILE_NOT_FOUND 2
#endif
#ifndef ERROR_PATH_NOT_FOUND
#define ERROR_PATH_NOT_FOUND 3
#endif
#ifndef ERROR_TOO_MANY_OPEN_FILES
#define ERROR_TOO_MANY_OPEN_FILES 4
#endif
#ifndef ERROR_ACCESS_DENIED
#define ERROR_ACCESS_DENIED 5
#endif
#ifndef ERROR_INVALID_HANDLE
#define ERROR_INVALID_HANDLE 6
#endif
#ifndef ERROR_NOT_ENOUGH_MEMORY
#define ERROR_NOT_ENOUGH_MEMORY 8
#endif
#ifndef ERROR_OUTOFMEMORY
#define ERROR_OUTOFMEMORY 14
#endif
#ifndef ERROR_GEN_FAILURE
#define ERROR_GEN_FAILURE 31
#endif
#ifndef ERROR_NOT_SUPPORTED
#define ERROR_NOT_SUPPORTED 50
#endif
#ifndef ERROR_INVALID_PARAMETER
#define ERROR_INVALID_PARAMETER 87
#endif
#ifndef ERROR_CALL_NOT_IMPLEMENTED
#define ERROR_CALL_NOT_IMPLEMENTED 120
#endif
#ifndef ERROR_INVALID_NAME
#define ERROR_INVALID_NAME 123
#endif
#ifndef ERROR_BUSY
#define ERROR_BUSY 170
#endif
#ifndef ERROR_ALREADY_EXISTS
#define ERROR_ALREADY_EXISTS 183
#endif
#ifndef ERROR_FILENAME_EXCED_RANGE
#define ERROR_FILENAME_EXCED_RANGE 206
#endif
#ifndef ERROR_NOT_OWNER
#define ERROR_NOT_OWNER 288
#endif
#ifndef ERROR_TOO_MANY_POSTS
#define ERROR_TOO_MANY_POSTS 298
#endif
#ifndef ERROR_NOACCESS
#define ERROR_NOACCESS 998
#endif
#ifndef ERROR_FILE_INVALID
#define ERROR_FILE_INVALID 1006
#endif
#ifndef ERROR_NO_SYSTEM_RESOURCES
#define ERROR_NO_SYSTEM_RESOURCES 1450
#endif
#ifndef ERROR_COMMITMENT_LIMIT
#define ERROR_COMMITMENT_LIMIT 1455
#endif
#ifndef ERROR_TIMEOUT
#define ERROR_TIMEOUT 1460
#endif

RTLANE_EXTERN_C_BEGIN

/* Creates the object called lpName with MaximumSizeLow bytes of zeroed memory, or opens the one that
 * exists: its size then stays and MaximumSizeLow is ignored. lpName NULL or "" makes a nameless
 * object. flProtect is ignored, the memory can be read and written. *location receives the address,
 * aligned to a page and valid until this process closes its last handle to the object; the mapping
 * behind it is locked and faulted in before the call returns.
 * Last error: 0 for a new object, ERROR_ALREADY_EXISTS (and a handle) for one that existed. */
RTLANE_API HANDLE RtCreateSharedMemoryA(DWORD flProtect, DWORD MaximumSizeHigh, DWORD MaximumSizeLow, LPCSTR lpName,
                                        VOID** location) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtCreateSharedMemoryW(DWORD flProtect, DWORD MaximumSizeHigh, DWORD MaximumSizeLow, LPCWSTR lpName,
                                        VOID** location) RTLANE_NOEXCEPT;

/* Opens the object called lpName for reading and writing; dwDesiredAccess and bInheritHandle are
 * ignored. Success leaves the last error as it was. */
RTLANE_API HANDLE RtOpenSharedMemoryA(DWORD dwDesiredAccess, BOOLEAN bInheritHandle, LPCSTR lpName,
                                      VOID** location) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenSharedMemoryW(DWORD dwDesiredAccess, BOOLEAN bInheritHandle, LPCWSTR lpName,
                                      VOID** location) RTLANE_NOEXCEPT;

/* Does nothing and answers TRUE for any argument: the memory stays mapped until this process closes
 * its last handle to the object. */
RTLANE_API BOOL RtUnmapSharedMemory(PVOID location) RTLANE_NOEXCEPT;

/* Closes one handle. With the process's last handle to the object its memory is unmapped; with the
 * last of all processes the object is destroyed and its name is free on return. FALSE and
 * ERROR_INVALID_HANDLE for what is no open handle of this process; a closed value stays refused until
 * its slot of the table was reused 65535 times. A value cut to 32 bits and widened again, with or
 * without sign, is accepted. Success leaves the last error as it was. The two names are synonyms. */
RTLANE_API BOOL CloseHandle(HANDLE hObject) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtCloseHandle(HANDLE hObject) RTLANE_NOEXCEPT;

/* The last error of the calling thread, all 32 bits; 0 in a new thread. The Rt names are synonyms. */
RTLANE_API DWORD GetLastError(void) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtGetLastError(void) RTLANE_NOEXCEPT;
RTLANE_API VOID SetLastError(DWORD dwErrCode) RTLANE_NOEXCEPT;
RTLANE_API VOID RtSetLastError(DWORD dwErrCode) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
