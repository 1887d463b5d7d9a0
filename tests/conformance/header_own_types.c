/* A C99 program that has its types and constants already, some as typedefs and some as macros. */
#include <stddef.h>
#include <stdint.h>

typedef unsigned int DWORD;
typedef unsigned int ULONG;
typedef unsigned int UINT;
typedef int LONG;
typedef unsigned char BOOLEAN;
typedef wchar_t WCHAR;
typedef char TCHAR;
typedef const char* LPCTSTR;
typedef const char* LPCSTR;
typedef const wchar_t* LPCWSTR;
typedef void* LPVOID;
typedef void* PVOID;
typedef int* LPLONG;
typedef union {
  struct {
    DWORD LowPart;
    LONG HighPart;
  } u;
  long long QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef struct own_security_attributes* LPSECURITY_ATTRIBUTES;
#define HANDLE void*
#define VOID void
#define BOOL int
#define TRUE (!FALSE)
#define FALSE (0)
#define MAX_PATH 260
#define ERROR_ALREADY_EXISTS 183L
#define _T(text) text
#define CONST const
#define WINAPI
#define INFINITE 0xFFFFFFFF
#define WAIT_OBJECT_0 0
#define WAIT_TIMEOUT 258L
#define WAIT_ABANDONED 128L
#define WAIT_FAILED ((DWORD)0xFFFFFFFF)
#define SYNCHRONIZE (0x00100000L)

#define RTLANE_IWIN32_NO_TYPES
#define HEADER_USE header_use_c_own_types
#include "header_use.c" /* NOLINT(bugprone-suspicious-include): one program in several dialects */
