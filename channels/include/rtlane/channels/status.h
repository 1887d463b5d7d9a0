/* What the C calls of all channels have in common: answers, errors, threads, waiting.
 *
 * Kinds of calls
 *   set-up     ..._create, _open, _in_memory, _from_channel, _close, ..._attach..., ..._detach: may allocate, lock,
 *              enter the kernel and block. They return 0, a positive value where stated, or a negative errno, and then
 *              rtlane_error_message() has the sentence and no output parameter is written.
 *   data call  marked so: makes no system call unless stated, allocates nothing, takes no lock. It returns enum
 *              rtlane_status, or -EINVAL for a NULL argument or a call out of turn (publish without claim). Wait-free
 *              unless its channel's header says less. It leaves rtlane_error_message() alone.
 *   waiting    ..._until: blocking, up to a deadline. Returns as a data call; -EINVAL also for a number that is no
 *              enum rtlane_idle, and then nothing was done.
 *
 * Handles
 *   A channel's handle may be used by several threads at a time, an endpoint's by one at a time. Endpoints keep the
 *   memory alive, whatever becomes of the channel's handle. A handle that was closed or detached is gone: using it
 *   again is as wrong as using freed memory. An endpoint must not be used in a fork child; detaching it there is safe.
 *
 * What the calls mean, what a kill at any instruction costs, and what a hostile peer can do stands in the C++ header of
 * the same channel: the C calls run the same algorithm, with the element's size known at run time.
 */
#ifndef RTLANE_CHANNELS_STATUS_H
#define RTLANE_CHANNELS_STATUS_H

#include <rtlane/core/api.h>

#include <stdint.h>

RTLANE_EXTERN_C_BEGIN

enum rtlane_status {
  RTLANE_OK = 0,
  RTLANE_EMPTY = 1,     /* nothing to take at this moment */
  RTLANE_FULL = 2,      /* no room at this moment */
  RTLANE_BUSY = 3,      /* a living peer is in the middle of it: not empty, not full, try again */
  RTLANE_LOST = 4,      /* elements were overwritten before they could be taken */
  RTLANE_CLOSED = 5,    /* the producer ended the stream and everything was taken */
  RTLANE_CORRUPT = 6,   /* a damaged or hostile segment */
  RTLANE_TOO_SMALL = 7, /* the caller's buffer is smaller than the frame, which stays */
  RTLANE_TOO_LARGE = 8  /* the frame is longer than the channel carries */
};

/* "ok", "empty", ...; "unknown" for other numbers. Wait-free. */
RTLANE_API const char* rtlane_status_name(int status) RTLANE_NOEXCEPT;

/* How a waiting call spends the time between two looks (rtlane/channels/idle.hpp has the costs of each). */
enum rtlane_idle {
  RTLANE_IDLE_SPIN = 0,  /* looks again at once */
  RTLANE_IDLE_PAUSE = 1, /* with the CPU's pause instruction */
  RTLANE_IDLE_YIELD = 2, /* sched_yield() */
  RTLANE_IDLE_PARK = 3   /* sleeps until the peer calls ..._ring; where there is no doorbell as RTLANE_IDLE_YIELD */
};

/* A deadline is a time of CLOCK_MONOTONIC in ns. One in the past (0) means a single look, this one no end. */
#define RTLANE_WAIT_FOREVER INT64_MAX

/* Now, ns of CLOCK_MONOTONIC. Wait-free; no system call where there is a vdso. */
RTLANE_API int64_t rtlane_monotonic_now_ns(void) RTLANE_NOEXCEPT;

/* The deadline `ns` from now, at most RTLANE_WAIT_FOREVER; 0 for ns <= 0. As rtlane_monotonic_now_ns. */
RTLANE_API int64_t rtlane_deadline_after(int64_t ns) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
