// The C face of the MPMC ring: what MpmcRing<T> does, with sizes known at run time.
#include <rtlane/channels/mpmc.h>
#include <rtlane/channels/mpmc_ring.hpp>

#include <cerrno>
#include <cstring>

#include "c_face.hpp"

namespace detail = rtlane::detail;
using detail::number;
using rtlane::Status;

struct rtlane_mpmc : detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_MPMC_RING;
};

struct rtlane_mpmc_producer : detail::CEnd<detail::MpmcProducerEnd> {
  using CEnd::CEnd;
};

struct rtlane_mpmc_consumer : detail::CEnd<detail::MpmcConsumerEnd> {
  using CEnd::CEnd;
};

namespace {

rtlane_channel_spec spec_of(uint64_t capacity, uint32_t participants, const rtlane_type* type) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.kind = RTLANE_CHANNEL_MPMC_RING;
  spec.capacity = capacity;
  spec.participants = participants;
  spec.type = type;
  return spec;
}

template <class Core, class End>
int attach(const rtlane_mpmc* ring, End** end) noexcept
{
  return detail::give(ring, end, [ring]() -> rtlane::expected<End*> {
    auto place = detail::mpmc_attach<Core>(ring->ref);
    if (!place)
      return rtlane::unexpected(std::move(place).error());
    return new End(std::move(place->end), std::move(place->role));
  });
}

Status push_at(std::byte* place, rtlane_mpmc_producer& producer, const void* element) noexcept
{
  if (place == nullptr) [[unlikely]]
    return producer.core_.last_status();
  std::memcpy(place, element, producer.element_bytes);
  return producer.core_.publish_or_give_up();
}

Status push(rtlane_mpmc_producer& producer, const void* element) noexcept
{
  return push_at(producer.core_.claim(), producer, element);
}

Status pop(rtlane_mpmc_consumer& consumer, void* element) noexcept
{
  const std::byte* value = consumer.core_.take();
  if (value == nullptr) [[unlikely]]
    return consumer.core_.last_status();
  std::memcpy(element, value, consumer.element_bytes);
  consumer.core_.give_back();
  return Status::ok;
}

}  // namespace

int rtlane_mpmc_create(const char* name, uint64_t capacity, uint32_t participants, const struct rtlane_type* type,
                       const struct rtlane_shm_options* options, rtlane_mpmc** ring) noexcept
{
  return detail::give_named(rtlane_channel_create, name, spec_of(capacity, participants, type), options, ring);
}

int rtlane_mpmc_open(const char* name, const struct rtlane_type* type, const struct rtlane_shm_options* options,
                     rtlane_mpmc** ring) noexcept
{
  return detail::give_named(rtlane_channel_open, name, spec_of(0, 0, type), options, ring);
}

int rtlane_mpmc_in_memory(uint64_t capacity, uint32_t participants, const struct rtlane_type* type,
                          rtlane_mpmc** ring) noexcept
{
  return detail::give_private(spec_of(capacity, participants, type), ring);
}

int rtlane_mpmc_from_channel(rtlane_channel* channel, rtlane_mpmc** ring) noexcept
{
  return detail::give_known(channel, ring);
}

void rtlane_mpmc_close(rtlane_mpmc* ring) noexcept
{
  delete ring;
}

uint64_t rtlane_mpmc_capacity(const rtlane_mpmc* ring) noexcept
{
  return detail::layout_of(ring).capacity;
}

uint64_t rtlane_mpmc_element_bytes(const rtlane_mpmc* ring) noexcept
{
  return detail::layout_of(ring).element_bytes;
}

uint64_t rtlane_mpmc_size_estimate(const rtlane_mpmc* ring) noexcept
{
  return ring == nullptr ? 0 : detail::mpmc_size_estimate(ring->ref.layout());
}

rtlane_channel* rtlane_mpmc_channel(const rtlane_mpmc* ring) noexcept
{
  return detail::channel_of(ring);
}

/* ---- producer */

int rtlane_mpmc_producer_attach(rtlane_mpmc* ring, rtlane_mpmc_producer** producer) noexcept
{
  return attach<detail::MpmcProducerEnd>(ring, producer);
}

void rtlane_mpmc_producer_detach(rtlane_mpmc_producer* producer) noexcept
{
  delete producer;
}

