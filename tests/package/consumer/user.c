/* A user's program in C: memory, its iwin32 name, a ring. C99. */
#include <rtlane/channels/channels.h>
#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>

#include <stdint.h>
#include <stdio.h>

typedef struct Sample {
  int64_t t_ns;
  float value[3];
} Sample;

static const struct rtlane_field sample_fields[] = {
    RTLANE_FIELD(Sample, t_ns, RTLANE_FIELD_INT, 1, "ns"),
    RTLANE_FIELD(Sample, value, RTLANE_FIELD_FLOAT, 3, ""),
};
static const struct rtlane_type sample_type = RTLANE_STRUCT_TYPE("Sample", Sample, 8, sample_fields);

static int fail(const char* what)
{
  fprintf(stderr, "user: %s: %s\n", what, rtlane_error_message());
  return 1;
}

int main(void)
{
  rtlane_handle handle = 0;
  void* address = NULL;
  if (rtlane_shm_create("package/memory", 4096, NULL, &handle, &address) != 0)
    return fail("rtlane_shm_create");
  *(uint32_t*)address = 42;

  void* same = NULL;
  HANDLE historical = RtOpenSharedMemory(0, FALSE, TEXT("package/memory"), &same);
  if (historical == NULL || *(uint32_t*)same != 42)
    return fail("RtOpenSharedMemory");
  if (!CloseHandle(historical) || rtlane_close(handle) != 0)
    return fail("closing");
  if (RtOpenSharedMemory(0, FALSE, TEXT("package/memory"), &same) != NULL || GetLastError() != ERROR_FILE_NOT_FOUND)
    return fail("the object outlived its last handle");

  rtlane_spsc* ring = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  if (rtlane_spsc_create("package/ring", 8, &sample_type, NULL, &ring) != 0)
    return fail("rtlane_spsc_create");
  if (rtlane_spsc_producer_attach(ring, &producer) != 0 || rtlane_spsc_consumer_attach(ring, &consumer) != 0)
    return fail("attaching");
  Sample in = {42, {1, 2, 3}};
  Sample out = {0, {0, 0, 0}};
  if (rtlane_spsc_try_push(producer, &in) != RTLANE_OK || rtlane_spsc_try_pop(consumer, &out) != RTLANE_OK)
    return fail("passing an element");
  if (out.t_ns != 42 || out.value[2] != 3)
    return fail("the element did not arrive as it was sent");
  rtlane_spsc_consumer_detach(consumer);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_close(ring);
  printf("rtlane %s works\n", rtlane_version());
  return 0;
}
