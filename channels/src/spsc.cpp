// The C face of the SPSC ring: what SpscRing<T> does, with sizes known at run time.
#include <rtlane/channels/channels.h>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/spsc_core.hpp>

#include <cerrno>
#include <cstring>
#include <memory>
#include <new>

#include "error.hpp"

using rtlane::ChannelRef;
using rtlane::Role;
using rtlane::Status;
using rtlane::detail::fail;
using View = rtlane::detail::SpscView<std::atomic<std::uint64_t>>;

static_assert(static_cast<int>(Status::ok) == RTLANE_OK && static_cast<int>(Status::empty) == RTLANE_EMPTY &&
              static_cast<int>(Status::full) == RTLANE_FULL && static_cast<int>(Status::busy) == RTLANE_BUSY &&
              static_cast<int>(Status::lost) == RTLANE_LOST && static_cast<int>(Status::closed) == RTLANE_CLOSED &&
              static_cast<int>(Status::corrupt) == RTLANE_CORRUPT);

struct rtlane_spsc {
  ChannelRef channel;
};

struct alignas(rtlane::cache_line_bytes) rtlane_spsc_producer {
  rtlane::detail::SpscProducerCore<> core;
  std::uint64_t element_bytes;
  Role role;
};

struct alignas(rtlane::cache_line_bytes) rtlane_spsc_consumer {
  rtlane::detail::SpscConsumerCore<> core;
  std::uint64_t element_bytes;
  Role role;
};

namespace {

rtlane_channel_spec spec_of(uint64_t capacity, const rtlane_type* type) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.capacity = capacity;
  spec.type = type;
  return spec;
}

int give_ring(int result, rtlane_channel* channel, rtlane_spsc** ring) noexcept
{
  if (result < 0)
    return result;
  ChannelRef owned(channel);
  auto* made = new (std::nothrow) rtlane_spsc{std::move(owned)};
  if (made == nullptr)
    return fail(ENOMEM, "no memory for a ring's administration");
  *ring = made;
  return result;
}

int no_output() noexcept
{
  return fail(EINVAL, "rtlane_spsc_*: the ring or the output parameter is NULL");
}

int number(Status status) noexcept
{
  return static_cast<int>(status);
}

// An endpoint, or -errno: takes the role and lets `make` build it.
template <class Endpoint, class Make>
int attach(rtlane_spsc* ring, std::uint32_t index, Endpoint** endpoint, Make make) noexcept
{
  if (ring == nullptr || endpoint == nullptr)
    return no_output();
  try {
    auto role = Role::acquire(ring->channel, index);
    if (!role)
      return -role.error().code;
    *endpoint = make(std::move(*role));
    return 0;
  } catch (...) {
    return fail(ENOMEM, "no memory for an endpoint");
  }
}

}  // namespace

const char* rtlane_status_name(int status) noexcept
{
  return rtlane::to_string(static_cast<Status>(status));
}

int rtlane_spsc_create(const char* name, uint64_t capacity, const struct rtlane_type* type,
                       const struct rtlane_shm_options* options, rtlane_spsc** ring) noexcept
{
  if (ring == nullptr)
    return no_output();
  const rtlane_channel_spec spec = spec_of(capacity, type);
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_create(name, &spec, options, &channel);
  return give_ring(result, channel, ring);
}

int rtlane_spsc_open(const char* name, const struct rtlane_type* type, const struct rtlane_shm_options* options,
                     rtlane_spsc** ring) noexcept
{
  if (ring == nullptr)
    return no_output();
  const rtlane_channel_spec spec = spec_of(0, type);
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_open(name, &spec, options, &channel);
  return give_ring(result, channel, ring);
}

int rtlane_spsc_in_memory(uint64_t capacity, const struct rtlane_type* type, rtlane_spsc** ring) noexcept
{
  if (ring == nullptr)
    return no_output();
  const rtlane_channel_spec spec = spec_of(capacity, type);
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_in_memory(&spec, &channel);
  return give_ring(result, channel, ring);
}

void rtlane_spsc_close(rtlane_spsc* ring) noexcept
{
  delete ring;
}

uint64_t rtlane_spsc_capacity(const rtlane_spsc* ring) noexcept
{
  return ring == nullptr ? 0 : ring->channel.layout().capacity;
}

uint64_t rtlane_spsc_element_bytes(const rtlane_spsc* ring) noexcept
{
  return ring == nullptr ? 0 : ring->channel.layout().element_bytes;
}

rtlane_channel* rtlane_spsc_channel(const rtlane_spsc* ring) noexcept
{
  return ring == nullptr ? nullptr : ring->channel.get();
}

/* ---- producer */

int rtlane_spsc_producer_attach(rtlane_spsc* ring, rtlane_spsc_producer** producer) noexcept
{
  return attach(ring, RTLANE_ROLE_PRODUCER, producer, [](Role role) {
    const rtlane_channel_layout layout = role.channel().layout();
    return new rtlane_spsc_producer{rtlane::detail::SpscProducerCore<>(View(layout)), layout.element_bytes,
                                    std::move(role)};
  });
}

void rtlane_spsc_producer_detach(rtlane_spsc_producer* producer) noexcept
{
  if (producer != nullptr && producer->role.mine())
    producer->core.detach();
  delete producer;
}

