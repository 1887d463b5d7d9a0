// The shared words of the broadcast, and where they are. What they mean and how they change: broadcast_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put another one in its place.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// All lines are written by the writer only: subscribers write nothing.
template <class Word>
struct BroadcastWriterLine {
  Word tail;       // every number below it is published; it itself may be, too
  Word attached;   // 1 while a writer is attached; still 1 after a kill
  Word attaches;   // of writers; gives the epoch
  Word takeovers;  // attaches that found attached == 1
  Word reserved[12];
};

// Apart from the writer's line: subscribers look here whenever they find nothing new.
template <class Word>
struct BroadcastCommonLine {
  Word end;    // 0 = open, else the slot word that the element after the last would have
  Word first;  // number of the channel's first element; written when it is made
  Word reserved[14];
};

static_assert(sizeof(BroadcastWriterLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(BroadcastCommonLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(offsetof(BroadcastWriterLine<std::atomic<std::uint64_t>>, tail) == 0 &&
                  offsetof(BroadcastCommonLine<std::atomic<std::uint64_t>>, first) == 8,
              "a new channel's start position is written to both");

// Slot word: epoch:15 | busy:1 | (number + 1):48.
inline constexpr std::uint64_t broadcast_low_mask = (std::uint64_t{1} << 48) - 1;
inline constexpr std::uint64_t broadcast_busy = std::uint64_t{1} << 48;
inline constexpr unsigned broadcast_epoch_shift = 49;
inline constexpr std::uint64_t broadcast_epoch_mask = ~std::uint64_t{0} << broadcast_epoch_shift;
inline constexpr std::uint64_t broadcast_epoch_none = 0x7fff;  // no writer has it: matches no slot

constexpr std::uint64_t broadcast_word(std::uint64_t epoch, std::uint64_t number) noexcept
{
  return epoch << broadcast_epoch_shift | ((number + 1) & broadcast_low_mask);
}

constexpr bool broadcast_epoch_is_a_writers(std::uint64_t word) noexcept
{
  return word >> broadcast_epoch_shift != 0 && word >> broadcast_epoch_shift != broadcast_epoch_none;
}

// The slot holds exactly this element, complete.
constexpr bool broadcast_written(std::uint64_t word, std::uint64_t number) noexcept
{
  return ((word ^ (number + 1)) & broadcast_low_mask) == 0 && (word & broadcast_busy) == 0 &&
         broadcast_epoch_is_a_writers(word);
}

// Where the broadcast is in this process. Private, so no peer can change it.
template <class Word>
struct BroadcastView {
  BroadcastWriterLine<Word>* writer = nullptr;
  BroadcastCommonLine<Word>* common = nullptr;
  std::byte* slots = nullptr;
  std::uint64_t capacity = 0;  // a power of two
  std::uint64_t stride = 0;    // a multiple of 8 with room for the element rounded up to whole words
  std::uint64_t value_offset = 0;

  BroadcastView() = default;
  explicit BroadcastView(const rtlane_channel_layout& layout) noexcept
      : capacity(layout.capacity), stride(layout.slot_stride_bytes), value_offset(layout.value_offset)
  {
    auto* base = static_cast<std::byte*>(layout.base);
    if (base == nullptr)
      __builtin_unreachable();  // whoever has a role or a subscription has a channel
    writer = reinterpret_cast<BroadcastWriterLine<Word>*>(base + producer_line_offset);
    common = reinterpret_cast<BroadcastCommonLine<Word>*>(base + common_line_offset);
    slots = base + layout.slots_offset;
  }

  [[nodiscard]] std::byte* slot(std::uint64_t number) const noexcept
  {
    return slots + (number & (capacity - 1)) * stride;
  }
  [[nodiscard]] static Word& seq(std::byte* slot) noexcept { return *reinterpret_cast<Word*>(slot); }
  [[nodiscard]] Word* value(std::byte* slot) const noexcept { return reinterpret_cast<Word*>(slot + value_offset); }

  // Elements that a lapped subscriber gives up beyond the oldest, so that it is not lapped again at once.
  [[nodiscard]] std::uint64_t guard() const noexcept { return capacity / 4; }
};

}  // namespace rtlane::detail
