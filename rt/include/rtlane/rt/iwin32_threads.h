/* Threads, timers, processes and process memory with the spelling of INtime's iwin32 and of RTX.
 *
 *   static VOID RTFCNDCL tick(PVOID context) { ... }
 *   LARGE_INTEGER period = {.QuadPart = 10000};                                         1 ms, in units of 100 ns
 *   HANDLE timer = RtCreateTimer(NULL, 0, tick, &state, RT_PRIORITY_MAX, CLOCK_FASTEST);
 *   if (timer == NULL || !RtSetTimerRelative(timer, &period, &period)) return GetLastError();
 *   ...
 *   RtDeleteTimer(timer);
 *
 * For ported sources; new code takes rtlane/rt/thread.hpp and rtlane/rt/clock.hpp. Objects (events, mutexes,
 * semaphores, shared memory) and waits are in rtlane/core/iwin32.h; what is used inside one process has no name.
 *
 * Contract: as in rtlane/core/iwin32.h: a failed call answers NULL, FALSE or the stated value, sets the calling
 * thread's last error and leaves a sentence in rtlane_error_message(); success leaves the last error as it was; errno
 * is kept. Common last errors: ERROR_INVALID_HANDLE (not a handle of this process, or of another kind),
 * ERROR_INVALID_PARAMETER, ERROR_ACCESS_DENIED (the system refuses; the sentence says what to grant),
 * ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES (handles or threads), ERROR_NOT_SUPPORTED (not on Linux).
 *
 * Handles of threads, timers and processes come from the table of rtlane_shm_create() and are closed by CloseHandle;
 * closing one ends no thread and no process, but it does end a timer. Handles of threads and processes are signaled
 * when the thread or process has ended, and stay so. A thread has ended when the kernel has passed on its mutexes.
 *
 * fork: the child has only the thread that forked. There all other threads count as ended, and timers do not run.
 *
 * Threads: every function may be called from any thread. Set-up calls (locks, allocation, kernel) are all but those
 * that say otherwise. None is a cancellation point.
 *
 * Not here, because it cannot exist in a Linux process: RtReadPort... and RtWritePort... (ioperm() and
 * <sys/io.h>, or /dev/port), RtMapMemory, RtUnmapMemory and RtGetPhysicalAddress (mmap of /dev/mem or of a UIO device),
 * RtAllocateContiguousMemory and RtFreeContiguousMemory (a dma-heap, or hugetlb memory, which rtlane_shm_create gives),
 * RtAttachInterruptVector, RtAttachInterruptVectorEx, RtReleaseInterruptVector, RtEnableInterrupts and
 * RtDisableInterrupts (UIO or VFIO), RtGetBusDataByOffset, RtSetBusDataByOffset and RtTranslateBusAddress
 * (/sys/bus/pci/devices), RtAttachShutdownHandler and RtReleaseShutdownHandler (a handler of SIGTERM), RtSetClockTime
 * (clock_settime()). Nor are files, libraries and the registry: open(), dlopen(), a file.
 */
#ifndef RTLANE_RT_IWIN32_THREADS_H
#define RTLANE_RT_IWIN32_THREADS_H

#include <rtlane/core/api.h>
#include <rtlane/core/iwin32.h>
#include <rtlane/rt/iwin32_interlocked.h>
#include <rtlane/rt/iwin32_threads_types.h>
#include <wchar.h>

RTLANE_EXTERN_C_BEGIN

/* ---- Clocks and sleeping ------------------------------------------------------------------------------------------
 * CLOCK_1 (CLOCK_SYSTEM) is the wall clock: 100 ns units since 1601-01-01 UTC, which somebody may set. The others are
 * CLOCK_MONOTONIC in the same units: it never jumps and is the same in all processes, but counts from an instant
 * before the system started (on RTX all count from 1601; INtime has one clock). Measure with CLOCK_FASTEST. */

