// The C face of the SPSC ring: what SpscRing<T> does, with sizes known at run time.
#include <rtlane/channels/channels.h>
#include <rtlane/channels/spsc_core.hpp>

#include <cerrno>
#include <cstring>

#include "c_face.hpp"

using rtlane::Role;
using rtlane::Status;
using rtlane::detail::number;
using View = rtlane::detail::SpscView<std::atomic<std::uint64_t>>;

struct rtlane_spsc : rtlane::detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_SPSC_RING;
};

struct rtlane_spsc_producer : rtlane::detail::CEnd<rtlane::detail::SpscProducerCore<>> {
  using CEnd::CEnd;
};

struct rtlane_spsc_consumer : rtlane::detail::CEnd<rtlane::detail::SpscConsumerCore<>> {
  using CEnd::CEnd;
};

namespace {

rtlane_channel_spec spec_of(uint64_t capacity, const rtlane_type* type) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.capacity = capacity;
  spec.type = type;
  return spec;
}

Status push(rtlane_spsc_producer& producer, const void* element) noexcept
{
  std::byte* place = producer.core_.claim();
  if (place == nullptr) [[unlikely]]
    return producer.core_.last_status();
  std::memcpy(place, element, producer.element_bytes);
  producer.core_.publish();
  return Status::ok;
}

Status pop(rtlane_spsc_consumer& consumer, void* element) noexcept
{
  const std::byte* value = consumer.core_.look();
  if (value == nullptr) [[unlikely]]
    return consumer.core_.last_status();
  std::memcpy(element, value, consumer.element_bytes);
  consumer.core_.step();
  consumer.core_.give_back();
  return Status::ok;
}

}  // namespace

int rtlane_spsc_create(const char* name, uint64_t capacity, const struct rtlane_type* type,
                       const struct rtlane_shm_options* options, rtlane_spsc** ring) noexcept
{
  return rtlane::detail::give_named(rtlane_channel_create, name, spec_of(capacity, type), options, ring);
}

int rtlane_spsc_open(const char* name, const struct rtlane_type* type, const struct rtlane_shm_options* options,
                     rtlane_spsc** ring) noexcept
{
  return rtlane::detail::give_named(rtlane_channel_open, name, spec_of(0, type), options, ring);
}

int rtlane_spsc_in_memory(uint64_t capacity, const struct rtlane_type* type, rtlane_spsc** ring) noexcept
{
  return rtlane::detail::give_private(spec_of(capacity, type), ring);
}

int rtlane_spsc_from_channel(rtlane_channel* channel, rtlane_spsc** ring) noexcept
{
  return rtlane::detail::give_known(channel, ring);
}

void rtlane_spsc_close(rtlane_spsc* ring) noexcept
{
  delete ring;
}

uint64_t rtlane_spsc_capacity(const rtlane_spsc* ring) noexcept
{
  return rtlane::detail::layout_of(ring).capacity;
}

uint64_t rtlane_spsc_element_bytes(const rtlane_spsc* ring) noexcept
{
  return rtlane::detail::layout_of(ring).element_bytes;
}

rtlane_channel* rtlane_spsc_channel(const rtlane_spsc* ring) noexcept
{
  return rtlane::detail::channel_of(ring);
}

/* ---- producer */

int rtlane_spsc_producer_attach(rtlane_spsc* ring, rtlane_spsc_producer** producer) noexcept
{
  return rtlane::detail::give_end(ring, RTLANE_ROLE_PRODUCER, producer, [](Role role) {
    return new rtlane_spsc_producer(rtlane::detail::SpscProducerCore<>(View(role.channel().layout())), std::move(role));
  });
}

void rtlane_spsc_producer_detach(rtlane_spsc_producer* producer) noexcept
{
  delete producer;
}

int rtlane_spsc_try_push(rtlane_spsc_producer* producer, const void* element) noexcept
{
  if (producer == nullptr || element == nullptr)
    return -EINVAL;
  return number(push(*producer, element));
}

int rtlane_spsc_push_until(rtlane_spsc_producer* producer, const void* element, int idle, int64_t deadline_ns) noexcept
{
  if (producer == nullptr || element == nullptr || !rtlane::detail::is_idle(idle))
    return -EINVAL;
  Status status = push(*producer, element);
  if (!rtlane::detail::worth_waiting(status) || deadline_ns <= 0)
    return number(status);
  status = rtlane::detail::wait_as(idle, producer->bell_, deadline_ns,
                                   [producer] { return producer->core_.look_for_room(); });
  return number(status == Status::ok ? push(*producer, element) : status);
}

