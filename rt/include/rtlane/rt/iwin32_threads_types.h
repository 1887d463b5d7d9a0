/* Types and numbers of rtlane/rt/iwin32_threads.h. As in rtlane/core/iwin32_types.h, what a program has already as
 * macros stays its own. */
#ifndef RTLANE_RT_IWIN32_THREADS_TYPES_H
#define RTLANE_RT_IWIN32_THREADS_TYPES_H

#include <rtlane/core/iwin32_types.h>

#if defined(__GNUC__)
#define RTLANE_NORETURN __attribute__((noreturn))
#define RTLANE_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define RTLANE_NORETURN
#define RTLANE_PRINTF(text, first)
#endif

#ifndef RTLANE_IWIN32_NO_TYPES
#ifndef CLOCK
typedef uint32_t CLOCK; /* `unsigned long` of Windows */
#endif
#ifndef PCLOCK
typedef CLOCK* PCLOCK;
#endif
#ifndef LPTHREAD_START_ROUTINE
typedef DWORD (*LPTHREAD_START_ROUTINE)(LPVOID parameter);
#endif
#ifndef PTHREAD_START_ROUTINE
typedef LPTHREAD_START_ROUTINE PTHREAD_START_ROUTINE;
#endif

#ifndef CRITICAL_SECTION
typedef union rtlane_iwin32_critical_section {
  uint64_t opaque[8];
  void* alignment;
} CRITICAL_SECTION;
#endif
#ifndef LPCRITICAL_SECTION
typedef CRITICAL_SECTION* LPCRITICAL_SECTION;
#endif
#ifndef PCRITICAL_SECTION
typedef CRITICAL_SECTION* PCRITICAL_SECTION;
#endif

#ifndef PROCESS_INFORMATION
typedef struct rtlane_iwin32_process_information {
  HANDLE hProcess;
  HANDLE hThread;
  DWORD dwProcessId;
  DWORD dwThreadId;
} PROCESS_INFORMATION;
#endif
#ifndef LPPROCESS_INFORMATION
typedef PROCESS_INFORMATION* LPPROCESS_INFORMATION;
#endif
#ifndef PPROCESS_INFORMATION
typedef PROCESS_INFORMATION* PPROCESS_INFORMATION;
#endif

/* Accepted and ignored. */
#ifndef STARTUPINFOA
typedef struct rtlane_iwin32_startup_info_a {
  DWORD cb;
  LPSTR lpReserved;
  LPSTR lpDesktop;
  LPSTR lpTitle;
  DWORD dwX, dwY, dwXSize, dwYSize, dwXCountChars, dwYCountChars, dwFillAttribute, dwFlags;
  WORD wShowWindow, cbReserved2;
  LPBYTE lpReserved2;
  HANDLE hStdInput, hStdOutput, hStdError;
} STARTUPINFOA;
#endif
#ifndef LPSTARTUPINFOA
typedef STARTUPINFOA* LPSTARTUPINFOA;
#endif
#ifndef STARTUPINFOW
typedef struct rtlane_iwin32_startup_info_w {
  DWORD cb;
  LPWSTR lpReserved;
  LPWSTR lpDesktop;
  LPWSTR lpTitle;
  DWORD dwX, dwY, dwXSize, dwYSize, dwXCountChars, dwYCountChars, dwFillAttribute, dwFlags;
  WORD wShowWindow, cbReserved2;
  LPBYTE lpReserved2;
  HANDLE hStdInput, hStdOutput, hStdError;
} STARTUPINFOW;
#endif
#ifndef LPSTARTUPINFOW
typedef STARTUPINFOW* LPSTARTUPINFOW;
#endif
#if defined(UNICODE) || defined(_UNICODE)
#ifndef STARTUPINFO
typedef STARTUPINFOW STARTUPINFO;
#endif
#ifndef LPSTARTUPINFO
typedef STARTUPINFOW* LPSTARTUPINFO;
#endif
#else
#ifndef STARTUPINFO
typedef STARTUPINFOA STARTUPINFO;
#endif
#ifndef LPSTARTUPINFO
typedef STARTUPINFOA* LPSTARTUPINFO;
#endif
#endif
#endif

