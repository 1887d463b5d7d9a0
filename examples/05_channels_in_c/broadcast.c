/* Step 5, broadcast: the writer waits for nobody, a subscriber knows how many elements it lost. */
#include "pair.h"

static rtlane_broadcast* broadcast;

static void publish(void)
{
  rtlane_broadcast_writer* writer;
  uint64_t number;

  must(rtlane_broadcast_writer_attach(broadcast, &writer));
  for (number = 1; number <= 1000; ++number) {
    const struct sample sent = sample_of(number);
    must_be_ok(rtlane_broadcast_publish(writer, &sent));
  }
  rtlane_broadcast_end(writer);
  rtlane_broadcast_writer_detach(writer);
}

static void subscribe(void)
{
  rtlane_broadcast* same;
  rtlane_broadcast_subscriber* subscriber;
  struct sample got;
  unsigned heard = 0;
  int status;

  must(rtlane_broadcast_open("examples/c/broadcast", &sample_type, NULL, &same));
  must(rtlane_broadcast_subscriber_attach_at(same, 0, &subscriber));
  do {
    status = rtlane_broadcast_next_until(subscriber, &got, RTLANE_IDLE_YIELD, RTLANE_WAIT_FOREVER);
    if (status == RTLANE_OK)
      ++heard;
  } while (status == RTLANE_OK || status == RTLANE_LOST);
  printf("heard and lost together: %u; the broadcast says '%s'\n",
         heard + (unsigned)rtlane_broadcast_lost_total(subscriber), rtlane_status_name(status));
  fflush(stdout);
  rtlane_broadcast_subscriber_detach(subscriber);
  rtlane_broadcast_close(same);
}

int main(void)
{
  int result;
  must(rtlane_broadcast_create("examples/c/broadcast", 64, &sample_type, NULL, &broadcast));
  result = run_pair(publish, subscribe);
  rtlane_broadcast_close(broadcast);
  return result;
}
