// A C++ program that declares the same types itself, before and after the header, and has some as macros.
#include <cstddef>
#include <cstdint>

typedef unsigned int DWORD;
typedef unsigned char BOOLEAN;
typedef void* HANDLE;
typedef void VOID;
typedef int32_t* LPLONG;
typedef int64_t LONGLONG;
#define BOOL int
#define LPVOID void*
#define TRUE (!FALSE)
#define FALSE (0)
#define ERROR_ALREADY_EXISTS 183L
#define TEXT(text) text
#define CONST const
#define INFINITE 0xFFFFFFFF
#define WAIT_OBJECT_0 ((DWORD)0x00000000L)
#define WAIT_FAILED ((DWORD)0xFFFFFFFF)
#define MAXIMUM_WAIT_OBJECTS 16

#define HEADER_USE header_use_cpp_own_types
#include "header_use.c"  // NOLINT(bugprone-suspicious-include): one program in several dialects

typedef int32_t LONG;
typedef uint32_t DWORD;
typedef const char* LPCSTR;
typedef wchar_t WCHAR;
typedef void* PVOID;
typedef LARGE_INTEGER* PLARGE_INTEGER;
typedef SECURITY_ATTRIBUTES* LPSECURITY_ATTRIBUTES;
typedef int32_t* PLONG;
typedef uint32_t* LPDWORD;
