/* Broadcast for C: a stream of elements from one writer to any number of subscribers, each of which knows what it lost.
 *
 * Contract, crash rules and costs: rtlane/channels/broadcast.hpp. What calls, handles and errors have in common:
 * rtlane/channels/status.h. Data calls here are wait-free; the writer never waits for subscribers.
 */
#ifndef RTLANE_CHANNELS_BROADCAST_H
#define RTLANE_CHANNELS_BROADCAST_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_broadcast rtlane_broadcast;
typedef struct rtlane_broadcast_writer rtlane_broadcast_writer;
typedef struct rtlane_broadcast_subscriber rtlane_broadcast_subscriber;

/* Makes the broadcast called name for elements of *type, of which it keeps `depth` (2..2^20, rounded up to a power of
 * two), or opens the one that exists and checks both. options may be NULL. Returns 0 when it created, 1 when it
 * existed, or as rtlane_channel_create. */
RTLANE_API int rtlane_broadcast_create(const char* name, uint64_t depth, const struct rtlane_type* type,
                                       const struct rtlane_shm_options* options,
                                       rtlane_broadcast** broadcast) RTLANE_NOEXCEPT;

/* Opens the broadcast called name, of any depth. type NULL takes any: elements are then as large as
 * rtlane_broadcast_element_bytes says. options->read_only is enough for subscribers. Returns 0 or as
 * rtlane_channel_open. */
RTLANE_API int rtlane_broadcast_open(const char* name, const struct rtlane_type* type,
                                     const struct rtlane_shm_options* options,
                                     rtlane_broadcast** broadcast) RTLANE_NOEXCEPT;

/* In private memory of this process, between threads. Returns 0, -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_broadcast_in_memory(uint64_t depth, const struct rtlane_type* type,
                                          rtlane_broadcast** broadcast) RTLANE_NOEXCEPT;

/* The broadcast in a channel that the caller made or opened with a specification of its own
 * (rtlane/channels/channel.h), e.g. with a doorbell. Takes a reference of its own. Returns 0; -EPROTOTYPE another kind
 * of channel. */
RTLANE_API int rtlane_broadcast_from_channel(rtlane_channel* channel, rtlane_broadcast** broadcast) RTLANE_NOEXCEPT;

/* Lets go of the broadcast; its endpoints live on. NULL is allowed. */
RTLANE_API void rtlane_broadcast_close(rtlane_broadcast* broadcast) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint64_t rtlane_broadcast_depth(const rtlane_broadcast* broadcast) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_broadcast_element_bytes(const rtlane_broadcast* broadcast) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info and the like. Lives as long as the broadcast. */
RTLANE_API rtlane_channel* rtlane_broadcast_channel(const rtlane_broadcast* broadcast) RTLANE_NOEXCEPT;

/* ---- writer -------------------------------------------------------------------------------------- */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process; -EACCES opened read-only. */
RTLANE_API int rtlane_broadcast_writer_attach(rtlane_broadcast* broadcast,
                                              rtlane_broadcast_writer** writer) RTLANE_NOEXCEPT;
/* Gives it back. NULL is allowed. */
RTLANE_API void rtlane_broadcast_writer_detach(rtlane_broadcast_writer* writer) RTLANE_NOEXCEPT;

/* Data call: makes a copy of *element the next one. RTLANE_OK, _CLOSED (after end). */
RTLANE_API int rtlane_broadcast_publish(rtlane_broadcast_writer* writer, const void* element) RTLANE_NOEXCEPT;
/* Data call: the same with each of an array, each visible as soon as it is written. */
RTLANE_API int rtlane_broadcast_publish_n(rtlane_broadcast_writer* writer, const void* elements,
                                          size_t count) RTLANE_NOEXCEPT;
/* Data call: ends the stream. This endpoint answers RTLANE_CLOSED from now on; the next writer opens it again. */
RTLANE_API int rtlane_broadcast_end(rtlane_broadcast_writer* writer) RTLANE_NOEXCEPT;
/* Data call: number of the next element, from 0 over all writers. 0 for NULL. */
RTLANE_API uint64_t rtlane_broadcast_writer_next_number(const rtlane_broadcast_writer* writer) RTLANE_NOEXCEPT;
/* After publications, in a broadcast with a doorbell: wakes subscribers that sleep (RTLANE_IDLE_PARK). 1 when somebody
 * had said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_broadcast_ring(rtlane_broadcast_writer* writer) RTLANE_NOEXCEPT;

/* ---- subscriber ---------------------------------------------------------------------------------- */

/* A subscriber; it is registered nowhere, takes no role and writes nothing to the segment. The first one hears what is
 * published from now on, the second begins with the oldest element that is there, the third with the element of that
 * number (those that are gone are told as lost). Returns 0, -EINVAL, -ENOMEM; attach_at -ERANGE: no element has or will
 * have that number next. */
RTLANE_API int rtlane_broadcast_subscriber_attach(rtlane_broadcast* broadcast,
                                                  rtlane_broadcast_subscriber** subscriber) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_broadcast_subscriber_attach_oldest(rtlane_broadcast* broadcast,
                                                         rtlane_broadcast_subscriber** subscriber) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_broadcast_subscriber_attach_at(rtlane_broadcast* broadcast, uint64_t number,
                                                     rtlane_broadcast_subscriber** subscriber) RTLANE_NOEXCEPT;
RTLANE_API void rtlane_broadcast_subscriber_detach(rtlane_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;

/* Data call: copies the next element. RTLANE_OK; _EMPTY (not published yet); _LOST (rtlane_broadcast_lost says how
 * many; the next call goes on behind them); _CLOSED; _CORRUPT. Unless RTLANE_OK, *element may hold any bytes. */
RTLANE_API int rtlane_broadcast_try_next(rtlane_broadcast_subscriber* subscriber, void* element) RTLANE_NOEXCEPT;
/* Data call: up to count elements into the front of an array. Returns how many (0: rtlane_broadcast_subscriber_status
 * says why), or -EINVAL. Ends before elements that are lost and before another writer's. */
RTLANE_API int64_t rtlane_broadcast_try_next_n(rtlane_broadcast_subscriber* subscriber, void* elements,
                                               size_t count) RTLANE_NOEXCEPT;
/* Waiting: as try_next, at the longest until deadline_ns; then RTLANE_EMPTY. A writer that was killed is waited for,
 * too. RTLANE_IDLE_PARK needs a writable mapping, and a doorbell that the writer rings. */
RTLANE_API int rtlane_broadcast_next_until(rtlane_broadcast_subscriber* subscriber, void* element, int idle,
                                           int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data calls: how many were lost with the last RTLANE_LOST, and since the beginning. 0 for NULL. */
RTLANE_API uint64_t rtlane_broadcast_lost(const rtlane_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_broadcast_lost_total(const rtlane_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;
/* Data call: 1 once after the first element of another writer, else 0, or -EINVAL. */
RTLANE_API int rtlane_broadcast_writer_changed(rtlane_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;
/* Data call: number of the next element; a successor begins there by attach_at. 0 for NULL. */
RTLANE_API uint64_t rtlane_broadcast_subscriber_next_number(const rtlane_broadcast_subscriber* subscriber)
    RTLANE_NOEXCEPT;
/* Data call: the last answer but RTLANE_OK. */
RTLANE_API int rtlane_broadcast_subscriber_status(const rtlane_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_broadcast_writer_alive(const rtlane_broadcast_subscriber* subscriber) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
