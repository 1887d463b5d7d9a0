#include "ck_rings.h"

#include <ck_ring.h>

_Static_assert(sizeof(struct ck_ring) <= rtlane_ck_ring_bytes, "the ring needs more room");

void rtlane_ck_ring_init(void* ring, unsigned capacity)
{
  ck_ring_init(ring, capacity);
}

#define RTLANE_CK_DEFINE(bytes)                                               \
  struct message_##bytes {                                                    \
    unsigned long long words[(bytes) / 8];                                    \
  };                                                                          \
  CK_RING_PROTOTYPE(of_##bytes, message_##bytes)                              \
  bool rtlane_ck_spsc_enqueue_##bytes(void* ring, void* slots, void* message) \
  {                                                                           \
    return ck_ring_enqueue_spsc_of_##bytes(ring, slots, message);             \
  }                                                                           \
  bool rtlane_ck_spsc_dequeue_##bytes(void* ring, void* slots, void* message) \
  {                                                                           \
    return ck_ring_dequeue_spsc_of_##bytes(ring, slots, message);             \
  }                                                                           \
  bool rtlane_ck_mpmc_enqueue_##bytes(void* ring, void* slots, void* message) \
  {                                                                           \
    return ck_ring_enqueue_mpmc_of_##bytes(ring, slots, message);             \
  }                                                                           \
  bool rtlane_ck_mpmc_dequeue_##bytes(void* ring, void* slots, void* message) \
  {                                                                           \
    return ck_ring_dequeue_mpmc_of_##bytes(ring, slots, message);             \
  }

RTLANE_CK_DEFINE(16)
RTLANE_CK_DEFINE(48)
RTLANE_CK_DEFINE(64)
RTLANE_CK_DEFINE(256)
RTLANE_CK_DEFINE(1024)
