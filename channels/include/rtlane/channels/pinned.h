/* Pinned snapshot for C: the latest value, large or read in place, for up to 31 registered readers.
 *
 * Contract, crash rules and costs: rtlane/channels/pinned_snapshot.hpp. What calls, handles and errors have in common:
 * rtlane/channels/status.h. Data calls here are wait-free: a load takes at most three attempts, whatever the writer
 * does; store and publish look at two pins of every reader there can be.
 */
#ifndef RTLANE_CHANNELS_PINNED_H
#define RTLANE_CHANNELS_PINNED_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_pinned rtlane_pinned;
typedef struct rtlane_pinned_writer rtlane_pinned_writer;
typedef struct rtlane_pinned_reader rtlane_pinned_reader;

/* Makes the snapshot called name for values of *type and up to `readers` readers at a time (1..31; 0 = 8, or as found),
 * or opens the one that exists and checks both. options may be NULL. Memory: 2 * readers + 2 values. Returns 0 when it
 * created, 1 when it existed, or as rtlane_channel_create. */
RTLANE_API int rtlane_pinned_create(const char* name, uint32_t readers, const struct rtlane_type* type,
                                    const struct rtlane_shm_options* options, rtlane_pinned** snapshot) RTLANE_NOEXCEPT;

/* Opens the snapshot called name, of any number of readers. type NULL takes any: values are then as large as
 * rtlane_pinned_value_bytes says. Returns 0 or as rtlane_channel_open. */
RTLANE_API int rtlane_pinned_open(const char* name, const struct rtlane_type* type,
                                  const struct rtlane_shm_options* options, rtlane_pinned** snapshot) RTLANE_NOEXCEPT;

/* In private memory of this process, between threads. Returns 0, -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_pinned_in_memory(uint32_t readers, const struct rtlane_type* type,
                                       rtlane_pinned** snapshot) RTLANE_NOEXCEPT;

/* The snapshot in a channel that the caller made or opened with a specification of its own
 * (rtlane/channels/channel.h). Takes a reference of its own. Returns 0; -EPROTOTYPE another kind of channel. */
RTLANE_API int rtlane_pinned_from_channel(rtlane_channel* channel, rtlane_pinned** snapshot) RTLANE_NOEXCEPT;

/* Lets go of the snapshot; its endpoints live on. NULL is allowed. */
RTLANE_API void rtlane_pinned_close(rtlane_pinned* snapshot) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint32_t rtlane_pinned_readers_max(const rtlane_pinned* snapshot) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_pinned_value_bytes(const rtlane_pinned* snapshot) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info and the like. Lives as long as the snapshot. */
RTLANE_API rtlane_channel* rtlane_pinned_channel(const rtlane_pinned* snapshot) RTLANE_NOEXCEPT;

/* ---- writer -------------------------------------------------------------------------------------- */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process; -EACCES opened read-only. */
RTLANE_API int rtlane_pinned_writer_attach(rtlane_pinned* snapshot, rtlane_pinned_writer** writer) RTLANE_NOEXCEPT;
/* Gives it back; the last value stays. NULL is allowed. */
RTLANE_API void rtlane_pinned_writer_detach(rtlane_pinned_writer* writer) RTLANE_NOEXCEPT;

/* Data call: makes a copy of *value the latest. RTLANE_OK, _CLOSED (after end). */
RTLANE_API int rtlane_pinned_store(rtlane_pinned_writer* writer, const void* value) RTLANE_NOEXCEPT;
/* Data call: *place becomes the next value's memory (its bytes are leftovers). The same again until publish; store
 * takes it away. RTLANE_OK, _CLOSED. */
RTLANE_API int rtlane_pinned_claim(rtlane_pinned_writer* writer, void** place) RTLANE_NOEXCEPT;
/* Data call: makes the claimed value the latest. -EINVAL without a claim. */
RTLANE_API int rtlane_pinned_publish(rtlane_pinned_writer* writer) RTLANE_NOEXCEPT;
/* Data call: no more values. The last one stays; this endpoint answers RTLANE_CLOSED, the next writer opens again. */
RTLANE_API int rtlane_pinned_end(rtlane_pinned_writer* writer) RTLANE_NOEXCEPT;
/* After a store, in a snapshot with a doorbell: wakes readers that sleep (RTLANE_IDLE_PARK). 1 when somebody had said
 * that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_pinned_ring(rtlane_pinned_writer* writer) RTLANE_NOEXCEPT;
/* Data call: number of the latest value, a predecessor's included; the first has 1, 0 = none or NULL. */
RTLANE_API uint64_t rtlane_pinned_writer_sequence(const rtlane_pinned_writer* writer) RTLANE_NOEXCEPT;

/* ---- reader -------------------------------------------------------------------------------------- */

/* Takes the lowest free reader's entry. Returns 0; -EBUSY while living readers have all; -EACCES opened read-only. */
RTLANE_API int rtlane_pinned_reader_attach(rtlane_pinned* snapshot, rtlane_pinned_reader** reader) RTLANE_NOEXCEPT;
/* Gives it back and lets go of what it refers to. NULL is allowed. */
RTLANE_API void rtlane_pinned_reader_detach(rtlane_pinned_reader* reader) RTLANE_NOEXCEPT;

/* Data call: copies the latest value. RTLANE_OK, _EMPTY (none yet), _CLOSED (and there never was one), _BUSY (two
 * values are referred to), _CORRUPT; *value is written only with RTLANE_OK. */
RTLANE_API int rtlane_pinned_load(rtlane_pinned_reader* reader, void* value) RTLANE_NOEXCEPT;
/* Data call: the same, but RTLANE_EMPTY when this reader has had the latest value, then _CLOSED if the writer ended. */
RTLANE_API int rtlane_pinned_load_newer(rtlane_pinned_reader* reader, void* value) RTLANE_NOEXCEPT;
/* Data call: *value becomes the latest value's memory, which nobody writes to until unref. Two at a time; while there
 * are two, a further load or ref answers RTLANE_BUSY. As load. For a trusted writer: memory is shared. */
RTLANE_API int rtlane_pinned_ref(rtlane_pinned_reader* reader, const void** value) RTLANE_NOEXCEPT;
/* Data call: lets the value go. -EINVAL when ref did not give this address, or it was let go already. */
RTLANE_API int rtlane_pinned_unref(rtlane_pinned_reader* reader, const void* value) RTLANE_NOEXCEPT;
/* Data call: whether there is a value that this reader has not had: RTLANE_OK, _EMPTY, or _CLOSED: nor will be. */
RTLANE_API int rtlane_pinned_has_newer(const rtlane_pinned_reader* reader) RTLANE_NOEXCEPT;
/* Waiting: until has_newer would be RTLANE_OK or _CLOSED, at the longest until deadline_ns; then RTLANE_EMPTY. Loads
 * nothing. A writer that was killed is waited for, too. RTLANE_IDLE_PARK needs a doorbell that the writer rings. */
RTLANE_API int rtlane_pinned_wait_newer_until(const rtlane_pinned_reader* reader, int idle,
                                              int64_t deadline_ns) RTLANE_NOEXCEPT;

/* Data calls, of the value last loaded or referred to: its number, and the CPU's tick counter just before it was
 * published. 0 before the first and for NULL. */
RTLANE_API uint64_t rtlane_pinned_sequence(const rtlane_pinned_reader* reader) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_pinned_stamp_ticks(const rtlane_pinned_reader* reader) RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_pinned_writer_alive(const rtlane_pinned_reader* reader) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
