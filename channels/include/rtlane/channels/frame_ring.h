/* Frame ring for C: frames of any size, in order, from one producer to one consumer, written and read in place.
 *
 * Contract, crash rules and costs: rtlane/channels/frame_ring.hpp. What calls, handles and errors have in common:
 * rtlane/channels/status.h. Data calls here are wait-free.
 */
#ifndef RTLANE_CHANNELS_FRAME_RING_H
#define RTLANE_CHANNELS_FRAME_RING_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Opaque. */
typedef struct rtlane_frame_ring rtlane_frame_ring;
typedef struct rtlane_frame_ring_producer rtlane_frame_ring_producer;
typedef struct rtlane_frame_ring_consumer rtlane_frame_ring_consumer;

/* A frame's bytes. data may be NULL when there are none. */
struct rtlane_frame {
  const void* data;
  size_t bytes;
};

/* Makes the ring called name with `capacity_bytes` (128..2^32, rounded up to a power of two) for frames of up to
 * `frame_bytes_max` bytes (1..capacity_bytes - 8; 0 = a quarter of the capacity, or as found), each of which begins at
 * a multiple of `frame_align` (8, 16, 32, 64, 128; 0 = 64), or opens the one that exists and checks them. options may
 * be NULL. Returns 0 when it created, 1 when it existed, or as rtlane_channel_create. */
RTLANE_API int rtlane_frame_ring_create(const char* name, uint64_t capacity_bytes, uint64_t frame_bytes_max,
                                        uint64_t frame_align, const struct rtlane_shm_options* options,
                                        rtlane_frame_ring** ring) RTLANE_NOEXCEPT;

/* Opens the ring called name, of any capacity, alignment and longest frame. Returns 0 or as rtlane_channel_open. */
RTLANE_API int rtlane_frame_ring_open(const char* name, const struct rtlane_shm_options* options,
                                      rtlane_frame_ring** ring) RTLANE_NOEXCEPT;

/* A ring in private memory of this process, between threads. Returns 0, -EINVAL, -ERANGE, -ENOMEM. */
RTLANE_API int rtlane_frame_ring_in_memory(uint64_t capacity_bytes, uint64_t frame_bytes_max, uint64_t frame_align,
                                           rtlane_frame_ring** ring) RTLANE_NOEXCEPT;

/* The ring in a channel that the caller made or opened with a specification of its own (rtlane/channels/channel.h).
 * Takes a reference of its own. Returns 0; -EPROTOTYPE another kind of channel. */
RTLANE_API int rtlane_frame_ring_from_channel(rtlane_channel* channel, rtlane_frame_ring** ring) RTLANE_NOEXCEPT;

/* Lets go of the ring; its endpoints live on. NULL is allowed. */
RTLANE_API void rtlane_frame_ring_close(rtlane_frame_ring* ring) RTLANE_NOEXCEPT;

/* Wait-free; 0 for NULL. */
RTLANE_API uint64_t rtlane_frame_ring_capacity_bytes(const rtlane_frame_ring* ring) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_frame_ring_frame_bytes_max(const rtlane_frame_ring* ring) RTLANE_NOEXCEPT;
RTLANE_API uint64_t rtlane_frame_ring_frame_align(const rtlane_frame_ring* ring) RTLANE_NOEXCEPT;
/* For rtlane_channel_get_info and the like. Lives as long as the ring. */
RTLANE_API rtlane_channel* rtlane_frame_ring_channel(const rtlane_frame_ring* ring) RTLANE_NOEXCEPT;

/* ---- producer ------------------------------------------------------------------------------------ */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process; -EACCES opened read-only. */
RTLANE_API int rtlane_frame_ring_producer_attach(rtlane_frame_ring* ring,
                                                 rtlane_frame_ring_producer** producer) RTLANE_NOEXCEPT;
