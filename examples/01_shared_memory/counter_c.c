/* Step 1 in C: joins the counter of counter.cpp when that is running, else makes its own. */
#include <rtlane/core/shm.h>

#include <inttypes.h>
#include <stdio.h>

struct counter {
  uint64_t runs;
  uint64_t steps;
};

int main(void)
{
  rtlane_handle handle;
  void* memory;
  const int result = rtlane_shm_create("examples/counter", sizeof(struct counter), NULL, &handle, &memory);
  if (result < 0) {
    fprintf(stderr, "%s\n", rtlane_error_message());
    return 1;
  }
  struct counter* counter = memory;
  const uint64_t run = __atomic_add_fetch(&counter->runs, 1, __ATOMIC_RELAXED);
  printf("run %" PRIu64 " %s the counter: %" PRIu64 " steps so far\n", run, result == 0 ? "created" : "joined",
         __atomic_load_n(&counter->steps, __ATOMIC_RELAXED));
  rtlane_close(handle);
  return 0;
}
