// What a monitor reads from a channel's own words, kind by kind. Each fills what its kind counts in an info that is
// zero but for what every channel has, reads each word once, and writes nothing: the mapping may be read-only.
#pragma once

#include <rtlane/channels/channel.h>

#include <cstdint>

namespace rtlane::detail {

// From the words `attached` of both.
constexpr std::uint32_t marks_of(std::uint64_t producer, std::uint64_t consumer) noexcept
{
  return (producer == 1 ? RTLANE_MARKED_PRODUCER : 0) | (consumer == 1 ? RTLANE_MARKED_CONSUMER : 0);
}

void monitor_spsc(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
void monitor_broadcast(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
void monitor_frame_broadcast(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
void monitor_frame_ring(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
void monitor_snapshot(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
void monitor_pinned_snapshot(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
void monitor_mpmc(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;

}  // namespace rtlane::detail