/* *pTime receives the time. ERROR_INVALID_PARAMETER: pTime NULL, no such clock. Wait-free, no system call. */
RTLANE_API BOOL RtGetClockTime(CLOCK Clock, PLARGE_INTEGER pTime) RTLANE_NOEXCEPT;

/* *pTime receives the kernel's resolution of the clock, 100 ns units, at least 1. Wait-free. */
RTLANE_API BOOL RtGetClockResolution(CLOCK Clock, PLARGE_INTEGER pTime) RTLANE_NOEXCEPT;

/* *pTime receives the shortest interval of timers: 1000 units, which is 100 us and RTX's default. Wait-free. */
RTLANE_API BOOL RtGetClockTimerPeriod(CLOCK Clock, PLARGE_INTEGER pTime) RTLANE_NOEXCEPT;

/* Milliseconds of CLOCK_MONOTONIC; starts again at 0 after 49.7 days. Wait-free, no system call. */
RTLANE_API DWORD GetTickCount(void) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtGetTickCount(void) RTLANE_NOEXCEPT;

/* Nanoseconds of CLOCK_MONOTONIC, and how many are a second. Wait-free, no system call. */
RTLANE_API BOOL QueryPerformanceCounter(PLARGE_INTEGER lpPerformanceCount) RTLANE_NOEXCEPT;
RTLANE_API BOOL QueryPerformanceFrequency(PLARGE_INTEGER lpFrequency) RTLANE_NOEXCEPT;

/* Sleeps at least so long, also when signal handlers run meanwhile. 0 lets others of the same priority run; INFINITE
 * never returns. Not rounded to a system tick: Sleep(1) is 1 ms. Blocking; nothing else. */
RTLANE_API VOID Sleep(DWORD dwMilliseconds) RTLANE_NOEXCEPT;
RTLANE_API VOID RtSleep(DWORD dwMilliseconds) RTLANE_NOEXCEPT;

/* The same in units of 100 ns. NULL or a negative time: returns at once with ERROR_INVALID_PARAMETER. */
RTLANE_API VOID RtSleepFt(PLARGE_INTEGER pDuration) RTLANE_NOEXCEPT;

/* ---- Timers -------------------------------------------------------------------------------------------------------
 * A timer is a thread that calls Routine(Context) at each expiration, one call at a time. Expirations lie on a grid
 * from the first one; those that pass during a call are left out, never made up for. Times are not rounded. */

/* Makes a timer that is not set. pThreadAttributes is ignored; StackSize as CreateThread; Priority 0..127 as
 * RtSetThreadPriority; Clock is that of RtSetTimer's absolute times. When SCHED_FIFO is refused, the timer runs
 * without it and rtlane_error_message() says so: ask RtGetThreadPriority in the routine. NULL: ERROR_INVALID_PARAMETER
 * (Routine NULL, Priority above 127, no such clock) or as CreateThread. */
RTLANE_API HANDLE RtCreateTimer(PSECURITY_ATTRIBUTES pThreadAttributes, ULONG StackSize, PTIMERROUTINE Routine,
                                PVOID Context, ULONG Priority, CLOCK Clock) RTLANE_NOEXCEPT;

/* Sets the timer: first expiration after *pExpiration >= 0, then every *pInterval >= 0 (NULL or 0: only once), both in
 * units of 100 ns. An interval below RtGetClockTimerPeriod's is raised to it, as on RTX: a timer of 100 ns would take
 * its CPU whole. FALSE: ERROR_INVALID_PARAMETER; ERROR_BUSY when it is set already: cancel it first. */
RTLANE_API BOOL RtSetTimerRelative(HANDLE hTimer, PLARGE_INTEGER pExpiration, PLARGE_INTEGER pInterval) RTLANE_NOEXCEPT;

/* The same, first at the time *pExpiration of the timer's clock (at once when it is past), or, when negative, after
 * -*pExpiration. Setting the wall clock afterwards does not move it. */
