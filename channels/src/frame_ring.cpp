// The C face of the frame ring.
#include <rtlane/channels/frame_ring.h>
#include <rtlane/channels/frame_ring.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "c_face.hpp"

namespace detail = rtlane::detail;
using detail::number;
using rtlane::Role;
using rtlane::Status;
using View = detail::FrameRingView<std::atomic<std::uint64_t>>;

struct rtlane_frame_ring : detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_FRAME_RING;
};

struct rtlane_frame_ring_producer : detail::CEnd<detail::FrameProducerCore<>> {
  using CEnd::CEnd;
};

struct rtlane_frame_ring_consumer : detail::CEnd<detail::FrameConsumerCore<>> {
  using CEnd::CEnd;
};

namespace {

// type is NULL when there is no such alignment.
rtlane_channel_spec spec_of(uint64_t capacity_bytes, uint64_t frame_bytes_max, uint64_t frame_align) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.capacity = capacity_bytes;
  spec.frame_bytes_max = frame_bytes_max;
  spec.type = detail::frame_bytes_aligned_to(frame_align == 0 ? rtlane::FrameOptions{}.frame_align : frame_align);
  return spec;
}

int no_such_align(uint64_t align) noexcept
{
  return detail::fail(EINVAL, "frames aligned to %llu bytes: 8, 16, 32, 64 and 128 are possible",
                      static_cast<unsigned long long>(align));
}

bool has_bytes(const void* data, size_t bytes) noexcept
{
  return data != nullptr || bytes == 0;
}

// Copies it behind those staged; false: last_status() says why.
bool append(rtlane_frame_ring_producer& producer, const void* frame, size_t bytes) noexcept
{
  std::byte* place = producer.core_.claim(bytes);
  if (place == nullptr) [[unlikely]]
    return false;
  if (bytes != 0)  // an empty one may have no address
    std::memcpy(place, frame, bytes);
  return producer.core_.stage(bytes);
}

Status push(rtlane_frame_ring_producer& producer, const void* frame, size_t bytes) noexcept
{
  if (!append(producer, frame, bytes))
    return producer.core_.last_status();
  producer.core_.commit();
  return Status::ok;
}

Status claim(rtlane_frame_ring_producer& producer, size_t bytes, void** place) noexcept
{
  std::byte* claimed = producer.core_.claim(bytes);
  if (claimed == nullptr)
    return producer.core_.last_status();
  *place = claimed;
  return Status::ok;
}

Status wait_for_room(rtlane_frame_ring_producer& producer, size_t bytes, int idle, int64_t deadline_ns) noexcept
{
  return detail::wait_as(idle, producer.bell_, deadline_ns, [&] { return producer.core_.look_for_room(bytes); });
}

Status pop(rtlane_frame_ring_consumer& consumer, void* buffer, size_t buffer_bytes, size_t* bytes) noexcept
{
  const detail::FrameBytes found = consumer.core_.look();
  if (found.data == nullptr)
    return consumer.core_.last_status();
  *bytes = static_cast<size_t>(found.bytes);
  if (found.bytes > buffer_bytes)
    return Status::too_small;
  if (found.bytes != 0)  // an empty buffer may have no address
    std::memcpy(buffer, found.data, found.bytes);
  consumer.core_.take();
  return Status::ok;
}

Status peek(rtlane_frame_ring_consumer& consumer, struct rtlane_frame* frame) noexcept
{
  const detail::FrameBytes found = consumer.core_.look();
  if (found.data == nullptr)
    return consumer.core_.last_status();
  consumer.core_.mark_shown();
  *frame = {found.data, static_cast<size_t>(found.bytes)};
  return Status::ok;
}

}  // namespace

int rtlane_frame_ring_create(const char* name, uint64_t capacity_bytes, uint64_t frame_bytes_max, uint64_t frame_align,
                             const struct rtlane_shm_options* options, rtlane_frame_ring** ring) noexcept
{
  const rtlane_channel_spec spec = spec_of(capacity_bytes, frame_bytes_max, frame_align);
  if (spec.type == nullptr)
    return no_such_align(frame_align);
  return detail::give_named(rtlane_channel_create, name, spec, options, ring);
}

int rtlane_frame_ring_open(const char* name, const struct rtlane_shm_options* options,
                           rtlane_frame_ring** ring) noexcept
{
  const rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
  return detail::give_named(rtlane_channel_open, name, any, options, ring);
}

int rtlane_frame_ring_in_memory(uint64_t capacity_bytes, uint64_t frame_bytes_max, uint64_t frame_align,
                                rtlane_frame_ring** ring) noexcept
{
  const rtlane_channel_spec spec = spec_of(capacity_bytes, frame_bytes_max, frame_align);
  if (spec.type == nullptr)
    return no_such_align(frame_align);
  return detail::give_private(spec, ring);
}

