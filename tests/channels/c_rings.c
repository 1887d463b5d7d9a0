/* The C calls of the MPMC ring, and those of the SPSC ring that c_api.c does not use. Compiled as C99. */
#include <errno.h>
#include <string.h>

#include "c_channels.h"
#include "c_check.h"

static const struct rtlane_field part_fields[] = {
    RTLANE_FIELD(struct c_part, number, RTLANE_FIELD_INT, 1, ""),
    RTLANE_FIELD(struct c_part, position, RTLANE_FIELD_FLOAT, 4, "m"),
};
static const struct rtlane_type part_type = RTLANE_STRUCT_TYPE("Part", struct c_part, 4, part_fields);

static const struct rtlane_field other_fields[] = {
    RTLANE_FIELD(struct c_part, number, RTLANE_FIELD_UINT, 1, ""),
    RTLANE_FIELD(struct c_part, position, RTLANE_FIELD_FLOAT, 4, "m"),
};
static const struct rtlane_type other_type = RTLANE_STRUCT_TYPE("Part", struct c_part, 4, other_fields);

const struct rtlane_type* c_part_type(void)
{
  return &part_type;
}

const struct rtlane_type* c_other_type(void)
{
  return &other_type;
}

const char* c_waiting_misuse(void)
{
  const int64_t before = rtlane_monotonic_now_ns();
  CHECK(rtlane_deadline_after(0) == 0 && rtlane_deadline_after(-1) == 0);
  CHECK(rtlane_deadline_after(INT64_MAX) == RTLANE_WAIT_FOREVER);
  CHECK(before > 0 && rtlane_deadline_after(1000) >= before + 1000);
  CHECK(rtlane_monotonic_now_ns() >= before);
  CHECK(strcmp(rtlane_status_name(RTLANE_TOO_SMALL), "too small") == 0);
  CHECK(strcmp(rtlane_status_name(-EINVAL), "unknown") == 0);
  return NULL;
}

