/* Snapshot for C: the latest value, from one writer to any number of readers, each of which copies it.
 *
 * Contract, crash rules and costs: rtlane/channels/snapshot.hpp; how deep it must be so that no load is ever overtaken:
 * rtlane/channels/snapshot_bound.hpp. What calls, handles and errors have in common: rtlane/channels/status.h. Data
 * calls here are wait-free: store takes a number of steps that depends on the value's size only, a load at most four
 * copies.
 */
#ifndef RTLANE_CHANNELS_SNAPSHOT_H
#define RTLANE_CHANNELS_SNAPSHOT_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_snapshot rtlane_snapshot;
typedef struct rtlane_snapshot_writer rtlane_snapshot_writer;
typedef struct rtlane_snapshot_reader rtlane_snapshot_reader;

/* Makes the snapshot called name for values of *type, `depth` slots deep (2..2^20, rounded up to a power of two; 0 = 4,
 * or as found), or opens the one that exists and checks both. options may be NULL. Returns 0 when it created, 1 when it
 * existed, or as rtlane_channel_create. */
RTLANE_API int rtlane_snapshot_create(const char* name, uint64_t depth, const struct rtlane_type* type,
                                      const struct rtlane_shm_options* options,
                                      rtlane_snapshot** snapshot) RTLANE_NOEXCEPT;

/* Opens the snapshot called name, of any depth. type NULL takes any: values are then as large as
 * rtlane_snapshot_value_bytes says. options->read_only is enough for readers. Returns 0 or as rtlane_channel_open. */
RTLANE_API int rtlane_snapshot_open(const char* name, const struct rtlane_type* type,
                                    const struct rtlane_shm_options* options,
                                    rtlane_snapshot** snapshot) RTLANE_NOEXCEPT;

/* In private memory of this process, between threads. Returns 0, -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_snapshot_in_memory(uint64_t depth, const struct rtlane_type* type,
                                         rtlane_snapshot** snapshot) RTLANE_NOEXCEPT;

/* The snapshot in a channel that the caller made or opened with a specification of its own
 * (rtlane/channels/channel.h), e.g. with a doorbell. Takes a reference of its own. Returns 0; -EPROTOTYPE another kind
 * of channel. */
RTLANE_API int rtlane_snapshot_from_channel(rtlane_channel* channel, rtlane_snapshot** snapshot) RTLANE_NOEXCEPT;

/* Lets go of the snapshot; its endpoints live on. NULL is allowed. */
RTLANE_API void rtlane_snapshot_close(rtlane_snapshot* snapshot) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint64_t rtlane_snapshot_depth(const rtlane_snapshot* snapshot) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_snapshot_value_bytes(const rtlane_snapshot* snapshot) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info and the like. Lives as long as the snapshot. */
RTLANE_API rtlane_channel* rtlane_snapshot_channel(const rtlane_snapshot* snapshot) RTLANE_NOEXCEPT;

/* ---- writer -------------------------------------------------------------------------------------- */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process; -EACCES opened read-only. */
RTLANE_API int rtlane_snapshot_writer_attach(rtlane_snapshot* snapshot,
                                             rtlane_snapshot_writer** writer) RTLANE_NOEXCEPT;
/* Gives it back; the last value stays. NULL is allowed. */
RTLANE_API void rtlane_snapshot_writer_detach(rtlane_snapshot_writer* writer) RTLANE_NOEXCEPT;

/* Data call: makes a copy of *value the latest, stamped with the CPU's tick counter. RTLANE_OK, _CLOSED (after end). */
RTLANE_API int rtlane_snapshot_store(rtlane_snapshot_writer* writer, const void* value) RTLANE_NOEXCEPT;
/* Data call: the same with a stamp of the caller's, of any meaning (e.g. rtlane_monotonic_now_ns()); 0 = none. Do not
 * mix with store: rtlane_snapshot_age_ticks takes every stamp for ticks. */
RTLANE_API int rtlane_snapshot_store_stamped(rtlane_snapshot_writer* writer, const void* value,
                                             uint64_t stamp) RTLANE_NOEXCEPT;
/* Data call: no more values. The last one stays; this endpoint answers RTLANE_CLOSED, the next writer opens again. */
RTLANE_API int rtlane_snapshot_end(rtlane_snapshot_writer* writer) RTLANE_NOEXCEPT;
/* Data call: number of the value last stored, by this writer or one before; the first has 1, 0 = none or NULL. */
RTLANE_API uint64_t rtlane_snapshot_writer_sequence(const rtlane_snapshot_writer* writer) RTLANE_NOEXCEPT;
/* After a store, in a snapshot with a doorbell: wakes readers that sleep (RTLANE_IDLE_PARK). 1 when somebody had said
 * that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_snapshot_ring(rtlane_snapshot_writer* writer) RTLANE_NOEXCEPT;

/* ---- reader -------------------------------------------------------------------------------------- */

/* A reader. It is registered nowhere, takes no role and writes nothing to the segment; any number of them. Returns 0,
 * -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_snapshot_reader_attach(rtlane_snapshot* snapshot,
                                             rtlane_snapshot_reader** reader) RTLANE_NOEXCEPT;
RTLANE_API void rtlane_snapshot_reader_detach(rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;

/* Data call: copies the latest value. RTLANE_OK; _EMPTY (nothing was stored yet), _CLOSED (nor ever will be), _BUSY
 * (overtaken four times), _CORRUPT: then *value holds bytes of no value and must not be used. */
RTLANE_API int rtlane_snapshot_load(rtlane_snapshot_reader* reader, void* value) RTLANE_NOEXCEPT;
/* Data call: the same, but only a value that this reader has not loaded; else RTLANE_EMPTY (none now) or _CLOSED (none
 * any more), and *value is not touched. */
RTLANE_API int rtlane_snapshot_load_newer(rtlane_snapshot_reader* reader, void* value) RTLANE_NOEXCEPT;
/* Waiting: as load_newer, at the longest until deadline_ns; then RTLANE_EMPTY or _BUSY. A writer that was killed is
 * waited for, too. RTLANE_IDLE_PARK needs a writable mapping, and a doorbell that the writer rings. */
RTLANE_API int rtlane_snapshot_wait_newer_until(rtlane_snapshot_reader* reader, void* value, int idle,
                                                int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: 1 when there is a value that this reader has not loaded, else 0, or -EINVAL. */
RTLANE_API int rtlane_snapshot_newer(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;
/* Data call: 1 when the writer has ended and this reader has loaded its last value, else 0, or -EINVAL. */
RTLANE_API int rtlane_snapshot_ended(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;

/* Data calls, of the value last loaded: its number (a jump by more than one tells how many were skipped), its stamp,
 * and ticks since a stamp of rtlane_snapshot_store (0 when the CPUs' counters disagree, UINT64_MAX without one). 0 for
 * NULL, age_ticks UINT64_MAX. */
RTLANE_API uint64_t rtlane_snapshot_sequence(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_snapshot_stamp(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_snapshot_age_ticks(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;
/* Data call: copies of this reader that the writer overtook. More than a few: not deep enough. 0 for NULL. */
RTLANE_API uint64_t rtlane_snapshot_overtaken(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_snapshot_writer_alive(const rtlane_snapshot_reader* reader) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
