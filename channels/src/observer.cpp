// The C face of observers: owns the channel's reference and the private copy.
#include "observer.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "channel_private.hpp"
#include "error.hpp"

using namespace rtlane::detail;

struct rtlane_observer {
  rtlane_channel* channel = nullptr;
  ObserverPointer look;
  std::unique_ptr<std::byte[]> copy;  // made by the first call that needs it
  std::uint64_t room = 0;             // of the copy, once it is made
  std::uint64_t frame_bytes = 0;      // how much of a frame is given out; 0 = all

  rtlane_observer() = default;
  rtlane_observer(const rtlane_observer&) = delete;
  rtlane_observer& operator=(const rtlane_observer&) = delete;
  ~rtlane_observer() { rtlane_channel_unref(channel); }

  // False: no memory. Left as it comes from the heap, so that only what is copied to is touched.
  [[nodiscard]] bool make_room() noexcept
  {
    if (copy != nullptr)
      return true;
    const ChannelObserver::Room wanted = look->room();
    room = wanted.needed || frame_bytes == 0 ? wanted.bytes : std::min(wanted.bytes, frame_bytes);
    copy.reset(new (std::nothrow) std::byte[room]);
    return copy != nullptr;
  }
};

int rtlane_observer_open(rtlane_channel* channel, uint32_t from, uint64_t frame_bytes,
                         rtlane_observer** observer) noexcept
try {
  if (channel == nullptr || observer == nullptr || from > RTLANE_OBSERVE_NEXT)
    return fail(EINVAL, "rtlane_observer_open: %s",
                channel == nullptr    ? "the channel is NULL"
                : observer == nullptr ? "the output parameter is NULL"
                                      : "from is no enum rtlane_observe_from");
  rtlane_channel_layout layout{};
  layout.struct_size = sizeof layout;
  rtlane_channel_get_layout(channel, &layout);
  if (layout.kind == RTLANE_CHANNEL_MPMC_RING && layout.mode == RTLANE_MODE_ISOLATED)
    return fail(ENOTSUP,
                "channel \"%s\" is an isolated MPMC ring: its elements lie in the slots of their producers, into which "
                "no observer looks yet",
                channel->name.c_str());
  auto made = std::make_unique<rtlane_observer>();
  made->channel = rtlane_channel_ref(channel);
  made->look = rules_of(layout.kind)->observe(layout, from);
  made->frame_bytes = frame_bytes;
  *observer = made.release();
  return 0;
} catch (...) {
  return fail(ENOMEM, "no memory to observe a channel");
}

void rtlane_observer_close(rtlane_observer* observer) noexcept
{
  delete observer;
}

int rtlane_observer_next(rtlane_observer* observer, struct rtlane_observation* seen) noexcept
{
  if (observer == nullptr || seen == nullptr || seen->struct_size != sizeof *seen)
    return -EINVAL;
  if (!observer->make_room())
    return -ENOMEM;
  Sight sight;
  const rtlane::Status status = observer->look->next(observer->copy.get(), observer->room, sight);
  *seen = {};
  seen->struct_size = sizeof *seen;
  seen->lost = sight.lost;
  if (status == rtlane::Status::ok) {
    seen->bytes = observer->copy.get();
    seen->byte_count = std::min(sight.length, observer->room);
    if (observer->frame_bytes != 0 && rules_of(observer->channel->header.kind)->frames)
      seen->byte_count = std::min(seen->byte_count, observer->frame_bytes);
    seen->length = sight.length;
    seen->number = sight.number;
    seen->stamp_ticks = sight.stamp;
  }
  return static_cast<int>(status);
}

int64_t rtlane_observer_skip(rtlane_observer* observer) noexcept
{
  if (observer == nullptr || !observer->make_room())
    return observer == nullptr ? -EINVAL : -ENOMEM;
  return static_cast<int64_t>(observer->look->skip(observer->copy.get(), observer->room) & INT64_MAX);
}
