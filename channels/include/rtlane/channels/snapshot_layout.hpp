// The shared words of the snapshot, and where they are. What they mean and how they change: snapshot_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// The line that every load reads: the writer changes it once per store, and nobody else.
template <class Word>
struct SnapshotWriterLine {
  Word latest;  // number of the value last published, from 1; 0 = none yet
  Word end;     // 0 = open, else latest + 1 as it was when the writer closed
  Word reserved[14];
};

// The writer's too, but changed only when one attaches or detaches. The line between them, which rings have for their
// consumer, is not used: readers write nothing.
template <class Word>
struct SnapshotAttachLine {
  Word attaches;
  Word attached;   // 1 while a writer is attached; still 1 after a kill
  Word takeovers;  // attaches that found attached == 1
  Word reserved[13];
};

static_assert(sizeof(SnapshotWriterLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(SnapshotAttachLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");

// At the start of each slot, the value comes behind it.
template <class Word>
struct SnapshotSlot {
  Word number;  // of the value that is, or is being, written into this slot
  Word stamp;   // when it was stored, in ticks (tick_clock.hpp); 0 = not said
};

inline constexpr std::uint64_t snapshot_slot_header_bytes = sizeof(SnapshotSlot<std::atomic<std::uint64_t>>);
static_assert(snapshot_slot_header_bytes == 16, "layout version 1");

// Where the snapshot is in this process. Private, so no peer can change it.
template <class Word>
struct SnapshotView {
  SnapshotWriterLine<Word>* writer = nullptr;
  SnapshotAttachLine<Word>* attach = nullptr;
  std::byte* slots = nullptr;
  std::uint64_t mask = 0;  // slots - 1, a power of two
  std::uint64_t stride = 0;
  std::uint64_t value_offset = 0;  // at least snapshot_slot_header_bytes

  SnapshotView() = default;
  explicit SnapshotView(const rtlane_channel_layout& layout) noexcept
      : mask(layout.capacity - 1), stride(layout.slot_stride_bytes), value_offset(layout.value_offset)
  {
    auto* base = static_cast<std::byte*>(layout.base);
    if (base == nullptr)
      __builtin_unreachable();  // whoever has a role or a reference has a channel
    writer = reinterpret_cast<SnapshotWriterLine<Word>*>(base + producer_line_offset);
    attach = reinterpret_cast<SnapshotAttachLine<Word>*>(base + common_line_offset);
    slots = base + layout.slots_offset;
  }

  // Of value number n, for any n.
  [[nodiscard]] std::byte* slot(std::uint64_t n) const noexcept { return slots + (n & mask) * stride; }
  [[nodiscard]] static SnapshotSlot<Word>& header(std::byte* slot) noexcept
  {
    return *reinterpret_cast<SnapshotSlot<Word>*>(slot);
  }
  [[nodiscard]] Word* value(std::byte* slot) const noexcept { return reinterpret_cast<Word*>(slot + value_offset); }
};

}  // namespace rtlane::detail
