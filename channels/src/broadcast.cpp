// The C face of the broadcast: what Broadcast<T> does, with sizes known at run time.
#include <rtlane/channels/broadcast.h>
#include <rtlane/channels/broadcast_core.hpp>

#include <cerrno>
#include <string>

#include "c_face.hpp"

namespace detail = rtlane::detail;
using detail::number;
using rtlane::Role;
using rtlane::Status;
using Word = std::atomic<std::uint64_t>;
using View = detail::BroadcastView<Word>;

struct rtlane_broadcast : detail::CChannel {
  static constexpr std::uint32_t kind = RTLANE_CHANNEL_BROADCAST;
};

struct rtlane_broadcast_writer : detail::CEnd<detail::BroadcastWriterCore<>> {
  using CEnd::CEnd;
};

struct rtlane_broadcast_subscriber : detail::CReader<detail::BroadcastSubscriberCore<>> {
  using CReader::CReader;
};

namespace {

rtlane_channel_spec spec_of(uint64_t depth, const rtlane_type* type) noexcept
{
  rtlane_channel_spec spec = RTLANE_CHANNEL_SPEC_INIT;
  spec.capacity = depth;
  spec.type = type;
  return spec;
}

// first(places) is the number to begin with, an expected one.
template <class First>
int attach(const rtlane_broadcast* broadcast, rtlane_broadcast_subscriber** subscriber, First first) noexcept
{
  return detail::give(broadcast, subscriber, [&]() -> rtlane::expected<rtlane_broadcast_subscriber*> {
    const View view(broadcast->ref.layout());
    const rtlane::expected<std::uint64_t> from = first(detail::BroadcastPlaces<Word>(view));
    if (!from)
      return rtlane::unexpected(from.error());
    return new rtlane_broadcast_subscriber(detail::BroadcastSubscriberCore<>(view, *from), broadcast->ref);
  });
}

Status next(rtlane_broadcast_subscriber& subscriber, void* element) noexcept
{
  return subscriber.core_.try_next(element, subscriber.element_bytes);
}

}  // namespace

int rtlane_broadcast_create(const char* name, uint64_t depth, const struct rtlane_type* type,
                            const struct rtlane_shm_options* options, rtlane_broadcast** broadcast) noexcept
{
  return detail::give_named(rtlane_channel_create, name, spec_of(depth, type), options, broadcast);
}

int rtlane_broadcast_open(const char* name, const struct rtlane_type* type, const struct rtlane_shm_options* options,
                          rtlane_broadcast** broadcast) noexcept
{
  return detail::give_named(rtlane_channel_open, name, spec_of(0, type), options, broadcast);
}

int rtlane_broadcast_in_memory(uint64_t depth, const struct rtlane_type* type, rtlane_broadcast** broadcast) noexcept
{
  return detail::give_private(spec_of(depth, type), broadcast);
}

int rtlane_broadcast_from_channel(rtlane_channel* channel, rtlane_broadcast** broadcast) noexcept
{
  return detail::give_known(channel, broadcast);
}

void rtlane_broadcast_close(rtlane_broadcast* broadcast) noexcept
{
  delete broadcast;
}

uint64_t rtlane_broadcast_depth(const rtlane_broadcast* broadcast) noexcept
{
  return detail::layout_of(broadcast).capacity;
}

uint64_t rtlane_broadcast_element_bytes(const rtlane_broadcast* broadcast) noexcept
{
  return detail::layout_of(broadcast).element_bytes;
}

rtlane_channel* rtlane_broadcast_channel(const rtlane_broadcast* broadcast) noexcept
{
  return detail::channel_of(broadcast);
}

/* ---- writer */

int rtlane_broadcast_writer_attach(rtlane_broadcast* broadcast, rtlane_broadcast_writer** writer) noexcept
{
  return detail::give_end(broadcast, RTLANE_ROLE_PRODUCER, writer, [](Role role) {
    return new rtlane_broadcast_writer(detail::BroadcastWriterCore<>(View(role.channel().layout())), std::move(role));
  });
}

void rtlane_broadcast_writer_detach(rtlane_broadcast_writer* writer) noexcept
{
  delete writer;
}

int rtlane_broadcast_publish(rtlane_broadcast_writer* writer, const void* element) noexcept
{
  return element == nullptr ? -EINVAL : rtlane_broadcast_publish_n(writer, element, 1);
}

