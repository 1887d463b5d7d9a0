/* Types, macros and numbers of iwin32 and RTX, common to rtlane/core/iwin32.h and rtlane/rt/iwin32_threads.h.
 *
 * Types and constants that a program has already as macros stay its own; typedefs must agree, which
 * C11 and C++ compilers check. A C99 program with typedefs of its own defines
 * RTLANE_IWIN32_NO_TYPES first. DWORD, ULONG and LONG have 32 bits, so they are not `long` here;
 * wchar_t has 32 bits as well, so a WCHAR of a structure is twice as wide as on Windows.
 */
#ifndef RTLANE_CORE_IWIN32_TYPES_H
#define RTLANE_CORE_IWIN32_TYPES_H

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
#ifndef INT
typedef int INT;
#endif
#ifndef UCHAR
typedef unsigned char UCHAR;
#endif
#ifndef BYTE
typedef uint8_t BYTE;
#endif
#ifndef SHORT
typedef int16_t SHORT;
#endif
#ifndef USHORT
typedef uint16_t USHORT;
#endif
#ifndef WORD
typedef uint16_t WORD;
#endif
#ifndef LONGLONG
typedef int64_t LONGLONG;
#endif
#ifndef ULONGLONG
typedef uint64_t ULONGLONG;
#endif
#ifndef INT32
typedef int32_t INT32;
#endif
#ifndef UINT32
typedef uint32_t UINT32;
#endif
#ifndef INT64
typedef int64_t INT64;
#endif
#ifndef UINT64
typedef uint64_t UINT64;
#endif
#ifndef LONG64
typedef int64_t LONG64;
#endif
#ifndef ULONG64
typedef uint64_t ULONG64;
#endif
#ifndef DWORD64
typedef uint64_t DWORD64;
#endif
#ifndef FLOAT
typedef float FLOAT;
#endif
#ifndef DOUBLE
typedef double DOUBLE;
#endif
#ifndef DWORD_PTR
typedef uintptr_t DWORD_PTR;
#endif
#ifndef ULONG_PTR
typedef uintptr_t ULONG_PTR;
#endif
#ifndef LONG_PTR
typedef intptr_t LONG_PTR;
#endif
#ifndef SIZE_T
typedef size_t SIZE_T;
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
#ifndef PCHAR
typedef char* PCHAR;
#endif
#ifndef PUCHAR
typedef unsigned char* PUCHAR;
#endif
#ifndef PBYTE
typedef uint8_t* PBYTE;
#endif
#ifndef LPBYTE
typedef uint8_t* LPBYTE;
#endif
#ifndef PSHORT
typedef int16_t* PSHORT;
#endif
#ifndef PUSHORT
typedef uint16_t* PUSHORT;
#endif
#ifndef PWORD
typedef uint16_t* PWORD;
#endif
#ifndef PINT
typedef int* PINT;
#endif
#ifndef PBOOL
typedef int* PBOOL;
#endif
#ifndef LPBOOL
typedef int* LPBOOL;
#endif
#ifndef PLONG
typedef int32_t* PLONG;
#endif
#ifndef LPLONG
typedef int32_t* LPLONG;
#endif
#ifndef PULONG
typedef uint32_t* PULONG;
#endif
#ifndef PDWORD
typedef uint32_t* PDWORD;
#endif
#ifndef LPDWORD
typedef uint32_t* LPDWORD;
#endif
#ifndef PHANDLE
typedef void** PHANDLE;
#endif
#ifndef LPHANDLE
typedef void** LPHANDLE;
#endif
#ifndef LPCVOID
typedef const void* LPCVOID;
#endif
#ifndef PSTR
typedef char* PSTR;
#endif
#ifndef PCSTR
typedef const char* PCSTR;
#endif
#ifndef PWSTR
typedef wchar_t* PWSTR;
#endif
#ifndef PCWSTR
typedef const wchar_t* PCWSTR;
#endif

#ifndef LARGE_INTEGER
typedef union rtlane_iwin32_large_integer {
  struct {
    uint32_t LowPart;
    int32_t HighPart;
  } u;
  int64_t QuadPart;
  __extension__ struct {
    uint32_t LowPart;
    int32_t HighPart;
  };
} LARGE_INTEGER;
#endif
#ifndef PLARGE_INTEGER
typedef LARGE_INTEGER* PLARGE_INTEGER;
#endif

