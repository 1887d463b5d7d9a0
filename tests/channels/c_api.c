/* The C API, compiled as C99. Each check names the line that failed. */
#include "c_api.h"

#include <errno.h>
#include <rtlane/channels/channels.h>
#include <string.h>

#include "c_check.h"

enum mode { mode_idle = 0, mode_run = 3 };

struct point {
  float x;
  float y;
};

struct imu {
  int64_t t_ns;
  float gyro[3];
  uint32_t mode;
  char name[8];
  struct point corners[2];
};

static const struct rtlane_field point_fields[] = {
    RTLANE_FIELD(struct point, x, RTLANE_FIELD_FLOAT, 1, "m"),
    RTLANE_FIELD(struct point, y, RTLANE_FIELD_FLOAT, 1, ""),
};
static const struct rtlane_type point_type = RTLANE_STRUCT_TYPE("Point", struct point, 4, point_fields);

static const struct rtlane_enumerator mode_names[] = {{"idle", mode_idle}, {"run", mode_run}};

static const struct rtlane_field imu_fields[] = {
    RTLANE_FIELD(struct imu, t_ns, RTLANE_FIELD_INT, 1, "ns"),
    RTLANE_FIELD(struct imu, gyro, RTLANE_FIELD_FLOAT, 3, "deg/s"),
    RTLANE_FIELD_NAMED(struct imu, mode, RTLANE_FIELD_ENUM_UINT, mode_names),
    RTLANE_FIELD_CHARS(struct imu, name),
    RTLANE_FIELD_OF(struct imu, corners, 2, &point_type),
};
static const struct rtlane_type imu_type = RTLANE_STRUCT_TYPE("Imu", struct imu, 8, imu_fields);

const struct rtlane_type* c_imu_type(void)
{
  return &imu_type;
}

static struct imu sample(int64_t number)
{
  struct imu made;
  memset(&made, 0, sizeof made);
  made.t_ns = number;
  made.gyro[1] = 0.5f;
  made.mode = mode_run;
  strcpy(made.name, "left");
  return made;
}

