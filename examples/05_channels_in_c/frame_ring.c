/* Step 5, frame ring: frames of any size, written and read where they lie. */
#include <sched.h>
#include <string.h>

#include "pair.h"

static rtlane_frame_ring* ring;

static void receive(void)
{
  rtlane_frame_ring_consumer* consumer;
  struct rtlane_frame frame;
  unsigned frames = 0;
  unsigned long bytes = 0;
  int status;

  must(rtlane_frame_ring_consumer_attach(ring, &consumer));
  while ((status = rtlane_frame_ring_peek(consumer, &frame)) != RTLANE_CLOSED) {
    if (status == RTLANE_OK) {
      ++frames;
      bytes += frame.bytes;
      must_be_ok(rtlane_frame_ring_release(consumer));
    } else if (status == RTLANE_EMPTY) {
      sched_yield();
    } else {
      must_be_ok(status);
    }
  }
  printf("received %u frames with %lu bytes\n", frames, bytes);
  rtlane_frame_ring_consumer_detach(consumer);
}

static void send(void)
{
  rtlane_frame_ring* same;
  rtlane_frame_ring_producer* producer;
  size_t bytes;

  must(rtlane_frame_ring_open("examples/c/frame_ring", NULL, &same));
  must(rtlane_frame_ring_producer_attach(same, &producer));
  for (bytes = 0; bytes < 1000; ++bytes) {
    void* place;
    int status;
    while ((status = rtlane_frame_ring_claim(producer, bytes, &place)) == RTLANE_FULL)
      sched_yield();
    must_be_ok(status);
    memset(place, (int)(bytes % 256), bytes);
    must_be_ok(rtlane_frame_ring_commit(producer));
  }
  rtlane_frame_ring_end(producer);
  rtlane_frame_ring_producer_detach(producer);
  rtlane_frame_ring_close(same);
}

int main(void)
{
  int result;
  must(rtlane_frame_ring_create("examples/c/frame_ring", 4096, 0, 0, NULL, &ring));
  result = run_pair(receive, send);
  rtlane_frame_ring_close(ring);
  return result;
}