RTLANE_API BOOL RtSetTimer(HANDLE hTimer, PLARGE_INTEGER pExpiration, PLARGE_INTEGER pInterval) RTLANE_NOEXCEPT;

/* Takes the timer back. *pRemain (may be NULL) receives what was left to the next expiration, 100 ns units, 0 when it
 * was not set. A call that has begun goes on. TRUE also when it was not set. */
RTLANE_API BOOL RtCancelTimer(HANDLE hTimer, PLARGE_INTEGER pRemain) RTLANE_NOEXCEPT;

/* *pRemain receives what is left to the next expiration, 100 ns units, 0 when it is not set. */
RTLANE_API BOOL RtGetTimer(HANDLE hTimer, PLARGE_INTEGER pRemain) RTLANE_NOEXCEPT;

/* Cancels, closes the handle, and waits until the timer's thread has ended, after a call that has begun; inside the
 * routine it does not wait.
 * (CloseHandle does the same without waiting.) */
RTLANE_API BOOL RtDeleteTimer(HANDLE hTimer) RTLANE_NOEXCEPT;

/* ---- Threads ------------------------------------------------------------------------------------------------------
 * hThread is a handle, or GetCurrentThread(), which means the caller, whoever made it. */

/* Starts a thread that calls lpStartAddress(lpParameter); what it returns is the exit code. dwStackSize: bytes, rounded
 * up to pages, at least 64 KiB, thread_local variables apart; 0 = the system's default (ulimit -s). dwCreationFlags: 0,
 * or CREATE_SUSPENDED: it waits for ResumeThread. It is an ordinary thread with its maker's nice value, also when that
 * is a real-time one. *lpThreadId (may be NULL) receives its id. The routine must not throw. */
RTLANE_API HANDLE CreateThread(LPSECURITY_ATTRIBUTES lpThreadAttributes, SIZE_T dwStackSize,
                               LPTHREAD_START_ROUTINE lpStartAddress, LPVOID lpParameter, DWORD dwCreationFlags,
                               LPDWORD lpThreadId) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtCreateThread(LPSECURITY_ATTRIBUTES lpThreadAttributes, SIZE_T dwStackSize,
                                 LPTHREAD_START_ROUTINE lpStartAddress, LPVOID lpParameter, DWORD dwCreationFlags,
                                 LPDWORD lpThreadId) RTLANE_NOEXCEPT;

/* Ends the calling thread. As on Windows, destructors of its frames do not run (those of thread_local variables do).
 * In a thread that CreateThread did not make it is pthread_exit(NULL), which unwinds. When the last thread ends, so
 * does the process, unless it has a handle of another process or has started one: a thread of the library watches
 * that until it ends. ExitProcess ends the process in any case. */
RTLANE_API VOID ExitThread(DWORD dwExitCode) RTLANE_NORETURN;
RTLANE_API VOID RtExitThread(DWORD dwExitCode) RTLANE_NORETURN;

/* Suspend counts. A thread made with CREATE_SUSPENDED may be suspended further until it runs, and a thread may suspend
 * itself. Suspending another thread that runs is refused with ERROR_NOT_SUPPORTED: it might hold any lock of the
 * process; let it wait for an event instead. Answers the count before (0: it was running), or 0xFFFFFFFF. The count
 * stays below MAXIMUM_SUSPEND_COUNT (ERROR_SIGNAL_REFUSED). */
RTLANE_API DWORD ResumeThread(HANDLE hThread) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtResumeThread(HANDLE hThread) RTLANE_NOEXCEPT;
RTLANE_API DWORD SuspendThread(HANDLE hThread) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtSuspendThread(HANDLE hThread) RTLANE_NOEXCEPT;

/* Ends a thread wherever it is: nothing is unwound, no destructor runs, its stack goes, and mutexes of rtlane that it
 * owns become abandoned. DANGER, as on Windows: other locks stay locked for ever, also those inside libc (malloc,
 * stdio), which may stop the whole process. Only for a process that is about to end; else let the thread see an event.
 * rtlane's own set-up calls are safe: no thread is ended inside one. On return the thread has ended, unless the kernel
 * holds it (then it ends when it comes back). Takes the highest free real-time signal for itself; ERROR_NOT_SUPPORTED
 * when the thread blocks that signal. ERROR_ACCESS_DENIED: it has ended already. */
