// The C face of the frame broadcast.
#include <rtlane/channels/frame_broadcast.h>
#include <rtlane/channels/frame_broadcast_core.hpp>

#include <cerrno>

#include "c_face.hpp"

namespace detail = rtlane::detail;
using detail::number;
using rtlane::Role;
using View = detail::FrameBroadcastView<std::atomic<std::uint64_t>>;

struct rtlane_frame_broadcast : detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_FRAME_BROADCAST;
};

struct rtlane_frame_broadcast_writer : detail::CEnd<detail::FrameBroadcastWriterCore<>> {
  using CEnd::CEnd;
};

struct rtlane_frame_broadcast_subscriber : detail::CReader<detail::FrameBroadcastSubscriberCore<>> {
  using CReader::CReader;
};

namespace {

using SubscriberCore = detail::FrameBroadcastSubscriberCore<>;

rtlane_channel_spec spec_of(uint64_t capacity_bytes, uint64_t frame_bytes_max) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.capacity = capacity_bytes;
  spec.frame_bytes_max = frame_bytes_max;
  return spec;
}

View view_of(const rtlane::ChannelRef& channel) noexcept
{
  const rtlane_channel_layout layout = channel.layout();
  return View(layout.base, layout.slots_offset, layout.capacity, layout.frame_bytes_max);
}

int attach(const rtlane_frame_broadcast* broadcast, rtlane_frame_broadcast_subscriber** subscriber,
           SubscriberCore::From from) noexcept
{
  return detail::give(broadcast, subscriber, [=]() -> rtlane::expected<rtlane_frame_broadcast_subscriber*> {
    SubscriberCore core;
    if (!core.join(view_of(broadcast->ref), from))
      return rtlane::unexpected(
          rtlane::Error{EAGAIN, "the writer went through the whole ring during each of four attempts to join it"});
    return new rtlane_frame_broadcast_subscriber(core, broadcast->ref);
  });
}

}  // namespace

int rtlane_frame_broadcast_create(const char* name, uint64_t capacity_bytes, uint64_t frame_bytes_max,
                                  const struct rtlane_shm_options* options, rtlane_frame_broadcast** broadcast) noexcept
{
  return detail::give_named(rtlane_channel_create, name, spec_of(capacity_bytes, frame_bytes_max), options, broadcast);
}

int rtlane_frame_broadcast_open(const char* name, const struct rtlane_shm_options* options,
                                rtlane_frame_broadcast** broadcast) noexcept
{
  return detail::give_named(rtlane_channel_open, name, spec_of(0, 0), options, broadcast);
}

int rtlane_frame_broadcast_in_memory(uint64_t capacity_bytes, uint64_t frame_bytes_max,
                                     rtlane_frame_broadcast** broadcast) noexcept
{
  return detail::give_private(spec_of(capacity_bytes, frame_bytes_max), broadcast);
}

int rtlane_frame_broadcast_from_channel(rtlane_channel* channel, rtlane_frame_broadcast** broadcast) noexcept
{
  return detail::give_known(channel, broadcast);
}

void rtlane_frame_broadcast_close(rtlane_frame_broadcast* broadcast) noexcept
{
  delete broadcast;
}

uint64_t rtlane_frame_broadcast_capacity_bytes(const rtlane_frame_broadcast* broadcast) noexcept
{
  return detail::layout_of(broadcast).capacity;
}

uint64_t rtlane_frame_broadcast_frame_bytes_max(const rtlane_frame_broadcast* broadcast) noexcept
{
  return detail::layout_of(broadcast).frame_bytes_max;
}

rtlane_channel* rtlane_frame_broadcast_channel(const rtlane_frame_broadcast* broadcast) noexcept
{
  return detail::channel_of(broadcast);
}

/* ---- writer */

int rtlane_frame_broadcast_writer_attach(rtlane_frame_broadcast* broadcast,
                                         rtlane_frame_broadcast_writer** writer) noexcept
{
  return detail::give_end(broadcast, RTLANE_ROLE_PRODUCER, writer, [](Role role) {
    return new rtlane_frame_broadcast_writer(detail::FrameBroadcastWriterCore<>(view_of(role.channel())),
                                             std::move(role));
  });
}

void rtlane_frame_broadcast_writer_detach(rtlane_frame_broadcast_writer* writer) noexcept
{
  delete writer;
}

int rtlane_frame_broadcast_publish(rtlane_frame_broadcast_writer* writer, const void* frame, size_t bytes) noexcept
{
  if (writer == nullptr || (frame == nullptr && bytes != 0))
    return -EINVAL;
  return number(writer->core_.publish(frame, bytes));
}

int rtlane_frame_broadcast_end(rtlane_frame_broadcast_writer* writer) noexcept
{
  if (writer == nullptr)
    return -EINVAL;
  writer->core_.close();
  return RTLANE_OK;
}

uint64_t rtlane_frame_broadcast_writer_next_number(const rtlane_frame_broadcast_writer* writer) noexcept
{
  return writer == nullptr ? 0 : writer->core_.number();
}

int rtlane_frame_broadcast_ring(rtlane_frame_broadcast_writer* writer) noexcept
{
  return detail::ring(writer);
}

/* ---- subscriber */

int rtlane_frame_broadcast_subscriber_attach(rtlane_frame_broadcast* broadcast,
                                             rtlane_frame_broadcast_subscriber** subscriber) noexcept
{
  return attach(broadcast, subscriber, SubscriberCore::From::now);
}

int rtlane_frame_broadcast_subscriber_attach_oldest(rtlane_frame_broadcast* broadcast,
                                                    rtlane_frame_broadcast_subscriber** subscriber) noexcept
{
  return attach(broadcast, subscriber, SubscriberCore::From::oldest);
}

void rtlane_frame_broadcast_subscriber_detach(rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  delete subscriber;
}

int rtlane_frame_broadcast_try_next(rtlane_frame_broadcast_subscriber* subscriber, void* buffer, size_t buffer_bytes,
                                    size_t* bytes) noexcept
{
  if (subscriber == nullptr || (buffer == nullptr && buffer_bytes != 0) || bytes == nullptr)
    return -EINVAL;
  return number(subscriber->core_.try_next(buffer, buffer_bytes, *bytes));
}

int rtlane_frame_broadcast_next_until(rtlane_frame_broadcast_subscriber* subscriber, void* buffer, size_t buffer_bytes,
                                      size_t* bytes, int idle, int64_t deadline_ns) noexcept
{
  if (subscriber == nullptr || (buffer == nullptr && buffer_bytes != 0) || bytes == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(detail::wait_as(idle, subscriber->bell_, deadline_ns,
                                [=] { return subscriber->core_.try_next(buffer, buffer_bytes, *bytes); }));
}

uint64_t rtlane_frame_broadcast_lost(const rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? 0 : subscriber->core_.lost();
}

uint64_t rtlane_frame_broadcast_lost_total(const rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? 0 : subscriber->core_.lost_total();
}

int rtlane_frame_broadcast_writer_changed(rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? -EINVAL : subscriber->core_.take_changed() ? 1 : 0;
}

uint64_t rtlane_frame_broadcast_subscriber_next_number(const rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? 0 : subscriber->core_.number();
}

int rtlane_frame_broadcast_subscriber_status(const rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? -EINVAL : number(subscriber->core_.last_status());
}

int rtlane_frame_broadcast_writer_alive(const rtlane_frame_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? -EINVAL : rtlane_role_held(subscriber->channel_.get(), RTLANE_ROLE_PRODUCER);
}