const char* c_misuse(void)
{
  rtlane_spsc* ring = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  struct imu element = sample(1);
  void* place = &element;
  const void* seen = NULL;

  CHECK(rtlane_spsc_create("c", 4, &imu_type, NULL, NULL) == -EINVAL);
  CHECK(rtlane_spsc_create("c", 4, NULL, NULL, &ring) == -EINVAL && ring == NULL);
  CHECK(strstr(rtlane_error_message(), "without a type") != NULL);
  CHECK(rtlane_spsc_create(NULL, 4, &imu_type, NULL, &ring) == -EINVAL);
  CHECK(rtlane_spsc_create("c", 0, &imu_type, NULL, &ring) == -EINVAL);
  CHECK(rtlane_spsc_open("nothing here", NULL, NULL, &ring) == -ENOENT && ring == NULL);
  CHECK(rtlane_spsc_in_memory(4, &imu_type, NULL) == -EINVAL);
  CHECK(rtlane_spsc_producer_attach(NULL, &producer) == -EINVAL);
  CHECK(rtlane_spsc_capacity(NULL) == 0 && rtlane_spsc_element_bytes(NULL) == 0 && rtlane_spsc_channel(NULL) == NULL);

  CHECK(rtlane_spsc_in_memory(4, &imu_type, &ring) == 0);
  CHECK(rtlane_spsc_producer_attach(ring, NULL) == -EINVAL);
  CHECK(rtlane_spsc_consumer_attach(ring, NULL) == -EINVAL);
  CHECK(rtlane_spsc_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_spsc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_spsc_try_push(NULL, &element) == -EINVAL && rtlane_spsc_try_push(producer, NULL) == -EINVAL);
  CHECK(rtlane_spsc_try_pop(NULL, &element) == -EINVAL && rtlane_spsc_try_pop(consumer, NULL) == -EINVAL);
  CHECK(rtlane_spsc_try_push_n(producer, NULL, 1) == -EINVAL && rtlane_spsc_try_push_n(producer, NULL, 0) == 0);
  CHECK(rtlane_spsc_try_pop_n(consumer, NULL, 1) == -EINVAL && rtlane_spsc_try_pop_n(consumer, NULL, 0) == 0);
  CHECK(rtlane_spsc_claim(producer, NULL) == -EINVAL && rtlane_spsc_claim(NULL, &place) == -EINVAL);
  CHECK(rtlane_spsc_peek(consumer, NULL) == -EINVAL && rtlane_spsc_peek(NULL, &seen) == -EINVAL);
  CHECK(rtlane_spsc_publish(producer) == -EINVAL && rtlane_spsc_publish(NULL) == -EINVAL);
  CHECK(rtlane_spsc_release(consumer) == -EINVAL && rtlane_spsc_release(NULL) == -EINVAL);
  CHECK(rtlane_spsc_end(NULL) == -EINVAL && rtlane_spsc_producer_changed(NULL) == -EINVAL);
  CHECK(rtlane_spsc_producer_status(NULL) == -EINVAL && rtlane_spsc_consumer_status(NULL) == -EINVAL);
  CHECK(rtlane_spsc_producer_alive(NULL) == -EINVAL && rtlane_spsc_consumer_alive(NULL) == -EINVAL);
  CHECK(rtlane_spsc_redelivered(NULL) == -EINVAL);
  CHECK(rtlane_spsc_producer_size_estimate(NULL) == 0 && rtlane_spsc_consumer_size_estimate(NULL) == 0);

  /* Nothing of it went into the ring. */
  CHECK(rtlane_spsc_try_pop(consumer, &element) == RTLANE_EMPTY && element.t_ns == 1);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_consumer_detach(consumer);
  rtlane_spsc_close(ring);
  rtlane_spsc_producer_detach(NULL);
  rtlane_spsc_consumer_detach(NULL);
  rtlane_spsc_close(NULL);
  return NULL;
}

const char* c_stream(const char* name)
{
  rtlane_spsc* ring = NULL;
  rtlane_spsc* again = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_producer* second = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  struct imu batch[6];
  struct imu got;
  void* place = NULL;
  const void* seen = NULL;
  int64_t i;

  CHECK(rtlane_spsc_create(name, 3, &imu_type, NULL, &ring) == 0);
  CHECK(rtlane_spsc_create(name, 4, &imu_type, NULL, &again) == 1);
  CHECK(rtlane_spsc_capacity(again) == 4 && rtlane_spsc_element_bytes(again) == sizeof(struct imu));
  CHECK(rtlane_spsc_producer_attach(ring, &producer) == 0);
  CHECK(rtlane_spsc_producer_attach(again, &second) == -EBUSY && second == NULL);
  CHECK(rtlane_spsc_consumer_attach(again, &consumer) == 0);
  rtlane_spsc_close(ring);
  rtlane_spsc_close(again);
  CHECK(rtlane_spsc_producer_alive(consumer) == 1 && rtlane_spsc_consumer_alive(producer) == 1);

  for (i = 0; i < 20; ++i) {
    const struct imu one = sample(i);
    CHECK(rtlane_spsc_try_push(producer, &one) == RTLANE_OK);
    CHECK(rtlane_spsc_try_pop(consumer, &got) == RTLANE_OK);
    CHECK(got.t_ns == i && got.gyro[1] == 0.5f && strcmp(got.name, "left") == 0);
  }
  for (i = 0; i < 6; ++i)
    batch[i] = sample(100 + i);
  CHECK(rtlane_spsc_try_push_n(producer, batch, 6) == 4 && rtlane_spsc_producer_status(producer) == RTLANE_FULL);
  CHECK(rtlane_spsc_try_push(producer, batch) == RTLANE_FULL);
  CHECK(rtlane_spsc_producer_size_estimate(producer) == 4 && rtlane_spsc_consumer_size_estimate(consumer) == 4);
  memset(batch, 0, sizeof batch);
  CHECK(rtlane_spsc_try_pop_n(consumer, batch, 6) == 4 && batch[3].t_ns == 103);
  CHECK(rtlane_spsc_try_pop_n(consumer, batch, 6) == 0 && rtlane_spsc_consumer_status(consumer) == RTLANE_EMPTY);

  CHECK(rtlane_spsc_claim(producer, &place) == RTLANE_OK);
  *(struct imu*)place = sample(7);
  CHECK(rtlane_spsc_publish(producer) == RTLANE_OK && rtlane_spsc_publish(producer) == -EINVAL);
  CHECK(rtlane_spsc_peek(consumer, &seen) == RTLANE_OK && ((const struct imu*)seen)->t_ns == 7);
  CHECK(rtlane_spsc_release(consumer) == RTLANE_OK && rtlane_spsc_release(consumer) == -EINVAL);
  CHECK(rtlane_spsc_producer_changed(consumer) == 0 && rtlane_spsc_redelivered(consumer) == 0);

  CHECK(rtlane_spsc_end(producer) == RTLANE_OK);
  CHECK(rtlane_spsc_try_pop(consumer, &got) == RTLANE_CLOSED && rtlane_spsc_try_push(producer, &got) == RTLANE_CLOSED);
  CHECK(rtlane_spsc_claim(producer, &place) == RTLANE_CLOSED);
  CHECK(strcmp(rtlane_status_name(RTLANE_CLOSED), "closed") == 0 && strcmp(rtlane_status_name(99), "unknown") == 0);
  rtlane_spsc_producer_detach(producer);
  CHECK(rtlane_spsc_producer_alive(consumer) == 0);
  rtlane_spsc_consumer_detach(consumer);
  return NULL;
}