int rtlane_broadcast_publish_n(rtlane_broadcast_writer* writer, const void* elements, size_t count) noexcept
{
  if (writer == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  const auto* from = static_cast<const std::byte*>(elements);
  for (size_t i = 0; i < count; ++i, from += writer->element_bytes) {
    if (const Status status = writer->core_.publish(from, writer->element_bytes); status != Status::ok)
      return number(status);
  }
  return RTLANE_OK;
}

int rtlane_broadcast_end(rtlane_broadcast_writer* writer) noexcept
{
  if (writer == nullptr)
    return -EINVAL;
  writer->core_.close();
  return RTLANE_OK;
}

uint64_t rtlane_broadcast_writer_next_number(const rtlane_broadcast_writer* writer) noexcept
{
  return writer == nullptr ? 0 : writer->core_.number();
}

int rtlane_broadcast_ring(rtlane_broadcast_writer* writer) noexcept
{
  return detail::ring(writer);
}

/* ---- subscriber */

int rtlane_broadcast_subscriber_attach(rtlane_broadcast* broadcast, rtlane_broadcast_subscriber** subscriber) noexcept
{
  return attach(broadcast, subscriber, [](const auto& places) { return places.newest; });
}

int rtlane_broadcast_subscriber_attach_oldest(rtlane_broadcast* broadcast,
                                              rtlane_broadcast_subscriber** subscriber) noexcept
{
  return attach(broadcast, subscriber, [](const auto& places) { return places.oldest; });
}

int rtlane_broadcast_subscriber_attach_at(rtlane_broadcast* broadcast, uint64_t wanted,
                                          rtlane_broadcast_subscriber** subscriber) noexcept
{
  return attach(broadcast, subscriber, [wanted](const auto& places) -> rtlane::expected<std::uint64_t> {
    if (!places.has_been(wanted))
      return rtlane::unexpected(rtlane::Error{
          ERANGE, "number " + std::to_string(wanted) + " is not one of this broadcast, whose next one is " +
                      std::to_string(places.newest) + " and which has had " + std::to_string(places.published)});
    return wanted;
  });
}

void rtlane_broadcast_subscriber_detach(rtlane_broadcast_subscriber* subscriber) noexcept
{
  delete subscriber;
}

int rtlane_broadcast_try_next(rtlane_broadcast_subscriber* subscriber, void* element) noexcept
{
  if (subscriber == nullptr || element == nullptr)
    return -EINVAL;
  return number(next(*subscriber, element));
}

int64_t rtlane_broadcast_try_next_n(rtlane_broadcast_subscriber* subscriber, void* elements, size_t count) noexcept
{
  if (subscriber == nullptr || (elements == nullptr && count != 0))
    return -EINVAL;
  if (count == 0 || next(*subscriber, elements) != Status::ok)
    return 0;
  auto* to = static_cast<std::byte*>(elements);
  size_t taken = 1;
  while (taken < count &&
         subscriber->core_.try_following(to + taken * subscriber->element_bytes, subscriber->element_bytes))
    ++taken;
  return static_cast<int64_t>(taken);
}

int rtlane_broadcast_next_until(rtlane_broadcast_subscriber* subscriber, void* element, int idle,
                                int64_t deadline_ns) noexcept
{
  if (subscriber == nullptr || element == nullptr || !detail::is_idle(idle))
    return -EINVAL;
  return number(detail::wait_as(idle, subscriber->bell_, deadline_ns, [=] { return next(*subscriber, element); }));
}

uint64_t rtlane_broadcast_lost(const rtlane_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? 0 : subscriber->core_.lost();
}

uint64_t rtlane_broadcast_lost_total(const rtlane_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? 0 : subscriber->core_.lost_total();
}

int rtlane_broadcast_writer_changed(rtlane_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? -EINVAL : subscriber->core_.take_changed() ? 1 : 0;
}

uint64_t rtlane_broadcast_subscriber_next_number(const rtlane_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? 0 : subscriber->core_.number();
}

int rtlane_broadcast_subscriber_status(const rtlane_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? -EINVAL : number(subscriber->core_.last_status());
}

int rtlane_broadcast_writer_alive(const rtlane_broadcast_subscriber* subscriber) noexcept
{
  return subscriber == nullptr ? -EINVAL : rtlane_role_held(subscriber->channel_.get(), RTLANE_ROLE_PRODUCER);
}