typedef void (*PTIMERROUTINE)(PVOID context);
typedef void (*PEXCEPTIONROUTINE)(HANDLE heap);

typedef char rtlane_iwin32_clock_has_32_bits[sizeof(CLOCK) == 4 ? 1 : -1];

/* RtApi.h */
#ifndef CLOCK_1
#define CLOCK_1 1
#endif
#ifndef CLOCK_2
#define CLOCK_2 2
#endif
#ifndef CLOCK_3
#define CLOCK_3 3
#endif
#ifndef CLOCK_4
#define CLOCK_4 4
#endif
#ifndef CLOCK_FASTEST
#define CLOCK_FASTEST 0xFFFF
#endif
#ifndef CLOCK_SYSTEM
#define CLOCK_SYSTEM CLOCK_1
#endif
#ifndef RT_PRIORITY_MIN
#define RT_PRIORITY_MIN 0
#endif
#ifndef RT_PRIORITY_MAX
#define RT_PRIORITY_MAX 127
#endif
#ifndef RT_PLOCK_BASIC
#define RT_PLOCK_BASIC 0x0001
#endif
#ifndef RT_PLOCK_ALL
#define RT_PLOCK_ALL 0xFFFF
#endif
#ifndef RT_KLOCK_ALL
#define RT_KLOCK_ALL 0xFFFF
#endif

/* WinBase.h, WinNT.h */
#ifndef CREATE_SUSPENDED
#define CREATE_SUSPENDED 0x00000004
#endif
#ifndef STACK_SIZE_PARAM_IS_A_RESERVATION
#define STACK_SIZE_PARAM_IS_A_RESERVATION 0x00010000 /* no effect */
#endif
#ifndef STILL_ACTIVE
#define STILL_ACTIVE 259
#endif
#ifndef MAXIMUM_SUSPEND_COUNT
#define MAXIMUM_SUSPEND_COUNT 127
#endif
#ifndef THREAD_PRIORITY_IDLE
#define THREAD_PRIORITY_IDLE (-15)
#endif
#ifndef THREAD_PRIORITY_LOWEST
#define THREAD_PRIORITY_LOWEST (-2)
#endif
#ifndef THREAD_PRIORITY_BELOW_NORMAL
#define THREAD_PRIORITY_BELOW_NORMAL (-1)
#endif
#ifndef THREAD_PRIORITY_NORMAL
#define THREAD_PRIORITY_NORMAL 0
#endif
#ifndef THREAD_PRIORITY_ABOVE_NORMAL
#define THREAD_PRIORITY_ABOVE_NORMAL 1
#endif
#ifndef THREAD_PRIORITY_HIGHEST
#define THREAD_PRIORITY_HIGHEST 2
#endif
#ifndef THREAD_PRIORITY_TIME_CRITICAL
#define THREAD_PRIORITY_TIME_CRITICAL 15
#endif
#ifndef THREAD_PRIORITY_ERROR_RETURN
#define THREAD_PRIORITY_ERROR_RETURN 0x7FFFFFFF
#endif
#ifndef THREAD_ALL_ACCESS
#define THREAD_ALL_ACCESS 0x001FFFFFu
#endif
#ifndef PROCESS_TERMINATE
#define PROCESS_TERMINATE 0x0001u
#endif
#ifndef PROCESS_QUERY_INFORMATION
#define PROCESS_QUERY_INFORMATION 0x0400u
#endif
#ifndef PROCESS_ALL_ACCESS
#define PROCESS_ALL_ACCESS 0x001FFFFFu
#endif

/* INtime: no effect; the numbers are rtlane's. */
#ifndef NTX_PROC_XM
#define NTX_PROC_XM 0x1000u
#endif
#ifndef NTX_PROC_NOTXM
#define NTX_PROC_NOTXM 0x2000u
#endif
#ifndef PROC_XM
#define PROC_XM NTX_PROC_XM
#endif
#ifndef PROC_NOTXM
#define PROC_NOTXM NTX_PROC_NOTXM
#endif

#endif
