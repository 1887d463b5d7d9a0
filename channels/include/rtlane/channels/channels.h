/* Every channel's calls for C: this header brings all of them, and has those of the SPSC ring.
 *
 *   SPSC ring        here                              MPMC ring         rtlane/channels/mpmc.h
 *   snapshot         rtlane/channels/snapshot.h        pinned snapshot   rtlane/channels/pinned.h
 *   broadcast        rtlane/channels/broadcast.h       frame broadcast   rtlane/channels/frame_broadcast.h
 *   frame ring       rtlane/channels/frame_ring.h
 *
 * Answers, errors, threads and waiting: rtlane/channels/status.h. Types: rtlane/channels/type.h; inspecting a channel:
 * rtlane/channels/channel.h. The SPSC ring's contract, crash rules and costs: rtlane/channels/spsc_ring.hpp; its data
 * calls are wait-free and make no system call.
 */
#ifndef RTLANE_CHANNELS_CHANNELS_H
#define RTLANE_CHANNELS_CHANNELS_H

#include <rtlane/channels/broadcast.h>
#include <rtlane/channels/channel.h>
#include <rtlane/channels/frame_broadcast.h>
#include <rtlane/channels/frame_ring.h>
#include <rtlane/channels/mpmc.h>
#include <rtlane/channels/pinned.h>
#include <rtlane/channels/snapshot.h>
#include <rtlane/channels/status.h>
#include <rtlane/channels/type.h>
#include <rtlane/core/shm.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_spsc rtlane_spsc;
typedef struct rtlane_spsc_producer rtlane_spsc_producer;
typedef struct rtlane_spsc_consumer rtlane_spsc_consumer;

/* Makes the ring called name for `capacity` elements of *type (rounded up to a power of two), or opens
 * the one that exists and checks both. options may be NULL. Returns 0 when it created, 1 when it existed,
 * or as rtlane_channel_create. */
RTLANE_API int rtlane_spsc_create(const char* name, uint64_t capacity, const struct rtlane_type* type,
                                  const struct rtlane_shm_options* options, rtlane_spsc** ring) RTLANE_NOEXCEPT;

/* Opens the ring called name, of any capacity. type NULL takes any: elements are then as large as
 * rtlane_spsc_element_bytes says. Returns 0 or as rtlane_channel_open. */
RTLANE_API int rtlane_spsc_open(const char* name, const struct rtlane_type* type,
                                const struct rtlane_shm_options* options, rtlane_spsc** ring) RTLANE_NOEXCEPT;

/* A ring in private memory of this process, between threads. Returns 0, -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_spsc_in_memory(uint64_t capacity, const struct rtlane_type* type,
                                     rtlane_spsc** ring) RTLANE_NOEXCEPT;

/* The ring in a channel that the caller made or opened with a specification of its own (rtlane/channels/channel.h),
 * e.g. with a slot stride or a doorbell. Takes a reference of its own. Returns 0; -EPROTOTYPE another kind of channel.
 */
RTLANE_API int rtlane_spsc_from_channel(rtlane_channel* channel, rtlane_spsc** ring) RTLANE_NOEXCEPT;

/* Lets go of the ring; its endpoints live on and keep the memory. NULL is allowed. */
RTLANE_API void rtlane_spsc_close(rtlane_spsc* ring) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint64_t rtlane_spsc_capacity(const rtlane_spsc* ring) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_spsc_element_bytes(const rtlane_spsc* ring) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info, rtlane_channel_table, rtlane_channel_handle. Lives as long as the ring. */
RTLANE_API rtlane_channel* rtlane_spsc_channel(const rtlane_spsc* ring) RTLANE_NOEXCEPT;

