// Owner of an observer: looks at what goes through a channel without taking part in it.
//
//   auto observer = rtlane::Observer::of(channel, rtlane::ObserveFrom::newest);
//   rtlane_observation seen = rtlane::Observer::observation();
//   while (observer->next(seen) == rtlane::Status::ok)
//     puts(table->format_element({static_cast<const std::byte*>(seen.bytes), seen.byte_count}).c_str());
//
// What can be seen of each kind of channel, and what cannot: rtlane/channels/observe.h.
#pragma once

#include <rtlane/channels/observe.h>
#include <rtlane/channels/participants.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/core/expected.hpp>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace rtlane {

enum class ObserveFrom : std::uint32_t {
  oldest = RTLANE_OBSERVE_OLDEST,
  newest = RTLANE_OBSERVE_NEWEST,
  next = RTLANE_OBSERVE_NEXT,
};

// Move-only; used by one thread at a time.
class Observer {
public:
  // frame_bytes: of frames copy no more than so many bytes; 0 = all. Set-up.
  [[nodiscard]] static expected<Observer> of(const ChannelRef& channel, ObserveFrom from = ObserveFrom::newest,
                                             std::uint64_t frame_bytes = 0)
  {
    Observer observer;
    const int result =
        rtlane_observer_open(channel.get(), static_cast<std::uint32_t>(from), frame_bytes, &observer.observer_);
    if (result < 0)
      return unexpected(Error::from_c(result));
    return observer;
  }

  Observer() = default;
  Observer(Observer&& other) noexcept : observer_(std::exchange(other.observer_, nullptr)) {}
  Observer& operator=(Observer&& other) noexcept
  {
    Observer moved(std::move(other));
    std::swap(observer_, moved.observer_);
    return *this;
  }
  ~Observer() { rtlane_observer_close(observer_); }

  [[nodiscard]] static rtlane_observation observation() noexcept
  {
    rtlane_observation seen{};
    seen.struct_size = sizeof seen;
    return seen;
  }

  // ok, empty, lost, busy, closed, corrupt; too_large: no memory for the copy. Without a channel it is `closed`.
  Status next(rtlane_observation& seen) noexcept
  {
    const int answer = rtlane_observer_next(observer_, &seen);
    return answer >= 0 ? static_cast<Status>(answer) : answer == -ENOMEM ? Status::too_large : Status::closed;
  }

  // Leaves out all but the newest; how much that was.
  std::uint64_t skip() noexcept
  {
    const std::int64_t skipped = rtlane_observer_skip(observer_);
    return skipped < 0 ? 0 : static_cast<std::uint64_t>(skipped);
  }

private:
  rtlane_observer* observer_ = nullptr;
};

}  // namespace rtlane
