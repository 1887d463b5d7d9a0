/* MPMC ring for C: every element, to one of several consumers, from several producers.
 *
 * Contract, crash rules and costs: rtlane/channels/mpmc_ring.hpp. What calls, handles and errors have in common:
 * rtlane/channels/status.h. Data calls here end after a bounded number of their own steps (64 attempts, then
 * RTLANE_BUSY). They make no system call, but for one question to the kernel per participant when an unfinished element
 * or slot of somebody was in the way in two calls running. The ring as a whole is lock-free but for participants that
 * are stopped in the middle of a call: those who come to their element answer RTLANE_BUSY.
 *
 * In an isolated ring a stopped participant delays nobody. It is made by rtlane_channel_create (or
 * rtlane_channel_in_memory) with kind RTLANE_CHANNEL_MPMC_RING, mode RTLANE_MODE_ISOLATED and, if wished, a quota, and
 * then rtlane_mpmc_from_channel; rtlane_mpmc_create and rtlane_mpmc_open take an existing ring of either mode.
 */
#ifndef RTLANE_CHANNELS_MPMC_H
#define RTLANE_CHANNELS_MPMC_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_mpmc rtlane_mpmc;
typedef struct rtlane_mpmc_producer rtlane_mpmc_producer;
typedef struct rtlane_mpmc_consumer rtlane_mpmc_consumer;

/* Makes the ring called name for `capacity` elements of *type (1..2^20, rounded up to a power of two) and up to
 * `participants` endpoints at a time (1..64; 0 = 16, or as found), or opens the one that exists and checks them.
 * options may be NULL. Returns 0 when it created, 1 when it existed, or as rtlane_channel_create. */
RTLANE_API int rtlane_mpmc_create(const char* name, uint64_t capacity, uint32_t participants,
                                  const struct rtlane_type* type, const struct rtlane_shm_options* options,
                                  rtlane_mpmc** ring) RTLANE_NOEXCEPT;

/* Opens the ring called name, of any capacity. type NULL takes any: elements are then as large as
 * rtlane_mpmc_element_bytes says. Returns 0 or as rtlane_channel_open. */
RTLANE_API int rtlane_mpmc_open(const char* name, const struct rtlane_type* type,
                                const struct rtlane_shm_options* options, rtlane_mpmc** ring) RTLANE_NOEXCEPT;

/* A ring in private memory of this process, between threads. Returns 0, -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_mpmc_in_memory(uint64_t capacity, uint32_t participants, const struct rtlane_type* type,
                                     rtlane_mpmc** ring) RTLANE_NOEXCEPT;

/* The ring in a channel that the caller made or opened with a specification of its own (rtlane/channels/channel.h),
 * e.g. isolated or with a slot stride. Takes a reference of its own. Returns 0; -EPROTOTYPE another kind of channel. */
RTLANE_API int rtlane_mpmc_from_channel(rtlane_channel* channel, rtlane_mpmc** ring) RTLANE_NOEXCEPT;

/* Lets go of the ring; its endpoints live on. NULL is allowed. */
RTLANE_API void rtlane_mpmc_close(rtlane_mpmc* ring) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint64_t rtlane_mpmc_capacity(const rtlane_mpmc* ring) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_mpmc_element_bytes(const rtlane_mpmc* ring) RTLANE_NOEXCEPT;
/* Elements in the ring, about. */
RTLANE_API uint64_t rtlane_mpmc_size_estimate(const rtlane_mpmc* ring) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info and the like. Lives as long as the ring. */
RTLANE_API rtlane_channel* rtlane_mpmc_channel(const rtlane_mpmc* ring) RTLANE_NOEXCEPT;

/* ---- producer ------------------------------------------------------------------------------------ */

/* Takes one of the participants' places. Returns 0; -EBUSY while living endpoints have all of them; -EACCES opened
 * read-only. */
RTLANE_API int rtlane_mpmc_producer_attach(rtlane_mpmc* ring, rtlane_mpmc_producer** producer) RTLANE_NOEXCEPT;
/* Gives it back; a claimed place is passed over. NULL is allowed. */
RTLANE_API void rtlane_mpmc_producer_detach(rtlane_mpmc_producer* producer) RTLANE_NOEXCEPT;

/* Data call: copies the element in. RTLANE_OK, _FULL, _BUSY, _CLOSED, _CORRUPT. */
RTLANE_API int rtlane_mpmc_try_push(rtlane_mpmc_producer* producer, const void* element) RTLANE_NOEXCEPT;
/* Waiting: as try_push, but while the ring is full or busy waits, at the longest until deadline_ns; then that. A call
 * that heard RTLANE_FULL first counts as one refusal. Does not ring. */
