// What typed channels have in common outside of their data calls: how they are made and opened, what they say of
// themselves, and the life of an endpoint.
#pragma once

#include <rtlane/channels/doorbell.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/expected.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace rtlane::detail {

// Base of a channel template, class MyRing : public ChannelObject<MyRing<T>>, which inherits the constructor
// and makes this class a friend. Copyable: a copy is one more reference to the same channel.
template <class Channel>
class ChannelObject {
public:
  [[nodiscard]] std::uint64_t capacity() const noexcept { return channel_.layout().capacity; }
  [[nodiscard]] bool created() const noexcept { return channel_.layout().created != 0; }

  // Counters and participants as a monitor sees them; the memory obtained (zeroed for in_memory). Set-up.
  [[nodiscard]] rtlane_channel_info info() const noexcept { return channel_.info(); }
  [[nodiscard]] rtlane_shm_certificate certificate() const noexcept { return channel_.certificate(); }
  [[nodiscard]] const ChannelRef& channel() const noexcept { return channel_; }

protected:
  explicit ChannelObject(ChannelRef channel) noexcept : channel_(std::move(channel)) {}

  [[nodiscard]] static expected<Channel> create_as(const std::string& name, const rtlane_channel_spec& wanted,
                                                   const ShmOptions& options)
  {
    return make(name, wanted, options, rtlane_channel_create);
  }

  [[nodiscard]] static expected<Channel> open_as(const std::string& name, const rtlane_channel_spec& wanted,
                                                 const ShmOptions& options)
  {
    return make(name, wanted, options, rtlane_channel_open);
  }

  [[nodiscard]] static expected<Channel> in_memory_as(const rtlane_channel_spec& wanted)
  {
    rtlane_channel* channel = nullptr;
    const int result = rtlane_channel_in_memory(&wanted, &channel);
    return finish(result, channel);
  }

  // The endpoint that make(role) builds, or why it cannot be had: role number `index`, ...
  template <class Make>
  [[nodiscard]] auto attach(std::uint32_t index, Make make) const -> expected<decltype(make(Role()))>
  {
    auto role = Role::acquire(channel_, index);
    if (!role)
      return unexpected(std::move(role).error());
    return make(std::move(*role));
  }
  // ... or the lowest free numbered participant.
  template <class Make>
  [[nodiscard]] auto attach_participant(Make make) const -> expected<decltype(make(Role()))>
  {
    auto role = Role::acquire_any(channel_, RTLANE_ROLE_PARTICIPANT, channel_.layout().participants);
    if (!role)
      return unexpected(std::move(role).error());
    return make(std::move(*role));
  }

private:
  using Call = decltype(&rtlane_channel_create);

  static expected<Channel> make(const std::string& name, const rtlane_channel_spec& wanted, const ShmOptions& options,
                                Call call)
  {
    if (has_nul(name))
      return unexpected(error_of_nul());
    const rtlane_shm_options memory = options.to_c();
    rtlane_channel* channel = nullptr;
    const int result = call(name.c_str(), &wanted, &memory, &channel);
    return finish(result, channel);
  }

  static expected<Channel> finish(int result, rtlane_channel* channel)
  {
    if (result < 0)
      return unexpected(Error::from_c(result));
    return Channel(ChannelRef(channel));
  }

  ChannelRef channel_;
};

// Base of an endpoint: an algorithm's core and the role it acts in. Move-only; at the end the core detaches while the
// role is still held, and nothing is written in a fork child or after the object was closed (at exit).
// A default-constructed Core has no channel.
template <class Core>
class alignas(cache_line_bytes) Endpoint {
public:
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(role_); }

  // To be called after publications, or after giving back room, in a channel with a doorbell
  // (RTLANE_DOORBELL_IF_WAITING): wakes those who sleep in a waiting call with idle::park. One ring does for any
  // number of publications before it; the other calls never enter the kernel. True when somebody had said that it
  // sleeps. Without a doorbell it does nothing. Wait-free: one read-modify-write, one system call if somebody sleeps.
  bool ring() noexcept { return bell_.ring(); }

protected:
  Endpoint() = default;
  // By reference: the core is made from the role's channel, in whatever order the arguments are evaluated.
  Endpoint(Core core, Role&& role) noexcept
      : core_(std::move(core)), role_(std::move(role)), bell_(role_.channel().layout())
  {}
  Endpoint(Endpoint&& other) noexcept
      : core_(std::exchange(other.core_, {})), role_(std::move(other.role_)), bell_(std::exchange(other.bell_, {}))
  {}
  Endpoint& operator=(Endpoint&& other) noexcept
  {
    Endpoint moved(std::move(other));
    std::swap(core_, moved.core_);
    std::swap(role_, moved.role_);
    std::swap(bell_, moved.bell_);
    return *this;
  }
  ~Endpoint()
  {
    if (role_.mine())
      core_.detach();
  }

  Core core_;
  Role role_;
  Doorbell bell_;
};

}  // namespace rtlane::detail