RTLANE_API BOOL TerminateThread(HANDLE hThread, DWORD dwExitCode) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtTerminateThread(HANDLE hThread, DWORD dwExitCode) RTLANE_NOEXCEPT;

/* *lpExitCode receives STILL_ACTIVE or the code the thread ended with. */
RTLANE_API BOOL GetExitCodeThread(HANDLE hThread, LPDWORD lpExitCode) RTLANE_NOEXCEPT;

/* (HANDLE)-2, which need not be closed and cannot be waited for. Wait-free. */
RTLANE_API HANDLE GetCurrentThread(void) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtGetCurrentThread(void) RTLANE_NOEXCEPT;

/* The kernel's thread id (gettid()). One system call. */
RTLANE_API DWORD GetCurrentThreadId(void) RTLANE_NOEXCEPT;

/* A handle to the thread of this process with that id: one that CreateThread or RtCreateTimer made, or the calling
 * thread. NULL: ERROR_INVALID_PARAMETER. Access and inheritance are ignored. */
RTLANE_API HANDLE OpenThread(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwThreadId) RTLANE_NOEXCEPT;

/* RTX priorities, 0 (worst) .. 127 (best), become SCHED_FIFO with 1 + nPriority * 97 / 127, that is 1..98 (99 is the
 * kernel's): the order is kept, but neighbours may share a level. ERROR_ACCESS_DENIED: SCHED_FIFO is refused, the
 * sentence says what to grant; nothing is changed then. A few system calls.
 * RtGetThreadPriority answers the priority that was set, or what the thread's kernel priority corresponds to; 0 for a
 * thread that is not real-time; THREAD_PRIORITY_ERROR_RETURN. */
RTLANE_API BOOL RtSetThreadPriority(HANDLE hThread, int nPriority) RTLANE_NOEXCEPT;
RTLANE_API int RtGetThreadPriority(HANDLE hThread) RTLANE_NOEXCEPT;

/* Win32 priorities. THREAD_PRIORITY_IDLE (-15) .. NORMAL (0): an ordinary thread (SCHED_OTHER) of nice 19 .. 0 (-1 is
 * nice 5, -2 is 10). 1 .. THREAD_PRIORITY_TIME_CRITICAL (15): as RtSetThreadPriority with nPriority * 127 / 15.
 * GetThreadPriority as RtGetThreadPriority. */
RTLANE_API BOOL SetThreadPriority(HANDLE hThread, int nPriority) RTLANE_NOEXCEPT;
RTLANE_API int GetThreadPriority(HANDLE hThread) RTLANE_NOEXCEPT;

/* 0: the thread runs until it waits or something better comes (SCHED_FIFO). Else threads of one level take turns
 * (SCHED_RR), and the quantum is the kernel's, one for all: any other one than it is refused with ERROR_NOT_SUPPORTED
 * and the sentence names it. ERROR_INVALID_PARAMETER for a quantum when the thread is not real-time (0 is
 * accepted). RtGetThreadTimeQuantum: ms, 0 as above; 0xFFFFFFFF on failure. */
RTLANE_API BOOL RtSetThreadTimeQuantum(HANDLE hThread, DWORD dwQuantumInMS) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtGetThreadTimeQuantum(HANDLE hThread) RTLANE_NOEXCEPT;

/* The CPU that runs the caller at this moment. Wait-free. */
RTLANE_API DWORD GetCurrentProcessorNumber(void) RTLANE_NOEXCEPT;