const char* c_open(const char* name)
{
  rtlane_spsc* ring = NULL;
  rtlane_spsc* typed = NULL;
  rtlane_spsc* any = NULL;
  rtlane_spsc* monitor = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  struct rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  const struct imu one = sample(7);
  struct imu got;

  CHECK(rtlane_spsc_create(name, 4, &imu_type, NULL, &ring) == 0);
  CHECK(rtlane_spsc_open(name, &point_type, NULL, &typed) == -EPROTOTYPE && typed == NULL);
  CHECK(strstr(rtlane_error_message(), "\"t_ns\"") != NULL);
  CHECK(rtlane_spsc_open(name, &imu_type, NULL, &typed) == 0 && rtlane_spsc_capacity(typed) == 4);
  CHECK(rtlane_spsc_open(name, NULL, NULL, &any) == 0 && rtlane_spsc_element_bytes(any) == sizeof(struct imu));
  CHECK(rtlane_spsc_producer_attach(typed, &producer) == 0);
  CHECK(rtlane_spsc_consumer_attach(any, &consumer) == 0);
  CHECK(rtlane_spsc_try_push(producer, &one) == RTLANE_OK);

  options.read_only = 1;
  CHECK(rtlane_spsc_open(name, &imu_type, &options, &monitor) == 0);
  CHECK(rtlane_spsc_producer_attach(monitor, &producer) == -EACCES);
  CHECK(strstr(rtlane_error_message(), "read-only") != NULL);

  CHECK(rtlane_spsc_try_pop(consumer, &got) == RTLANE_OK && got.t_ns == 7 && got.mode == mode_run);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_consumer_detach(consumer);
  rtlane_spsc_close(monitor);
  rtlane_spsc_close(any);
  rtlane_spsc_close(typed);
  rtlane_spsc_close(ring);
  return NULL;
}

