/* Step 5, frame broadcast: a log whose lines have any length; a reader knows how many it lost. */
#include "pair.h"

static rtlane_frame_broadcast* lines;

static void write_log(void)
{
  rtlane_frame_broadcast_writer* writer;
  char line[64];
  unsigned number;

  must(rtlane_frame_broadcast_writer_attach(lines, &writer));
  for (number = 1; number <= 1000; ++number) {
    const int bytes = snprintf(line, sizeof line, "line %u", number);
    must_be_ok(rtlane_frame_broadcast_publish(writer, line, (size_t)bytes));
  }
  rtlane_frame_broadcast_end(writer);
  rtlane_frame_broadcast_writer_detach(writer);
}

static void read_log(void)
{
  rtlane_frame_broadcast* same;
  rtlane_frame_broadcast_subscriber* subscriber;
  char line[64];
  size_t bytes = 0;
  int status;

  must(rtlane_frame_broadcast_open("examples/c/frame_broadcast", NULL, &same));
  must(rtlane_frame_broadcast_subscriber_attach_oldest(same, &subscriber));
  do {
    status = rtlane_frame_broadcast_next_until(subscriber, line, sizeof line, &bytes, RTLANE_IDLE_YIELD,
                                               RTLANE_WAIT_FOREVER);
  } while (status == RTLANE_OK || status == RTLANE_LOST || status == RTLANE_BUSY);
  printf("there were %u lines; the log says '%s'\n",
         (unsigned)rtlane_frame_broadcast_subscriber_next_number(subscriber), rtlane_status_name(status));
  fflush(stdout);
  rtlane_frame_broadcast_subscriber_detach(subscriber);
  rtlane_frame_broadcast_close(same);
}

int main(void)
{
  int result;
  must(rtlane_frame_broadcast_create("examples/c/frame_broadcast", 4096, 0, NULL, &lines));
  result = run_pair(write_log, read_log);
  rtlane_frame_broadcast_close(lines);
  return result;
}