int64_t rtlane_spsc_try_push_n(rtlane_spsc_producer* producer, const void* elements, size_t count) noexcept
{
  if (producer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  const std::uint64_t room = producer->core_.room(count);
  const std::uint64_t taken = count < room ? count : room;
  const auto* from = static_cast<const std::byte*>(elements);
  for (std::uint64_t i = 0; i < taken; ++i, from += producer->element_bytes) {
    std::memcpy(producer->core_.claim(), from, producer->element_bytes);
    producer->core_.publish();
  }
  return static_cast<int64_t>(taken);
}

int rtlane_spsc_claim(rtlane_spsc_producer* producer, void** place) noexcept
{
  if (producer == nullptr || place == nullptr)
    return -EINVAL;
  std::byte* claimed = producer->core_.claim();
  if (claimed == nullptr)
    return number(producer->core_.last_status());
  producer->core_.mark_claimed();
  *place = claimed;
  return RTLANE_OK;
}

int rtlane_spsc_publish(rtlane_spsc_producer* producer) noexcept
{
  if (producer == nullptr || !producer->core_.claimed())
    return -EINVAL;
  producer->core_.publish();
  return RTLANE_OK;
}

int rtlane_spsc_producer_ring(rtlane_spsc_producer* producer) noexcept
{
  return rtlane::detail::ring(producer);
}

int rtlane_spsc_end(rtlane_spsc_producer* producer) noexcept
{
  if (producer == nullptr)
    return -EINVAL;
  producer->core_.close();
  return RTLANE_OK;
}

int rtlane_spsc_producer_status(const rtlane_spsc_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : number(producer->core_.last_status());
}

uint64_t rtlane_spsc_producer_size_estimate(const rtlane_spsc_producer* producer) noexcept
{
  return producer == nullptr ? 0 : producer->core_.size_estimate();
}

int rtlane_spsc_consumer_alive(const rtlane_spsc_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : rtlane_role_held(producer->role_.channel().get(), RTLANE_ROLE_CONSUMER);
}

/* ---- consumer */

int rtlane_spsc_consumer_attach(rtlane_spsc* ring, rtlane_spsc_consumer** consumer) noexcept
{
  return rtlane::detail::give_end(ring, RTLANE_ROLE_CONSUMER, consumer, [](Role role) {
    return new rtlane_spsc_consumer(rtlane::detail::SpscConsumerCore<>(View(role.channel().layout())), std::move(role));
  });
}

void rtlane_spsc_consumer_detach(rtlane_spsc_consumer* consumer) noexcept
{
  delete consumer;
}

int rtlane_spsc_try_pop(rtlane_spsc_consumer* consumer, void* element) noexcept
{
  if (consumer == nullptr || element == nullptr)
    return -EINVAL;
  return number(pop(*consumer, element));
}

int rtlane_spsc_pop_until(rtlane_spsc_consumer* consumer, void* element, int idle, int64_t deadline_ns) noexcept
{
  if (consumer == nullptr || element == nullptr || !rtlane::detail::is_idle(idle))
    return -EINVAL;
  return number(rtlane::detail::wait_as(idle, consumer->bell_, deadline_ns, [=] { return pop(*consumer, element); }));
}

int64_t rtlane_spsc_try_pop_n(rtlane_spsc_consumer* consumer, void* elements, size_t count) noexcept
{
  if (consumer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  if (count == 0 || consumer->core_.look() == nullptr)
    return 0;
  auto* to = static_cast<std::byte*>(elements);
  size_t taken = 0;
  do {
    std::memcpy(to + taken * consumer->element_bytes, consumer->core_.value(), consumer->element_bytes);
    consumer->core_.step();
    ++taken;
  } while (taken < count && consumer->core_.continues());
  consumer->core_.give_back();
  return static_cast<int64_t>(taken);
}

int rtlane_spsc_peek(rtlane_spsc_consumer* consumer, const void** element) noexcept
{
  if (consumer == nullptr || element == nullptr)
    return -EINVAL;
  const std::byte* value = consumer->core_.look();
  if (value == nullptr)
    return number(consumer->core_.last_status());
  consumer->core_.mark_peeked();
  *element = value;
  return RTLANE_OK;
}

int rtlane_spsc_release(rtlane_spsc_consumer* consumer) noexcept
{
  if (consumer == nullptr || !consumer->core_.peeking())
    return -EINVAL;
  consumer->core_.step();
  consumer->core_.give_back();
  return RTLANE_OK;
}

int rtlane_spsc_consumer_ring(rtlane_spsc_consumer* consumer) noexcept
{
  return rtlane::detail::ring(consumer);
}

int rtlane_spsc_consumer_status(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : number(consumer->core_.last_status());
}

int rtlane_spsc_producer_changed(rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : consumer->core_.take_changed() ? 1 : 0;
}

int rtlane_spsc_redelivered(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : consumer->core_.redelivered() ? 1 : 0;
}

uint64_t rtlane_spsc_consumer_size_estimate(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? 0 : consumer->core_.size_estimate();
}

int rtlane_spsc_producer_alive(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : rtlane_role_held(consumer->role_.channel().get(), RTLANE_ROLE_PRODUCER);
}
