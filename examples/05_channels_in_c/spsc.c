/* Step 5, SPSC ring: every element, in order; the sender waits when the ring is full. */
#include "pair.h"

static rtlane_spsc* ring;

static void receive(void)
{
  rtlane_spsc_consumer* consumer;
  struct sample got = {0, 0};
  unsigned count = 0;
  int status;

  must(rtlane_spsc_consumer_attach(ring, &consumer));
  while ((status = rtlane_spsc_pop_until(consumer, &got, RTLANE_IDLE_YIELD, RTLANE_WAIT_FOREVER)) == RTLANE_OK)
    ++count;
  printf("received %u, the last is number %u; the ring says '%s'\n", count, (unsigned)got.number,
         rtlane_status_name(status));
  rtlane_spsc_consumer_detach(consumer);
}

static void send(void)
{
  rtlane_spsc* same;
  rtlane_spsc_producer* producer;
  uint64_t number;

  must(rtlane_spsc_open("examples/c/spsc", &sample_type, NULL, &same));
  must(rtlane_spsc_producer_attach(same, &producer));
  for (number = 1; number <= 1000; ++number) {
    const struct sample sent = sample_of(number);
    must_be_ok(rtlane_spsc_push_until(producer, &sent, RTLANE_IDLE_YIELD, RTLANE_WAIT_FOREVER));
  }
  rtlane_spsc_end(producer);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_close(same);
}

int main(void)
{
  int result;
  must(rtlane_spsc_create("examples/c/spsc", 64, &sample_type, NULL, &ring));
  result = run_pair(receive, send);
  rtlane_spsc_close(ring);
  return result;
}