int rtlane_mpmc_try_push(rtlane_mpmc_producer* producer, const void* element) noexcept
{
  if (producer == nullptr || element == nullptr)
    return -EINVAL;
  return number(push(*producer, element));
}

int rtlane_mpmc_push_until(rtlane_mpmc_producer* producer, const void* element, int idle, int64_t deadline_ns) noexcept
{
  if (producer == nullptr || element == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  const Status status = push(*producer, element);
  if (!detail::worth_waiting(status) || deadline_ns <= 0)
    return number(status);
  return number(detail::wait_as(idle, producer->bell_, deadline_ns,
                                [=] { return push_at(producer->core_.claim_again(), *producer, element); }));
}

int64_t rtlane_mpmc_try_push_n(rtlane_mpmc_producer* producer, const void* elements, size_t count) noexcept
{
  if (producer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  const auto* from = static_cast<const std::byte*>(elements);
  size_t pushed = 0;
  while (pushed < count && push(*producer, from + pushed * producer->element_bytes) == Status::ok)
    ++pushed;
  return static_cast<int64_t>(pushed);
}

int rtlane_mpmc_claim(rtlane_mpmc_producer* producer, void** place) noexcept
{
  if (producer == nullptr || place == nullptr)
    return -EINVAL;
  std::byte* claimed = producer->core_.claim();
  if (claimed == nullptr)
    return number(producer->core_.last_status());
  *place = claimed;
  return RTLANE_OK;
}

int rtlane_mpmc_publish(rtlane_mpmc_producer* producer) noexcept
{
  if (producer == nullptr || !producer->core_.claimed())
    return -EINVAL;
  return number(producer->core_.publish());
}

int rtlane_mpmc_producer_ring(rtlane_mpmc_producer* producer) noexcept
{
  return detail::ring(producer);
}

int rtlane_mpmc_end(rtlane_mpmc_producer* producer) noexcept
{
  if (producer == nullptr)
    return -EINVAL;
  producer->core_.close();
  return RTLANE_OK;
}

int rtlane_mpmc_producer_status(const rtlane_mpmc_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : number(producer->core_.last_status());
}

/* ---- consumer */

int rtlane_mpmc_consumer_attach(rtlane_mpmc* ring, rtlane_mpmc_consumer** consumer) noexcept
{
  return attach<detail::MpmcConsumerEnd>(ring, consumer);
}

void rtlane_mpmc_consumer_detach(rtlane_mpmc_consumer* consumer) noexcept
{
  delete consumer;
}

int rtlane_mpmc_try_pop(rtlane_mpmc_consumer* consumer, void* element) noexcept
{
  if (consumer == nullptr || element == nullptr)
    return -EINVAL;
  return number(pop(*consumer, element));
}

int rtlane_mpmc_pop_until(rtlane_mpmc_consumer* consumer, void* element, int idle, int64_t deadline_ns) noexcept
{
  if (consumer == nullptr || element == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(detail::wait_as(idle, consumer->bell_, deadline_ns, [=] { return pop(*consumer, element); }));
}

int64_t rtlane_mpmc_try_pop_n(rtlane_mpmc_consumer* consumer, void* elements, size_t count) noexcept
{
  if (consumer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  auto* to = static_cast<std::byte*>(elements);
  size_t taken = 0;
  while (taken < count && pop(*consumer, to + taken * consumer->element_bytes) == Status::ok)
    ++taken;
  return static_cast<int64_t>(taken);
}

int rtlane_mpmc_peek(rtlane_mpmc_consumer* consumer, const void** element) noexcept
{
  if (consumer == nullptr || element == nullptr)
    return -EINVAL;
  const std::byte* value = consumer->core_.take();
  if (value == nullptr)
    return number(consumer->core_.last_status());
  *element = value;
  return RTLANE_OK;
}

int rtlane_mpmc_release(rtlane_mpmc_consumer* consumer) noexcept
{
  if (consumer == nullptr || !consumer->core_.holding())
    return -EINVAL;
  consumer->core_.give_back();
  return RTLANE_OK;
}

int rtlane_mpmc_consumer_ring(rtlane_mpmc_consumer* consumer) noexcept
{
  return detail::ring(consumer);
}

int rtlane_mpmc_consumer_status(const rtlane_mpmc_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : number(consumer->core_.last_status());
}
