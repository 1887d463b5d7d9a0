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
 * Threads: any thread may call. The last-error functions and RtUnmapSharedMemory are wait-free; what
 * signals, releases or waits says so itself; create, open and close are set-up calls of core/shm.h
 * (locks, allocation, kernel): not for a real-time loop.
 *
 * Environment of create and open, beside that of core/shm.h and read at each call:
 *   RTLANE_HUGE  huge pages for a new object: preferred (default, from 2 MiB upward), required, never
 *   RTLANE_LOCK  locking the memory in this process: preferred (default), required, never
 *   RTLANE_MODE  permission bits of a new object in octal, 600..777 (default 600)
 *
 * Types, macros and numbers: rtlane/core/iwin32_types.h.
 */
#ifndef RTLANE_CORE_IWIN32_H
#define RTLANE_CORE_IWIN32_H

#include <rtlane/core/api.h>
#include <rtlane/core/iwin32_types.h>

/* The plain names follow UNICODE, as TCHAR does. */
#if defined(UNICODE) || defined(_UNICODE)
#define RtCreateSharedMemory RtCreateSharedMemoryW
#define RtOpenSharedMemory RtOpenSharedMemoryW
#define RtCreateEvent RtCreateEventW
#define CreateEvent CreateEventW
#define RtOpenEvent RtOpenEventW
#define OpenEvent OpenEventW
#define RtCreateMutex RtCreateMutexW
#define CreateMutex CreateMutexW
#define RtOpenMutex RtOpenMutexW
#define OpenMutex OpenMutexW
#define RtCreateSemaphore RtCreateSemaphoreW
#define CreateSemaphore CreateSemaphoreW
#define RtOpenSemaphore RtOpenSemaphoreW
#define OpenSemaphore OpenSemaphoreW
#else
#define RtCreateSharedMemory RtCreateSharedMemoryA
#define RtOpenSharedMemory RtOpenSharedMemoryA
#define RtCreateEvent RtCreateEventA
#define CreateEvent CreateEventA
#define RtOpenEvent RtOpenEventA
#define OpenEvent OpenEventA
#define RtCreateMutex RtCreateMutexA
#define CreateMutex CreateMutexA
#define RtOpenMutex RtOpenMutexA
#define OpenMutex OpenMutexA
#define RtCreateSemaphore RtCreateSemaphoreA
#define CreateSemaphore CreateSemaphoreA
#define RtOpenSemaphore RtOpenSemaphoreA
#define OpenSemaphore OpenSemaphoreA
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

/* Events. Creates the event called lpName, or opens the one that exists, whose kind and state then stay. NULL or ""
 * makes a nameless one. bManualReset: stays set until reset and releases every wait; else a set releases one, and
 * sets that come before that one runs are one.
 * Last error: 0 for a new event, ERROR_ALREADY_EXISTS (and a handle) for one that existed. */