RTLANE_API int rtlane_mpmc_push_until(rtlane_mpmc_producer* producer, const void* element, int idle,
                                      int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: try_push of each of an array until one is refused. Returns how many were pushed (fewer than asked:
 * rtlane_mpmc_producer_status), or -EINVAL. Elements of others may come between them. */
RTLANE_API int64_t rtlane_mpmc_try_push_n(rtlane_mpmc_producer* producer, const void* elements,
                                          size_t count) RTLANE_NOEXCEPT;
/* Data call: *place becomes memory for an element. Shared: its place in the order is taken now, so be quick, consumers
 * that come to it answer RTLANE_BUSY until publish; isolated: nobody knows of it. The same place again until then;
 * try_push uses it. As try_push. */
RTLANE_API int rtlane_mpmc_claim(rtlane_mpmc_producer* producer, void** place) RTLANE_NOEXCEPT;
/* Data call: makes it visible. RTLANE_OK, -EINVAL without a claim; isolated also RTLANE_BUSY (others were faster in all
 * attempts; still claimed, call again), _CLOSED, _CORRUPT (not claimed any more). */
RTLANE_API int rtlane_mpmc_publish(rtlane_mpmc_producer* producer) RTLANE_NOEXCEPT;
/* After publications, in a ring with a doorbell: wakes consumers that sleep (RTLANE_IDLE_PARK). 1 when somebody had
 * said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_mpmc_producer_ring(rtlane_mpmc_producer* producer) RTLANE_NOEXCEPT;
/* Data call: ends the stream, for all producers and for good. What was pushed before, shared also what was claimed
 * before, is delivered. */
RTLANE_API int rtlane_mpmc_end(rtlane_mpmc_producer* producer) RTLANE_NOEXCEPT;
/* Data call: why the last call could not push all. */
RTLANE_API int rtlane_mpmc_producer_status(const rtlane_mpmc_producer* producer) RTLANE_NOEXCEPT;

/* ---- consumer ------------------------------------------------------------------------------------ */

/* As rtlane_mpmc_producer_attach. */
RTLANE_API int rtlane_mpmc_consumer_attach(rtlane_mpmc* ring, rtlane_mpmc_consumer** consumer) RTLANE_NOEXCEPT;
/* Gives it back; an element that is shown is taken. NULL is allowed. */
RTLANE_API void rtlane_mpmc_consumer_detach(rtlane_mpmc_consumer* consumer) RTLANE_NOEXCEPT;

/* Data call: copies the next element out. RTLANE_OK, _EMPTY, _BUSY, _CLOSED, _CORRUPT; *element is written only with
 * RTLANE_OK. After peek it takes the element shown. */
RTLANE_API int rtlane_mpmc_try_pop(rtlane_mpmc_consumer* consumer, void* element) RTLANE_NOEXCEPT;
/* Waiting: as try_pop, but while the ring is empty or busy waits, at the longest until deadline_ns; then that.
 * Producers that were killed are waited for, too. Does not ring. */
RTLANE_API int rtlane_mpmc_pop_until(rtlane_mpmc_consumer* consumer, void* element, int idle,
                                     int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: try_pop into the front of an array until one is refused. Returns how many were taken (fewer than count:
 * rtlane_mpmc_consumer_status), or -EINVAL. */
RTLANE_API int64_t rtlane_mpmc_try_pop_n(rtlane_mpmc_consumer* consumer, void* elements, size_t count) RTLANE_NOEXCEPT;
/* Data call: *element becomes the next element's memory. It is this consumer's from now on, nobody else gets it; its
 * slot is free after release. The same again until then. As try_pop. For trusted producers: memory is shared. */
RTLANE_API int rtlane_mpmc_peek(rtlane_mpmc_consumer* consumer, const void** element) RTLANE_NOEXCEPT;
/* Data call: gives the slot back. -EINVAL when nothing is shown. */
RTLANE_API int rtlane_mpmc_release(rtlane_mpmc_consumer* consumer) RTLANE_NOEXCEPT;
/* After giving back room, in a ring with a doorbell: wakes producers that sleep (RTLANE_IDLE_PARK). 1 when somebody had
 * said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_mpmc_consumer_ring(rtlane_mpmc_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: why the last call gave nothing. */
RTLANE_API int rtlane_mpmc_consumer_status(const rtlane_mpmc_consumer* consumer) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
