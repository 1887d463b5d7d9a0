// What looks at a channel without taking part in it: a class for each kind, behind rtlane/channels/observe.h.
#pragma once

#include <rtlane/channels/observe.h>
#include <rtlane/channels/status.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace rtlane::detail {

// What next() has found, without the bytes.
struct Sight {
  std::uint64_t number = 0;
  std::uint64_t length = 0;  // of the element or frame
  std::uint64_t lost = 0;
  std::uint64_t stamp = 0;
};

// Set-up: the caller keeps the channel's memory mapped. Readable memory is enough: no observer writes to it.
class ChannelObserver {
public:
  ChannelObserver() = default;
  ChannelObserver(const ChannelObserver&) = delete;
  ChannelObserver& operator=(const ChannelObserver&) = delete;
  virtual ~ChannelObserver() = default;

  // Copies the next element, or the first `room` bytes of a frame, to `to`. ok, empty, lost, busy, closed, corrupt.
  virtual Status next(std::byte* to, std::uint64_t room, Sight& sight) noexcept = 0;

  // Makes the newest that was published the next one. `to` and `room` as next(): it may have to copy on the way.
  // Returns how much lies between.
  virtual std::uint64_t skip(std::byte* to, std::uint64_t room) noexcept = 0;

  // How much next() may copy at a time when all of it is wanted, and whether it needs so much room in any case.
  struct Room {
    std::uint64_t bytes;
    bool needed;
  };
  [[nodiscard]] virtual Room room() const noexcept = 0;
};

using ObserverPointer = std::unique_ptr<ChannelObserver>;

// `from` is one of enum rtlane_observe_from. They may throw bad_alloc.
ObserverPointer observe_spsc(const rtlane_channel_layout& layout, std::uint32_t from);
ObserverPointer observe_mpmc(const rtlane_channel_layout& layout, std::uint32_t from);
ObserverPointer observe_snapshot(const rtlane_channel_layout& layout, std::uint32_t from);
ObserverPointer observe_pinned_snapshot(const rtlane_channel_layout& layout, std::uint32_t from);
ObserverPointer observe_broadcast(const rtlane_channel_layout& layout, std::uint32_t from);
ObserverPointer observe_frame_ring(const rtlane_channel_layout& layout, std::uint32_t from);
ObserverPointer observe_frame_broadcast(const rtlane_channel_layout& layout, std::uint32_t from);

// ---- copies of bytes that their writer writes plainly

// Stores of another CPU are seen in the order in which its program made them.
#if defined(__x86_64__)
inline constexpr bool stores_are_seen_in_order = true;
#else
inline constexpr bool stores_are_seen_in_order = false;
#endif

// Copies `bytes` bytes, in whole words: the last one may lie behind them, within the slot. Both 8-byte aligned.
//
// Payloads of rings and of pinned snapshots are written in place and plainly, since their consumers never read what is
// being written. An observer may: in the terms of C++ that is a data race, whatever is done with the copy. So this is
// no access that a compiler may reason about (volatile, whole words), and no sanitizer is told of it: it would report
// just that race, and AddressSanitizer frames that another endpoint of this process has given back.
// fence_after_load_torn() (torn_copy.hpp) comes behind it.
__attribute__((noinline, no_sanitize("thread"), no_sanitize("address"))) void copy_observed(
    std::byte* to, const std::byte* from, std::uint64_t bytes) noexcept;

}  // namespace rtlane::detail
