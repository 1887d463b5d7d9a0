/* Concurrency Kit's ring for messages of each size: ck_ring.h is C only, so these are what C++ calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a ring takes besides its slots. */
enum { rtlane_ck_ring_bytes = 256 };

/* A power of two as capacity; the ring holds one message less. */
void rtlane_ck_ring_init(void* ring, unsigned capacity);

/* false: full, or empty. slots is memory for `capacity` messages. What is enqueued is only read: ck's own functions
 * take it without const. */
#define RTLANE_CK_DECLARE(bytes)                                               \
  bool rtlane_ck_spsc_enqueue_##bytes(void* ring, void* slots, void* message); \
  bool rtlane_ck_spsc_dequeue_##bytes(void* ring, void* slots, void* message); \
  bool rtlane_ck_mpmc_enqueue_##bytes(void* ring, void* slots, void* message); \
  bool rtlane_ck_mpmc_dequeue_##bytes(void* ring, void* slots, void* message);

RTLANE_CK_DECLARE(16)
RTLANE_CK_DECLARE(48)
RTLANE_CK_DECLARE(64)
RTLANE_CK_DECLARE(256)
RTLANE_CK_DECLARE(1024)

#ifdef __cplusplus
}
#endif