int rtlane_frame_ring_from_channel(rtlane_channel* channel, rtlane_frame_ring** ring) noexcept
{
  return detail::give_known(channel, ring);
}

void rtlane_frame_ring_close(rtlane_frame_ring* ring) noexcept
{
  delete ring;
}

uint64_t rtlane_frame_ring_capacity_bytes(const rtlane_frame_ring* ring) noexcept
{
  return detail::layout_of(ring).capacity;
}

uint64_t rtlane_frame_ring_frame_bytes_max(const rtlane_frame_ring* ring) noexcept
{
  return detail::layout_of(ring).frame_bytes_max;
}

uint64_t rtlane_frame_ring_frame_align(const rtlane_frame_ring* ring) noexcept
{
  return ring == nullptr ? 0 : std::max(ring->ref.layout().element_align, detail::frame_align_min);
}

rtlane_channel* rtlane_frame_ring_channel(const rtlane_frame_ring* ring) noexcept
{
  return detail::channel_of(ring);
}

/* ---- producer */

int rtlane_frame_ring_producer_attach(rtlane_frame_ring* ring, rtlane_frame_ring_producer** producer) noexcept
{
  return detail::give_end(ring, RTLANE_ROLE_PRODUCER, producer, [](Role role) {
    return new rtlane_frame_ring_producer(detail::FrameProducerCore<>(View(role.channel().layout())), std::move(role));
  });
}

void rtlane_frame_ring_producer_detach(rtlane_frame_ring_producer* producer) noexcept
{
  delete producer;
}

int rtlane_frame_ring_try_push(rtlane_frame_ring_producer* producer, const void* frame, size_t bytes) noexcept
{
  if (producer == nullptr || !has_bytes(frame, bytes))
    return -EINVAL;
  return number(push(*producer, frame, bytes));
}

int rtlane_frame_ring_push_until(rtlane_frame_ring_producer* producer, const void* frame, size_t bytes, int idle,
                                 int64_t deadline_ns) noexcept
{
  if (producer == nullptr || !has_bytes(frame, bytes) || !detail::is_idle(idle))
    return -EINVAL;
  Status status = push(*producer, frame, bytes);
  if (!detail::worth_waiting(status) || deadline_ns <= 0)
    return number(status);
  producer->core_.commit();
  status = wait_for_room(*producer, bytes, idle, deadline_ns);
  return number(status == Status::ok ? push(*producer, frame, bytes) : status);
}

int64_t rtlane_frame_ring_try_push_n(rtlane_frame_ring_producer* producer, const struct rtlane_frame* frames,
                                     size_t count) noexcept
{
  const auto good = [](const rtlane_frame& frame) { return has_bytes(frame.data, frame.bytes); };
  if (producer == nullptr || !has_bytes(frames, count) || !std::all_of(frames, frames + count, good))
    return -EINVAL;
  size_t pushed = 0;
  while (pushed < count && append(*producer, frames[pushed].data, frames[pushed].bytes))
    ++pushed;
  producer->core_.commit();
  return static_cast<int64_t>(pushed);
}

int rtlane_frame_ring_claim(rtlane_frame_ring_producer* producer, size_t bytes, void** place) noexcept
{
  if (producer == nullptr || place == nullptr)
    return -EINVAL;
  return number(claim(*producer, bytes, place));
}