/* ---- Critical sections --------------------------------------------------------------------------------------------
 * For the threads of one process: recursive, priority-inheriting. No system call while nobody else is inside, but for
 * two the first time that a thread enters any. A section whose owner ended inside goes to the next thread that enters
 * (Windows leaves it locked for ever). Leaving without owning it does nothing and sets ERROR_NOT_OWNER. Entering one
 * that was never initialised, or is overwritten, ends the process by SIGABRT with a sentence. Do not copy one, nor fork
 * while one is taken. */
RTLANE_API VOID InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection) RTLANE_NOEXCEPT;
RTLANE_API VOID EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) RTLANE_NOEXCEPT;
RTLANE_API BOOL TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) RTLANE_NOEXCEPT;
RTLANE_API VOID LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection) RTLANE_NOEXCEPT;
RTLANE_API VOID DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection) RTLANE_NOEXCEPT;

/* ---- Processes ----------------------------------------------------------------------------------------------------
 * Exit codes have 8 bits on Linux; one that a signal ended has 128 + the signal's number. Needs Linux 5.3. */

/* Starts a program in the caller's directory and environment, with an empty signal mask, as an ordinary process with
 * the caller's nice value. lpApplicationName: its path, or a name that PATH is searched for; NULL: the first word of
 * lpCommandLine. lpCommandLine: all words of argv, argv[0] included, separated and quoted as on Windows; NULL: argv[0]
 * only. dwCreationFlags is 0 or NTX_PROC_XM / NTX_PROC_NOTXM (no effect). The other arguments are ignored.
 * *lpProcessInformation (may be NULL) receives two handles to close, of the process and of its first thread, and both
 * ids. ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_BAD_EXE_FORMAT, ERROR_INVALID_PARAMETER. */
RTLANE_API BOOL RtCreateProcessA(LPCSTR lpApplicationName, LPSTR lpCommandLine,
                                 LPSECURITY_ATTRIBUTES lpProcessAttributes, LPSECURITY_ATTRIBUTES lpThreadAttributes,
                                 BOOL bInheritHandles, DWORD dwCreationFlags, LPVOID lpEnvironment,
                                 LPCSTR lpCurrentDirectory, LPSTARTUPINFOA lpStartupInfo,
                                 LPPROCESS_INFORMATION lpProcessInformation) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtCreateProcessW(LPCWSTR lpApplicationName, LPWSTR lpCommandLine,
                                 LPSECURITY_ATTRIBUTES lpProcessAttributes, LPSECURITY_ATTRIBUTES lpThreadAttributes,
                                 BOOL bInheritHandles, DWORD dwCreationFlags, LPVOID lpEnvironment,
                                 LPCWSTR lpCurrentDirectory, LPSTARTUPINFOW lpStartupInfo,
                                 LPPROCESS_INFORMATION lpProcessInformation) RTLANE_NOEXCEPT;

/* A handle to the process with that id. NULL: ERROR_INVALID_PARAMETER when there is none. */
RTLANE_API HANDLE OpenProcess(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwProcessId) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenProcess(DWORD dwDesiredAccess, BOOL bInheritHandle, DWORD dwProcessId) RTLANE_NOEXCEPT;

/* Kills it (SIGKILL); nothing of it runs any more, the kernel closes its handles. GetExitCodeProcess in this process
 * then answers uExitCode, in others 137. ERROR_ACCESS_DENIED: not permitted, or it has ended already. */
RTLANE_API BOOL TerminateProcess(HANDLE hProcess, UINT uExitCode) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtTerminateProcess(HANDLE hProcess, UINT uExitCode) RTLANE_NOEXCEPT;

/* *lpExitCode receives STILL_ACTIVE or the code the process ended with. ERROR_NOT_SUPPORTED: it has ended, but the
 * kernel tells its code to its parent only, or somebody else in this process has waited for it. */
RTLANE_API BOOL GetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtGetExitCodeProcess(HANDLE hProcess, LPDWORD lpExitCode) RTLANE_NOEXCEPT;

/* exit(): flushes stdio, runs what atexit registered and static destructors, while other threads still run.
 * TerminateProcess(GetCurrentProcess(), code) does none of this. */
