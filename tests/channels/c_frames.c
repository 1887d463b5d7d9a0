/* The C calls of the frame ring and the frame broadcast. Compiled as C99. */
#include <errno.h>
#include <string.h>

#include "c_channels.h"
#include "c_check.h"

static int is_text(const void* bytes, size_t count, const char* text)
{
  return count == strlen(text) && memcmp(bytes, text, count) == 0;
}

const char* c_frame_ring_misuse(void)
{
  rtlane_frame_ring* ring = NULL;
  rtlane_frame_ring_producer* producer = NULL;
  rtlane_frame_ring_consumer* consumer = NULL;
  struct rtlane_frame frame = {NULL, 3};
  char buffer[8] = "as it is";
  size_t bytes = 99;
  void* place = NULL;

  CHECK(rtlane_frame_ring_create("c", 1024, 0, 0, NULL, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_create(NULL, 1024, 0, 0, NULL, &ring) == -EINVAL);
  CHECK(rtlane_frame_ring_create("c", 0, 0, 0, NULL, &ring) == -EINVAL && ring == NULL);
  CHECK(rtlane_frame_ring_create("c", 1024, 2000, 0, NULL, &ring) < 0 && ring == NULL);
  CHECK(rtlane_frame_ring_create("c", 1024, 0, 24, NULL, &ring) == -EINVAL && ring == NULL);
  CHECK(strstr(rtlane_error_message(), "24") != NULL);
  CHECK(rtlane_frame_ring_open("nothing here", NULL, &ring) == -ENOENT && ring == NULL);
  CHECK(rtlane_frame_ring_open("nothing here", NULL, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_in_memory(1024, 0, 0, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_in_memory(1024, 0, 7, &ring) == -EINVAL && ring == NULL);
  CHECK(rtlane_frame_ring_from_channel(NULL, &ring) == -EINVAL && ring == NULL);
  CHECK(rtlane_frame_ring_capacity_bytes(NULL) == 0 && rtlane_frame_ring_frame_bytes_max(NULL) == 0);
  CHECK(rtlane_frame_ring_frame_align(NULL) == 0 && rtlane_frame_ring_channel(NULL) == NULL);
  CHECK(rtlane_frame_ring_producer_attach(NULL, &producer) == -EINVAL);
  CHECK(rtlane_frame_ring_consumer_attach(NULL, &consumer) == -EINVAL);

  CHECK(rtlane_frame_ring_in_memory(1024, 0, 8, &ring) == 0);
  CHECK(rtlane_frame_ring_producer_attach(ring, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_consumer_attach(ring, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_frame_ring_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_frame_ring_try_push(NULL, "a", 1) == -EINVAL &&
        rtlane_frame_ring_try_push(producer, NULL, 1) == -EINVAL);
  CHECK(rtlane_frame_ring_try_push_n(NULL, &frame, 1) == -EINVAL);
  CHECK(rtlane_frame_ring_try_push_n(producer, NULL, 1) == -EINVAL);
  CHECK(rtlane_frame_ring_try_push_n(producer, &frame, 1) == -EINVAL);
  CHECK(rtlane_frame_ring_try_push_n(producer, NULL, 0) == 0);
  CHECK(rtlane_frame_ring_claim(NULL, 1, &place) == -EINVAL && rtlane_frame_ring_claim(producer, 1, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_stage(NULL, 0) == -EINVAL && rtlane_frame_ring_stage(producer, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_commit(NULL) == -EINVAL && rtlane_frame_ring_commit(producer) == -EINVAL);
  CHECK(rtlane_frame_ring_commit_bytes(NULL, 0) == -EINVAL && rtlane_frame_ring_commit_bytes(producer, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_discard(NULL) == -EINVAL && rtlane_frame_ring_end(NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_producer_status(NULL) == -EINVAL && rtlane_frame_ring_consumer_alive(NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_producer_used_bytes_estimate(NULL) == 0);
  CHECK(rtlane_frame_ring_consumer_used_bytes_estimate(NULL) == 0);
  CHECK(rtlane_frame_ring_try_pop(NULL, buffer, 8, &bytes) == -EINVAL);
  CHECK(rtlane_frame_ring_try_pop(consumer, NULL, 8, &bytes) == -EINVAL);
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, 8, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_peek(NULL, &frame) == -EINVAL && rtlane_frame_ring_peek(consumer, NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_peek_n(NULL, &frame, 1) == -EINVAL);
  CHECK(rtlane_frame_ring_peek_n(consumer, NULL, 1) == -EINVAL && rtlane_frame_ring_peek_n(consumer, NULL, 0) == 0);
  CHECK(rtlane_frame_ring_release(NULL) == -EINVAL && rtlane_frame_ring_release(consumer) == -EINVAL);
  CHECK(rtlane_frame_ring_release_n(NULL, 1) == -EINVAL && rtlane_frame_ring_release_n(consumer, 1) == -EINVAL);
  CHECK(rtlane_frame_ring_release_n(consumer, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_consumer_status(NULL) == -EINVAL && rtlane_frame_ring_producer_changed(NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_push_until(NULL, "a", 1, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_push_until(producer, NULL, 1, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_push_until(producer, "a", 1, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_claim_until(NULL, 1, &place, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_claim_until(producer, 1, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_claim_until(producer, 1, &place, -1, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_pop_until(NULL, buffer, 8, &bytes, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_pop_until(consumer, NULL, 8, &bytes, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_pop_until(consumer, buffer, 8, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_pop_until(consumer, buffer, 8, &bytes, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_peek_until(NULL, &frame, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_peek_until(consumer, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_peek_until(consumer, &frame, -1, 0) == -EINVAL);
  CHECK(rtlane_frame_ring_producer_ring(NULL) == -EINVAL && rtlane_frame_ring_consumer_ring(NULL) == -EINVAL);
  CHECK(rtlane_frame_ring_redelivered(NULL) == -EINVAL && rtlane_frame_ring_producer_alive(NULL) == -EINVAL);

  /* Nothing of it went into the ring. */
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, 8, &bytes) == RTLANE_EMPTY);
  CHECK(bytes == 99 && is_text(buffer, 8, "as it is"));
  rtlane_frame_ring_producer_detach(producer);
  rtlane_frame_ring_consumer_detach(consumer);
  rtlane_frame_ring_close(ring);
  rtlane_frame_ring_producer_detach(NULL);
  rtlane_frame_ring_consumer_detach(NULL);
  rtlane_frame_ring_close(NULL);
  return NULL;
}

/* What stands in both rings of c_frame_ring_stream. */
static const char* check_stream(rtlane_frame_ring_producer* producer, rtlane_frame_ring_consumer* consumer)
{
  const struct rtlane_frame texts[] = {{"one", 3}, {NULL, 0}, {"three", 5}};
  struct rtlane_frame frames[4];
  char buffer[64];
  char large[400];
  size_t bytes = 0;
  void* place = NULL;
  int i;

  memset(large, 'x', sizeof large);
  for (i = 0; i < 100; ++i) {
    CHECK(rtlane_frame_ring_try_push(producer, large, (size_t)(i % 60)) == RTLANE_OK);
    CHECK(rtlane_frame_ring_try_pop(consumer, buffer, sizeof buffer, &bytes) == RTLANE_OK && bytes == (size_t)(i % 60));
    CHECK(memcmp(buffer, large, bytes) == 0);
  }
  CHECK(rtlane_frame_ring_try_push(producer, large, 300) == RTLANE_TOO_LARGE);
  CHECK(rtlane_frame_ring_claim(producer, 300, &place) == RTLANE_TOO_LARGE && place == NULL);
  CHECK(rtlane_frame_ring_producer_status(producer) == RTLANE_TOO_LARGE);

  CHECK(rtlane_frame_ring_try_push_n(producer, texts, 3) == 3);
  CHECK(rtlane_frame_ring_producer_used_bytes_estimate(producer) > 0);
  CHECK(rtlane_frame_ring_consumer_used_bytes_estimate(consumer) ==
        rtlane_frame_ring_producer_used_bytes_estimate(producer));
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, 2, &bytes) == RTLANE_TOO_SMALL && bytes == 3);
  CHECK(rtlane_frame_ring_peek(consumer, &frames[0]) == RTLANE_OK && is_text(frames[0].data, frames[0].bytes, "one"));
  CHECK(rtlane_frame_ring_release(consumer) == RTLANE_OK && rtlane_frame_ring_release(consumer) == -EINVAL);
  CHECK(rtlane_frame_ring_peek_n(consumer, frames, 4) == 2);
  CHECK(frames[0].bytes == 0 && frames[0].data != NULL && is_text(frames[1].data, frames[1].bytes, "three"));
  CHECK(rtlane_frame_ring_release_n(consumer, 3) == -EINVAL && rtlane_frame_ring_release_n(consumer, 2) == RTLANE_OK);
  CHECK(rtlane_frame_ring_peek(consumer, &frames[0]) == RTLANE_EMPTY);
  CHECK(rtlane_frame_ring_peek_n(consumer, frames, 4) == 0);
  CHECK(rtlane_frame_ring_consumer_status(consumer) == RTLANE_EMPTY);

  /* In place: two frames shown together, one that is cut, one that is given up. */
  CHECK(rtlane_frame_ring_claim(producer, 50, &place) == RTLANE_OK);
  memcpy(place, "first", 5);
  CHECK(rtlane_frame_ring_stage(producer, 51) == -EINVAL && rtlane_frame_ring_stage(producer, 5) == RTLANE_OK);
  CHECK(rtlane_frame_ring_claim(producer, 6, &place) == RTLANE_OK);
  memcpy(place, "second", 6);
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, sizeof buffer, &bytes) == RTLANE_EMPTY);
  CHECK(rtlane_frame_ring_commit(producer) == RTLANE_OK && rtlane_frame_ring_commit(producer) == -EINVAL);
  CHECK(rtlane_frame_ring_claim(producer, 50, &place) == RTLANE_OK);
  memcpy(place, "third", 5);
  CHECK(rtlane_frame_ring_commit_bytes(producer, 51) == -EINVAL);
  CHECK(rtlane_frame_ring_commit_bytes(producer, 5) == RTLANE_OK);
  CHECK(rtlane_frame_ring_claim(producer, 50, &place) == RTLANE_OK && rtlane_frame_ring_discard(producer) == RTLANE_OK);
  CHECK(rtlane_frame_ring_commit(producer) == -EINVAL);
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, sizeof buffer, &bytes) == RTLANE_OK);
  CHECK(is_text(buffer, bytes, "first"));
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, sizeof buffer, &bytes) == RTLANE_OK);
  CHECK(is_text(buffer, bytes, "second"));
  CHECK(rtlane_frame_ring_try_pop(consumer, buffer, sizeof buffer, &bytes) == RTLANE_OK);
  CHECK(is_text(buffer, bytes, "third"));
  CHECK(rtlane_frame_ring_try_push(producer, NULL, 0) == RTLANE_OK);
  CHECK(rtlane_frame_ring_try_pop(consumer, NULL, 0, &bytes) == RTLANE_OK && bytes == 0);

  for (i = RTLANE_IDLE_SPIN; i <= RTLANE_IDLE_PARK; ++i) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    int fitting = 0;
    CHECK(rtlane_frame_ring_pop_until(consumer, buffer, sizeof buffer, &bytes, i, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    CHECK(rtlane_frame_ring_peek_until(consumer, &frames[0], i, rtlane_deadline_after(1000)) == RTLANE_EMPTY);
    while (rtlane_frame_ring_push_until(producer, large, 60, i, rtlane_deadline_after(1000)) == RTLANE_OK)
      ++fitting;
    CHECK(fitting > 1 && rtlane_frame_ring_producer_status(producer) == RTLANE_FULL);
    CHECK(rtlane_frame_ring_claim_until(producer, 60, &place, i, rtlane_deadline_after(1000)) == RTLANE_FULL);
    CHECK(rtlane_frame_ring_peek_until(consumer, &frames[0], i, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(frames[0].bytes == 60 && rtlane_frame_ring_release(consumer) == RTLANE_OK);
    CHECK(rtlane_frame_ring_claim_until(producer, 60, &place, i, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(rtlane_frame_ring_discard(producer) == RTLANE_OK);
    for (; fitting > 1; --fitting)
      CHECK(rtlane_frame_ring_pop_until(consumer, buffer, sizeof buffer, &bytes, i, RTLANE_WAIT_FOREVER) == RTLANE_OK);
  }
  CHECK(rtlane_frame_ring_producer_ring(producer) == 0 && rtlane_frame_ring_consumer_ring(consumer) == 0);

  for (i = 0; rtlane_frame_ring_try_push(producer, large, 200) == RTLANE_OK; ++i)
    CHECK(i < 5);
  CHECK(rtlane_frame_ring_producer_status(producer) == RTLANE_FULL);
  CHECK(rtlane_frame_ring_try_push(producer, large, 200) == RTLANE_FULL);
  return NULL;
}

const char* c_frame_ring_stream(const char* name)
{
  rtlane_frame_ring* ring = NULL;
  rtlane_frame_ring* again = NULL;
  rtlane_frame_ring* wrong = NULL;
  rtlane_frame_ring_producer* producer = NULL;
  rtlane_frame_ring_producer* second = NULL;
  rtlane_frame_ring_consumer* consumer = NULL;
  struct rtlane_frame many[RTLANE_FRAMES_SHOWN_MAX + 1];
  struct rtlane_frame frame;
  char large[200];
  size_t bytes = 0;
  const char* wrong_line;
  int i;

  CHECK(rtlane_frame_ring_create(name, 1000, 0, 0, NULL, &ring) == 0);
  CHECK(rtlane_frame_ring_create(name, 2048, 0, 0, NULL, &wrong) == -ERANGE);
  CHECK(rtlane_frame_ring_create(name, 1024, 100, 0, NULL, &wrong) == -ERANGE);
  CHECK(rtlane_frame_ring_create(name, 1024, 0, 8, NULL, &wrong) == -EPROTOTYPE && wrong == NULL);
  CHECK(rtlane_frame_ring_create(name, 1024, 256, 64, NULL, &again) == 1);
  rtlane_frame_ring_close(again);
  CHECK(rtlane_frame_ring_open(name, NULL, &again) == 0);
  CHECK(rtlane_frame_ring_capacity_bytes(again) == 1024 && rtlane_frame_ring_frame_bytes_max(again) == 256);
  CHECK(rtlane_frame_ring_frame_align(again) == 64 && rtlane_channel_handle(rtlane_frame_ring_channel(again)) != 0);
  CHECK(rtlane_frame_ring_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_frame_ring_producer_attach(again, &second) == -EBUSY && second == NULL);
  CHECK(rtlane_frame_ring_consumer_attach(again, &consumer) == 0);
  rtlane_frame_ring_close(again);
  CHECK(rtlane_frame_ring_producer_alive(consumer) == 1 && rtlane_frame_ring_consumer_alive(producer) == 1);
  wrong_line = check_stream(producer, consumer);
  if (wrong_line != NULL)
    return wrong_line;

  /* Successors on both sides: the frame that was shown comes again, the next producer's is told. */
  CHECK(rtlane_frame_ring_peek(consumer, &frame) == RTLANE_OK && frame.bytes == 200);
  CHECK(rtlane_frame_ring_redelivered(consumer) == 0 && rtlane_frame_ring_producer_changed(consumer) == 0);
  rtlane_frame_ring_consumer_detach(consumer);
  CHECK(rtlane_frame_ring_consumer_alive(producer) == 0);
  CHECK(rtlane_frame_ring_end(producer) == RTLANE_OK);
  CHECK(rtlane_frame_ring_try_push(producer, "a", 1) == RTLANE_CLOSED);
  rtlane_frame_ring_producer_detach(producer);
  CHECK(rtlane_frame_ring_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_frame_ring_producer_alive(consumer) == 0);
  CHECK(rtlane_frame_ring_try_pop(consumer, large, sizeof large, &bytes) == RTLANE_OK && bytes == 200);
  CHECK(rtlane_frame_ring_redelivered(consumer) == 1);
  while (rtlane_frame_ring_try_pop(consumer, large, sizeof large, &bytes) == RTLANE_OK)
    CHECK(rtlane_frame_ring_redelivered(consumer) == 0);
  CHECK(rtlane_frame_ring_try_pop(consumer, large, sizeof large, &bytes) == RTLANE_CLOSED);
  CHECK(rtlane_frame_ring_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_frame_ring_try_push(producer, "b", 1) == RTLANE_OK);
  CHECK(rtlane_frame_ring_try_pop(consumer, large, sizeof large, &bytes) == RTLANE_OK && is_text(large, bytes, "b"));
  CHECK(rtlane_frame_ring_producer_changed(consumer) == 1 && rtlane_frame_ring_producer_changed(consumer) == 0);
  rtlane_frame_ring_producer_detach(producer);
  rtlane_frame_ring_consumer_detach(consumer);
  rtlane_frame_ring_close(ring);

  /* More frames than one call shows. */
  CHECK(rtlane_frame_ring_in_memory(4096, 8, 8, &ring) == 0);
  CHECK(rtlane_frame_ring_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_frame_ring_consumer_attach(ring, &consumer) == 0);
  for (i = 0; i <= RTLANE_FRAMES_SHOWN_MAX; ++i)
    CHECK(rtlane_frame_ring_try_push(producer, &i, sizeof i) == RTLANE_OK);
  CHECK(rtlane_frame_ring_peek_n(consumer, many, RTLANE_FRAMES_SHOWN_MAX + 1) == RTLANE_FRAMES_SHOWN_MAX);
  CHECK(rtlane_frame_ring_release_n(consumer, RTLANE_FRAMES_SHOWN_MAX) == RTLANE_OK);
  CHECK(rtlane_frame_ring_peek_n(consumer, many, RTLANE_FRAMES_SHOWN_MAX + 1) == 1);
  CHECK(*(const int*)many[0].data == RTLANE_FRAMES_SHOWN_MAX);
  rtlane_frame_ring_producer_detach(producer);
  rtlane_frame_ring_consumer_detach(consumer);
  rtlane_frame_ring_close(ring);
  return NULL;
}

const char* c_frame_broadcast_misuse(void)
{
  rtlane_frame_broadcast* broadcast = NULL;
  rtlane_frame_broadcast_writer* writer = NULL;
  rtlane_frame_broadcast_subscriber* subscriber = NULL;
  char buffer[8];
  size_t bytes = 99;

  CHECK(rtlane_frame_broadcast_create("c", 1024, 0, NULL, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_create(NULL, 1024, 0, NULL, &broadcast) == -EINVAL);
  CHECK(rtlane_frame_broadcast_create("c", 0, 0, NULL, &broadcast) == -EINVAL && broadcast == NULL);
  CHECK(rtlane_frame_broadcast_create("c", 1024, 200, NULL, &broadcast) < 0 && broadcast == NULL);
  CHECK(rtlane_frame_broadcast_open("nothing here", NULL, &broadcast) == -ENOENT && broadcast == NULL);
  CHECK(rtlane_frame_broadcast_open("nothing here", NULL, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_in_memory(1024, 0, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_from_channel(NULL, &broadcast) == -EINVAL && broadcast == NULL);
  CHECK(rtlane_frame_broadcast_capacity_bytes(NULL) == 0 && rtlane_frame_broadcast_frame_bytes_max(NULL) == 0);
  CHECK(rtlane_frame_broadcast_channel(NULL) == NULL);
  CHECK(rtlane_frame_broadcast_writer_attach(NULL, &writer) == -EINVAL);
  CHECK(rtlane_frame_broadcast_subscriber_attach(NULL, &subscriber) == -EINVAL);
  CHECK(rtlane_frame_broadcast_subscriber_attach_oldest(NULL, &subscriber) == -EINVAL);

  CHECK(rtlane_frame_broadcast_in_memory(1024, 0, &broadcast) == 0);
  CHECK(rtlane_frame_broadcast_writer_attach(broadcast, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_subscriber_attach(broadcast, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_subscriber_attach_oldest(broadcast, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_writer_attach(broadcast, &writer) == 0);
  CHECK(rtlane_frame_broadcast_subscriber_attach(broadcast, &subscriber) == 0);
  CHECK(rtlane_frame_broadcast_publish(NULL, "a", 1) == -EINVAL);
  CHECK(rtlane_frame_broadcast_publish(writer, NULL, 1) == -EINVAL);
  CHECK(rtlane_frame_broadcast_try_next(NULL, buffer, 8, &bytes) == -EINVAL);
  CHECK(rtlane_frame_broadcast_try_next(subscriber, NULL, 8, &bytes) == -EINVAL);
  CHECK(rtlane_frame_broadcast_try_next(subscriber, buffer, 8, NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_next_until(NULL, buffer, 8, &bytes, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_broadcast_next_until(subscriber, NULL, 8, &bytes, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_broadcast_next_until(subscriber, buffer, 8, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_frame_broadcast_next_until(subscriber, buffer, 8, &bytes, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_frame_broadcast_end(NULL) == -EINVAL && rtlane_frame_broadcast_ring(NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_writer_changed(NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_subscriber_status(NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_writer_alive(NULL) == -EINVAL);
  CHECK(rtlane_frame_broadcast_lost(NULL) == 0 && rtlane_frame_broadcast_lost_total(NULL) == 0);
  CHECK(rtlane_frame_broadcast_writer_next_number(NULL) == 0);
  CHECK(rtlane_frame_broadcast_subscriber_next_number(NULL) == 0);

  /* Nothing of it was published. */
  CHECK(rtlane_frame_broadcast_try_next(subscriber, buffer, 8, &bytes) == RTLANE_EMPTY && bytes == 99);
  CHECK(rtlane_frame_broadcast_writer_next_number(writer) == 0);
  rtlane_frame_broadcast_writer_detach(writer);
  rtlane_frame_broadcast_subscriber_detach(subscriber);
  rtlane_frame_broadcast_close(broadcast);
  rtlane_frame_broadcast_writer_detach(NULL);
  rtlane_frame_broadcast_subscriber_detach(NULL);
  rtlane_frame_broadcast_close(NULL);
  return NULL;
}

const char* c_frame_broadcast_stream(const char* name)
{
  rtlane_frame_broadcast* broadcast = NULL;
  rtlane_frame_broadcast* again = NULL;
  rtlane_frame_broadcast* wrong = NULL;
  rtlane_frame_broadcast_writer* writer = NULL;
  rtlane_frame_broadcast_writer* second = NULL;
  rtlane_frame_broadcast_subscriber* now = NULL;
  rtlane_frame_broadcast_subscriber* oldest = NULL;
  struct rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  char buffer[128];
  size_t bytes = 0;
  uint64_t lost;
  int idle;
  int i;

  CHECK(rtlane_frame_broadcast_create(name, 1000, 0, NULL, &broadcast) == 0);
  CHECK(rtlane_frame_broadcast_create(name, 2048, 0, NULL, &wrong) == -ERANGE);
  CHECK(rtlane_frame_broadcast_create(name, 1024, 50, NULL, &wrong) == -ERANGE && wrong == NULL);
  CHECK(rtlane_frame_broadcast_create(name, 1024, 112, NULL, &again) == 1);
  rtlane_frame_broadcast_close(again);
  options.read_only = 1;
  CHECK(rtlane_frame_broadcast_open(name, &options, &again) == 0);
  CHECK(rtlane_frame_broadcast_capacity_bytes(again) == 1024 && rtlane_frame_broadcast_frame_bytes_max(again) == 112);
  CHECK(rtlane_channel_handle(rtlane_frame_broadcast_channel(again)) != 0);
  CHECK(rtlane_frame_broadcast_writer_attach(again, &second) == -EACCES && second == NULL);
  CHECK(rtlane_frame_broadcast_writer_attach(broadcast, &writer) == 0);
  CHECK(rtlane_frame_broadcast_writer_attach(broadcast, &second) == -EBUSY && second == NULL);
  CHECK(rtlane_frame_broadcast_publish(writer, "one", 3) == RTLANE_OK);
  CHECK(rtlane_frame_broadcast_publish(writer, NULL, 0) == RTLANE_OK);
  CHECK(rtlane_frame_broadcast_publish(writer, buffer, 113) == RTLANE_TOO_LARGE);
  CHECK(rtlane_frame_broadcast_writer_next_number(writer) == 2);
  CHECK(rtlane_frame_broadcast_subscriber_attach(again, &now) == 0);
  CHECK(rtlane_frame_broadcast_subscriber_attach_oldest(again, &oldest) == 0);
  rtlane_frame_broadcast_close(again);
  CHECK(rtlane_frame_broadcast_subscriber_next_number(now) == 2);
  CHECK(rtlane_frame_broadcast_subscriber_next_number(oldest) == 0 && rtlane_frame_broadcast_writer_alive(now) == 1);

  CHECK(rtlane_frame_broadcast_try_next(oldest, buffer, 2, &bytes) == RTLANE_TOO_SMALL && bytes == 3);
  CHECK(rtlane_frame_broadcast_subscriber_status(oldest) == RTLANE_TOO_SMALL);
  CHECK(rtlane_frame_broadcast_try_next(oldest, buffer, sizeof buffer, &bytes) == RTLANE_OK);
  CHECK(is_text(buffer, bytes, "one"));
  CHECK(rtlane_frame_broadcast_try_next(oldest, NULL, 0, &bytes) == RTLANE_OK && bytes == 0);

  /* `now` is overtaken. */
  for (i = 2; i < 80; ++i) {
    CHECK(rtlane_frame_broadcast_publish(writer, &i, sizeof i) == RTLANE_OK);
    CHECK(rtlane_frame_broadcast_try_next(oldest, buffer, sizeof buffer, &bytes) == RTLANE_OK);
    CHECK(bytes == sizeof i && memcmp(buffer, &i, sizeof i) == 0);
  }
  CHECK(rtlane_frame_broadcast_lost_total(oldest) == 0);
  CHECK(rtlane_frame_broadcast_try_next(now, buffer, sizeof buffer, &bytes) == RTLANE_LOST);
  lost = rtlane_frame_broadcast_lost(now);
  CHECK(lost > 0 && rtlane_frame_broadcast_lost_total(now) == lost);
  CHECK(rtlane_frame_broadcast_subscriber_next_number(now) == 2 + lost);
  CHECK(rtlane_frame_broadcast_try_next(now, buffer, sizeof buffer, &bytes) == RTLANE_OK);
  i = (int)(2 + lost);
  CHECK(bytes == sizeof i && memcmp(buffer, &i, sizeof i) == 0);

  for (idle = RTLANE_IDLE_SPIN; idle <= RTLANE_IDLE_PARK; ++idle) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    CHECK(rtlane_frame_broadcast_next_until(oldest, buffer, sizeof buffer, &bytes, idle, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    CHECK(rtlane_frame_broadcast_publish(writer, "wait", 4) == RTLANE_OK && rtlane_frame_broadcast_ring(writer) == 0);
    CHECK(rtlane_frame_broadcast_next_until(oldest, buffer, sizeof buffer, &bytes, idle, RTLANE_WAIT_FOREVER) ==
          RTLANE_OK);
    CHECK(is_text(buffer, bytes, "wait"));
  }
  CHECK(rtlane_frame_broadcast_end(writer) == RTLANE_OK);
  CHECK(rtlane_frame_broadcast_publish(writer, "a", 1) == RTLANE_CLOSED);
  CHECK(rtlane_frame_broadcast_try_next(oldest, buffer, sizeof buffer, &bytes) == RTLANE_CLOSED);
  CHECK(rtlane_frame_broadcast_writer_changed(oldest) == 0);
  rtlane_frame_broadcast_writer_detach(writer);
  CHECK(rtlane_frame_broadcast_writer_alive(oldest) == 0);
  CHECK(rtlane_frame_broadcast_writer_attach(broadcast, &writer) == 0);
  CHECK(rtlane_frame_broadcast_publish(writer, "two", 3) == RTLANE_OK);
  CHECK(rtlane_frame_broadcast_try_next(oldest, buffer, sizeof buffer, &bytes) == RTLANE_OK);
  CHECK(rtlane_frame_broadcast_writer_changed(oldest) == 1 && rtlane_frame_broadcast_writer_changed(oldest) == 0);
  rtlane_frame_broadcast_writer_detach(writer);
  rtlane_frame_broadcast_close(broadcast);
  rtlane_frame_broadcast_subscriber_detach(now);
  rtlane_frame_broadcast_subscriber_detach(oldest);
  return NULL;
}
