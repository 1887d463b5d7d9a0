/* Step 5, snapshot: the latest value. The reader has a read-only mapping and skips what it was too slow for. */
#include "pair.h"

static rtlane_snapshot* snapshot;

static void write_values(void)
{
  rtlane_snapshot_writer* writer;
  uint64_t number;

  must(rtlane_snapshot_writer_attach(snapshot, &writer));
  for (number = 1; number <= 1000; ++number) {
    const struct sample latest = sample_of(number);
    must_be_ok(rtlane_snapshot_store(writer, &latest));
  }
  rtlane_snapshot_end(writer);
  rtlane_snapshot_writer_detach(writer);
}

static void read_values(void)
{
  struct rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  rtlane_snapshot* same;
  rtlane_snapshot_reader* reader;
  struct sample latest = {0, 0};
  struct sample copy;
  int status;

  options.read_only = 1;
  must(rtlane_snapshot_open("examples/c/snapshot", &sample_type, &options, &same));
  must(rtlane_snapshot_reader_attach(same, &reader));
  while ((status = rtlane_snapshot_wait_newer_until(reader, &copy, RTLANE_IDLE_YIELD, RTLANE_WAIT_FOREVER)) ==
         RTLANE_OK)
    latest = copy;
  printf("the last value is number %u of %u; the snapshot says '%s'\n", (unsigned)latest.number,
         (unsigned)rtlane_snapshot_sequence(reader), rtlane_status_name(status));
  fflush(stdout);
  rtlane_snapshot_reader_detach(reader);
  rtlane_snapshot_close(same);
}

int main(void)
{
  int result;
  must(rtlane_snapshot_create("examples/c/snapshot", 16, &sample_type, NULL, &snapshot));
  result = run_pair(write_values, read_values);
  rtlane_snapshot_close(snapshot);
  return result;
}