int rtlane_spsc_try_push(rtlane_spsc_producer* producer, const void* element) noexcept
{
  if (producer == nullptr || element == nullptr)
    return -EINVAL;
  std::byte* place = producer->core.claim();
  if (place == nullptr)
    return number(producer->core.last_status());
  std::memcpy(place, element, producer->element_bytes);
  producer->core.publish();
  return RTLANE_OK;
}

int64_t rtlane_spsc_try_push_n(rtlane_spsc_producer* producer, const void* elements, size_t count) noexcept
{
  if (producer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  const std::uint64_t room = producer->core.room(count);
  const std::uint64_t taken = count < room ? count : room;
  const auto* from = static_cast<const std::byte*>(elements);
  for (std::uint64_t i = 0; i < taken; ++i, from += producer->element_bytes) {
    std::memcpy(producer->core.claim(), from, producer->element_bytes);
    producer->core.publish();
  }
  return static_cast<int64_t>(taken);
}

int rtlane_spsc_claim(rtlane_spsc_producer* producer, void** place) noexcept
{
  if (producer == nullptr || place == nullptr)
    return -EINVAL;
  std::byte* claimed = producer->core.claim();
  if (claimed == nullptr)
    return number(producer->core.last_status());
  producer->core.mark_claimed();
  *place = claimed;
  return RTLANE_OK;
}

int rtlane_spsc_publish(rtlane_spsc_producer* producer) noexcept
{
  if (producer == nullptr || !producer->core.claimed())
    return -EINVAL;
  producer->core.publish();
  return RTLANE_OK;
}

int rtlane_spsc_end(rtlane_spsc_producer* producer) noexcept
{
  if (producer == nullptr)
    return -EINVAL;
  producer->core.close();
  return RTLANE_OK;
}

int rtlane_spsc_producer_status(const rtlane_spsc_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : number(producer->core.last_status());
}

uint64_t rtlane_spsc_producer_size_estimate(const rtlane_spsc_producer* producer) noexcept
{
  return producer == nullptr ? 0 : producer->core.size_estimate();
}

int rtlane_spsc_consumer_alive(const rtlane_spsc_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : rtlane_role_held(producer->role.channel().get(), RTLANE_ROLE_CONSUMER);
}

/* ---- consumer */

int rtlane_spsc_consumer_attach(rtlane_spsc* ring, rtlane_spsc_consumer** consumer) noexcept
{
  return attach(ring, RTLANE_ROLE_CONSUMER, consumer, [](Role role) {
    const rtlane_channel_layout layout = role.channel().layout();
    return new rtlane_spsc_consumer{rtlane::detail::SpscConsumerCore<>(View(layout)), layout.element_bytes,
                                    std::move(role)};
  });
}

void rtlane_spsc_consumer_detach(rtlane_spsc_consumer* consumer) noexcept
{
  if (consumer != nullptr && consumer->role.mine())
    consumer->core.detach();
  delete consumer;
}

int rtlane_spsc_try_pop(rtlane_spsc_consumer* consumer, void* element) noexcept
{
  if (consumer == nullptr || element == nullptr)
    return -EINVAL;
  const std::byte* value = consumer->core.look();
  if (value == nullptr)
    return number(consumer->core.last_status());
  std::memcpy(element, value, consumer->element_bytes);
  consumer->core.step();
  consumer->core.give_back();
  return RTLANE_OK;
}

int64_t rtlane_spsc_try_pop_n(rtlane_spsc_consumer* consumer, void* elements, size_t count) noexcept
{
  if (consumer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  if (count == 0 || consumer->core.look() == nullptr)
    return 0;
  auto* to = static_cast<std::byte*>(elements);
  size_t taken = 0;
  do {
    std::memcpy(to + taken * consumer->element_bytes, consumer->core.value(), consumer->element_bytes);
    consumer->core.step();
    ++taken;
  } while (taken < count && consumer->core.continues());
  consumer->core.give_back();
  return static_cast<int64_t>(taken);
}

int rtlane_spsc_peek(rtlane_spsc_consumer* consumer, const void** element) noexcept
{
  if (consumer == nullptr || element == nullptr)
    return -EINVAL;
  const std::byte* value = consumer->core.look();
  if (value == nullptr)
    return number(consumer->core.last_status());
  consumer->core.mark_peeked();
  *element = value;
  return RTLANE_OK;
}

int rtlane_spsc_release(rtlane_spsc_consumer* consumer) noexcept
{
  if (consumer == nullptr || !consumer->core.peeking())
    return -EINVAL;
  consumer->core.step();
  consumer->core.give_back();
  return RTLANE_OK;
}

int rtlane_spsc_consumer_status(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : number(consumer->core.last_status());
}

int rtlane_spsc_producer_changed(rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : consumer->core.take_changed() ? 1 : 0;
}

int rtlane_spsc_redelivered(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : consumer->core.redelivered() ? 1 : 0;
}

uint64_t rtlane_spsc_consumer_size_estimate(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? 0 : consumer->core.size_estimate();
}

int rtlane_spsc_producer_alive(const rtlane_spsc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : rtlane_role_held(consumer->role.channel().get(), RTLANE_ROLE_PRODUCER);
}
