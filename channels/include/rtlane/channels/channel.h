/* Channels, set-up side: memory with a meaning, its type, and who has which role in it.
 *
 * A channel is a shared memory object (rtlane/core/shm.h) whose payload starts with a ChannelHeader
 * (rtlane/channels/channel_header.hpp). This header makes, opens and inspects them and hands out
 * roles; the data calls of each kind are in rtlane/channels/channels.h (C) and the C++ templates,
 * which are built on the functions here.
 *
 * All functions here are set-up calls: they may allocate, lock, enter the kernel and block. Each may be
 * called from any thread. Errors: negative errno, rtlane_error_message() has the sentence, no output
 * parameter is written.
 */
#ifndef RTLANE_CHANNELS_CHANNEL_H
#define RTLANE_CHANNELS_CHANNEL_H

#include <rtlane/channels/type.h>
#include <rtlane/core/shm.h>

RTLANE_EXTERN_C_BEGIN

/* The numbers are part of the layout. 0 is no kind: it opens any. */
enum rtlane_channel_kind {
  RTLANE_CHANNEL_ANY = 0,
  RTLANE_CHANNEL_SPSC_RING = 1,
  RTLANE_CHANNEL_MPMC_RING = 2,
  RTLANE_CHANNEL_SNAPSHOT = 3,
  RTLANE_CHANNEL_PINNED_SNAPSHOT = 4,
  RTLANE_CHANNEL_BROADCAST = 5,
  RTLANE_CHANNEL_FRAME_RING = 6,
  RTLANE_CHANNEL_FRAME_BROADCAST = 7
};

/* How an MPMC ring works. The other kinds have no mode. */
enum rtlane_channel_mode {
  RTLANE_MODE_SHARED = 1,  /* the default: elements lie in common slots */
  RTLANE_MODE_ISOLATED = 2 /* each participant has `quota` slots of its own, the ring carries their numbers: a stopped
                              participant delays nobody */
};

/* Whether who publishes wakes who sleeps. */
enum rtlane_channel_doorbell {
  RTLANE_DOORBELL_NEVER = 1,     /* the default: nobody sleeps, who waits polls */
  RTLANE_DOORBELL_IF_WAITING = 2 /* who waits may sleep, and who calls ring() after its publications wakes the sleepers:
                                    one system call when there are any */
};

/* Role numbers are lease numbers of the object (rtlane/core/lease.h). Which of them a kind has says
 * rtlane_channel_role_name. */
#define RTLANE_ROLE_PRODUCER 0 /* of a snapshot or broadcast: the writer */
#define RTLANE_ROLE_CONSUMER 1
#define RTLANE_ROLE_INITIALIZER 2  /* held while the header is written, by whoever writes it */
#define RTLANE_ROLE_PARTICIPANT 16 /* + 0..63: endpoints of an MPMC ring, readers of a pinned snapshot */
#define RTLANE_PARTICIPANTS_MAX 64

/* What a channel is to be. 0 (NULL) in a field but kind: create = the default, open = any, and so does create of
 * a channel that exists: what was left 0 is taken as found. Where a kind has no such thing the field must be 0. */
