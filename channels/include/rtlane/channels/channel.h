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

/* The numbers are part of the layout. */
enum rtlane_channel_kind { RTLANE_CHANNEL_SPSC_RING = 1 };

/* Role numbers are lease numbers of the object (rtlane/core/lease.h). */
#define RTLANE_ROLE_PRODUCER 0
#define RTLANE_ROLE_CONSUMER 1
#define RTLANE_ROLE_INITIALIZER 2 /* held while the header is written, by whoever writes it */

/* What a channel is to be. */
struct rtlane_channel_spec {
  uint32_t struct_size;           /* sizeof(struct rtlane_channel_spec) */
  uint32_t kind;                  /* enum rtlane_channel_kind */
  uint64_t capacity;              /* elements, 1..2^40, rounded up to a power of two; open: 0 = any */
  const struct rtlane_type* type; /* open: NULL = any, the caller decodes by the table in the segment */
  uint64_t slot_stride_bytes;     /* distance of slots, a multiple of 8 and of the alignment; 0 = create: the default,
                                     open: any */
  uint64_t start_position;        /* create: position of the first element. Only tests set it, to come near a wrap */
};

#define RTLANE_CHANNEL_SPEC_INIT                                                          \
  {                                                                                       \
    (uint32_t)sizeof(struct rtlane_channel_spec), RTLANE_CHANNEL_SPSC_RING, 0, NULL, 0, 0 \
  }

/* Where things are: checked once against the mapped bytes, private to this process afterwards. */
struct rtlane_channel_layout {
  uint32_t struct_size; /* set by the caller */
  uint32_t kind;
  void* base; /* of the channel's memory in this process */
  uint64_t total_bytes;
  uint64_t capacity;
  uint64_t slots_offset;
  uint64_t slot_stride_bytes;
  uint64_t value_offset; /* of the element in its slot */
  uint64_t element_bytes;
  uint64_t element_align;
  uint64_t type_hash;
  uint32_t created;   /* this call made the channel */
  uint32_t read_only; /* mapped PROT_READ: no role can be taken */
};

/* Opaque, counted: memory stays mapped until the last reference is gone. */
typedef struct rtlane_channel rtlane_channel;

/* Creates the channel called name, or opens the one that exists and checks kind, type and capacity.
 * Creators may race; one that dies in the middle is finished by the next (a lease decides, no
 * time-out). options may be NULL. Returns 0 when it created, 1 when it existed, or
 *   -EINVAL      an argument that makes no sense; the message says which
 *   -EPROTOTYPE  another kind of channel, or another element type: the message has both layouts and
 *                the first differing field
 *   -ERANGE      another capacity or slot stride
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

/* Opens the channel called name; what spec leaves open (0, NULL) is taken as found. Returns 0,
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

/* What a monitor sees. Filled from shared words that change meanwhile: each is a fact of its own
 * instant. Needs no role and works on a read-only mapping. */
struct rtlane_channel_info {
  uint32_t struct_size; /* set by the caller */
  uint32_t kind;        /* enum rtlane_channel_kind */
  uint64_t capacity;
  uint64_t element_bytes;
  uint64_t slot_stride_bytes;
  uint64_t type_hash;
  uint64_t consumed;    /* position of the consumer: elements taken since the channel was made */
  uint64_t depth;       /* elements waiting, at most capacity */
  uint64_t published;   /* consumed + depth */
  uint64_t refused;     /* calls that found no room: try_push or claim answered full, a batch was cut short */
  uint64_t redelivered; /* elements met again that a former consumer had peeked at */
  uint64_t producer_attaches;
  uint64_t consumer_attaches;
  uint64_t producer_takeovers; /* attaches after a producer that did not detach: it was killed */
  uint64_t consumer_takeovers;
  int32_t producer_alive; /* 1, 0, or -1 = the kernel may not be asked (no permission) */
  int32_t consumer_alive;
  uint32_t closed; /* the producer ended the stream */
  uint32_t reserved;
  char type_name[256];
};

/* Returns 0 or -EINVAL. Bounded: about log2(capacity) loads and eight system calls. */
RTLANE_API int rtlane_channel_get_info(const rtlane_channel* channel, struct rtlane_channel_info* info) RTLANE_NOEXCEPT;

/* Opaque: proof that this process has a role in a channel. */
typedef struct rtlane_role rtlane_role;

/* Takes role number index (RTLANE_ROLE_*). A predecessor that died is no obstacle: the kernel has
 * let go of its lease. Keeps the channel alive. Returns 0; -EBUSY a living one holds it (also in this
 * process); -EACCES opened read-only; -EINVAL; or as rtlane_lease_acquire. */
RTLANE_API int rtlane_role_acquire(rtlane_channel* channel, uint32_t index, rtlane_role** role) RTLANE_NOEXCEPT;

/* 1 when the caller may still write on the role's behalf; 0 in a fork child of the holder, after the
 * object was closed under it (at exit), and for NULL. */
RTLANE_API int rtlane_role_mine(const rtlane_role* role) RTLANE_NOEXCEPT;

/* Gives it back and frees *role. NULL is allowed. */
RTLANE_API void rtlane_role_release(rtlane_role* role) RTLANE_NOEXCEPT;

/* Asks the kernel whether somebody alive has role number index: 1, 0, or a negative errno. Bounded:
 * four system calls and no wait for a set-up call of this process, none for private memory. Real-time code may call it
 * when a peer looks stuck. */
RTLANE_API int rtlane_role_held(const rtlane_channel* channel, uint32_t index) RTLANE_NOEXCEPT;

RTLANE_EXTERN_C_END

#endif