int rtlane_frame_ring_claim_until(rtlane_frame_ring_producer* producer, size_t bytes, void** place, int idle,
                                  int64_t deadline_ns) noexcept
{
  if (producer == nullptr || place == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  Status status = claim(*producer, bytes, place);
  if (!detail::worth_waiting(status) || deadline_ns <= 0)
    return number(status);
  status = wait_for_room(*producer, bytes, idle, deadline_ns);
  return number(status == Status::ok ? claim(*producer, bytes, place) : status);
}

int rtlane_frame_ring_stage(rtlane_frame_ring_producer* producer, size_t bytes) noexcept
{
  return producer != nullptr && producer->core_.stage(bytes) ? RTLANE_OK : -EINVAL;
}

int rtlane_frame_ring_commit(rtlane_frame_ring_producer* producer) noexcept
{
  if (producer == nullptr)
    return -EINVAL;
  if (producer->core_.claimed())
    producer->core_.stage(producer->core_.claimed_bytes());
  return producer->core_.commit() ? RTLANE_OK : -EINVAL;
}

int rtlane_frame_ring_commit_bytes(rtlane_frame_ring_producer* producer, size_t bytes) noexcept
{
  return producer != nullptr && producer->core_.stage(bytes) && producer->core_.commit() ? RTLANE_OK : -EINVAL;
}

int rtlane_frame_ring_discard(rtlane_frame_ring_producer* producer) noexcept
{
  if (producer == nullptr)
    return -EINVAL;
  producer->core_.discard();
  return RTLANE_OK;
}

int rtlane_frame_ring_producer_ring(rtlane_frame_ring_producer* producer) noexcept
{
  return detail::ring(producer);
}

int rtlane_frame_ring_end(rtlane_frame_ring_producer* producer) noexcept
{
  if (producer == nullptr)
    return -EINVAL;
  producer->core_.close();
  return RTLANE_OK;
}

int rtlane_frame_ring_producer_status(const rtlane_frame_ring_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : number(producer->core_.last_status());
}

uint64_t rtlane_frame_ring_producer_used_bytes_estimate(const rtlane_frame_ring_producer* producer) noexcept
{
  return producer == nullptr ? 0 : producer->core_.size_estimate();
}

int rtlane_frame_ring_consumer_alive(const rtlane_frame_ring_producer* producer) noexcept
{
  return producer == nullptr ? -EINVAL : rtlane_role_held(producer->role_.channel().get(), RTLANE_ROLE_CONSUMER);
}

/* ---- consumer */

int rtlane_frame_ring_consumer_attach(rtlane_frame_ring* ring, rtlane_frame_ring_consumer** consumer) noexcept
{
  return detail::give_end(ring, RTLANE_ROLE_CONSUMER, consumer, [](Role role) {
    return new rtlane_frame_ring_consumer(detail::FrameConsumerCore<>(View(role.channel().layout())), std::move(role));
  });
}

void rtlane_frame_ring_consumer_detach(rtlane_frame_ring_consumer* consumer) noexcept
{
  delete consumer;
}

int rtlane_frame_ring_try_pop(rtlane_frame_ring_consumer* consumer, void* buffer, size_t buffer_bytes,
                              size_t* bytes) noexcept
{
  if (consumer == nullptr || !has_bytes(buffer, buffer_bytes) || bytes == nullptr)
    return -EINVAL;
  return number(pop(*consumer, buffer, buffer_bytes, bytes));
}

int rtlane_frame_ring_pop_until(rtlane_frame_ring_consumer* consumer, void* buffer, size_t buffer_bytes, size_t* bytes,
                                int idle, int64_t deadline_ns) noexcept
{
  if (consumer == nullptr || !has_bytes(buffer, buffer_bytes) || bytes == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(
      detail::wait_as(idle, consumer->bell_, deadline_ns, [=] { return pop(*consumer, buffer, buffer_bytes, bytes); }));
}

int rtlane_frame_ring_peek(rtlane_frame_ring_consumer* consumer, struct rtlane_frame* frame) noexcept
{
  if (consumer == nullptr || frame == nullptr)
    return -EINVAL;
  return number(peek(*consumer, frame));
}

int rtlane_frame_ring_peek_until(rtlane_frame_ring_consumer* consumer, struct rtlane_frame* frame, int idle,
                                 int64_t deadline_ns) noexcept
{
  if (consumer == nullptr || frame == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(detail::wait_as(idle, consumer->bell_, deadline_ns, [=] { return peek(*consumer, frame); }));
}

int rtlane_frame_ring_release(rtlane_frame_ring_consumer* consumer) noexcept
{
  return rtlane_frame_ring_release_n(consumer, 1);
}

int64_t rtlane_frame_ring_peek_n(rtlane_frame_ring_consumer* consumer, struct rtlane_frame* frames,
                                 size_t count) noexcept
{
  if (consumer == nullptr || !has_bytes(frames, count))
    return -EINVAL;
  std::array<std::span<const std::byte>, RTLANE_FRAMES_SHOWN_MAX> spans;
  const size_t shown = consumer->core_.show(std::span(spans).first(std::min(count, spans.size())));
  for (size_t i = 0; i < shown; ++i)
    frames[i] = {spans[i].data(), spans[i].size()};
  return static_cast<int64_t>(shown);
}

int rtlane_frame_ring_release_n(rtlane_frame_ring_consumer* consumer, size_t count) noexcept
{
  return consumer != nullptr && consumer->core_.take_shown(count) ? RTLANE_OK : -EINVAL;
}

int rtlane_frame_ring_consumer_ring(rtlane_frame_ring_consumer* consumer) noexcept
{
  return detail::ring(consumer);
}

int rtlane_frame_ring_consumer_status(const rtlane_frame_ring_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : number(consumer->core_.last_status());
}

int rtlane_frame_ring_producer_changed(rtlane_frame_ring_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : consumer->core_.take_changed() ? 1 : 0;
}

int rtlane_frame_ring_redelivered(const rtlane_frame_ring_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : consumer->core_.redelivered() ? 1 : 0;
}

uint64_t rtlane_frame_ring_consumer_used_bytes_estimate(const rtlane_frame_ring_consumer* consumer) noexcept
{
  return consumer == nullptr ? 0 : consumer->core_.size_estimate();
}

int rtlane_frame_ring_producer_alive(const rtlane_frame_ring_consumer* consumer) noexcept
{
  return consumer == nullptr ? -EINVAL : rtlane_role_held(consumer->role_.channel().get(), RTLANE_ROLE_PRODUCER);
}
