/* Looking at what goes through a channel without taking part in it: for tools.
 *
 * An observer has no role, takes no participant's place and writes no word, so it needs no more than a mapping that it
 * may only read. It copies an element speculatively and finds out afterwards whether the copy is whole; what it cannot
 * prove whole it does not give out but counts as lost. It is slower than any endpoint and falls behind a fast writer;
 * its copies move cache lines, and that is all that a channel's peers can feel of it.
 *
 * What each kind lets an observer see, and how a copy is proved whole:
 *
 *   Whose readers write nothing anyway, so that an observer is one of them:
 *     Snapshot         the latest value; `lost` counts the numbers between, which were replaced before they were seen
 *     Broadcast        every element, as a subscriber
 *     FrameBroadcast   every frame, as a subscriber
 *   PinnedSnapshot     the latest value, without a pin: its slot is not written while it is the latest, so the copy is
 *                      whole when it still is afterwards. No pin asks for help, so a fast writer can make the observer
 *                      `busy` for long
 *   SpscRing           elements also after they were taken, until their slots come round again: the copy is whole when
 *                      the consumer has not passed it, or when the element before it has not been replaced (stores are
 *                      seen in order on x86-64; on other machines only the first counts, so that a fast consumer
 *                      hides most)
 *   MpmcRing           likewise: when head has not passed it, or (x86-64) its slot's next ticket is not taken
 *   FrameRing          frames that are waiting: nothing tells how far the producer has written into room that was
 *                      given back. What the consumer takes before the observer comes by is lost, counted in bytes
 *
 * Untrusted peers: each shared word is read once into a local and checked; every call ends after a bounded number of
 * steps. A damaged segment gives wrong data, `corrupt`, or nothing, never an access outside of it.
 *
 * All but rtlane_observer_next is set-up. Used by one thread at a time.
 */
#ifndef RTLANE_CHANNELS_OBSERVE_H
#define RTLANE_CHANNELS_OBSERVE_H

#include <rtlane/channels/channel.h>
#include <rtlane/channels/status.h>

RTLANE_EXTERN_C_BEGIN

/* Where an observer begins. Of snapshots the two first are the same. */
enum rtlane_observe_from {
  RTLANE_OBSERVE_OLDEST = 0, /* rings: the first that waits; broadcasts: the oldest that is kept */
  RTLANE_OBSERVE_NEWEST = 1, /* the one published last, if it is still there; then what follows */
  RTLANE_OBSERVE_NEXT = 2    /* what is published from now on */
};

/* Opaque. */
typedef struct rtlane_observer rtlane_observer;

/* What was seen. Positions and losses of a FrameRing count bytes, headers included; all else counts elements. */
struct rtlane_observation {
  uint32_t struct_size; /* set by the caller */
  uint32_t reserved;
  const void* bytes;    /* a private copy, valid until the next call on this observer */
  uint64_t byte_count;  /* of the copy: of a frame at most what was asked for */
  uint64_t length;      /* of the element or the frame */
  uint64_t number;      /* snapshots: from 1; broadcasts: its number; MpmcRing: its ticket; SpscRing: how many were
                           published before it; FrameRing: how many bytes */
  uint64_t lost;        /* what this call found to be gone, just before this one (ok) or altogether (lost) */
  uint64_t stamp_ticks; /* of snapshots, when it was stored (tick_clock.hpp); 0 = not said */
};

/* Begins to observe the channel, which is kept alive. frame_bytes: of frames copy no more than so many bytes; 0 = all.
 * Returns 0; -EINVAL; -ENOMEM; -ENOTSUP: an isolated MPMC ring; into its producers' slots no observer looks yet. */
RTLANE_API int rtlane_observer_open(rtlane_channel* channel, uint32_t from, uint64_t frame_bytes,
                                    rtlane_observer** observer) RTLANE_NOEXCEPT;

/* NULL is allowed. */
RTLANE_API void rtlane_observer_close(rtlane_observer* observer) RTLANE_NOEXCEPT;

/* The next element. No system call; its first call may take memory for the copy. Bounded: one copy, for a snapshot a
 * few, and about log2(capacity) loads.
 *   RTLANE_OK       *seen has it
 *   RTLANE_EMPTY    nothing new
 *   RTLANE_LOST     seen->lost were replaced or taken before they could be copied; the next call goes on behind them
 *   RTLANE_BUSY     what is there is being written, or every copy was overtaken: try again
 *   RTLANE_CLOSED   the stream was ended here, and everything was seen; a new writer may go on with it
 *   RTLANE_CORRUPT  words that no writer writes
 *   -EINVAL         NULL, or struct_size is wrong
 *   -ENOMEM         no memory for the copy */
RTLANE_API int rtlane_observer_next(rtlane_observer* observer, struct rtlane_observation* seen) RTLANE_NOEXCEPT;

/* Leaves out what has been published but for the newest, which comes next. Returns how much was left out (at most; what
 * was lost on the way is in it), or -EINVAL. Of frames it goes through them, at most 65536. */
RTLANE_API int64_t rtlane_observer_skip(rtlane_observer* observer) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
