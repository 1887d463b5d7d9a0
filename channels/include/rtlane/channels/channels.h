/* Every channel's data calls for C. Contracts, crash rules and progress guarantees are those of the C++
 * templates: SPSC ring = rtlane/channels/spsc_ring.hpp. Types: rtlane/channels/type.h; inspecting a
 * channel: rtlane/channels/channel.h.
 *
 * Set-up calls return 0, a positive value where stated, or a negative errno (rtlane_error_message() has
 * the sentence). Data calls (marked so) are wait-free, make no system call and return enum rtlane_status,
 * or -EINVAL for a NULL argument or a call out of turn (publish without claim); they leave
 * rtlane_error_message() alone. An endpoint is used by one thread at a time.
 */
#ifndef RTLANE_CHANNELS_CHANNELS_H
#define RTLANE_CHANNELS_CHANNELS_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/type.h>
#include <rtlane/core/shm.h>

RTLANE_EXTERN_C_BEGIN

enum rtlane_status {
  RTLANE_OK = 0,
  RTLANE_EMPTY = 1,  /* nothing to take at this moment */
  RTLANE_FULL = 2,   /* no room at this moment */
  RTLANE_BUSY = 3,   /* a living peer is in the middle of it: not empty, not full, try again */
  RTLANE_LOST = 4,   /* elements were overwritten before they could be taken */
  RTLANE_CLOSED = 5, /* the producer ended the stream and everything was taken */
  RTLANE_CORRUPT = 6 /* a damaged or hostile segment */
};

/* "ok", "empty", ...; "unknown" for other numbers. */
RTLANE_API const char* rtlane_status_name(int status) RTLANE_NOEXCEPT;

/* Opaque. */
typedef struct rtlane_spsc rtlane_spsc;
typedef struct rtlane_spsc_producer rtlane_spsc_producer;
typedef struct rtlane_spsc_consumer rtlane_spsc_consumer;

/* Makes the ring called name for `capacity` elements of *type (rounded up to a power of two), or opens
 * the one that exists and checks both. options may be NULL. Returns 0 when it created, 1 when it existed,
 * or as rtlane_channel_create. For a slot stride of your own make the channel by rtlane_channel_create,
 * open it here by rtlane_spsc_open and let go of the channel; private memory has the default stride. */
RTLANE_API int rtlane_spsc_create(const char* name, uint64_t capacity, const struct rtlane_type* type,
                                  const struct rtlane_shm_options* options, rtlane_spsc** ring) RTLANE_NOEXCEPT;

/* Opens the ring called name, of any capacity. type NULL takes any: elements are then as large as
 * rtlane_spsc_element_bytes says. Returns 0 or as rtlane_channel_open. */
RTLANE_API int rtlane_spsc_open(const char* name, const struct rtlane_type* type,
                                const struct rtlane_shm_options* options, rtlane_spsc** ring) RTLANE_NOEXCEPT;

/* A ring in private memory of this process, between threads. Returns 0, -EINVAL, -ENOMEM. */
RTLANE_API int rtlane_spsc_in_memory(uint64_t capacity, const struct rtlane_type* type,
                                     rtlane_spsc** ring) RTLANE_NOEXCEPT;

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
/* Data call: copies the first elements of an array, as many as there is room for. Returns how many (0
 * also when full, closed or corrupt: rtlane_spsc_producer_status), or -EINVAL. */
RTLANE_API int64_t rtlane_spsc_try_push_n(rtlane_spsc_producer* producer, const void* elements,
                                          size_t count) RTLANE_NOEXCEPT;
/* Data call: *place becomes the next element's memory; publish makes it visible. */
RTLANE_API int rtlane_spsc_claim(rtlane_spsc_producer* producer, void** place) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_spsc_publish(rtlane_spsc_producer* producer) RTLANE_NOEXCEPT;
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
/* Data call: copies up to count elements out. Returns how many, or -EINVAL. */
RTLANE_API int64_t rtlane_spsc_try_pop_n(rtlane_spsc_consumer* consumer, void* elements, size_t count) RTLANE_NOEXCEPT;
/* Data call: *element becomes the next element's memory; release takes it. */
RTLANE_API int rtlane_spsc_peek(rtlane_spsc_consumer* consumer, const void** element) RTLANE_NOEXCEPT;
RTLANE_API int rtlane_spsc_release(rtlane_spsc_consumer* consumer) RTLANE_NOEXCEPT;
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
