// The two modes of the MPMC ring behind one face: which of them a ring has stands in its header, and is learned at
// attach. One foreseeable branch per call.
#pragma once

#include <rtlane/channels/mpmc_core.hpp>
#include <rtlane/channels/mpmc_isolated_core.hpp>
#include <rtlane/channels/participants.hpp>
#include <rtlane/core/expected.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace rtlane::detail {

// Whether an entry's lease is held. Bounded: four system calls.
struct MpmcLives {
  rtlane_channel* channel = nullptr;
  bool operator()(std::uint32_t entry) const noexcept
  {
    return rtlane_role_held(channel, RTLANE_ROLE_PARTICIPANT + entry) != 0;
  }
};

// As the cores. A default-constructed one answers `closed`.
class MpmcProducerEnd {
public:
  using Shared = MpmcProducerCore<MpmcLives, MpmcWord>;
  using Isolated = IsolatedProducerCore<MpmcLives, MpmcWord>;

  MpmcProducerEnd() = default;
  explicit MpmcProducerEnd(const Shared& core) noexcept : shared_(core) {}
  explicit MpmcProducerEnd(Isolated&& core) noexcept : is_isolated_(true), isolated_(std::move(core)) {}

  void detach() noexcept { is_isolated_ ? isolated_.detach() : shared_.detach(); }
  [[nodiscard]] std::byte* claim() noexcept
  {
    if (is_isolated_) [[unlikely]]
      return isolated_.claim();
    return shared_.claim();
  }
  [[nodiscard]] std::byte* claim_again() noexcept
  {
    return is_isolated_ ? isolated_.claim_again() : shared_.claim_again();
  }
  [[nodiscard]] bool claimed() const noexcept { return is_isolated_ ? isolated_.claimed() : shared_.claimed(); }
  void close() noexcept { is_isolated_ ? isolated_.close() : shared_.close(); }
  [[nodiscard]] Status last_status() const noexcept
  {
    return is_isolated_ ? isolated_.last_status() : shared_.last_status();
  }

  // Only after a claim(). ok; isolated also busy: the place is still claimed; closed, corrupt: it is not.
  [[nodiscard]] Status publish() noexcept
  {
    if (is_isolated_) [[unlikely]]
      return isolated_.publish() ? Status::ok : isolated_.last_status();
    shared_.publish();
    return Status::ok;
  }
  // As publish(), but what is not visible then is not claimed either.
  [[nodiscard]] Status publish_or_give_up() noexcept
  {
    const Status status = publish();
    if (status != Status::ok) [[unlikely]]
      isolated_.give_up();
    return status;
  }

private:
  bool is_isolated_ = false;
  Shared shared_;
  Isolated isolated_;
};

class MpmcConsumerEnd {
public:
  using Shared = MpmcConsumerCore<MpmcLives, MpmcWord>;
  using Isolated = IsolatedConsumerCore<MpmcLives, MpmcWord>;

  MpmcConsumerEnd() = default;
  explicit MpmcConsumerEnd(const Shared& core) noexcept : shared_(core) {}
  explicit MpmcConsumerEnd(const Isolated& core) noexcept : is_isolated_(true), isolated_(core) {}

  void detach() noexcept { is_isolated_ ? isolated_.detach() : shared_.detach(); }
  [[nodiscard]] const std::byte* take() noexcept
  {
    if (is_isolated_) [[unlikely]]
      return isolated_.take();
    return shared_.take();
  }
  [[nodiscard]] bool holding() const noexcept { return is_isolated_ ? isolated_.holding() : shared_.holding(); }
  void give_back() noexcept
  {
    if (is_isolated_) [[unlikely]]
      isolated_.give_back();
    else
      shared_.give_back();
  }
  [[nodiscard]] Status last_status() const noexcept
  {
    return is_isolated_ ? isolated_.last_status() : shared_.last_status();
  }

private:
  bool is_isolated_ = false;
  Shared shared_;
  Isolated isolated_;
};

// An end (one of the two above) and the role that it acts in.
template <class End>
struct MpmcPlace {
  End end;
  Role role;
};

// Takes the lowest free entry that can be swept. -EBUSY when there is none.
template <class End>
expected<MpmcPlace<End>> mpmc_attach_shared(const ChannelRef& channel, const rtlane_channel_layout& layout)
{
  std::vector<Role> undecided;  // kept until another is found, or the same would be tried again
  for (;;) {
    auto role = Role::acquire_any(channel, RTLANE_ROLE_PARTICIPANT, layout.participants);
    if (!role && role.error().code == EBUSY && !undecided.empty())
      return unexpected(Error{EBUSY,
                              "the last free place of the ring cannot be had yet: its holder was killed in a race for "
                              "an element with a participant that is stopped in it; try again"});
    if (!role)
      return unexpected(std::move(role).error());
    typename End::Shared::Entry entry(mpmc_view(layout), role->index() - RTLANE_ROLE_PARTICIPANT, {channel.get()});
    if (entry.attach())
      return MpmcPlace<End>{End(typename End::Shared(entry)), std::move(*role)};
    undecided.push_back(std::move(*role));
  }
}

// Takes the lowest free entry.
template <class End>
expected<MpmcPlace<End>> mpmc_attach_isolated(const ChannelRef& channel, const rtlane_channel_layout& layout)
{
  auto role = Role::acquire_any(channel, RTLANE_ROLE_PARTICIPANT, layout.participants);
  if (!role)
    return unexpected(std::move(role).error());
  typename End::Isolated::Entry entry(isolated_view(layout), role->index() - RTLANE_ROLE_PARTICIPANT, {channel.get()});
  entry.attach();
  try {
    return MpmcPlace<End>{End(typename End::Isolated(entry)), std::move(*role)};
  } catch (const std::bad_alloc&) {
    return unexpected(Error{ENOMEM, "no memory for an endpoint's list of its slots"});
  }
}

template <class End>
expected<MpmcPlace<End>> mpmc_attach(const ChannelRef& channel)
{
  const rtlane_channel_layout layout = channel.layout();
  return layout.mode == RTLANE_MODE_ISOLATED ? mpmc_attach_isolated<End>(channel, layout)
                                             : mpmc_attach_shared<End>(channel, layout);
}

[[nodiscard]] inline std::uint64_t mpmc_size_estimate(const rtlane_channel_layout& layout) noexcept
{
  return layout.mode == RTLANE_MODE_ISOLATED ? isolated_size_estimate(isolated_view(layout))
                                             : mpmc_size_estimate(mpmc_view(layout));
}

}  // namespace rtlane::detail