/* ---- producer ------------------------------------------------------------------------------------ */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process. */
RTLANE_API int rtlane_spsc_producer_attach(rtlane_spsc* ring, rtlane_spsc_producer** producer) RTLANE_NOEXCEPT;
/* Gives it back. NULL is allowed. */
RTLANE_API void rtlane_spsc_producer_detach(rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;

/* Data call: copies the element in. RTLANE_OK, _FULL, _CLOSED, _CORRUPT. */
RTLANE_API int rtlane_spsc_try_push(rtlane_spsc_producer* producer, const void* element) RTLANE_NOEXCEPT;
/* Waiting: as try_push, but while the ring is full waits for room, at the longest until deadline_ns; then RTLANE_FULL.
 * A call that had to wait counts as one refusal. Does not ring. */
RTLANE_API int rtlane_spsc_push_until(rtlane_spsc_producer* producer, const void* element, int idle,
                                      int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: copies the first elements of an array, as many as there is room for. Returns how many (0
 * also when full, closed or corrupt: rtlane_spsc_producer_status), or -EINVAL. */
RTLANE_API int64_t rtlane_spsc_try_push_n(rtlane_spsc_producer* producer, const void* elements,
                                          size_t count) RTLANE_NOEXCEPT;
/* Data call: *place becomes the next element's memory; publish makes it visible. */
RTLANE_API int rtlane_spsc_claim(rtlane_spsc_producer* producer, void** place) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_spsc_publish(rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;
/* After publications, in a ring with a doorbell: wakes a consumer that sleeps (RTLANE_IDLE_PARK). 1 when it had said
 * that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_spsc_producer_ring(rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;
/* Data call: ends the stream. */
RTLANE_API int rtlane_spsc_end(rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;
/* Data call: why the last call could not push all. */
RTLANE_API int rtlane_spsc_producer_status(const rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;
/* Data call: elements in the ring, about. 0 for NULL. */
RTLANE_API uint64_t rtlane_spsc_producer_size_estimate(const rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_spsc_consumer_alive(const rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;

/* ---- consumer ------------------------------------------------------------------------------------ */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process. */
RTLANE_API int rtlane_spsc_consumer_attach(rtlane_spsc* ring, rtlane_spsc_consumer** consumer) RTLANE_NOEXCEPT;
RTLANE_API void rtlane_spsc_consumer_detach(rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;

/* Data call: copies the next element out. RTLANE_OK, _EMPTY, _CLOSED, _CORRUPT. */
RTLANE_API int rtlane_spsc_try_pop(rtlane_spsc_consumer* consumer, void* element) RTLANE_NOEXCEPT;
/* Waiting: as try_pop, but while the ring is empty waits, at the longest until deadline_ns; then RTLANE_EMPTY. A
 * producer that was killed is waited for, too. Does not ring. */
RTLANE_API int rtlane_spsc_pop_until(rtlane_spsc_consumer* consumer, void* element, int idle,
                                     int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: copies up to count elements out. Returns how many, or -EINVAL. */
RTLANE_API int64_t rtlane_spsc_try_pop_n(rtlane_spsc_consumer* consumer, void* elements, size_t count) RTLANE_NOEXCEPT;
/* Data call: *element becomes the next element's memory; release takes it. */
RTLANE_API int rtlane_spsc_peek(rtlane_spsc_consumer* consumer, const void** element) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_spsc_release(rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
/* After giving back room, in a ring with a doorbell: wakes a producer that sleeps (RTLANE_IDLE_PARK). 1 when it had
 * said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_spsc_consumer_ring(rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: why the last call gave nothing. */
RTLANE_API int rtlane_spsc_consumer_status(const rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: 1 once after the first element of another producer, also one that a former consumer took without asking;
 * else 0. */
RTLANE_API int rtlane_spsc_producer_changed(rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: 1 when a former consumer may have seen the element last taken or shown, else 0. */
RTLANE_API int rtlane_spsc_redelivered(const rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: elements in the ring, about. 0 for NULL. */
RTLANE_API uint64_t rtlane_spsc_consumer_size_estimate(const rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_spsc_producer_alive(const rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
