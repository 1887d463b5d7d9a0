/* The C calls of the snapshot and the pinned snapshot. Compiled as C99. */
#include <errno.h>
#include <string.h>

#include "c_channels.h"
#include "c_check.h"

const char* c_snapshot_misuse(void)
{
  rtlane_snapshot* snapshot = NULL;
  rtlane_snapshot_writer* writer = NULL;
  rtlane_snapshot_reader* reader = NULL;
  struct c_part part = c_part_of(1);
  const struct rtlane_type* type = c_part_type();

  CHECK(rtlane_snapshot_create("c", 4, type, NULL, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_create("c", 4, NULL, NULL, &snapshot) == -EINVAL && snapshot == NULL);
  CHECK(rtlane_snapshot_create(NULL, 4, type, NULL, &snapshot) == -EINVAL);
  CHECK(rtlane_snapshot_create("c", 1, type, NULL, &snapshot) < 0 && snapshot == NULL);
  CHECK(rtlane_snapshot_open("nothing here", NULL, NULL, &snapshot) == -ENOENT && snapshot == NULL);
  CHECK(rtlane_snapshot_open("nothing here", NULL, NULL, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_in_memory(4, type, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_from_channel(NULL, &snapshot) == -EINVAL && snapshot == NULL);
  CHECK(rtlane_snapshot_depth(NULL) == 0 && rtlane_snapshot_value_bytes(NULL) == 0);
  CHECK(rtlane_snapshot_channel(NULL) == NULL);
  CHECK(rtlane_snapshot_writer_attach(NULL, &writer) == -EINVAL);
  CHECK(rtlane_snapshot_reader_attach(NULL, &reader) == -EINVAL);

  CHECK(rtlane_snapshot_in_memory(0, type, &snapshot) == 0 && rtlane_snapshot_depth(snapshot) == 4);
  CHECK(rtlane_snapshot_writer_attach(snapshot, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_reader_attach(snapshot, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_writer_attach(snapshot, &writer) == 0 && rtlane_snapshot_reader_attach(snapshot, &reader) == 0);
  CHECK(rtlane_snapshot_store(NULL, &part) == -EINVAL && rtlane_snapshot_store(writer, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_store_stamped(NULL, &part, 1) == -EINVAL);
  CHECK(rtlane_snapshot_store_stamped(writer, NULL, 1) == -EINVAL);
  CHECK(rtlane_snapshot_load(NULL, &part) == -EINVAL && rtlane_snapshot_load(reader, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_load_newer(NULL, &part) == -EINVAL && rtlane_snapshot_load_newer(reader, NULL) == -EINVAL);
  CHECK(rtlane_snapshot_wait_newer_until(NULL, &part, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_snapshot_wait_newer_until(reader, NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_snapshot_wait_newer_until(reader, &part, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_snapshot_end(NULL) == -EINVAL && rtlane_snapshot_ring(NULL) == -EINVAL);
  CHECK(rtlane_snapshot_newer(NULL) == -EINVAL && rtlane_snapshot_ended(NULL) == -EINVAL);
  CHECK(rtlane_snapshot_writer_alive(NULL) == -EINVAL);
  CHECK(rtlane_snapshot_writer_sequence(NULL) == 0 && rtlane_snapshot_sequence(NULL) == 0);
  CHECK(rtlane_snapshot_stamp(NULL) == 0 && rtlane_snapshot_age_ticks(NULL) == UINT64_MAX);
  CHECK(rtlane_snapshot_overtaken(NULL) == 0);

  /* Nothing of it became a value. */
  CHECK(rtlane_snapshot_load_newer(reader, &part) == RTLANE_EMPTY && c_is_part(&part, 1));
  CHECK(rtlane_snapshot_writer_sequence(writer) == 0 && rtlane_snapshot_age_ticks(reader) == UINT64_MAX);
  rtlane_snapshot_writer_detach(writer);
  rtlane_snapshot_reader_detach(reader);
  rtlane_snapshot_close(snapshot);
  rtlane_snapshot_writer_detach(NULL);
  rtlane_snapshot_reader_detach(NULL);
  rtlane_snapshot_close(NULL);
  return NULL;
}

const char* c_snapshot_values(const char* name)
{
  rtlane_snapshot* snapshot = NULL;
  rtlane_snapshot* again = NULL;
  rtlane_snapshot* wrong = NULL;
  rtlane_snapshot_writer* writer = NULL;
  rtlane_snapshot_writer* second = NULL;
  rtlane_snapshot_reader* reader = NULL;
  rtlane_snapshot_reader* other = NULL;
  struct rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  struct c_part part = c_part_of(0);
  uint64_t stamp;
  int idle;
  int i;

  CHECK(rtlane_snapshot_create(name, 3, c_part_type(), NULL, &snapshot) == 0);
  CHECK(rtlane_snapshot_create(name, 8, c_part_type(), NULL, &wrong) == -ERANGE && wrong == NULL);
  CHECK(rtlane_snapshot_create(name, 0, c_part_type(), NULL, &again) == 1);
  rtlane_snapshot_close(again);
  CHECK(rtlane_snapshot_open(name, c_other_type(), NULL, &wrong) == -EPROTOTYPE && wrong == NULL);
  options.read_only = 1;
  CHECK(rtlane_snapshot_open(name, NULL, &options, &again) == 0);
  CHECK(rtlane_snapshot_depth(again) == 4 && rtlane_snapshot_value_bytes(again) == sizeof part);
  CHECK(rtlane_channel_handle(rtlane_snapshot_channel(again)) != 0);
  CHECK(rtlane_snapshot_writer_attach(again, &second) == -EACCES && second == NULL);
  CHECK(rtlane_snapshot_writer_attach(snapshot, &writer) == 0);
  CHECK(rtlane_snapshot_writer_attach(snapshot, &second) == -EBUSY && second == NULL);
  CHECK(rtlane_snapshot_reader_attach(again, &reader) == 0 && rtlane_snapshot_reader_attach(again, &other) == 0);
  rtlane_snapshot_close(snapshot);
  rtlane_snapshot_close(again);
  CHECK(rtlane_snapshot_writer_alive(reader) == 1 && rtlane_snapshot_newer(reader) == 0);
  CHECK(rtlane_snapshot_load(reader, &part) == RTLANE_EMPTY);

  for (i = 1; i <= 10; ++i) {
    const struct c_part sent = c_part_of(i);
    CHECK(rtlane_snapshot_store(writer, &sent) == RTLANE_OK);
    CHECK(rtlane_snapshot_writer_sequence(writer) == (uint64_t)i && rtlane_snapshot_newer(reader) == 1);
    CHECK(rtlane_snapshot_load(reader, &part) == RTLANE_OK && c_is_part(&part, i));
    CHECK(rtlane_snapshot_sequence(reader) == (uint64_t)i && rtlane_snapshot_newer(reader) == 0);
    CHECK(rtlane_snapshot_stamp(reader) != 0 && rtlane_snapshot_age_ticks(reader) < UINT64_MAX);
  }
  CHECK(rtlane_snapshot_load(reader, &part) == RTLANE_OK && rtlane_snapshot_load_newer(reader, &part) == RTLANE_EMPTY);
  CHECK(rtlane_snapshot_load_newer(other, &part) == RTLANE_OK && c_is_part(&part, 10));
  stamp = (uint64_t)rtlane_monotonic_now_ns();
  part = c_part_of(11);
  CHECK(rtlane_snapshot_store_stamped(writer, &part, stamp) == RTLANE_OK);
  CHECK(rtlane_snapshot_load(reader, &part) == RTLANE_OK && rtlane_snapshot_stamp(reader) == stamp);
  CHECK(rtlane_snapshot_store_stamped(writer, &part, 0) == RTLANE_OK);
  CHECK(rtlane_snapshot_load(reader, &part) == RTLANE_OK && rtlane_snapshot_age_ticks(reader) == UINT64_MAX);
  CHECK(rtlane_snapshot_sequence(reader) == 12 && rtlane_snapshot_sequence(other) == 10);

  for (idle = RTLANE_IDLE_SPIN; idle <= RTLANE_IDLE_PARK; ++idle) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    const struct c_part sent = c_part_of(20 + idle);
    CHECK(rtlane_snapshot_wait_newer_until(reader, &part, idle, 0) == RTLANE_EMPTY);
    CHECK(rtlane_snapshot_wait_newer_until(reader, &part, idle, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    CHECK(rtlane_snapshot_store(writer, &sent) == RTLANE_OK && rtlane_snapshot_ring(writer) == 0);
    CHECK(rtlane_snapshot_wait_newer_until(reader, &part, idle, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(c_is_part(&part, 20 + idle));
  }
  CHECK(rtlane_snapshot_overtaken(reader) == 0 && rtlane_snapshot_ended(reader) == 0);

  CHECK(rtlane_snapshot_end(writer) == RTLANE_OK && rtlane_snapshot_store(writer, &part) == RTLANE_CLOSED);
  CHECK(rtlane_snapshot_ended(reader) == 1 && rtlane_snapshot_ended(other) == 0);
  CHECK(rtlane_snapshot_wait_newer_until(reader, &part, RTLANE_IDLE_YIELD, RTLANE_WAIT_FOREVER) == RTLANE_CLOSED);
  CHECK(rtlane_snapshot_load(reader, &part) == RTLANE_OK && c_is_part(&part, 20 + RTLANE_IDLE_PARK));
  rtlane_snapshot_writer_detach(writer);
  CHECK(rtlane_snapshot_writer_alive(reader) == 0);
  rtlane_snapshot_reader_detach(reader);
  rtlane_snapshot_reader_detach(other);
  return NULL;
}

const char* c_pinned_misuse(void)
{
  rtlane_pinned* snapshot = NULL;
  rtlane_pinned_writer* writer = NULL;
  rtlane_pinned_reader* reader = NULL;
  struct c_part part = c_part_of(1);
  void* place = NULL;
  const void* seen = NULL;
  const struct rtlane_type* type = c_part_type();

  CHECK(rtlane_pinned_create("c", 2, type, NULL, NULL) == -EINVAL);
  CHECK(rtlane_pinned_create("c", 2, NULL, NULL, &snapshot) == -EINVAL && snapshot == NULL);
  CHECK(rtlane_pinned_create(NULL, 2, type, NULL, &snapshot) == -EINVAL);
  CHECK(rtlane_pinned_create("c", 32, type, NULL, &snapshot) < 0 && snapshot == NULL);
  CHECK(rtlane_pinned_open("nothing here", NULL, NULL, &snapshot) == -ENOENT && snapshot == NULL);
  CHECK(rtlane_pinned_open("nothing here", NULL, NULL, NULL) == -EINVAL);
  CHECK(rtlane_pinned_in_memory(2, type, NULL) == -EINVAL);
  CHECK(rtlane_pinned_from_channel(NULL, &snapshot) == -EINVAL && snapshot == NULL);
  CHECK(rtlane_pinned_readers_max(NULL) == 0 && rtlane_pinned_value_bytes(NULL) == 0);
  CHECK(rtlane_pinned_channel(NULL) == NULL);
  CHECK(rtlane_pinned_writer_attach(NULL, &writer) == -EINVAL && rtlane_pinned_reader_attach(NULL, &reader) == -EINVAL);

  CHECK(rtlane_pinned_in_memory(2, type, &snapshot) == 0);
  CHECK(rtlane_pinned_writer_attach(snapshot, NULL) == -EINVAL);
  CHECK(rtlane_pinned_reader_attach(snapshot, NULL) == -EINVAL);
  CHECK(rtlane_pinned_writer_attach(snapshot, &writer) == 0 && rtlane_pinned_reader_attach(snapshot, &reader) == 0);
  CHECK(rtlane_pinned_store(NULL, &part) == -EINVAL && rtlane_pinned_store(writer, NULL) == -EINVAL);
  CHECK(rtlane_pinned_claim(NULL, &place) == -EINVAL && rtlane_pinned_claim(writer, NULL) == -EINVAL);
  CHECK(rtlane_pinned_publish(NULL) == -EINVAL && rtlane_pinned_publish(writer) == -EINVAL);
  CHECK(rtlane_pinned_load(NULL, &part) == -EINVAL && rtlane_pinned_load(reader, NULL) == -EINVAL);
  CHECK(rtlane_pinned_load_newer(NULL, &part) == -EINVAL && rtlane_pinned_load_newer(reader, NULL) == -EINVAL);
  CHECK(rtlane_pinned_ref(NULL, &seen) == -EINVAL && rtlane_pinned_ref(reader, NULL) == -EINVAL);
  CHECK(rtlane_pinned_unref(NULL, &part) == -EINVAL && rtlane_pinned_unref(reader, NULL) == -EINVAL);
  CHECK(rtlane_pinned_unref(reader, &part) == -EINVAL);
  CHECK(rtlane_pinned_has_newer(NULL) == -EINVAL);
  CHECK(rtlane_pinned_wait_newer_until(NULL, RTLANE_IDLE_SPIN, 0) == -EINVAL);
  CHECK(rtlane_pinned_wait_newer_until(reader, RTLANE_IDLE_PARK + 1, 0) == -EINVAL);
  CHECK(rtlane_pinned_end(NULL) == -EINVAL && rtlane_pinned_ring(NULL) == -EINVAL);
  CHECK(rtlane_pinned_writer_alive(NULL) == -EINVAL);
  CHECK(rtlane_pinned_writer_sequence(NULL) == 0 && rtlane_pinned_sequence(NULL) == 0);
  CHECK(rtlane_pinned_stamp_ticks(NULL) == 0);

  /* Nothing of it became a value. */
  CHECK(rtlane_pinned_load(reader, &part) == RTLANE_EMPTY && c_is_part(&part, 1));
  CHECK(rtlane_pinned_ref(reader, &seen) == RTLANE_EMPTY && seen == NULL);
  CHECK(rtlane_pinned_writer_sequence(writer) == 0);
  rtlane_pinned_writer_detach(writer);
  rtlane_pinned_reader_detach(reader);
  rtlane_pinned_close(snapshot);
  rtlane_pinned_writer_detach(NULL);
  rtlane_pinned_reader_detach(NULL);
  rtlane_pinned_close(NULL);
  return NULL;
}

const char* c_pinned_values(const char* name)
{
  rtlane_pinned* snapshot = NULL;
  rtlane_pinned* again = NULL;
  rtlane_pinned* wrong = NULL;
  rtlane_pinned_writer* writer = NULL;
  rtlane_pinned_writer* second = NULL;
  rtlane_pinned_reader* readers[2] = {NULL, NULL};
  rtlane_pinned_reader* third = NULL;
  struct c_part part = c_part_of(0);
  void* place = NULL;
  const void* first = NULL;
  const void* same = NULL;
  const void* next = NULL;
  int idle;
  int i;

  CHECK(rtlane_pinned_create(name, 2, c_part_type(), NULL, &snapshot) == 0);
  CHECK(rtlane_pinned_create(name, 3, c_part_type(), NULL, &wrong) == -ERANGE && wrong == NULL);
  CHECK(rtlane_pinned_create(name, 0, c_part_type(), NULL, &again) == 1);
  rtlane_pinned_close(again);
  CHECK(rtlane_pinned_open(name, c_other_type(), NULL, &wrong) == -EPROTOTYPE && wrong == NULL);
  CHECK(rtlane_pinned_open(name, NULL, NULL, &again) == 0);
  CHECK(rtlane_pinned_readers_max(again) == 2 && rtlane_pinned_value_bytes(again) == sizeof part);
  CHECK(rtlane_channel_handle(rtlane_pinned_channel(again)) != 0);
  CHECK(rtlane_pinned_writer_attach(snapshot, &writer) == 0);
  CHECK(rtlane_pinned_writer_attach(again, &second) == -EBUSY && second == NULL);
  CHECK(rtlane_pinned_reader_attach(again, &readers[0]) == 0 &&
        rtlane_pinned_reader_attach(snapshot, &readers[1]) == 0);
  CHECK(rtlane_pinned_reader_attach(again, &third) == -EBUSY && third == NULL);
  rtlane_pinned_close(snapshot);
  rtlane_pinned_close(again);
  CHECK(rtlane_pinned_writer_alive(readers[0]) == 1);
  CHECK(rtlane_pinned_has_newer(readers[0]) == RTLANE_EMPTY);

  for (i = 1; i <= 10; ++i) {
    const struct c_part sent = c_part_of(i);
    CHECK(rtlane_pinned_store(writer, &sent) == RTLANE_OK && rtlane_pinned_writer_sequence(writer) == (uint64_t)i);
    CHECK(rtlane_pinned_has_newer(readers[0]) == RTLANE_OK);
    CHECK(rtlane_pinned_load(readers[0], &part) == RTLANE_OK && c_is_part(&part, i));
    CHECK(rtlane_pinned_sequence(readers[0]) == (uint64_t)i && rtlane_pinned_stamp_ticks(readers[0]) != 0);
    CHECK(rtlane_pinned_load_newer(readers[0], &part) == RTLANE_EMPTY);
  }
  CHECK(rtlane_pinned_load_newer(readers[1], &part) == RTLANE_OK && c_is_part(&part, 10));

  /* Two references, of one value and then of another; whatever is stored meanwhile does not touch them. */
  CHECK(rtlane_pinned_ref(readers[0], &first) == RTLANE_OK && rtlane_pinned_ref(readers[0], &same) == RTLANE_OK);
  CHECK(first == same && c_is_part(first, 10));
  CHECK(rtlane_pinned_ref(readers[0], &next) == RTLANE_BUSY && next == NULL);
  CHECK(rtlane_pinned_load(readers[0], &part) == RTLANE_BUSY);
  CHECK(rtlane_pinned_unref(readers[0], &part) == -EINVAL && rtlane_pinned_unref(readers[1], first) == -EINVAL);
  CHECK(rtlane_pinned_unref(readers[0], same) == RTLANE_OK);
  CHECK(rtlane_pinned_claim(writer, &place) == RTLANE_OK && place != first);
  *(struct c_part*)place = c_part_of(11);
  CHECK(rtlane_pinned_publish(writer) == RTLANE_OK && rtlane_pinned_publish(writer) == -EINVAL);
  CHECK(rtlane_pinned_ref(readers[0], &next) == RTLANE_OK && c_is_part(next, 11));
  CHECK(rtlane_pinned_sequence(readers[0]) == 11);
  for (i = 12; i < 40; ++i) {
    const struct c_part sent = c_part_of(i);
    CHECK(rtlane_pinned_store(writer, &sent) == RTLANE_OK);
    CHECK(c_is_part(first, 10) && c_is_part(next, 11));
  }
  CHECK(rtlane_pinned_unref(readers[0], first) == RTLANE_OK && rtlane_pinned_unref(readers[0], first) == -EINVAL);
  CHECK(rtlane_pinned_load(readers[0], &part) == RTLANE_OK && c_is_part(&part, 39));
  CHECK(rtlane_pinned_unref(readers[0], next) == RTLANE_OK && rtlane_pinned_unref(readers[0], next) == -EINVAL);

  for (idle = RTLANE_IDLE_SPIN; idle <= RTLANE_IDLE_PARK; ++idle) {
    const int64_t deadline_ns = rtlane_deadline_after(1000000);
    const struct c_part sent = c_part_of(50 + idle);
    CHECK(rtlane_pinned_wait_newer_until(readers[0], idle, deadline_ns) == RTLANE_EMPTY);
    CHECK(rtlane_monotonic_now_ns() >= deadline_ns);
    CHECK(rtlane_pinned_store(writer, &sent) == RTLANE_OK && rtlane_pinned_ring(writer) == 0);
    CHECK(rtlane_pinned_wait_newer_until(readers[0], idle, RTLANE_WAIT_FOREVER) == RTLANE_OK);
    CHECK(rtlane_pinned_load(readers[0], &part) == RTLANE_OK && c_is_part(&part, 50 + idle));
  }
  CHECK(rtlane_pinned_end(writer) == RTLANE_OK && rtlane_pinned_store(writer, &part) == RTLANE_CLOSED);
  CHECK(rtlane_pinned_claim(writer, &place) == RTLANE_CLOSED);
  CHECK(rtlane_pinned_wait_newer_until(readers[0], RTLANE_IDLE_SPIN, RTLANE_WAIT_FOREVER) == RTLANE_CLOSED);
  CHECK(rtlane_pinned_load(readers[0], &part) == RTLANE_OK);

  /* A reader that detaches with references gives its entry back. */
  CHECK(rtlane_pinned_ref(readers[0], &first) == RTLANE_OK);
  rtlane_pinned_reader_detach(readers[0]);
  rtlane_pinned_writer_detach(writer);
  CHECK(rtlane_pinned_writer_alive(readers[1]) == 0);
  CHECK(rtlane_pinned_load(readers[1], &part) == RTLANE_OK && c_is_part(&part, 50 + RTLANE_IDLE_PARK));
  rtlane_pinned_reader_detach(readers[1]);
  return NULL;
}