struct rtlane_channel_spec {
  uint32_t struct_size;           /* sizeof(struct rtlane_channel_spec) */
  uint32_t kind;                  /* enum rtlane_channel_kind; RTLANE_CHANNEL_ANY only to open */
  uint64_t capacity;              /* rounded up to a power of two.
                                     SPSC ring: elements, 1..2^40, no default
                                     MPMC ring: elements, 1..2^20, no default
                                     snapshot: values kept, 2..2^20, default 4
                                     pinned snapshot: 1, it is one value; its slots follow from participants
                                     broadcast: elements kept, 2..2^20, no default
                                     frame ring, frame broadcast: bytes, 128 (256)..2^32, no default */
  const struct rtlane_type* type; /* of an element, SPSC ring and pinned snapshot up to 2^30 bytes, others 64 KiB.
                                     create: no default, but for frames: bytes. open: NULL = any, the caller decodes
                                     by the table in the segment. Of frames it is stored and compared, no more */
  uint64_t slot_stride_bytes;     /* distance of slots, a multiple of 8 and of the alignment; none for frames */
  uint64_t start_position;        /* create: position of the first element. Only tests set it, to come near a wrap */
  uint64_t frame_bytes_max;       /* longest frame. Frame ring: 1..capacity-8, default capacity/4; frame broadcast:
                                     1..capacity/8-16, default the longest possible */
  uint64_t quota;                 /* isolated MPMC ring: slots of each participant, 1..capacity + participants,
                                     default capacity/participants + participants + 1 */
  uint32_t participants;          /* at most so many at a time. MPMC ring: producers and consumers together, 1..64,
                                     default 16; pinned snapshot: readers, 1..31, default 8 */
  uint32_t mode;                  /* MPMC ring: enum rtlane_channel_mode */
  uint32_t doorbell;              /* enum rtlane_channel_doorbell */
  uint32_t reserved;              /* 0 */
};

#define RTLANE_CHANNEL_SPEC_INIT                                                                            \
  {                                                                                                         \
    (uint32_t)sizeof(struct rtlane_channel_spec), RTLANE_CHANNEL_SPSC_RING, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0 \
  }

/* Where things are: checked once against the mapped bytes, private to this process afterwards. */
struct rtlane_channel_layout {
  uint32_t struct_size; /* set by the caller */
  uint32_t kind;
  void* base; /* of the channel's memory in this process */
  uint64_t total_bytes;
  uint64_t capacity;
  uint64_t doorbell_offset;   /* of its word (doorbell.hpp), a multiple of 128; 0 when there is none */
  uint64_t control_offset;    /* of the kind's own lines, a multiple of 128 */
  uint64_t control_bytes;     /* a multiple of 128; 0 when the kind needs none */
  uint64_t slots_offset;      /* a multiple of 128 */
  uint64_t slot_count;        /* capacity, but for pinned snapshots, isolated MPMC rings and frame rings */
  uint64_t slot_stride_bytes; /* of frames: 1, a slot is a byte */
  uint64_t value_offset;      /* of the element in its slot */
  uint64_t element_bytes;
  uint64_t element_align;
  uint64_t type_hash;
  uint64_t start_position;
  uint64_t frame_bytes_max; /* 0 when the kind has no frames */
  uint64_t quota;           /* 0 when the ring is not isolated */
  uint32_t participants;    /* 0 when the kind has no numbered ones */
  uint32_t mode;            /* 0 when the kind has none */
  uint32_t doorbell;        /* enum rtlane_channel_doorbell */
  uint32_t created;         /* this call made the channel */
  uint32_t read_only;       /* mapped PROT_READ: no role can be taken */
  uint32_t reserved;
};

/* "SpscRing", "MpmcRing", "Snapshot", ...: the name of the C++ template; "?" for another number. Wait-free. */
RTLANE_API const char* rtlane_channel_kind_name(uint32_t kind) RTLANE_NOEXCEPT;

/* What role number index is called in a channel of that kind: "producer", "writer", "reader" ...; NULL when the kind
 * has no such role, whatever the channel's number of participants. Wait-free. */
RTLANE_API const char* rtlane_channel_role_name(uint32_t kind, uint32_t index) RTLANE_NOEXCEPT;

/* Opaque, counted: memory stays mapped until the last reference is gone. */
typedef struct rtlane_channel rtlane_channel;

/* Creates the channel called name, or opens the one that exists and checks kind, type and capacity.
 * Creators may race; one that dies in the middle is finished by the next (a lease decides, no
 * time-out). options may be NULL. Returns 0 when it created, 1 when it existed, or
 *   -EINVAL      an argument that makes no sense; the message says which
 *   -EPROTOTYPE  another kind of channel (the message names both), or another element type: the message has
 *                both layouts and the first differing field
 *   -ERANGE      another capacity, slot stride, number of participants, mode, quota, longest frame or doorbell
 *   -ENOMSG      the object exists and is no channel
 *   -EAGAIN      another process is still making it (waited 2 s), or, from open, nobody is: its maker died, or
 *                the object is all zero and its maker has not begun (or it never was to be a channel). create
 *                finishes it. Who opens any type (NULL) hears -ENOMSG of an object that is all zero
 *   -EPROTO      a channel of another layout version
 *   -EBADMSG     a damaged channel; the message says which field
 *   or what rtlane_shm_create returns. */