const char* c_successors(const char* name)
{
  rtlane_spsc* ring = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  const void* seen = NULL;
  struct imu got;
  int64_t i;

  CHECK(rtlane_spsc_create(name, 4, &imu_type, NULL, &ring) == 0);
  for (i = 0; i < 2; ++i) {
    const struct imu one = sample(i);
    CHECK(rtlane_spsc_producer_attach(ring, &producer) == 0);
    CHECK(rtlane_spsc_try_push(producer, &one) == RTLANE_OK);
    rtlane_spsc_producer_detach(producer);
  }
  CHECK(rtlane_spsc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_spsc_try_pop(consumer, &got) == RTLANE_OK && rtlane_spsc_producer_changed(consumer) == 0);
  CHECK(rtlane_spsc_peek(consumer, &seen) == RTLANE_OK && rtlane_spsc_redelivered(consumer) == 0);
  CHECK(rtlane_spsc_producer_changed(consumer) == 1 && rtlane_spsc_producer_changed(consumer) == 0);
  rtlane_spsc_consumer_detach(consumer);

  CHECK(rtlane_spsc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_spsc_try_pop(consumer, &got) == RTLANE_OK && got.t_ns == 1);
  CHECK(rtlane_spsc_redelivered(consumer) == 1);
  CHECK(rtlane_spsc_producer_changed(consumer) == 1); /* with the element its mark comes again */
  rtlane_spsc_consumer_detach(consumer);
  rtlane_spsc_close(ring);
  return NULL;
}

const char* c_stride(const char* name)
{
  struct rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  struct rtlane_channel_info info;
  rtlane_channel* channel = NULL;
  rtlane_spsc* ring = NULL;
  rtlane_spsc_producer* producer = NULL;
  rtlane_spsc_consumer* consumer = NULL;
  const struct imu one = sample(3);
  struct imu got;

  spec.capacity = 4;
  spec.type = &imu_type;
  spec.slot_stride_bytes = 256;
  CHECK(rtlane_channel_create(name, &spec, NULL, &channel) == 0);
  CHECK(rtlane_spsc_open(name, &imu_type, NULL, &ring) == 0);
  rtlane_channel_unref(channel);
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  CHECK(rtlane_channel_get_info(rtlane_spsc_channel(ring), &info) == 0 && info.slot_stride_bytes == 256);
  CHECK(rtlane_spsc_producer_attach(ring, &producer) == 0 && rtlane_spsc_consumer_attach(ring, &consumer) == 0);
  CHECK(rtlane_spsc_try_push(producer, &one) == RTLANE_OK);
  CHECK(rtlane_spsc_try_pop(consumer, &got) == RTLANE_OK && got.t_ns == 3);
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_consumer_detach(consumer);
  rtlane_spsc_close(ring);
  return NULL;
}

const char* c_inspect(const char* name)
{
  rtlane_spsc* ring = NULL;
  struct rtlane_channel_info info;
  size_t table_bytes = 0;
  const void* table;
  char text[512];
  const struct imu one = sample(5);

  CHECK(rtlane_spsc_create(name, 3, &imu_type, NULL, &ring) == 0);
  memset(&info, 0, sizeof info);
  CHECK(rtlane_channel_get_info(rtlane_spsc_channel(ring), &info) == -EINVAL); /* no struct_size */
  info.struct_size = sizeof info;
  CHECK(rtlane_channel_get_info(rtlane_spsc_channel(ring), &info) == 0);
  CHECK(info.capacity == 4 && strcmp(info.type_name, "Imu") == 0 && info.producer_alive == 0);
  table = rtlane_channel_table(rtlane_spsc_channel(ring), &table_bytes);
  CHECK(rtlane_table_describe(table, table_bytes, text, sizeof text) > 0);
  CHECK(strcmp(text,
               "Imu (48 bytes): t_ns int64 [ns] at 0, gyro float32[3] [deg/s] at 8, mode enum uint32{idle=0, "
               "run=3} at 20, name char[8] at 24, corners Point{x float32 [m] at 0, y float32 at 4}[2] at 32") == 0);
  CHECK(rtlane_table_format(table, table_bytes, &one, sizeof one, text, sizeof text) > 0);
  CHECK(strcmp(text, "t_ns=5 gyro=[0 0.5 0] mode=run name=\"left\" corners=[{x=0 y=0} {x=0 y=0}]") == 0);
  rtlane_spsc_close(ring);
  return NULL;
}
