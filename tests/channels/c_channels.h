/* Checks of the channels' C calls, written in C; each answers NULL or what failed. */
#ifndef RTLANE_TESTS_C_CHANNELS_H
#define RTLANE_TESTS_C_CHANNELS_H

#include <rtlane/channels/channels.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 20 bytes: no multiple of a word. */
struct c_part {
  int32_t number;
  float position[4];
};

static inline struct c_part c_part_of(int32_t number)
{
  struct c_part made;
  int i;
  made.number = number;
  for (i = 0; i < 4; ++i)
    made.position[i] = (float)number + 0.25f * (float)i;
  return made;
}

static inline int c_is_part(const struct c_part* part, int32_t number)
{
  int i;
  for (i = 0; i < 4; ++i)
    if (part->position[i] != (float)number + 0.25f * (float)i)
      return 0;
  return part->number == number;
}

const struct rtlane_type* c_part_type(void);
const struct rtlane_type* c_other_type(void);

const char* c_waiting_misuse(void);
const char* c_spsc_waits(void);
const char* c_spsc_from_channel(const char* name);
const char* c_mpmc_isolated(const char* name);
const char* c_mpmc_misuse(void);
const char* c_mpmc_stream(const char* name);
const char* c_snapshot_misuse(void);
const char* c_snapshot_values(const char* name);
const char* c_pinned_misuse(void);
const char* c_pinned_values(const char* name);
const char* c_broadcast_misuse(void);
const char* c_broadcast_stream(const char* name);
const char* c_frame_ring_misuse(void);
const char* c_frame_ring_stream(const char* name);
const char* c_frame_broadcast_misuse(void);
const char* c_frame_broadcast_stream(const char* name);

#ifdef __cplusplus
}
#endif

#endif