RTLANE_API int rtlane_channel_create(const char* name, const struct rtlane_channel_spec* spec,
                                     const struct rtlane_shm_options* options,
                                     rtlane_channel** channel) RTLANE_NOEXCEPT;

/* Opens the channel called name; what spec leaves open (0, NULL, RTLANE_CHANNEL_ANY) is taken as found. Returns 0,
 * -ENOENT, or as rtlane_channel_create. */
RTLANE_API int rtlane_channel_open(const char* name, const struct rtlane_channel_spec* spec,
                                   const struct rtlane_shm_options* options, rtlane_channel** channel) RTLANE_NOEXCEPT;

/* A channel in private memory of this process: no kernel object, no name; roles are guarded by a
 * flag, so the death of a thread that holds one is not noticed. Memory is asked for before it is taken, as for a named
 * one, and touched here. Returns 0, -EINVAL, -ENOMEM (the message has the numbers). */
RTLANE_API int rtlane_channel_in_memory(const struct rtlane_channel_spec* spec,
                                        rtlane_channel** channel) RTLANE_NOEXCEPT;

/* One more reference to it, and one less (NULL is allowed). */
RTLANE_API rtlane_channel* rtlane_channel_ref(rtlane_channel* channel) RTLANE_NOEXCEPT;
RTLANE_API void rtlane_channel_unref(rtlane_channel* channel) RTLANE_NOEXCEPT;

/* Fills *layout. Returns 0 or -EINVAL. Wait-free. */
RTLANE_API int rtlane_channel_get_layout(const rtlane_channel* channel,
                                         struct rtlane_channel_layout* layout) RTLANE_NOEXCEPT;

/* The object behind it (for rtlane_shm_info); 0 for private memory. Wait-free. */
RTLANE_API rtlane_handle rtlane_channel_handle(const rtlane_channel* channel) RTLANE_NOEXCEPT;

/* The serialized field table, a private copy that lives as long as the channel. Wait-free. */
RTLANE_API const void* rtlane_channel_table(const rtlane_channel* channel, size_t* table_bytes) RTLANE_NOEXCEPT;

#define RTLANE_MARKED_PRODUCER 1u
#define RTLANE_MARKED_CONSUMER 2u

/* What a monitor sees. Filled from shared words that change meanwhile: each is a fact of its own
 * instant. Needs no role and works on a read-only mapping. What a kind does not have or does not count is 0. */
struct rtlane_channel_info {
  uint32_t struct_size; /* set by the caller */
  uint32_t kind;        /* enum rtlane_channel_kind */
  uint64_t capacity;
  uint64_t element_bytes;
  uint64_t slot_stride_bytes;
  uint64_t type_hash;
  /* Elements; of frame rings and frame broadcasts bytes, headers and padding included; of MPMC rings places, those that
   * a producer has not finished or will never finish included. Of snapshots published is the latest value's number. */
  uint64_t published; /* made visible since the channel was made; where it has consumers: consumed + depth */
  uint64_t consumed;  /* taken since the channel was made */
  uint64_t depth;     /* waiting, at most capacity (isolated MPMC ring: slot_count); of snapshots and broadcasts 0,
                         nobody takes anything there */
  /* Events, counted by those who met them. */
  uint64_t refused;     /* calls that found no room: try_push or claim answered full, a batch was cut short */
  uint64_t lost;        /* elements overwritten before a reader could take them, of readers that count in the segment */
  uint64_t redelivered; /* elements met again that a former consumer had peeked at */
  uint64_t recovered;   /* repairs: slots and pins taken back from participants that died in the middle of it */
  uint64_t orphaned;    /* of these, elements that a killed consumer had in hand, or may have had */
  /* Of the producer or writer, of the consumer, and of all numbered participants together. */
  uint64_t producer_attaches;
  uint64_t consumer_attaches;
  uint64_t participant_attaches;
  uint64_t producer_takeovers; /* attaches after a producer that did not detach: it was killed */
  uint64_t consumer_takeovers;
  uint64_t participant_takeovers;
  int32_t producer_alive; /* 1, 0, or -1 = the kernel may not be asked (no permission) */
  int32_t consumer_alive;
  int32_t participants_alive; /* how many, or -1 */
  uint32_t participants;      /* how many there can be */
  uint32_t closed;            /* the producer ended the stream */
  uint32_t marked;            /* RTLANE_MARKED_*: who attached and did not detach. Marked and not alive: it was killed.
                                 MPMC rings have no such marks */
  char type_name[256];
};

