// Owners for a channel's memory and for a role in it.
//
// A role ("the producer") is a lease of the kernel: held by at most one endpoint of all processes,
// dropped by the kernel after the holder is gone, however it ended. Nothing is decided by a clock;
// a stopped process keeps its roles. Endpoints are not inherited by fork children.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/core/expected.hpp>

#include <utility>

namespace rtlane {

// A counted reference: the memory stays mapped while one is left.
class ChannelRef {
public:
  ChannelRef() = default;
  explicit ChannelRef(rtlane_channel* adopted) noexcept : channel_(adopted) {}
  ChannelRef(const ChannelRef& other) noexcept : channel_(rtlane_channel_ref(other.channel_)) {}
  ChannelRef(ChannelRef&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)) {}
  ChannelRef& operator=(ChannelRef other) noexcept
  {
    std::swap(channel_, other.channel_);
    return *this;
  }
  ~ChannelRef() { rtlane_channel_unref(channel_); }

  [[nodiscard]] rtlane_channel* get() const noexcept { return channel_; }
  [[nodiscard]] explicit operator bool() const noexcept { return channel_ != nullptr; }

  // Wait-free.
  [[nodiscard]] rtlane_channel_layout layout() const noexcept
  {
    rtlane_channel_layout layout{};
    layout.struct_size = sizeof layout;
    if (channel_ != nullptr)
      rtlane_channel_get_layout(channel_, &layout);
    return layout;
  }

  // What a monitor sees. Zeroed when there is no channel. Not for a real-time loop.
  [[nodiscard]] rtlane_channel_info info() const noexcept
  {
    rtlane_channel_info info{};
    info.struct_size = sizeof info;
    if (channel_ != nullptr)
      rtlane_channel_get_info(channel_, &info);
    return info;
  }

  // What memory was obtained; zeroed for private memory. Not for a real-time loop.
  [[nodiscard]] rtlane_shm_certificate certificate() const noexcept
  {
    rtlane_shm_certificate facts{};
    facts.struct_size = sizeof facts;
    if (channel_ != nullptr && rtlane_channel_handle(channel_) != 0)
      rtlane_shm_info(rtlane_channel_handle(channel_), &facts);
    return facts;
  }

  // Whether somebody alive has the role; doubt counts as alive. Bounded: four system calls.
  [[nodiscard]] bool role_alive(std::uint32_t index) const noexcept
  {
    return channel_ != nullptr && rtlane_role_held(channel_, index) != 0;
  }

private:
  rtlane_channel* channel_ = nullptr;
};

// A role, given back at the end. Keeps the channel's memory alive. Move-only.
class Role {
public:
  // -EBUSY when a living endpoint has it.
  [[nodiscard]] static expected<Role> acquire(const ChannelRef& channel, std::uint32_t index)
  {
    Role role;
    const int result = rtlane_role_acquire(channel.get(), index, &role.role_);
    if (result < 0)
      return unexpected(Error::from_c(result));
    role.channel_ = channel;
    return role;
  }
  // The lowest free one of first .. first + count - 1; index() says which. -EBUSY when living endpoints have all.
  [[nodiscard]] static expected<Role> acquire_any(const ChannelRef& channel, std::uint32_t first, std::uint32_t count)
  {
    Role role;
    const int result = rtlane_role_acquire_any(channel.get(), first, count, &role.role_);
    if (result < 0)
      return unexpected(Error::from_c(result));
    role.channel_ = channel;
    return role;
  }

  Role() = default;
  Role(Role&& other) noexcept : channel_(std::move(other.channel_)), role_(std::exchange(other.role_, nullptr)) {}
  Role& operator=(Role&& other) noexcept
  {
    Role moved(std::move(other));
    std::swap(channel_, moved.channel_);
    std::swap(role_, moved.role_);
    return *this;
  }
  ~Role() { rtlane_role_release(role_); }

  [[nodiscard]] const ChannelRef& channel() const noexcept { return channel_; }
  // The number it was taken by; UINT32_MAX without one.
  [[nodiscard]] std::uint32_t index() const noexcept { return rtlane_role_index(role_); }
  [[nodiscard]] bool mine() const noexcept { return rtlane_role_mine(role_) != 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return role_ != nullptr; }

private:
  ChannelRef channel_;
  rtlane_role* role_ = nullptr;
};

}  // namespace rtlane