/* Gives it back; what is claimed or staged is forgotten. NULL is allowed. */
RTLANE_API void rtlane_frame_ring_producer_detach(rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;

/* Data call: copies a frame of `bytes` bytes in (frame may be NULL when 0). RTLANE_OK, _FULL, _TOO_LARGE, _CLOSED,
 * _CORRUPT. Frames staged before become visible with it; a place that is claimed is taken away. */
RTLANE_API int rtlane_frame_ring_try_push(rtlane_frame_ring_producer* producer, const void* frame,
                                          size_t bytes) RTLANE_NOEXCEPT;
/* Waiting: as try_push, but while the ring is full waits for room, at the longest until deadline_ns; then RTLANE_FULL.
 * What is staged becomes visible before it waits. A call that had to wait counts as one refusal. Does not ring. */
RTLANE_API int rtlane_frame_ring_push_until(rtlane_frame_ring_producer* producer, const void* frame, size_t bytes,
                                            int idle, int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: the first of an array, as many as there is room for, all visible at once. Returns how many (fewer than
 * asked: rtlane_frame_ring_producer_status), or -EINVAL: a frame with bytes and no data, and none was pushed. */
RTLANE_API int64_t rtlane_frame_ring_try_push_n(rtlane_frame_ring_producer* producer, const struct rtlane_frame* frames,
                                                size_t count) RTLANE_NOEXCEPT;
/* Data call: *place becomes memory for a frame of up to `bytes` bytes (they are leftovers). Another claim before stage
 * or commit gives the same place, for another length. As try_push. */
RTLANE_API int rtlane_frame_ring_claim(rtlane_frame_ring_producer* producer, size_t bytes,
                                       void** place) RTLANE_NOEXCEPT;
/* Waiting: as claim, waiting as push_until does. What is staged stays staged: its room only commit can give. */
RTLANE_API int rtlane_frame_ring_claim_until(rtlane_frame_ring_producer* producer, size_t bytes, void** place, int idle,
                                             int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: ends the claimed frame after `bytes` bytes; the next claim is for the frame behind it, and commit shows
 * them together. -EINVAL, and nothing done, without a claim so long. */
RTLANE_API int rtlane_frame_ring_stage(rtlane_frame_ring_producer* producer, size_t bytes) RTLANE_NOEXCEPT;
/* Data call: shows the claimed frame, if there is one, with all its bytes, and those staged. -EINVAL without any. */
RTLANE_API int rtlane_frame_ring_commit(rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;
/* Data call: stage(bytes) and commit. -EINVAL, and nothing done, without a claim so long. */
RTLANE_API int rtlane_frame_ring_commit_bytes(rtlane_frame_ring_producer* producer, size_t bytes) RTLANE_NOEXCEPT;
/* Data call: forgets what is claimed and staged. */
RTLANE_API int rtlane_frame_ring_discard(rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;
/* After publications, in a ring with a doorbell: wakes a consumer that sleeps (RTLANE_IDLE_PARK). 1 when somebody had
 * said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_frame_ring_producer_ring(rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;
/* Data call: ends the stream; what is staged is forgotten. The next producer opens it again. */
RTLANE_API int rtlane_frame_ring_end(rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;
/* Data call: why the last call could not push all. */
RTLANE_API int rtlane_frame_ring_producer_status(const rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;
/* Data call: bytes of the capacity in use, headers and rounding included, about. 0 for NULL. */
RTLANE_API uint64_t rtlane_frame_ring_producer_used_bytes_estimate(const rtlane_frame_ring_producer* producer)
    RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_frame_ring_consumer_alive(const rtlane_frame_ring_producer* producer) RTLANE_NOEXCEPT;

/* ---- consumer ------------------------------------------------------------------------------------ */

/* Takes the role. Returns 0; -EBUSY while somebody alive has it, in whatever process; -EACCES opened read-only. */
RTLANE_API int rtlane_frame_ring_consumer_attach(rtlane_frame_ring* ring,
                                                 rtlane_frame_ring_consumer** consumer) RTLANE_NOEXCEPT;
/* Gives it back; frames that are shown come again to the next consumer. NULL is allowed. */
RTLANE_API void rtlane_frame_ring_consumer_detach(rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;

/* Data call: copies the next frame to buffer (NULL is allowed when buffer_bytes is 0) and takes it. RTLANE_OK, _EMPTY,
 * _TOO_SMALL (it stays), _CLOSED, _CORRUPT. *bytes: of the frame, with RTLANE_OK and _TOO_SMALL, else not written. */
RTLANE_API int rtlane_frame_ring_try_pop(rtlane_frame_ring_consumer* consumer, void* buffer, size_t buffer_bytes,
                                         size_t* bytes) RTLANE_NOEXCEPT;
/* Waiting: as try_pop, but while the ring is empty waits, at the longest until deadline_ns; then RTLANE_EMPTY. A
 * producer that was killed is waited for, too. Does not ring. */
RTLANE_API int rtlane_frame_ring_pop_until(rtlane_frame_ring_consumer* consumer, void* buffer, size_t buffer_bytes,
                                           size_t* bytes, int idle, int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: shows the next frame in place. It stays the next one until release or try_pop takes it. RTLANE_OK, _EMPTY,
 * _CLOSED, _CORRUPT. For a trusted producer: its memory is shared. */
RTLANE_API int rtlane_frame_ring_peek(rtlane_frame_ring_consumer* consumer, struct rtlane_frame* frame) RTLANE_NOEXCEPT;
/* Waiting: as peek, waiting as pop_until does. */
RTLANE_API int rtlane_frame_ring_peek_until(rtlane_frame_ring_consumer* consumer, struct rtlane_frame* frame, int idle,
                                            int64_t deadline_ns) RTLANE_NOEXCEPT;
/* Data call: takes the first frame shown. -EINVAL when none is. */
RTLANE_API int rtlane_frame_ring_release(rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: as peek, for the next frames, at most count and at most RTLANE_FRAMES_SHOWN_MAX. Returns how many (0:
 * rtlane_frame_ring_consumer_status says why), or -EINVAL. producer_changed and redelivered hold for all of them. */
#define RTLANE_FRAMES_SHOWN_MAX 64
RTLANE_API int64_t rtlane_frame_ring_peek_n(rtlane_frame_ring_consumer* consumer, struct rtlane_frame* frames,
                                            size_t count) RTLANE_NOEXCEPT;
/* Data call: takes the first `count` frames shown, with one store. -EINVAL, and nothing done, for 0 or more than are
 * shown. */
RTLANE_API int rtlane_frame_ring_release_n(rtlane_frame_ring_consumer* consumer, size_t count) RTLANE_NOEXCEPT;
/* After giving back room, in a ring with a doorbell: wakes a producer that sleeps (RTLANE_IDLE_PARK). 1 when somebody
 * had said that it sleeps, else 0, or -EINVAL. Wait-free; one system call when it answers 1. */
RTLANE_API int rtlane_frame_ring_consumer_ring(rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: why the last call gave nothing. */
RTLANE_API int rtlane_frame_ring_consumer_status(const rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: 1 once after the first frame of another producer, also one that a former consumer took without asking;
 * else 0, or -EINVAL. */
RTLANE_API int rtlane_frame_ring_producer_changed(rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: 1 when a former consumer may have seen the frame last taken or shown, else 0, or -EINVAL. */
RTLANE_API int rtlane_frame_ring_redelivered(const rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;
/* Data call: as the producer's. */
RTLANE_API uint64_t rtlane_frame_ring_consumer_used_bytes_estimate(const rtlane_frame_ring_consumer* consumer)
    RTLANE_NOEXCEPT;
/* Asks the kernel: 1, 0 or a negative errno. */
RTLANE_API int rtlane_frame_ring_producer_alive(const rtlane_frame_ring_consumer* consumer) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