#ifndef ULARGE_INTEGER
typedef union rtlane_iwin32_ularge_integer {
  struct {
    uint32_t LowPart;
    uint32_t HighPart;
  } u;
  uint64_t QuadPart;
  __extension__ struct {
    uint32_t LowPart;
    uint32_t HighPart;
  };
} ULARGE_INTEGER;
#endif
#ifndef PULARGE_INTEGER
typedef ULARGE_INTEGER* PULARGE_INTEGER;
#endif

/* Security attributes are accepted and ignored: permissions are the object's mode (RTLANE_MODE). */
#ifndef SECURITY_ATTRIBUTES
typedef struct rtlane_iwin32_security_attributes {
  uint32_t nLength;
  void* lpSecurityDescriptor;
  int bInheritHandle;
} SECURITY_ATTRIBUTES;
#endif
#ifndef LPSECURITY_ATTRIBUTES
typedef SECURITY_ATTRIBUTES* LPSECURITY_ATTRIBUTES;
#endif
#ifndef PSECURITY_ATTRIBUTES
typedef SECURITY_ATTRIBUTES* PSECURITY_ATTRIBUTES;
#endif
#endif

/* A program's own definitions are held to the sizes the library was built with. */
typedef char rtlane_iwin32_dword_has_32_bits[sizeof(DWORD) == 4 ? 1 : -1];
typedef char rtlane_iwin32_long_has_32_bits[sizeof(LONG) == 4 ? 1 : -1];
typedef char rtlane_iwin32_large_integer_has_64_bits[sizeof(LARGE_INTEGER) == 8 ? 1 : -1];
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

/* Calling conventions: there is one. */
#ifndef WINAPI
#define WINAPI
#endif
#ifndef APIENTRY
#define APIENTRY
#endif
#ifndef CALLBACK
#define CALLBACK
#endif
#ifndef RTAPI
#define RTAPI
#endif
#ifndef RTFCNDCL
#define RTFCNDCL
#endif
#ifndef CONST
#define CONST const
#endif

/* Waits. */
#ifndef INFINITE
#define INFINITE 0xFFFFFFFFu
#endif
#ifndef WAIT_OBJECT_0
#define WAIT_OBJECT_0 0x00000000u
#endif
#ifndef WAIT_ABANDONED
#define WAIT_ABANDONED 0x00000080u
#endif
#ifndef WAIT_ABANDONED_0
#define WAIT_ABANDONED_0 0x00000080u
#endif
#ifndef WAIT_TIMEOUT
#define WAIT_TIMEOUT 0x00000102u
#endif
#ifndef WAIT_FAILED
#define WAIT_FAILED 0xFFFFFFFFu
#endif
#ifndef MAXIMUM_WAIT_OBJECTS
#define MAXIMUM_WAIT_OBJECTS 16
#endif
#ifndef MAX_WFMO
#define MAX_WFMO MAXIMUM_WAIT_OBJECTS
#endif

/* What sources pass for dwDesiredAccess; ignored. */
#ifndef SYNCHRONIZE
#define SYNCHRONIZE 0x00100000u
#endif
#ifndef EVENT_MODIFY_STATE
#define EVENT_MODIFY_STATE 0x0002u
#endif
#ifndef EVENT_ALL_ACCESS
#define EVENT_ALL_ACCESS 0x001F0003u
#endif
#ifndef MUTEX_ALL_ACCESS
#define MUTEX_ALL_ACCESS 0x001F0001u
#endif
#ifndef SEMAPHORE_MODIFY_STATE
#define SEMAPHORE_MODIFY_STATE 0x0002u
#endif
#ifndef SEMAPHORE_ALL_ACCESS
#define SEMAPHORE_ALL_ACCESS 0x001F0003u
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
#ifndef ERROR_SIGNAL_REFUSED
#define ERROR_SIGNAL_REFUSED 156
#endif
#ifndef ERROR_BUSY
#define ERROR_BUSY 170
#endif
#ifndef ERROR_ALREADY_EXISTS
#define ERROR_ALREADY_EXISTS 183
#endif
#ifndef ERROR_BAD_EXE_FORMAT
#define ERROR_BAD_EXE_FORMAT 193
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

#endif
