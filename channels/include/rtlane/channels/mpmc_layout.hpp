// The shared words of the MPMC ring, and where they are. What they mean and how they change: mpmc_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
//
// Ordering, for mpmc_core.hpp and mpmc_entry.hpp
//   P1 slot word, release -> C1 slot word, acquire   the element's bytes are written before it can be taken
//   V1 slot word, release -> C1 slot word, acquire   who sees a void position sees tail past it
//   T1 tail, release      -> T2 tail, acquire        who sees a taken ticket sees who announced it (pushing)
//   H1 head, release      -> H2 head, acquire        the same of taking (popping)
//   F1 popping, release   -> F2 popping, acquire     the element is copied before its slot is written again
//   N1 pushing, release   -> N2 pushing, acquire     who sees that a producer went on sees its element published
//   G1 entries and pushers, release -> G2 both, acquire   an entry is known before it has taken its first ticket
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>
#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// A *position* is four times a ticket. Its two low bits are free for flags, so a position and what is said of it
// change in one word. Positions wrap; they are compared by distance.
inline constexpr std::uint64_t mpmc_step = 4;
inline constexpr std::uint64_t mpmc_flags = 3;
inline constexpr std::uint64_t mpmc_closed = 1;   // in tail: no ticket is given any more
inline constexpr std::uint64_t mpmc_written = 1;  // in a slot word: the element of this position is there
inline constexpr std::uint64_t mpmc_void = 2;     // in a slot word: this position's producer was killed or gave up
inline constexpr std::uint64_t mpmc_engaged = 1;  // in pushing and popping: the position is meant; 0 = none

// Values of `pushers` besides 0 (nobody yet) and entry + 1 (the only one that ever pushed).
inline constexpr std::uint64_t mpmc_several = UINT64_MAX;  // several, or the channel is being closed

inline constexpr std::uint32_t mpmc_participants_max = 1024;

constexpr std::int64_t mpmc_distance(std::uint64_t from, std::uint64_t to) noexcept
{
  return static_cast<std::int64_t>(to - from);
}

// One line of 128 bytes each. The first three have many writers, but one at a time wins.
template <class Word>
struct MpmcTailLine {
  Word tail;  // position of the next ticket to push with, or-ed with mpmc_closed
  Word reserved[15];
};

template <class Word>
struct MpmcHeadLine {
  Word head;  // position of the next ticket to take
  Word reserved[15];
};

template <class Word>
struct MpmcCommonLine {
  Word entries;  // entries below it have been used; only grows
  Word pushers;
  Word reserved[14];
};

// Of one entry; written by the participant that has it. Survivors of a killed one clear `popping`.
template <class Word>
struct MpmcParticipantLine {
  Word pushing;    // position | mpmc_engaged: the ticket that it is about to take, has, or has used last
  Word popping;    // likewise; 0 when nothing is in its hands
  Word refused;    // answers `full`
  Word recovered;  // tickets of killed producers that this participant made void
  Word orphaned;   // elements that killed consumers had in hand, or may have had: found by this participant
  Word attaches;   // of this entry
  Word reserved[10];
};

static_assert(sizeof(MpmcTailLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(MpmcHeadLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(MpmcCommonLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(MpmcParticipantLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");

// Where the ring is in this process. Private, so no peer can change it. capacity is a power of two.
template <class Word>
struct MpmcView {
  MpmcTailLine<Word>* tail = nullptr;
  MpmcHeadLine<Word>* head = nullptr;
  MpmcCommonLine<Word>* common = nullptr;
  MpmcParticipantLine<Word>* participants = nullptr;
  std::byte* slots = nullptr;
  std::uint64_t capacity = 0;
  std::uint64_t stride = 0;
  std::uint64_t value_offset = 0;
  std::uint32_t participant_count = 0;

  [[nodiscard]] std::byte* slot(std::uint64_t position) const noexcept
  {
    return slots + (position / mpmc_step & (capacity - 1)) * stride;
  }
  [[nodiscard]] static Word& word_of(std::byte* slot) noexcept { return *reinterpret_cast<Word*>(slot); }

  // The positions of one lap.
  [[nodiscard]] std::uint64_t lap() const noexcept { return capacity * mpmc_step; }
};

using MpmcWord = std::atomic<std::uint64_t>;

inline MpmcView<MpmcWord> mpmc_view(const rtlane_channel_layout& layout) noexcept
{
  auto* base = static_cast<std::byte*>(layout.base);
  if (base == nullptr)
    __builtin_unreachable();  // whoever has a role or a monitor's reference has a channel
  auto* control = base + layout.control_offset;
  MpmcView<MpmcWord> view;
  view.tail = reinterpret_cast<MpmcTailLine<MpmcWord>*>(control);
  view.head = reinterpret_cast<MpmcHeadLine<MpmcWord>*>(control + cache_line_bytes);
  view.common = reinterpret_cast<MpmcCommonLine<MpmcWord>*>(base + common_line_offset);
  view.participants = reinterpret_cast<MpmcParticipantLine<MpmcWord>*>(control + 2 * cache_line_bytes);
  view.slots = base + layout.slots_offset;
  view.capacity = layout.capacity;
  view.stride = layout.slot_stride_bytes;
  view.value_offset = layout.value_offset;
  view.participant_count = layout.participants;
  return view;
}

// Writes what is not zero in a new ring. Set-up, before anybody else sees it.
template <class Word>
void mpmc_initialize(const MpmcView<Word>& view, std::uint64_t start_ticket) noexcept
{
  // relaxed: the channel's magic word is stored later, with release
  view.tail->tail.store(start_ticket * mpmc_step, std::memory_order_relaxed);
  view.head->head.store(start_ticket * mpmc_step, std::memory_order_relaxed);
}

}  // namespace rtlane::detail
