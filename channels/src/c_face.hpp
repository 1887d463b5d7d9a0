// What the C faces of all channels have in common: handles, errors, waiting.
#pragma once

#include <rtlane/channels/status.h>
#include <rtlane/channels/channel_object.hpp>
#include <rtlane/channels/idle.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/status.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <new>
#include <utility>

#include "error.hpp"

namespace rtlane::detail {

[[nodiscard]] constexpr int number(Status status) noexcept
{
  return static_cast<int>(status);
}

// Base of a channel's handle, which has `kind`, its enum rtlane_channel_kind.
struct CChannel {
  ChannelRef ref;
};

// Base of an endpoint's handle, when the endpoint has a role: an Endpoint whose insides the C calls see.
template <class Core>
struct CEnd : Endpoint<Core> {
  using Endpoint<Core>::core_;
  using Endpoint<Core>::role_;
  using Endpoint<Core>::bell_;

  CEnd(Core core, Role&& role) noexcept
      : Endpoint<Core>(std::move(core), std::move(role)), element_bytes(role_.channel().layout().element_bytes)
  {}

  std::uint64_t element_bytes;
};

// Base of an endpoint's handle, when the endpoint only reads and has no role.
template <class Core>
struct alignas(cache_line_bytes) CReader {
  CReader(const Core& core, const ChannelRef& channel) noexcept
      : core_(core), channel_(channel), bell_(channel.layout()), element_bytes(channel.layout().element_bytes)
  {}

  Core core_;
  ChannelRef channel_;
  Doorbell bell_;
  std::uint64_t element_bytes;
};

inline int no_channel() noexcept
{
  return fail(EINVAL, "the channel, or what is to be given out, is NULL");
}

// `result` as it came with the channel, which becomes *handle.
template <class Handle>
int adopt(int result, rtlane_channel* channel, Handle** handle) noexcept
{
  if (result < 0)
    return result;
  ChannelRef owned(channel);
  auto* made = new (std::nothrow) Handle;
  if (made == nullptr)
    return fail(ENOMEM, "no memory for a channel's administration");
  made->ref = std::move(owned);
  *handle = made;
  return result;
}

template <class Handle>
int give_named(decltype(&rtlane_channel_create) call, const char* name, rtlane_channel_spec spec,
               const rtlane_shm_options* options, Handle** handle) noexcept
{
  if (handle == nullptr)
    return no_channel();
  spec.kind = Handle::kind;
  rtlane_channel* channel = nullptr;
  const int result = call(name, &spec, options, &channel);
  return adopt(result, channel, handle);
}

template <class Handle>
int give_private(rtlane_channel_spec spec, Handle** handle) noexcept
{
  if (handle == nullptr)
    return no_channel();
  spec.kind = Handle::kind;
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_in_memory(&spec, &channel);
  return adopt(result, channel, handle);
}

// A channel that the caller has.
template <class Handle>
int give_known(rtlane_channel* channel, Handle** handle) noexcept
{
  if (channel == nullptr || handle == nullptr)
    return no_channel();
  rtlane_channel_layout layout{};
  layout.struct_size = sizeof layout;
  rtlane_channel_get_layout(channel, &layout);
  const std::uint32_t kind = layout.kind;
  if (kind != Handle::kind)
    return fail(EPROTOTYPE, "the channel is of kind %s, not %s", rtlane_channel_kind_name(kind),
                rtlane_channel_kind_name(Handle::kind));
  return adopt(0, rtlane_channel_ref(channel), handle);
}

template <class Handle>
rtlane_channel_layout layout_of(const Handle* handle) noexcept
{
  return handle == nullptr ? rtlane_channel_layout{} : handle->ref.layout();
}

template <class Handle>
rtlane_channel* channel_of(const Handle* handle) noexcept
{
  return handle == nullptr ? nullptr : handle->ref.get();
}

inline int refuse(const Error& error) noexcept
{
  return fail(error.code, "%s", error.message.c_str());
}

// *end becomes what make() answers, an expected<End*>.
template <class Handle, class End, class Make>
int give(const Handle* channel, End** end, Make make) noexcept
{
  if (channel == nullptr || end == nullptr)
    return no_channel();
  try {
    auto made = make();
    if (!made)
      return refuse(made.error());
    *end = *made;
    return 0;
  } catch (...) {
    return fail(ENOMEM, "no memory for an endpoint");
  }
}

// The endpoint that make(role) builds by new: role number `index`, ...
template <class Handle, class End, class Make>
int give_end(const Handle* channel, std::uint32_t index, End** end, Make make) noexcept
{
  return give(channel, end, [&]() -> expected<End*> {
    auto role = Role::acquire(channel->ref, index);
    if (!role)
      return unexpected(std::move(role).error());
    return make(std::move(*role));
  });
}

// ... or the lowest free numbered participant.
template <class Handle, class End, class Make>
int give_participant(const Handle* channel, End** end, Make make) noexcept
{
  return give(channel, end, [&]() -> expected<End*> {
    auto role = Role::acquire_any(channel->ref, RTLANE_ROLE_PARTICIPANT, channel->ref.layout().participants);
    if (!role)
      return unexpected(std::move(role).error());
    return make(std::move(*role));
  });
}

template <class End>
int ring(End* end) noexcept
{
  return end == nullptr ? -EINVAL : end->ring() ? 1 : 0;
}

[[nodiscard]] constexpr bool is_idle(int idle) noexcept
{
  return idle >= RTLANE_IDLE_SPIN && idle <= RTLANE_IDLE_PARK;
}

// wait_until with a strategy that is known at run time, one for which is_idle() holds.
template <class Look>
Status wait_as(int strategy, const Doorbell& bell, std::int64_t deadline_ns, const Look& look) noexcept
{
  switch (strategy) {
    case RTLANE_IDLE_SPIN:
      return wait_until(idle::spin, bell, deadline_ns, look);
    case RTLANE_IDLE_PAUSE:
      return wait_until(idle::pause, bell, deadline_ns, look);
    case RTLANE_IDLE_YIELD:
      return wait_until(idle::yield, bell, deadline_ns, look);
    default:
      return wait_until(idle::park, bell, deadline_ns, look);
  }
}

}  // namespace rtlane::detail
