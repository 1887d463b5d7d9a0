/* Events, mutexes, semaphores and waits: the native C API.
 *
 *   rtlane_handle ready;
 *   if (rtlane_event_create("ready", 0, 0, NULL, &ready) < 0) puts(rtlane_error_message());
 *   rtlane_wait(ready, RTLANE_FOREVER);              in one process
 *   rtlane_event_set(ready);                         in another
 *
 * They are named, handle-counted objects in one namespace with shared memory (rtlane/core/shm.h):
 * same names, same lifetime, closed by rtlane_close(). C++ owners are Event, Mutex and Semaphore
 * (event.hpp, mutex.hpp, semaphore.hpp); sources written for INtime or RTX use iwin32.h.
 *
 * Use an event or a semaphore to wake a process, a mutex to guard what several write. For data use
 * a channel: it needs none of them.
 *
 * Real time: set, reset, pulse, release, unlock and a wait that need not sleep make no system call
 * while nobody waits; a thread's first mutex asks the kernel who the thread is (two calls), when it is created, opened
 * or taken. Nothing allocates. Waits end at times of CLOCK_MONOTONIC: setting the clock
 * does not matter, nor does a signal whose handler runs meanwhile. They are no cancellation points.
 * A wait for one handle looks for up to 4 us before it sleeps, since a sleep and a wake-up take
 * longer; where that is to no purpose it does so 16 times and then once in a millisecond. For
 * mutexes its priority counts from when it sleeps.
 *
 * Kills: a process may be killed at any instruction of any call. Survivors are not stuck, miss no
 * wake-up, and an event or a count is as if the killed call had happened or not; a killed release
 * may leave a semaphore short of what it was about to add, for good. The owner of a mutex that
 * ends in any way, also a thread alone, passes it on with RTLANE_WAIT_ABANDONED.
 *
 * Errors: as in rtlane/core/shm.h: 0, a positive value where stated, or a negative errno with a
 * sentence in rtlane_error_message(); on failure no output parameter is written.
 *
 * Trust: who may write an object's file can give others wrong signals and counts; in a mutex there are also addresses
 * that glibc and the kernel follow, so mutexes are for processes that trust each other.
 *
 * Threads: every function may be called from any thread; create and open are set-up calls. What
 * closes the last handle of its process to an object ends the waits for it in this process.
 */
#ifndef RTLANE_CORE_SYNC_H
#define RTLANE_CORE_SYNC_H

#include <rtlane/core/shm.h>

RTLANE_EXTERN_C_BEGIN

/* For a time-out: no end. Any negative value means it. */
#define RTLANE_FOREVER INT64_C(-1)

/* A positive answer of a wait: the mutex is yours, but its owner ended without unlocking it: look at what it guards. */
#define RTLANE_WAIT_ABANDONED 1

/* The most handles of one rtlane_wait_any(). */
#define RTLANE_WAIT_MAX 16

#define RTLANE_SEMAPHORE_MAX INT32_MAX

/* Creation, common to the three kinds: as rtlane_shm_create() with name, options and handle. Returns 0 when it
 * created, 1 when an object of that kind existed, whose state and other arguments then stay, or a negative errno of
 * rtlane_shm_create(). Of the options lock, numa_node, mode, gid and exclusive count; read_only is refused with
 * -EINVAL, the pages are always small ones. Set-up. May block. */

/* manual_reset non-zero: stays set until reset and releases everybody. Else a set releases one wait: see
 * rtlane_event_set(). */
RTLANE_API int rtlane_event_create(const char* name, int manual_reset, int initially_set,
                                   const struct rtlane_shm_options* options, rtlane_handle* handle) RTLANE_NOEXCEPT;

/* Priority-inheriting, recursive, robust. initially_owned non-zero: a new mutex is owned by the calling thread.
 * -EXDEV: it exists and belongs to another PID namespace: owners are known by their thread id. */
RTLANE_API int rtlane_mutex_create(const char* name, int initially_owned, const struct rtlane_shm_options* options,
                                   rtlane_handle* handle) RTLANE_NOEXCEPT;

/* A new one: 0 <= initial <= maximum, 1 <= maximum <= RTLANE_SEMAPHORE_MAX, else -EINVAL. */
RTLANE_API int rtlane_semaphore_create(const char* name, uint32_t initial, uint32_t maximum,
                                       const struct rtlane_shm_options* options, rtlane_handle* handle) RTLANE_NOEXCEPT;

/* Opening: as rtlane_shm_open(), -EXDEV as above. Set-up. May block. */
RTLANE_API int rtlane_event_open(const char* name, const struct rtlane_shm_options* options,
                                 rtlane_handle* handle) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_mutex_open(const char* name, const struct rtlane_shm_options* options,
                                 rtlane_handle* handle) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_semaphore_open(const char* name, const struct rtlane_shm_options* options,
                                     rtlane_handle* handle) RTLANE_NOEXCEPT;

