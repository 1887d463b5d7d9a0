// The shared words of the MPMC ring's isolated mode, and where they are. What they mean and how they change:
// mpmc_isolated_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
//
// Ordering, for mpmc_isolated_core.hpp and mpmc_isolated_entry.hpp
//   P1 cell, release      -> C1 cell, acquire        element and slot word are written before the cell names the slot
//   F1 slot word, release -> F2 slot word, acquire   the element is copied before its slot is written again
//   T1 tail, release      -> T2 tail, acquire        who sees tail past a cell sees that cell named or ended
//   H1 head, release      -> H2 head, acquire        who sees head past a cell sees that cell emptied
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>
#include <rtlane/channels/mpmc_layout.hpp>
#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// A *position* counts publications. The ring has N cells, a power of two. The cell of position p holds
//   p without its lowest log2(N) bits, or-ed with a code: 0 = empty, slot + 1 = that slot is published, N - 1 = the
//   end.
// So what it says of p is its distance from p's base, and zeroed memory is an empty ring at position 0.
//
// Cells enough that none is ever wanting: one for each slot; one that still names a slot which was taken and taken back
// from a killed consumer; one for the end.
constexpr std::uint64_t isolated_cell_count(std::uint64_t slot_count) noexcept
{
  return std::bit_ceil(slot_count + 2);
}

// A slot word: free, or ready to be published at a position, or in a participant's hand who took it there. Of the
// position it has 56 bits.
inline constexpr std::uint64_t isolated_free = 0;
inline constexpr std::uint64_t isolated_phase = 3;
inline constexpr std::uint64_t isolated_is_ready = 1;
inline constexpr std::uint64_t isolated_is_taken = 2;
inline constexpr unsigned isolated_position_shift = 8;

constexpr std::uint64_t isolated_ready(std::uint64_t position) noexcept
{
  return position << isolated_position_shift | isolated_is_ready;
}
constexpr std::uint64_t isolated_taken(std::uint64_t position, std::uint32_t entry) noexcept
{
  return position << isolated_position_shift | entry << 2 | isolated_is_taken;
}
constexpr std::uint32_t isolated_owner(std::uint64_t word) noexcept
{
  return static_cast<std::uint32_t>(word >> 2 & 63);
}
static_assert(RTLANE_PARTICIPANTS_MAX <= 64, "six bits for the owner");

template <class Word>
struct IsolatedCommonLine {
  Word closing;  // not 0: somebody is ending the stream; who sees it helps
  Word reserved[15];
};

// Of one entry; written by the participant that has it.
template <class Word>
struct IsolatedParticipantLine {
  Word taking;     // slot + 1 that it is about to take, has in hand, or took last; 0 = none yet
  Word refused;    // answers `full`
  Word recovered;  // slots that killed producers had made ready and not published: freed by this participant
  Word orphaned;   // slots that killed consumers had in hand: freed by this participant
  Word attaches;   // of this entry
  Word reserved[11];
};

static_assert(sizeof(IsolatedCommonLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(IsolatedParticipantLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");

// Where the ring is in this process. Private, so no peer can change it.
template <class Word>
struct IsolatedView {
  MpmcTailLine<Word>* tail = nullptr;  // next position to publish at; a hint that is never ahead
  MpmcHeadLine<Word>* head = nullptr;  // next position to take from; likewise
  IsolatedCommonLine<Word>* common = nullptr;
  IsolatedParticipantLine<Word>* participants = nullptr;
  Word* cells = nullptr;
  std::byte* slots = nullptr;  // quota of them for each participant
  std::uint64_t mask = 0;      // number of cells - 1
  std::uint64_t stride = 0;
  std::uint64_t value_offset = 0;
  std::uint32_t quota = 0;
  std::uint32_t participant_count = 0;

  [[nodiscard]] std::uint64_t slot_count() const noexcept { return std::uint64_t{quota} * participant_count; }
  [[nodiscard]] Word& cell(std::uint64_t position) const noexcept { return cells[position & mask]; }
  [[nodiscard]] std::uint64_t base(std::uint64_t position) const noexcept { return position & ~mask; }
  [[nodiscard]] std::byte* slot(std::uint64_t index) const noexcept { return slots + index * stride; }
  [[nodiscard]] static Word& word_of(std::byte* slot) noexcept { return *reinterpret_cast<Word*>(slot); }
};

inline IsolatedView<MpmcWord> isolated_view(const rtlane_channel_layout& layout) noexcept
{
  auto* base = static_cast<std::byte*>(layout.base);
  if (base == nullptr)
    __builtin_unreachable();  // whoever has a role or a monitor's reference has a channel
  auto* control = base + layout.control_offset;
  IsolatedView<MpmcWord> view;
  view.tail = reinterpret_cast<MpmcTailLine<MpmcWord>*>(control);
  view.head = reinterpret_cast<MpmcHeadLine<MpmcWord>*>(control + cache_line_bytes);
  view.common = reinterpret_cast<IsolatedCommonLine<MpmcWord>*>(base + common_line_offset);
  control += 2 * cache_line_bytes;
  view.participants = reinterpret_cast<IsolatedParticipantLine<MpmcWord>*>(control);
  view.cells = reinterpret_cast<MpmcWord*>(control + layout.participants * cache_line_bytes);
  view.slots = base + layout.slots_offset;
  view.mask = isolated_cell_count(layout.slot_count) - 1;
  view.stride = layout.slot_stride_bytes;
  view.value_offset = layout.value_offset;
  view.quota = static_cast<std::uint32_t>(layout.quota);
  view.participant_count = layout.participants;
  return view;
}

// Makes zeroed words a ring that is empty at a position other than 0. For tests, near a wrap.
template <class Word>
void isolated_initialize(const IsolatedView<Word>& view, std::uint64_t start) noexcept
{
  // relaxed: before anybody else sees it
  view.tail->tail.store(start, std::memory_order_relaxed);
  view.head->head.store(start, std::memory_order_relaxed);
  for (std::uint64_t i = 0; i <= view.mask; ++i)
    view.cell(start + i).store(view.base(start + i), std::memory_order_relaxed);
}

}  // namespace rtlane::detail