const char* c_spsc_waits(void)
{
  rtlane_spsc* ring = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  struct c_part part = c_part_of(1);
  int idle;

  CHECK(rtlane_spsc_in_memory(1, &part_type, &ring) == 0);
  CHECK(rtlane_spsc_producer_attach(ring, &producer) == 0 && rtlane_spsc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_spsc_push_until(NULL, &part, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_spsc_push_until(producer, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_spsc_push_until(producer, &part, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_spsc_push_until(producer, &part, -1, 0) == -EINVAL);
  CHECK(rtlane_spsc_pop_until(NULL, &part, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_spsc_pop_until(consumer, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_spsc_pop_until(consumer, &part, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_spsc_producer_ring(NULL) == -EINVAL && rtlane_spsc_consumer_ring(NULL) == -EINVAL);
  CHECK(rtlane_spsc_producer_size_estimate(producer) == 0);

  for (idle = RTLANE_IDLE_SPIN; idle <= RTLANE_IDLE_PARK; ++idle) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    const struct c_part sent = c_part_of(idle);
    CHECK(rtlane_spsc_pop_until(consumer, &part, idle, 0) == RTLANE_EMPTY);
    CHECK(rtlane_spsc_pop_until(consumer, &part, idle, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    CHECK(rtlane_spsc_push_until(producer, &sent, idle, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(rtlane_spsc_push_until(producer, &sent, idle, 0) == RTLANE_FULL);
    CHECK(rtlane_spsc_push_until(producer, &sent, idle, rtlane_deadline_after(1000)) == RTLANE_FULL);
    CHECK(rtlane_spsc_pop_until(consumer, &part, idle, RTLANE_WAIT_FOREVER) == RTLANE_OK && c_is_part(&part, idle));
  }
  CHECK(rtlane_spsc_producer_ring(producer) == 0 && rtlane_spsc_consumer_ring(consumer) == 0); /* no doorbell */
  CHECK(rtlane_spsc_end(producer) == RTLANE_OK);
  CHECK(rtlane_spsc_push_until(producer, &part, RTLANE_IDLE_SPIN, RTLANE_WAIT_FOREVER) == RTLANE_CLOSED);
  CHECK(rtlane_spsc_pop_until(consumer, &part, RTLANE_IDLE_SPIN, RTLANE_WAIT_FOREVER) == RTLANE_CLOSED);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_consumer_detach(consumer);
  rtlane_spsc_close(ring);
  return NULL;
}

const char* c_spsc_from_channel(const char* name)
{
  struct rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  rtlane_channel* channel = NULL;
  rtlane_spsc* ring = NULL;
  rtlane_mpmc* other = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  struct c_part part = c_part_of(4);

  spec.capacity = 2;
  spec.type = &part_type;
  spec.doorbell = RTLANE_DOORBELL_IF_WAITING;
  CHECK(rtlane_channel_create(name, &spec, NULL, &channel) == 0);
  CHECK(rtlane_spsc_from_channel(NULL, &ring) == -EINVAL && rtlane_spsc_from_channel(channel, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_from_channel(channel, &other) == -EPROTOTYPE && other == NULL);
  CHECK(strstr(rtlane_error_message(), "SpscRing") != NULL && strstr(rtlane_error_message(), "MpmcRing") != NULL);
  CHECK(rtlane_spsc_from_channel(channel, &ring) == 0 && rtlane_spsc_channel(ring) == channel);
  rtlane_channel_unref(channel);
  CHECK(rtlane_spsc_producer_attach(ring, &producer) == 0 && rtlane_spsc_consumer_attach(ring, &consumer) == 0);
  rtlane_spsc_close(ring);
  CHECK(rtlane_spsc_try_push(producer, &part) == RTLANE_OK && rtlane_spsc_producer_ring(producer) == 0);
  CHECK(rtlane_spsc_pop_until(consumer, &part, RTLANE_IDLE_PARK, RTLANE_WAIT_FOREVER) == RTLANE_OK);
  CHECK(c_is_part(&part, 4));
  /* It slept for a moment and said so: the next ring enters the kernel, the one after that does not. */
  CHECK(rtlane_spsc_pop_until(consumer, &part, RTLANE_IDLE_PARK, rtlane_deadline_after(1000000)) == RTLANE_EMPTY);
  CHECK(rtlane_spsc_producer_ring(producer) == 1 && rtlane_spsc_producer_ring(producer) == 0);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_consumer_detach(consumer);
  return NULL;
}

/* Whoever opens it learns the mode from it; the calls are the same. */
const char* c_mpmc_isolated(const char* name)
{
  struct rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  rtlane_channel* channel = NULL;
  rtlane_mpmc *made = NULL, *ring = NULL;
  rtlane_mpmc_producer *producer = NULL, *slow = NULL;
  rtlane_mpmc_consumer *consumer = NULL, *holder = NULL;
  struct c_part part = c_part_of(0);
  void* place = NULL;
  const void* seen = NULL;
  int i;

  spec.kind = RTLANE_CHANNEL_MPMC_RING;
  spec.capacity = 4;
  spec.mode = RTLANE_MODE_ISOLATED;
  spec.quota = 3;
  spec.participants = 4;
  spec.type = &part_type;
  CHECK(rtlane_channel_create(name, &spec, NULL, &channel) == 0);
  CHECK(rtlane_mpmc_from_channel(channel, &made) == 0);
  rtlane_channel_unref(channel);
  CHECK(rtlane_mpmc_create(name, 4, 0, &part_type, NULL, &ring) == 1);
  CHECK(rtlane_mpmc_producer_attach(made, &slow) == 0 && rtlane_mpmc_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_mpmc_consumer_attach(made, &holder) == 0 && rtlane_mpmc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_mpmc_claim(slow, &place) == RTLANE_OK); /* is in nobody's way */
  for (i = 0; i < 3; ++i) {
    part = c_part_of(i);
    CHECK(rtlane_mpmc_try_push(producer, &part) == RTLANE_OK);
  }
  CHECK(rtlane_mpmc_try_push(producer, &part) == RTLANE_FULL && rtlane_mpmc_size_estimate(ring) == 3);
  CHECK(rtlane_mpmc_peek(holder, &seen) == RTLANE_OK && c_is_part((const struct c_part*)seen, 0));
  for (i = 1; i < 3; ++i)
    CHECK(rtlane_mpmc_try_pop(consumer, &part) == RTLANE_OK && c_is_part(&part, i));
  CHECK(rtlane_mpmc_try_pop(consumer, &part) == RTLANE_EMPTY);
  CHECK(rtlane_mpmc_try_push(producer, &part) == RTLANE_OK && rtlane_mpmc_try_push(producer, &part) == RTLANE_OK);
  CHECK(rtlane_mpmc_try_push(producer, &part) == RTLANE_FULL); /* one is in the holder's hand */
  CHECK(rtlane_mpmc_release(holder) == RTLANE_OK && rtlane_mpmc_try_push(producer, &part) == RTLANE_OK);
  part = c_part_of(9);
  memcpy(place, &part, sizeof part);
  CHECK(rtlane_mpmc_publish(slow) == RTLANE_OK && rtlane_mpmc_publish(slow) == -EINVAL);
  CHECK(rtlane_mpmc_claim(slow, &place) == RTLANE_OK);
  CHECK(rtlane_mpmc_end(producer) == RTLANE_OK);
  CHECK(rtlane_mpmc_publish(slow) == RTLANE_CLOSED && rtlane_mpmc_producer_status(slow) == RTLANE_CLOSED);
  for (i = 0; i < 4; ++i)
    CHECK(rtlane_mpmc_try_pop(consumer, &part) == RTLANE_OK);
  CHECK(c_is_part(&part, 9) && rtlane_mpmc_try_pop(consumer, &part) == RTLANE_CLOSED);
  rtlane_mpmc_producer_detach(producer);
  rtlane_mpmc_producer_detach(slow);
  rtlane_mpmc_consumer_detach(consumer);
  rtlane_mpmc_consumer_detach(holder);
  rtlane_mpmc_close(made);
  rtlane_mpmc_close(ring);
  return NULL;
}

const char* c_mpmc_misuse(void)
{
  rtlane_mpmc* ring = NULL;
  rtlane_mpmc_producer* producer = NULL;
  rtlane_mpmc_consumer* consumer = NULL;
  struct c_part part = c_part_of(1);
  void* place = NULL;
  const void* seen = NULL;

  CHECK(rtlane_mpmc_create("c", 4, 0, &part_type, NULL, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_create("c", 4, 0, NULL, NULL, &ring) == -EINVAL && ring == NULL);
  CHECK(rtlane_mpmc_create(NULL, 4, 0, &part_type, NULL, &ring) == -EINVAL);
  CHECK(rtlane_mpmc_create("c", 0, 0, &part_type, NULL, &ring) == -EINVAL);
  CHECK(rtlane_mpmc_create("c", 4, 65, &part_type, NULL, &ring) < 0 && ring == NULL);
  CHECK(rtlane_mpmc_open("nothing here", NULL, NULL, &ring) == -ENOENT && ring == NULL);
  CHECK(rtlane_mpmc_open("nothing here", NULL, NULL, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_in_memory(4, 0, &part_type, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_from_channel(NULL, &ring) == -EINVAL && ring == NULL);
  CHECK(rtlane_mpmc_capacity(NULL) == 0 && rtlane_mpmc_element_bytes(NULL) == 0 && rtlane_mpmc_channel(NULL) == NULL);
  CHECK(rtlane_mpmc_size_estimate(NULL) == 0);
  CHECK(rtlane_mpmc_producer_attach(NULL, &producer) == -EINVAL);
  CHECK(rtlane_mpmc_consumer_attach(NULL, &consumer) == -EINVAL);

  CHECK(rtlane_mpmc_in_memory(4, 2, &part_type, &ring) == 0);
  CHECK(rtlane_mpmc_producer_attach(ring, NULL) == -EINVAL && rtlane_mpmc_consumer_attach(ring, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_producer_attach(ring, &producer) == 0 && rtlane_mpmc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_mpmc_try_push(NULL, &part) == -EINVAL && rtlane_mpmc_try_push(producer, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_try_pop(NULL, &part) == -EINVAL && rtlane_mpmc_try_pop(consumer, NULL) == -EINVAL);
  CHECK(rtlane_mpmc_try_push_n(NULL, &part, 1) == -EINVAL && rtlane_mpmc_try_push_n(producer, NULL, 1) == -EINVAL);
  CHECK(rtlane_mpmc_try_pop_n(NULL, &part, 1) == -EINVAL && rtlane_mpmc_try_pop_n(consumer, NULL, 1) == -EINVAL);
  CHECK(rtlane_mpmc_try_push_n(producer, NULL, 0) == 0 && rtlane_mpmc_try_pop_n(consumer, NULL, 0) == 0);
  CHECK(rtlane_mpmc_claim(producer, NULL) == -EINVAL && rtlane_mpmc_claim(NULL, &place) == -EINVAL);
  CHECK(rtlane_mpmc_peek(consumer, NULL) == -EINVAL && rtlane_mpmc_peek(NULL, &seen) == -EINVAL);
  CHECK(rtlane_mpmc_publish(producer) == -EINVAL && rtlane_mpmc_publish(NULL) == -EINVAL);
  CHECK(rtlane_mpmc_release(consumer) == -EINVAL && rtlane_mpmc_release(NULL) == -EINVAL);
  CHECK(rtlane_mpmc_end(NULL) == -EINVAL);
  CHECK(rtlane_mpmc_push_until(NULL, &part, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_mpmc_push_until(producer, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_mpmc_push_until(producer, &part, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_mpmc_pop_until(NULL, &part, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_mpmc_pop_until(consumer, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_mpmc_pop_until(consumer, &part, -1, 0) == -EINVAL);
  CHECK(rtlane_mpmc_producer_ring(NULL) == -EINVAL && rtlane_mpmc_consumer_ring(NULL) == -EINVAL);
  CHECK(rtlane_mpmc_producer_status(NULL) == -EINVAL && rtlane_mpmc_consumer_status(NULL) == -EINVAL);

  /* Nothing of it went into the ring. */
  CHECK(rtlane_mpmc_try_pop(consumer, &part) == RTLANE_EMPTY && c_is_part(&part, 1));
  rtlane_mpmc_producer_detach(producer);
  rtlane_mpmc_consumer_detach(consumer);
  rtlane_mpmc_close(ring);
  rtlane_mpmc_producer_detach(NULL);
  rtlane_mpmc_consumer_detach(NULL);
  rtlane_mpmc_close(NULL);
  return NULL;
}

const char* c_mpmc_stream(const char* name)
{
  rtlane_mpmc* ring = NULL;
  rtlane_mpmc* again = NULL;
  rtlane_mpmc* wrong = NULL;
  rtlane_mpmc_producer* producers[2] = {NULL, NULL};
  rtlane_mpmc_producer* fourth = NULL;
  rtlane_mpmc_consumer* consumers[2] = {NULL, NULL};
  struct rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  struct c_part parts[6];
  struct c_part got;
  void* place = NULL;
  const void* seen = NULL;
  int i;

  CHECK(rtlane_mpmc_create(name, 3, 4, &part_type, NULL, &ring) == 0);
  CHECK(rtlane_mpmc_create(name, 8, 4, &part_type, NULL, &wrong) == -ERANGE);
  CHECK(rtlane_mpmc_create(name, 4, 5, &part_type, NULL, &wrong) == -ERANGE && wrong == NULL);
  CHECK(rtlane_mpmc_create(name, 4, 0, &part_type, NULL, &again) == 1);
  rtlane_mpmc_close(again);
  CHECK(rtlane_mpmc_open(name, &other_type, NULL, &wrong) == -EPROTOTYPE && wrong == NULL);
  CHECK(rtlane_mpmc_open(name, NULL, NULL, &again) == 0);
  CHECK(rtlane_mpmc_capacity(again) == 4 && rtlane_mpmc_element_bytes(again) == sizeof(struct c_part));
  CHECK(rtlane_channel_handle(rtlane_mpmc_channel(again)) != 0);
  CHECK(rtlane_mpmc_producer_attach(ring, &producers[0]) == 0 &&
        rtlane_mpmc_producer_attach(again, &producers[1]) == 0);
  CHECK(rtlane_mpmc_consumer_attach(ring, &consumers[0]) == 0 &&
        rtlane_mpmc_consumer_attach(again, &consumers[1]) == 0);
  CHECK(rtlane_mpmc_producer_attach(ring, &fourth) == -EBUSY && fourth == NULL);
  options.read_only = 1;
  CHECK(rtlane_mpmc_open(name, &part_type, &options, &wrong) == 0);
  CHECK(rtlane_mpmc_consumer_attach(wrong, &consumers[0]) == -EACCES);
  rtlane_mpmc_close(wrong);

  for (i = 0; i < 20; ++i) {
    const struct c_part part = c_part_of(i);
    CHECK(rtlane_mpmc_try_push(producers[i % 2], &part) == RTLANE_OK);
    CHECK(rtlane_mpmc_size_estimate(ring) == 1);
    CHECK(rtlane_mpmc_try_pop(consumers[i / 2 % 2], &got) == RTLANE_OK && c_is_part(&got, i));
  }
  for (i = 0; i < 6; ++i)
    parts[i] = c_part_of(100 + i);
  CHECK(rtlane_mpmc_try_push_n(producers[0], parts, 6) == 4);
  CHECK(rtlane_mpmc_producer_status(producers[0]) == RTLANE_FULL);
  CHECK(rtlane_mpmc_try_push(producers[1], parts) == RTLANE_FULL);
  memset(parts, 0, sizeof parts);
  CHECK(rtlane_mpmc_try_pop_n(consumers[0], parts, 1) == 1 && rtlane_mpmc_try_pop_n(consumers[1], parts + 1, 5) == 3);
  CHECK(rtlane_mpmc_consumer_status(consumers[1]) == RTLANE_EMPTY);
  for (i = 0; i < 4; ++i)
    CHECK(c_is_part(&parts[i], 100 + i));

  CHECK(rtlane_mpmc_claim(producers[0], &place) == RTLANE_OK);
  CHECK(rtlane_mpmc_try_pop(consumers[0], &got) == RTLANE_BUSY); /* it is the next one, and not there yet */
  *(struct c_part*)place = c_part_of(7);
  CHECK(rtlane_mpmc_publish(producers[0]) == RTLANE_OK && rtlane_mpmc_publish(producers[0]) == -EINVAL);
  CHECK(rtlane_mpmc_peek(consumers[0], &seen) == RTLANE_OK && c_is_part(seen, 7));
  CHECK(rtlane_mpmc_try_pop(consumers[1], &got) == RTLANE_EMPTY); /* it is the other's */
  CHECK(rtlane_mpmc_release(consumers[0]) == RTLANE_OK && rtlane_mpmc_release(consumers[0]) == -EINVAL);

  for (i = RTLANE_IDLE_SPIN; i <= RTLANE_IDLE_PARK; ++i) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    int k;
    CHECK(rtlane_mpmc_pop_until(consumers[0], &got, i, 0) == RTLANE_EMPTY);
    CHECK(rtlane_mpmc_pop_until(consumers[0], &got, i, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    for (k = 0; k < 4; ++k)
      CHECK(rtlane_mpmc_push_until(producers[k % 2], &parts[k], i, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(rtlane_mpmc_push_until(producers[0], parts, i, 0) == RTLANE_FULL);
    CHECK(rtlane_mpmc_push_until(producers[0], parts, i, rtlane_deadline_after(1000)) == RTLANE_FULL);
    for (k = 0; k < 4; ++k)
      CHECK(rtlane_mpmc_pop_until(consumers[k % 2], &got, i, RTLANE_WAIT_FOREVER) == RTLANE_OK &&
            c_is_part(&got, 100 + k));
  }
  CHECK(rtlane_mpmc_producer_ring(producers[0]) == 0 && rtlane_mpmc_consumer_ring(consumers[0]) == 0);

  rtlane_mpmc_close(ring);
  rtlane_mpmc_close(again);
  CHECK(rtlane_mpmc_try_push(producers[0], parts) == RTLANE_OK);
  CHECK(rtlane_mpmc_end(producers[1]) == RTLANE_OK);
  CHECK(rtlane_mpmc_try_push(producers[0], parts) == RTLANE_CLOSED);
  CHECK(rtlane_mpmc_claim(producers[0], &place) == RTLANE_CLOSED);
  CHECK(rtlane_mpmc_try_pop(consumers[1], &got) == RTLANE_OK && c_is_part(&got, 100));
  CHECK(rtlane_mpmc_try_pop(consumers[0], &got) == RTLANE_CLOSED);
  CHECK(rtlane_mpmc_peek(consumers[0], &seen) == RTLANE_CLOSED);
  for (i = 0; i < 2; ++i) {
    rtlane_mpmc_producer_detach(producers[i]);
    rtlane_mpmc_consumer_detach(consumers[i]);
  }
  return NULL;
}