RTLANE_API HANDLE RtCreateEventA(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset, BOOL bInitialState,
                                 LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtCreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset, BOOL bInitialState,
                                 LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE CreateEventA(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset, BOOL bInitialState,
                               LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE CreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset, BOOL bInitialState,
                               LPCWSTR lpName) RTLANE_NOEXCEPT;

/* Opens the event called lpName; access and inheritance are ignored. Success leaves the last error as it was. */
RTLANE_API HANDLE RtOpenEventA(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenEventW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE OpenEventA(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE OpenEventW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName) RTLANE_NOEXCEPT;

/* Sets the event; takes the signal back; releases those that wait now (manual reset) or one of them and leaves the
 * event reset: a waiter that is just running may miss a pulse, use SetEvent. FALSE and ERROR_INVALID_HANDLE for what is
 * no event. Lock-free; no system call while nobody waits. */
RTLANE_API BOOL RtSetEvent(HANDLE hEvent) RTLANE_NOEXCEPT;
RTLANE_API BOOL SetEvent(HANDLE hEvent) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtResetEvent(HANDLE hEvent) RTLANE_NOEXCEPT;
RTLANE_API BOOL ResetEvent(HANDLE hEvent) RTLANE_NOEXCEPT;
RTLANE_API BOOL RtPulseEvent(HANDLE hEvent) RTLANE_NOEXCEPT;
RTLANE_API BOOL PulseEvent(HANDLE hEvent) RTLANE_NOEXCEPT;

/* Mutexes: recursive, priority-inheriting, robust. bInitialOwner: a new mutex is owned by the calling thread; it is
 * ignored when the mutex exists. Last error as CreateEvent. ERROR_NOT_SUPPORTED: it belongs to another PID namespace.
 */
RTLANE_API HANDLE RtCreateMutexA(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
                                 LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtCreateMutexW(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
                                 LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE CreateMutexA(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
                               LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE CreateMutexW(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
                               LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenMutexA(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenMutexW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE OpenMutexA(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE OpenMutexW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName) RTLANE_NOEXCEPT;

/* Gives one acquisition back; the mutex is free with the first of them. FALSE and ERROR_NOT_OWNER when the calling
 * thread does not own it, ERROR_INVALID_HANDLE for what is no mutex. Lock-free; no system call while nobody waits. */
RTLANE_API BOOL RtReleaseMutex(HANDLE hMutex) RTLANE_NOEXCEPT;
RTLANE_API BOOL ReleaseMutex(HANDLE hMutex) RTLANE_NOEXCEPT;

/* Semaphores: 0 <= lInitialCount <= lMaximumCount and lMaximumCount > 0, else NULL and ERROR_INVALID_PARAMETER; both
 * are ignored when the semaphore exists. Last error as CreateEvent. */
RTLANE_API HANDLE RtCreateSemaphoreA(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes, LONG lInitialCount,
                                     LONG lMaximumCount, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtCreateSemaphoreW(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes, LONG lInitialCount,
                                     LONG lMaximumCount, LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE CreateSemaphoreA(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes, LONG lInitialCount, LONG lMaximumCount,
                                   LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes, LONG lInitialCount, LONG lMaximumCount,
                                   LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenSemaphoreA(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE RtOpenSemaphoreW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE OpenSemaphoreA(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCSTR lpName) RTLANE_NOEXCEPT;
RTLANE_API HANDLE OpenSemaphoreW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName) RTLANE_NOEXCEPT;

/* Adds lReleaseCount > 0; *lpPreviousCount (may be NULL) receives the count before. FALSE, with nothing changed:
 * ERROR_TOO_MANY_POSTS beyond the maximum, ERROR_INVALID_PARAMETER for a count that is not positive,
 * ERROR_INVALID_HANDLE for what is no semaphore. Lock-free; no system call while nobody waits. */
RTLANE_API BOOL RtReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount) RTLANE_NOEXCEPT;
RTLANE_API BOOL ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount) RTLANE_NOEXCEPT;

/* Waits for an event, a mutex, a semaphore, or a thread or process of rtlane/rt/iwin32_threads.h. dwMilliseconds: 0
 * looks only, INFINITE never ends; measured with CLOCK_MONOTONIC. Does not allocate; no system call unless it sleeps.
 *
 *   WAIT_OBJECT_0     taken: an auto-reset event is reset, a mutex owned (once more), a semaphore's count less by 1
 *   WAIT_ABANDONED    the mutex is the caller's; its owner ended without releasing it
 *   WAIT_ABANDONED_0  (the same number) with last error ERROR_INVALID_HANDLE: this process closed its last handle
 *                     to the object meanwhile; nothing is owned
 *   WAIT_TIMEOUT      never before the time is over
 *   WAIT_FAILED       ERROR_INVALID_HANDLE: no handle of this process, or of what cannot be waited for; mutexes:
 *                     ERROR_NOT_SUPPORTED (another PID namespace), ERROR_TOO_MANY_POSTS (acquired 2^32 - 1 times),
 *                     ERROR_GEN_FAILURE (damaged), ERROR_INVALID_PARAMETER or ERROR_NOT_ENOUGH_MEMORY (the kernel
 *                     refuses the wait)
 *
 * Other answers leave the last error as it was, so SetLastError(0) before the wait tells the two with one number apart.
 */
RTLANE_API DWORD RtWaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) RTLANE_NOEXCEPT;
RTLANE_API DWORD WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) RTLANE_NOEXCEPT;

/* Waits until one of the nCount (1..MAXIMUM_WAIT_OBJECTS) objects can be taken and takes that one only, the first in
 * the order given. bWaitAll must be FALSE. WAIT_OBJECT_0 + index, WAIT_ABANDONED_0 + index (last error as above),
 * WAIT_TIMEOUT, or WAIT_FAILED: ERROR_INVALID_PARAMETER, ERROR_INVALID_HANDLE for a bad handle; nothing is taken then.
 * Nobody inherits the caller's priority from such a wait. */
RTLANE_API DWORD RtWaitForMultipleObjects(DWORD nCount, HANDLE CONST* lpHandles, BOOL bWaitAll,
                                          DWORD dwMilliseconds) RTLANE_NOEXCEPT;
RTLANE_API DWORD WaitForMultipleObjects(DWORD nCount, HANDLE CONST* lpHandles, BOOL bWaitAll,
                                        DWORD dwMilliseconds) RTLANE_NOEXCEPT;

/* RTX: the same with the time-out in units of 100 ns: NULL is INFINITE, negative is refused
 * (ERROR_INVALID_PARAMETER). */
RTLANE_API DWORD RtWaitForSingleObjectEx(HANDLE hHandle, PLARGE_INTEGER pTimeout) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtWaitForMultipleObjectsEx(DWORD nCount, HANDLE CONST* lpHandles, BOOL bWaitAll,
                                            PLARGE_INTEGER pTimeout) RTLANE_NOEXCEPT;

/* The last error of the calling thread, all 32 bits; 0 in a new thread. The Rt names are synonyms. */
RTLANE_API DWORD GetLastError(void) RTLANE_NOEXCEPT;
RTLANE_API DWORD RtGetLastError(void) RTLANE_NOEXCEPT;
RTLANE_API VOID SetLastError(DWORD dwErrCode) RTLANE_NOEXCEPT;
RTLANE_API VOID RtSetLastError(DWORD dwErrCode) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
