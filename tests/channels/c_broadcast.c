/* The C calls of the broadcast. Compiled as C99. */
#include <errno.h>
#include <string.h>

#include "c_channels.h"
#include "c_check.h"

const char* c_broadcast_misuse(void)
{
  rtlane_broadcast* broadcast = NULL;
  rtlane_broadcast_writer* writer = NULL;
  rtlane_broadcast_subscriber* subscriber = NULL;
  struct c_part part = c_part_of(1);
  const struct rtlane_type* type = c_part_type();

  CHECK(rtlane_broadcast_create("c", 4, type, NULL, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_create("c", 4, NULL, NULL, &broadcast) == -EINVAL && broadcast == NULL);
  CHECK(rtlane_broadcast_create(NULL, 4, type, NULL, &broadcast) == -EINVAL);
  CHECK(rtlane_broadcast_create("c", 1, type, NULL, &broadcast) < 0 && broadcast == NULL);
  CHECK(rtlane_broadcast_open("nothing here", NULL, NULL, &broadcast) == -ENOENT && broadcast == NULL);
  CHECK(rtlane_broadcast_open("nothing here", NULL, NULL, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_in_memory(4, type, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_from_channel(NULL, &broadcast) == -EINVAL && broadcast == NULL);
  CHECK(rtlane_broadcast_depth(NULL) == 0 && rtlane_broadcast_element_bytes(NULL) == 0);
  CHECK(rtlane_broadcast_channel(NULL) == NULL);
  CHECK(rtlane_broadcast_writer_attach(NULL, &writer) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach(NULL, &subscriber) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach_oldest(NULL, &subscriber) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach_at(NULL, 0, &subscriber) == -EINVAL);

  CHECK(rtlane_broadcast_in_memory(4, type, &broadcast) == 0);
  CHECK(rtlane_broadcast_writer_attach(broadcast, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach(broadcast, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach_oldest(broadcast, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach_at(broadcast, 0, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_subscriber_attach_at(broadcast, 5, &subscriber) == -ERANGE && subscriber == NULL);
  CHECK(strstr(rtlane_error_message(), "number 5") != NULL);
  CHECK(rtlane_broadcast_writer_attach(broadcast, &writer) == 0);
  CHECK(rtlane_broadcast_subscriber_attach(broadcast, &subscriber) == 0);
  CHECK(rtlane_broadcast_publish(NULL, &part) == -EINVAL && rtlane_broadcast_publish(writer, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_publish_n(NULL, &part, 1) == -EINVAL &&
        rtlane_broadcast_publish_n(writer, NULL, 1) == -EINVAL);
  CHECK(rtlane_broadcast_publish_n(writer, NULL, 0) == RTLANE_OK);
  CHECK(rtlane_broadcast_try_next(NULL, &part) == -EINVAL && rtlane_broadcast_try_next(subscriber, NULL) == -EINVAL);
  CHECK(rtlane_broadcast_try_next_n(NULL, &part, 1) == -EINVAL);
  CHECK(rtlane_broadcast_try_next_n(subscriber, NULL, 1) == -EINVAL);
  CHECK(rtlane_broadcast_try_next_n(subscriber, NULL, 0) == 0);
  CHECK(rtlane_broadcast_next_until(NULL, &part, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_broadcast_next_until(subscriber, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_broadcast_next_until(subscriber, &part, -1, 0) == -EINVAL);
  CHECK(rtlane_broadcast_end(NULL) == -EINVAL && rtlane_broadcast_ring(NULL) == -EINVAL);
  CHECK(rtlane_broadcast_writer_changed(NULL) == -EINVAL && rtlane_broadcast_subscriber_status(NULL) == -EINVAL);
  CHECK(rtlane_broadcast_writer_alive(NULL) == -EINVAL);
  CHECK(rtlane_broadcast_lost(NULL) == 0 && rtlane_broadcast_lost_total(NULL) == 0);
  CHECK(rtlane_broadcast_writer_next_number(NULL) == 0 && rtlane_broadcast_subscriber_next_number(NULL) == 0);

  /* Nothing of it was published. */
  CHECK(rtlane_broadcast_try_next(subscriber, &part) == RTLANE_EMPTY);
  CHECK(rtlane_broadcast_writer_next_number(writer) == 0);
  rtlane_broadcast_writer_detach(writer);
  rtlane_broadcast_subscriber_detach(subscriber);
  rtlane_broadcast_close(broadcast);
  rtlane_broadcast_writer_detach(NULL);
  rtlane_broadcast_subscriber_detach(NULL);
  rtlane_broadcast_close(NULL);
  return NULL;
}

const char* c_broadcast_stream(const char* name)
{
  rtlane_broadcast* broadcast = NULL;
  rtlane_broadcast* again = NULL;
  rtlane_broadcast* wrong = NULL;
  rtlane_broadcast_writer* writer = NULL;
  rtlane_broadcast_writer* second = NULL;
  rtlane_broadcast_subscriber* now = NULL;
  rtlane_broadcast_subscriber* oldest = NULL;
  rtlane_broadcast_subscriber* at = NULL;
  struct rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  struct c_part parts[8];
  struct c_part part;
  uint64_t lost;
  int idle;
  int i;

  CHECK(rtlane_broadcast_create(name, 7, c_part_type(), NULL, &broadcast) == 0);
  CHECK(rtlane_broadcast_create(name, 16, c_part_type(), NULL, &wrong) == -ERANGE && wrong == NULL);
  CHECK(rtlane_broadcast_create(name, 8, c_part_type(), NULL, &again) == 1);
  rtlane_broadcast_close(again);
  CHECK(rtlane_broadcast_open(name, c_other_type(), NULL, &wrong) == -EPROTOTYPE && wrong == NULL);
  options.read_only = 1;
  CHECK(rtlane_broadcast_open(name, NULL, &options, &again) == 0);
  CHECK(rtlane_broadcast_depth(again) == 8 && rtlane_broadcast_element_bytes(again) == sizeof part);
  CHECK(rtlane_channel_handle(rtlane_broadcast_channel(again)) != 0);
  CHECK(rtlane_broadcast_writer_attach(again, &second) == -EACCES && second == NULL);
  CHECK(rtlane_broadcast_writer_attach(broadcast, &writer) == 0);
  CHECK(rtlane_broadcast_writer_attach(broadcast, &second) == -EBUSY && second == NULL);

  for (i = 0; i < 8; ++i)
    parts[i] = c_part_of(i);
  CHECK(rtlane_broadcast_publish(writer, &parts[0]) == RTLANE_OK);
  CHECK(rtlane_broadcast_publish_n(writer, parts + 1, 4) == RTLANE_OK);
  CHECK(rtlane_broadcast_writer_next_number(writer) == 5);
  CHECK(rtlane_broadcast_subscriber_attach(again, &now) == 0);
  CHECK(rtlane_broadcast_subscriber_attach_oldest(again, &oldest) == 0);
  CHECK(rtlane_broadcast_subscriber_attach_at(again, 3, &at) == 0);
  CHECK(rtlane_broadcast_subscriber_next_number(now) == 5 && rtlane_broadcast_subscriber_next_number(oldest) == 0);
  CHECK(rtlane_broadcast_subscriber_next_number(at) == 3 && rtlane_broadcast_writer_alive(at) == 1);
  rtlane_broadcast_close(again);

  CHECK(rtlane_broadcast_try_next(now, &part) == RTLANE_EMPTY);
  CHECK(rtlane_broadcast_subscriber_status(now) == RTLANE_EMPTY);
  CHECK(rtlane_broadcast_try_next(oldest, &part) == RTLANE_OK && c_is_part(&part, 0));
  memset(parts, 0, sizeof parts);
  CHECK(rtlane_broadcast_try_next_n(oldest, parts, 8) == 4 && c_is_part(&parts[0], 1) && c_is_part(&parts[3], 4));
  CHECK(rtlane_broadcast_try_next_n(oldest, parts, 8) == 0);
  CHECK(rtlane_broadcast_try_next(at, &part) == RTLANE_OK && c_is_part(&part, 3));

  /* `now` and `at` are overtaken: 5 and 4 are gone, and some behind them. */
  for (i = 5; i < 30; ++i) {
    const struct c_part sent = c_part_of(i);
    CHECK(rtlane_broadcast_publish(writer, &sent) == RTLANE_OK);
    CHECK(rtlane_broadcast_try_next(oldest, &part) == RTLANE_OK && c_is_part(&part, i));
  }
  CHECK(rtlane_broadcast_lost_total(oldest) == 0);
  CHECK(rtlane_broadcast_try_next(now, &part) == RTLANE_LOST);
  lost = rtlane_broadcast_lost(now);
  CHECK(lost > 0 && rtlane_broadcast_subscriber_next_number(now) == 5 + lost);
  CHECK(rtlane_broadcast_try_next(now, &part) == RTLANE_OK && c_is_part(&part, (int32_t)(5 + lost)));
  CHECK(rtlane_broadcast_lost_total(now) == lost);
  CHECK(rtlane_broadcast_try_next_n(at, parts, 8) == 0 && rtlane_broadcast_subscriber_status(at) == RTLANE_LOST);
  CHECK(rtlane_broadcast_lost(at) == lost + 1);
  CHECK(rtlane_broadcast_writer_changed(oldest) == 0);

  for (idle = RTLANE_IDLE_SPIN; idle <= RTLANE_IDLE_PARK; ++idle) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    const struct c_part sent = c_part_of(50 + idle);
    CHECK(rtlane_broadcast_next_until(oldest, &part, idle, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    CHECK(rtlane_broadcast_publish(writer, &sent) == RTLANE_OK && rtlane_broadcast_ring(writer) == 0);
    CHECK(rtlane_broadcast_next_until(oldest, &part, idle, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(c_is_part(&part, 50 + idle));
  }
  CHECK(rtlane_broadcast_end(writer) == RTLANE_OK && rtlane_broadcast_publish(writer, &part) == RTLANE_CLOSED);
  CHECK(rtlane_broadcast_publish_n(writer, parts, 2) == RTLANE_CLOSED);
  CHECK(rtlane_broadcast_next_until(oldest, &part, RTLANE_IDLE_SPIN, RTLANE_WAIT_FOREVER) == RTLANE_CLOSED);
  rtlane_broadcast_writer_detach(writer);
  CHECK(rtlane_broadcast_writer_alive(oldest) == 0);

  /* The next writer continues the numbers, and is told as another one. */
  CHECK(rtlane_broadcast_writer_attach(broadcast, &writer) == 0);
  CHECK(rtlane_broadcast_writer_next_number(writer) == rtlane_broadcast_subscriber_next_number(oldest));
  CHECK(rtlane_broadcast_publish(writer, &part) == RTLANE_OK);
  CHECK(rtlane_broadcast_try_next(oldest, &part) == RTLANE_OK);
  CHECK(rtlane_broadcast_writer_changed(oldest) == 1 && rtlane_broadcast_writer_changed(oldest) == 0);
  rtlane_broadcast_writer_detach(writer);
  rtlane_broadcast_close(broadcast);
  rtlane_broadcast_subscriber_detach(now);
  rtlane_broadcast_subscriber_detach(oldest);
  rtlane_broadcast_subscriber_detach(at);
  return NULL;
}
