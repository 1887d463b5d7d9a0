/* Step 5, pinned snapshot: the latest value, written and read where it lies; what is referred to stays as it is. */
#include "pair.h"

static rtlane_pinned* snapshot;

static void write_in_place(void)
{
  rtlane_pinned_writer* writer;
  uint64_t number;

  must(rtlane_pinned_writer_attach(snapshot, &writer));
  for (number = 1; number <= 1000; ++number) {
    void* place;
    must_be_ok(rtlane_pinned_claim(writer, &place));
    *(struct sample*)place = sample_of(number);
    must_be_ok(rtlane_pinned_publish(writer));
  }
  rtlane_pinned_end(writer);
  rtlane_pinned_writer_detach(writer);
}

static void read_in_place(void)
{
  rtlane_pinned* same;
  rtlane_pinned_reader* reader;
  uint64_t last = 0;

  must(rtlane_pinned_open("examples/c/pinned", &sample_type, NULL, &same));
  must(rtlane_pinned_reader_attach(same, &reader));
  while (rtlane_pinned_wait_newer_until(reader, RTLANE_IDLE_YIELD, RTLANE_WAIT_FOREVER) == RTLANE_OK) {
    const void* lent;
    must_be_ok(rtlane_pinned_ref(reader, &lent));
    last = ((const struct sample*)lent)->number;
    must_be_ok(rtlane_pinned_unref(reader, lent));
  }
  printf("the last value is number %u\n", (unsigned)last);
  fflush(stdout);
  rtlane_pinned_reader_detach(reader);
  rtlane_pinned_close(same);
}

int main(void)
{
  int result;
  must(rtlane_pinned_create("examples/c/pinned", 2, &sample_type, NULL, &snapshot));
  result = run_pair(write_in_place, read_in_place);
  rtlane_pinned_close(snapshot);
  return result;
}