/* Sets the event: releases one wait (or the next one to come) or, with manual reset, all. Returns 0 or -EBADF.
 * Without manual reset a waiter has the signal when it runs, not before: a second set until then adds nothing, and a
 * reset or pulse until then takes the signal back. To release one waiter for each call use a semaphore.
 * Lock-free; one system call when somebody waits, none otherwise. */
RTLANE_API int rtlane_event_set(rtlane_handle event) RTLANE_NOEXCEPT;

/* Takes the signal back. Returns 0 or -EBADF. Lock-free, no system call. */
RTLANE_API int rtlane_event_reset(rtlane_handle event) RTLANE_NOEXCEPT;

/* Releases one of those that sleep now (with manual reset all of them) and leaves the event reset. A sleeper that is
 * just running, for a signal or a wake-up meant for another, may miss it: prefer set. Returns 0 or -EBADF. Lock-free;
 * at most one system call. */
RTLANE_API int rtlane_event_pulse(rtlane_handle event) RTLANE_NOEXCEPT;

/* Gives one acquisition back; with the first of them the mutex is free. Returns 0, -EBADF, or -EPERM when the calling
 * thread does not own it. Lock-free; system calls only when somebody waits. */
RTLANE_API int rtlane_mutex_unlock(rtlane_handle mutex) RTLANE_NOEXCEPT;

/* Adds count (1 .. maximum) to the semaphore; *previous (may be NULL) receives the count before. Returns 0, -EBADF,
 * -EINVAL when count is 0, or -EOVERFLOW when the maximum would be passed: nothing is added then. Lock-free; system
 * calls only when somebody waits: one or two, up to 23 for a count above 1023. */
RTLANE_API int rtlane_semaphore_release(rtlane_handle semaphore, uint32_t count, uint32_t* previous) RTLANE_NOEXCEPT;

/* Waits until the event is set, the mutex is free or already the caller's, or the semaphore's count is not 0, and
 * takes what it waited for: an auto-reset event is reset, the mutex owned (once more), the count less by one. Also
 * for handles of other kinds that can be waited for, such as threads (rtlane/rt/iwin32_threads.h).
 * timeout_ns: 0 looks and never sleeps; negative: for ever.
 * Returns 0; RTLANE_WAIT_ABANDONED; -ETIMEDOUT, never before the time is over; -EBADF for what is no handle or cannot
 * be waited for; -ECANCELED when the last handle of this process to the object was closed meanwhile (for mutexes
 * noticed within 100 ms); mutexes: -EXDEV in another PID namespace than its creator's, -EOVERFLOW when it is
 * acquired 2^32 - 1 times, -ENOTRECOVERABLE when its memory was damaged, -ENOSYS with a C library that keeps no list of
 * robust mutexes as glibc does, -EINVAL or -ENOMEM when the kernel refuses the wait.
 * One waiter is released for one signal; which one is not said for events and semaphores, and is the one of
 * highest priority for mutexes, whose owner runs at that priority until it unlocks. */
RTLANE_API int rtlane_wait(rtlane_handle handle, int64_t timeout_ns) RTLANE_NOEXCEPT;

/* The same until CLOCK_MONOTONIC shows deadline_ns; INT64_MAX is never. */
RTLANE_API int rtlane_wait_until(rtlane_handle handle, int64_t deadline_ns) RTLANE_NOEXCEPT;

/* Waits until one of handles[0 .. count-1] can be taken and takes that one, the first in the order given when there are
 * several; *index (may be NULL) tells which. 1 <= count <= RTLANE_WAIT_MAX, else -EINVAL. Returns as rtlane_wait();
 * *index is written for 0, RTLANE_WAIT_ABANDONED and -ECANCELED.
 * A wait for several lends its priority to no owner of a mutex. Where futex_waitv is not to be had (kernels before
 * 5.16, filters of system calls that refuse it) it looks every millisecond. */
RTLANE_API int rtlane_wait_any(const rtlane_handle* handles, uint32_t count, int64_t timeout_ns,
                               uint32_t* index) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_wait_any_until(const rtlane_handle* handles, uint32_t count, int64_t deadline_ns,
                                     uint32_t* index) RTLANE_NOEXCEPT;

/* What an event, a mutex or a semaphore is at the moment. */
struct rtlane_sync_state {
  uint32_t kind;         /* enum rtlane_kind; 0 = memory, or not known: the rest is 0 then */
  uint32_t signaled;     /* 1: a wait would not sleep (mutex: it is free) */
  uint32_t manual_reset; /* event */
  uint32_t count;        /* semaphore */
  uint32_t maximum;      /* semaphore */
  int32_t owner_tid;     /* mutex: thread that owns it, in the creator's PID namespace; 0 = none */
  uint32_t abandoned;    /* mutex: its owner ended, nobody has taken it since */
  uint32_t waiters;      /* that sleep now, counted by the kernel. mutex: of those that wait for it alone it is only
                            known whether there are any: they count as one */
};

/* Fills *state. Returns 0, -EBADF for what is no handle or of another kind, -EINVAL for NULL. Lock-free; a system
 * call. The answer may be old when it arrives: for people, not for decisions. */
RTLANE_API int rtlane_sync_get_state(rtlane_handle handle, struct rtlane_sync_state* state) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
