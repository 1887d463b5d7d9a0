/* Frame broadcast for C: frames of any length from one writer to any number of subscribers, each of which knows what it
 * lost.
 *
 * Contract, crash rules and costs: rtlane/channels/frame_broadcast.hpp. What calls, handles and errors have in common:
 * rtlane/channels/status.h. Data calls here are wait-free; the writer never waits for subscribers.
 */
#ifndef RTLANE_CHANNELS_FRAME_BROADCAST_H
#define RTLANE_CHANNELS_FRAME_BROADCAST_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_frame_broadcast rtlane_frame_broadcast;
typedef struct rtlane_frame_broadcast_writer rtlane_frame_broadcast_writer;
typedef struct rtlane_frame_broadcast_subscriber rtlane_frame_broadcast_subscriber;

/* Makes the broadcast called name with a ring of `capacity_bytes` (256..2^32, rounded up to a power of two) for frames
 * of up to `frame_bytes_max` bytes (1..capacity_bytes / 8 - 16; 0 = the longest possible, or as found), or opens the
 * one that exists and checks both. options may be NULL. Returns 0 when it created, 1 when it existed, or as
 * rtlane_channel_create. */
RTLANE_API int rtlane_frame_broadcast_create(const char* name, uint64_t capacity_bytes, uint64_t frame_bytes_max,
                                             const struct rtlane_shm_options* options,
                                             rtlane_frame_broadcast** broadcast) RTLANE_NOEXCEPT;

/* Opens the broadcast called name, of any size. options->read_only is enough for subscribers. Returns 0 or as
 * rtlane_channel_open. */
RTLANE_API int rtlane_frame_broadcast_open(const char* name, const struct rtlane_shm_options* options,
                                           rtlane_frame_broadcast** broadcast) RTLANE_NOEXCEPT;

/* In private memory of this process, between threads. Returns 0, -EINVAL, -ERANGE, -ENOMEM. */
RTLANE_API int rtlane_frame_broadcast_in_memory(uint64_t capacity_bytes, uint64_t frame_bytes_max,
                                                rtlane_frame_broadcast** broadcast) RTLANE_NOEXCEPT;

/* The broadcast in a channel that the caller made or opened with a specification of its own
 * (rtlane/channels/channel.h), e.g. with a doorbell. Takes a reference of its own. Returns 0; -EPROTOTYPE another kind
 * of channel. */
RTLANE_API int rtlane_frame_broadcast_from_channel(rtlane_channel* channel,
                                                   rtlane_frame_broadcast** broadcast) RTLANE_NOEXCEPT;

/* Lets go of the broadcast; its endpoints live on. NULL is allowed. */
RTLANE_API void rtlane_frame_broadcast_close(rtlane_frame_broadcast* broadcast) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint64_t rtlane_frame_broadcast_capacity_bytes(const rtlane_frame_broadcast* broadcast) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_frame_broadcast_frame_bytes_max(const rtlane_frame_broadcast* broadcast) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info and the like. Lives as long as the broadcast. */
RTLANE_API rtlane_channel* rtlane_frame_broadcast_channel(const rtlane_frame_broadcast* broadcast) RTLANE_NOEXCEPT;

/* ---- writer -------------------------------------------------------------------------------------- */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process; -EACCES opened read-only. */
RTLANE_API int rtlane_frame_broadcast_writer_attach(rtlane_frame_broadcast* broadcast,
                                                    rtlane_frame_broadcast_writer** writer) RTLANE_NOEXCEPT;
/* Gives it back. NULL is allowed. */
RTLANE_API void rtlane_frame_broadcast_writer_detach(rtlane_frame_broadcast_writer* writer) RTLANE_NOEXCEPT;

/* Data call: makes a copy of `bytes` bytes the next frame (frame may be NULL when 0). RTLANE_OK, _TOO_LARGE, _CLOSED
 * (after end). */
RTLANE_API int rtlane_frame_broadcast_publish(rtlane_frame_broadcast_writer* writer, const void* frame,
                                              size_t bytes) RTLANE_NOEXCEPT;
