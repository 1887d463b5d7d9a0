// What the kinds of channels have, and how their memory is cut: one row for each, the only place that knows.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace rtlane::detail {

class ChannelObserver;

// Of a number that a creator may wish for. {0, 0, 0}: the kind has no such thing.
struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::uint64_t usual = 0;  // for who says 0; 0 = it must be said

  [[nodiscard]] constexpr bool holds(std::uint64_t value) const noexcept { return value >= least && value <= most; }
};

// Functions get a header whose kind, capacity, participants and mode are within their ranges; those that cut memory one
// whose quota, frame_bytes_max and element_align are, too. The numbers are below 2^41, so nothing overflows.
struct KindRules {
  std::uint32_t kind;
  const char* name;                  // of the C++ template
  const char* in_words;              // with article
  std::array<const char*, 2> roles;  // RTLANE_ROLE_PRODUCER, RTLANE_ROLE_CONSUMER; nullptr: has none
  const char* participant;           // RTLANE_ROLE_PARTICIPANT + i; nullptr: has none
  Range capacity;                    // powers of two
  Range participants;
  std::uint32_t modes;  // 1 .. modes, the first is the default; 0: has none
  std::uint64_t element_bytes_max;
  std::uint32_t slot_header_bytes;  // before the element in its slot; the element's alignment may add to it
  bool frames;                      // capacity counts bytes, frames of any length lie in them; false: elements in slots
  Range (*quota)(const ChannelHeader&);                  // nullptr: has none
  Range (*frame_bytes_max)(const ChannelHeader&);        // nullptr: has none
  std::uint64_t (*control_bytes)(const ChannelHeader&);  // beyond the three lines at 128; a multiple of 128
  std::uint64_t (*slot_count)(const ChannelHeader&);
  // Writes what a start position other than 0 needs; all else is zero. nullptr: can start at 0 only.
  void (*start)(const ChannelHeader& header, std::byte* base);
  // monitors.hpp; nullptr: counts nothing.
  void (*monitor)(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept;
  // observer.hpp
  std::unique_ptr<ChannelObserver> (*observe)(const rtlane_channel_layout& layout, std::uint32_t from);
};

// nullptr: no kind has that number.
const KindRules* rules_of(std::uint32_t kind) noexcept;

// What follows from a header within the rules; sizes are checked for overflow.
struct Geometry {
  std::uint64_t doorbell_offset = 0;  // 0: none
  std::uint64_t control_offset = 0;
  std::uint64_t control_bytes = 0;
  std::uint64_t slots_offset = 0;
  std::uint64_t slot_count = 0;
  std::uint64_t total_bytes = 0;
};

// False when it would be more than 2^47 bytes; slot_count is valid in any case.
bool geometry_of(const KindRules& rules, const ChannelHeader& header, Geometry& geometry) noexcept;

}  // namespace rtlane::detail
