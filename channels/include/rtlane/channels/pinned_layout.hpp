// The shared words of the pinned snapshot, and where they are. What they mean and how they change: pinned_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

inline constexpr unsigned pinned_readers_max = 31;
inline constexpr unsigned pinned_pins = 2;  // of each reader

// A publication: sequence:56 | 0:2 | slot:6. Pins hold the same word with a phase in the two bits between.
inline constexpr std::uint64_t pinned_slot_mask = 0x3f;
inline constexpr std::uint64_t pinned_asked = 0x40;  // the reader wants this publication, or a newer one
inline constexpr std::uint64_t pinned_held = 0x80;   // the reader has it; nobody writes to its slot
inline constexpr std::uint64_t pinned_phase_mask = 0xc0;
inline constexpr unsigned pinned_sequence_shift = 8;
inline constexpr std::uint64_t pinned_sequence_mask = ~std::uint64_t{0} >> pinned_sequence_shift;

constexpr std::uint64_t pinned_sequence_of(std::uint64_t word) noexcept
{
  return word >> pinned_sequence_shift;
}
// The 56 bits last 22 years at a publication every 10 ns; then sequences begin at 1 again: 0 is "no value yet".
constexpr std::uint64_t pinned_next_sequence(std::uint64_t sequence) noexcept
{
  return sequence == pinned_sequence_mask ? 1 : sequence + 1;
}
// What `end` holds when the writer closed after the publication `sequence`.
constexpr std::uint64_t pinned_end_after(std::uint64_t sequence) noexcept
{
  return sequence << pinned_sequence_shift | 0xff;
}

// One cache line (128 bytes) per writer.
template <class Word>
struct PinnedLatestLine {
  Word latest;  // the newest publication, 0 = none yet
  Word end;     // 0 = open, else pinned_end_after the last one
  Word reserved[14];
};

// By the writer, read by monitors; apart from `latest`, which every reader polls.
template <class Word>
struct PinnedWriterLine {
  Word attached;   // 1 while a writer is attached; still 1 after a kill
  Word attaches;   //
  Word takeovers;  // attaches that found attached == 1
  Word gifts;      // pins that the writer set for a reader
  Word reserved[12];
};

// By the reader, but for a pin that asks, which the writer may turn into one that holds.
template <class Word>
struct PinnedReaderLine {
  Word pins[pinned_pins];
  Word attached;
  Word attaches;
  Word takeovers;
  Word swept;    // pins of a killed predecessor that were cleared
  Word retried;  // loads that needed a second or third attempt
  Word gifted;   // loads that the writer's help ended
  Word reserved[8];
};

static_assert(sizeof(PinnedLatestLine<std::atomic<std::uint64_t>>) == cache_line_bytes, "layout version 1");
static_assert(sizeof(PinnedWriterLine<std::atomic<std::uint64_t>>) == cache_line_bytes, "layout version 1");
static_assert(sizeof(PinnedReaderLine<std::atomic<std::uint64_t>>) == cache_line_bytes, "layout version 1");

constexpr std::uint64_t pinned_control_bytes(unsigned readers) noexcept
{
  return (2 + std::uint64_t{readers}) * cache_line_bytes;
}
constexpr unsigned pinned_slot_count(unsigned readers) noexcept
{
  return pinned_pins * readers + 2;
}
static_assert(pinned_slot_count(pinned_readers_max) <= 64, "one 64-bit set has a bit for each slot");

// Where the snapshot is in this process. Private, so no peer can change it.
template <class Word>
struct PinnedView {
  PinnedLatestLine<Word>* latest = nullptr;
  PinnedWriterLine<Word>* writer = nullptr;
  PinnedReaderLine<Word>* readers = nullptr;
  std::byte* slots = nullptr;
  std::uint64_t stride = 0;
  std::uint64_t value_offset = 0;
  unsigned reader_count = 0;
  unsigned slot_count = 0;

  PinnedView() = default;
  // control: pinned_control_bytes(reader_count); slots_begin: pinned_slot_count(reader_count) times stride_bytes, each
  // slot a word (the stamp) and, at offset_of_value, the value.
  PinnedView(std::byte* control, std::byte* slots_begin, unsigned readers_max, std::uint64_t stride_bytes,
             std::uint64_t offset_of_value) noexcept
      : latest(reinterpret_cast<PinnedLatestLine<Word>*>(control)),
        writer(reinterpret_cast<PinnedWriterLine<Word>*>(control + cache_line_bytes)),
        readers(reinterpret_cast<PinnedReaderLine<Word>*>(control + 2 * cache_line_bytes)),
        slots(slots_begin),
        stride(stride_bytes),
        value_offset(offset_of_value),
        reader_count(readers_max),
        slot_count(pinned_slot_count(readers_max))
  {}

  // `word` must have passed sound(), or its slot have been chosen by the writer.
  [[nodiscard]] std::byte* slot(std::uint64_t word) const noexcept
  {
    return slots + (word & pinned_slot_mask) * stride;
  }
  [[nodiscard]] std::byte* value(std::uint64_t word) const noexcept { return slot(word) + value_offset; }
  [[nodiscard]] Word& stamp(std::uint64_t word) const noexcept { return *reinterpret_cast<Word*>(slot(word)); }

  // Whether a publication can have this word: names a slot that exists.
  [[nodiscard]] bool sound(std::uint64_t word) const noexcept
  {
    return (word & pinned_phase_mask) == 0 && (word & pinned_slot_mask) < slot_count && pinned_sequence_of(word) != 0;
  }
};

inline PinnedView<std::atomic<std::uint64_t>> pinned_view_of(const rtlane_channel_layout& layout) noexcept
{
  auto* base = static_cast<std::byte*>(layout.base);
  if (base == nullptr)
    __builtin_unreachable();  // whoever has a role or a monitor's reference has a channel
  return {base + layout.control_offset, base + layout.slots_offset, layout.participants, layout.slot_stride_bytes,
          layout.value_offset};
}

}  // namespace rtlane::detail