/* Data call: ends the stream. This endpoint answers RTLANE_CLOSED from now on; the next writer opens it again. */
RTLANE_API int rtlane_frame_broadcast_end(rtlane_frame_broadcast_writer* writer) RTLANE_NOEXCEPT;
/* Data call: number of the next frame, from 0 over all writers. 0 for NULL. */
RTLANE_API uint64_t rtlane_frame_broadcast_writer_next_number(const rtlane_frame_broadcast_writer* writer)
    RTLANE_NOEXCEPT;
/* After publications, in a broadcast with a doorbell: wakes subscribers that sleep (RTLANE_IDLE_PARK). 1 when somebody
 * had said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_frame_broadcast_ring(rtlane_frame_broadcast_writer* writer) RTLANE_NOEXCEPT;

/* ---- subscriber ---------------------------------------------------------------------------------- */

/* A subscriber; it is registered nowhere, takes no role and writes nothing to the segment. The first one hears what is
 * published from now on, the second begins with the oldest frame of the oldest eighth of the ring that is there as a
 * whole. Returns 0, -EINVAL, -ENOMEM; -EAGAIN: the writer went through the whole ring during each of four attempts. */
RTLANE_API int rtlane_frame_broadcast_subscriber_attach(rtlane_frame_broadcast* broadcast,
                                                        rtlane_frame_broadcast_subscriber** subscriber) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_frame_broadcast_subscriber_attach_oldest(
    rtlane_frame_broadcast* broadcast, rtlane_frame_broadcast_subscriber** subscriber) RTLANE_NOEXCEPT;
RTLANE_API void rtlane_frame_broadcast_subscriber_detach(rtlane_frame_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;

/* Data call: copies the next frame to buffer (NULL is allowed when buffer_bytes is 0). RTLANE_OK; _EMPTY (not published
 * yet); _LOST (rtlane_frame_broadcast_lost says how many; the next call goes on behind them); _BUSY (the same, but the
 * place to go on was overwritten during four attempts); _TOO_SMALL (the frame stays); _CLOSED; _CORRUPT. Unless
 * RTLANE_OK, buffer may hold any bytes. *bytes: of the frame, with RTLANE_OK and _TOO_SMALL, else not written. */
RTLANE_API int rtlane_frame_broadcast_try_next(rtlane_frame_broadcast_subscriber* subscriber, void* buffer,
                                               size_t buffer_bytes, size_t* bytes) RTLANE_NOEXCEPT;
/* Waiting: as try_next, at the longest until deadline_ns; then RTLANE_EMPTY or _BUSY. A writer that was killed is
 * waited for, too. RTLANE_IDLE_PARK needs a writable mapping, and a doorbell that the writer rings. */
RTLANE_API int rtlane_frame_broadcast_next_until(rtlane_frame_broadcast_subscriber* subscriber, void* buffer,
                                                 size_t buffer_bytes, size_t* bytes, int idle,
                                                 int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data calls: how many were lost with the last RTLANE_LOST, and since the beginning. 0 for NULL. */
RTLANE_API uint64_t rtlane_frame_broadcast_lost(const rtlane_frame_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_frame_broadcast_lost_total(const rtlane_frame_broadcast_subscriber* subscriber)
    RTLANE_NOEXCEPT;
/* Data call: 1 once after the first frame of another writer, else 0, or -EINVAL. */
RTLANE_API int rtlane_frame_broadcast_writer_changed(rtlane_frame_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;
/* Data call: number of the next frame. 0 for NULL. */
RTLANE_API uint64_t rtlane_frame_broadcast_subscriber_next_number(const rtlane_frame_broadcast_subscriber* subscriber)
    RTLANE_NOEXCEPT;
/* Data call: the last answer but RTLANE_OK. */
RTLANE_API int rtlane_frame_broadcast_subscriber_status(const rtlane_frame_broadcast_subscriber* subscriber)
    RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_frame_broadcast_writer_alive(const rtlane_frame_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