/* Returns 0 or -EINVAL. Bounded: at most about log2(capacity) loads and a few for each participant, and four system
 * calls for each participant there can be, eight for the producer and the consumer (none in private memory). */
RTLANE_API int rtlane_channel_get_info(const rtlane_channel* channel, struct rtlane_channel_info* info) RTLANE_NOEXCEPT;

/* Opaque: proof that this process has a role in a channel. */
typedef struct rtlane_role rtlane_role;

/* Takes role number index (RTLANE_ROLE_*). A predecessor that died is no obstacle: the kernel has
 * let go of its lease. Keeps the channel alive. Returns 0; -EBUSY a living one holds it (also in this
 * process); -EACCES opened read-only; -EINVAL the channel has no such role; or as rtlane_lease_acquire. */
RTLANE_API int rtlane_role_acquire(rtlane_channel* channel, uint32_t index, rtlane_role** role) RTLANE_NOEXCEPT;

/* Takes the lowest free role of first .. first + count - 1; which one it was says rtlane_role_index. Several may race
 * for them, each gets another one. Bounded: each number is tried once, so one that becomes free meanwhile may be
 * missed. Returns 0; -EBUSY all are taken by living participants; or as rtlane_role_acquire. */
RTLANE_API int rtlane_role_acquire_any(rtlane_channel* channel, uint32_t first, uint32_t count,
                                       rtlane_role** role) RTLANE_NOEXCEPT;

/* The number it was taken by; UINT32_MAX for NULL. Wait-free. */
RTLANE_API uint32_t rtlane_role_index(const rtlane_role* role) RTLANE_NOEXCEPT;

/* 1 when the caller may still write on the role's behalf; 0 in a fork child of the holder, after the
 * object was closed under it (at exit), and for NULL. */
RTLANE_API int rtlane_role_mine(const rtlane_role* role) RTLANE_NOEXCEPT;

/* Gives it back and frees *role. NULL is allowed. */
RTLANE_API void rtlane_role_release(rtlane_role* role) RTLANE_NOEXCEPT;

/* Asks the kernel whether somebody alive has role number index: 1, 0, or a negative errno. Bounded:
 * four system calls and no wait for a set-up call of this process, none for private memory. Real-time code may call it
 * when a peer looks stuck. */
RTLANE_API int rtlane_role_held(const rtlane_channel* channel, uint32_t index) RTLANE_NOEXCEPT;

/* ---- what the doorbells of the templates are made of (rtlane/channels/doorbell.hpp) */

/* Sleeps while *word is value, until it is woken, or until deadline_ns of CLOCK_MONOTONIC (INT64_MAX: no end). Returns
 * 0 or -EAGAIN (another value), -ETIMEDOUT, -EINTR. Blocks; one system call. */
RTLANE_API int rtlane_doorbell_sleep(const uint32_t* word, uint32_t value, int64_t deadline_ns) RTLANE_NOEXCEPT;

/* Adds 1 to *word and wakes all who sleep on it, as one step that no kill can divide. Returns how many slept. Does not
 * wait; one system call. */
RTLANE_API int rtlane_doorbell_wake(uint32_t* word) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