RTLANE_API VOID ExitProcess(UINT uExitCode) RTLANE_NOEXCEPT RTLANE_NORETURN;
RTLANE_API VOID RtExitProcess(UINT uExitCode) RTLANE_NOEXCEPT RTLANE_NORETURN;

/* (HANDLE)-1, which need not be closed and cannot be waited for; and getpid(). Wait-free. */
RTLANE_API HANDLE GetCurrentProcess(void) RTLANE_NOEXCEPT;
RTLANE_API DWORD GetCurrentProcessId(void) RTLANE_NOEXCEPT;

/* ---- Memory of this process ---------------------------------------------------------------------------------------*/

/* Zeroed memory, aligned to 64 bytes, faulted in and locked. Where locking is refused it is given all the same and
 * rtlane_error_message() says so; with RTLANE_LOCK=required in the environment NULL and ERROR_NOT_ENOUGH_MEMORY are the
 * answer. Takes whole pages. */
RTLANE_API PVOID RtAllocateLockedMemory(ULONG nNumberOfBytes) RTLANE_NOEXCEPT;

/* Gives it back. Always TRUE; any other pointer is left alone. */
RTLANE_API BOOL RtFreeLockedMemory(PVOID pVirtualAddress) RTLANE_NOEXCEPT;

/* mlockall(): what the process has and will have. FALSE and ERROR_ACCESS_DENIED where refused. Under a finite
 * RLIMIT_MEMLOCK later allocations fail when it is reached. Sections is ignored. */
RTLANE_API BOOL RtLockProcess(ULONG Sections) RTLANE_NOEXCEPT;

/* No action, TRUE, as on RTX, where the memory stays locked until the process ends; the objects' memory does so here.*/
RTLANE_API BOOL RtUnlockProcess(ULONG Sections) RTLANE_NOEXCEPT;

/* No action, TRUE, as on INtime: use RtLockProcess. Wait-free. */
RTLANE_API BOOL RtCommitLockHeap(HANDLE hHeap, ULONG nNumberOfBytes,
                                 PEXCEPTIONROUTINE pExceptionRoutine) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtCommitLockProcessHeap(ULONG nNumberOfBytes, PEXCEPTIONROUTINE pExceptionRoutine) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtCommitLockStack(ULONG nNumberOfBytes) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtLockKernel(ULONG Sections) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtUnlockKernel(ULONG Sections) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtEnablePortIo(PUCHAR Port, ULONG Count) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtDisablePortIo(PUCHAR Port, ULONG Count) RTLANE_NOEXCEPT;

/* ---- Text and the rest --------------------------------------------------------------------------------------------*/

/* printf() to standard output. DWORD and LONG have 32 bits: %u, %d and %x, not %lu. Windows's I64 and I32 (%I64d) are
 * understood too, whatever the compiler warns of. */
RTLANE_API int RtPrintf(LPCSTR lpFormat, ...) RTLANE_NOEXCEPT RTLANE_PRINTF(1, 2);

/* The same with a wide format, written as UTF-8 to the same stream; at most 4095 characters, else -1. As on Windows,
 * %s and %c take wide text, %S and %C (or %hs, %hc) narrow text. */
RTLANE_API int RtWprintf(LPCWSTR lpFormat, ...) RTLANE_NOEXCEPT;

/* A decimal number after white space; 0 for none and for NULL; the nearest int when it is too large. */
RTLANE_API int RtAtoi(LPCSTR lpString) RTLANE_NOEXCEPT;
RTLANE_API int RtWtoi(LPCWSTR lpString) RTLANE_NOEXCEPT;

/* FALSE: there is no RTX kernel below. Wait-free. */
RTLANE_API BOOL RtIsInRtss(void) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#if defined(UNICODE) || defined(_UNICODE)
#define RtCreateProcess RtCreateProcessW
#else
#define RtCreateProcess RtCreateProcessA
#endif

#endif
