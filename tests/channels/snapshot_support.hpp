// A snapshot in plain memory, for tests of its core with words of their own.
#pragma once

#include <rtlane/channels/snapshot_core.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "ring_support.hpp"

namespace rtlane::test {

inline constexpr std::uint64_t snapshot_slots_offset = 512;

inline rtlane_channel_layout snapshot_layout(void* base, std::uint64_t depth, std::uint64_t value_bytes)
{
  rtlane_channel_layout layout{};
  layout.base = base;
  layout.capacity = depth;
  layout.slots_offset = snapshot_slots_offset;
  layout.value_offset = detail::snapshot_slot_header_bytes;
  layout.slot_stride_bytes = (layout.value_offset + value_bytes + 7) / 8 * 8;
  layout.element_bytes = value_bytes;
  layout.total_bytes = layout.slots_offset + depth * layout.slot_stride_bytes;
  return layout;
}

// A value of `words` words that all follow from its number and who wrote it.
template <std::size_t words>
using Numbers = std::array<std::uint64_t, words>;

template <std::size_t words>
constexpr Numbers<words> numbers(std::uint64_t run, std::uint64_t number)
{
  Numbers<words> made{};
  for (std::uint64_t i = 0; i < words; ++i)
    made[i] = run << 48 | number << 8 | i;
  return made;
}

template <std::size_t words>
constexpr std::uint64_t number_of(const Numbers<words>& value)
{
  return value[0] >> 8 & 0xff'ffff'ffff;
}

template <std::size_t words>
constexpr std::uint64_t run_of(const Numbers<words>& value)
{
  return value[0] >> 48;
}

template <std::size_t words>
constexpr bool whole(const Numbers<words>& value)
{
  return value == numbers<words>(run_of(value), number_of(value));
}

}  // namespace rtlane::test
