// The shared words of the frame broadcast, and where they are. What they mean and how they change:
// frame_broadcast_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put another one in its place.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// The ring is divided into so many segments; the writer notes where the first record of each begins.
inline constexpr std::uint64_t frame_segments = 8;
inline constexpr std::uint64_t frame_head_bytes = 16;  // number and length word of a record

// All lines are written by the writer only: subscribers write nothing.
template <class Word>
struct FrameBroadcastWriterLine {
  Word tail;       // position where the next record begins; everything before it is published
  Word intent;     // bytes up to here, counted as positions, may have been written
  Word attached;   // 1 while a writer is attached; still 1 after a kill
  Word attaches;   // of writers; gives the epoch
  Word takeovers;  // attaches that found attached == 1
  Word reserved[11];
};

template <class Word>
struct FrameBroadcastMarksLine {
  Word first_of[frame_segments];  // position of the first record that begins in the segment, of its latest lap
  Word reserved[8];
};

// Apart from the writer's line, which it shares with nothing that is rarely written.
template <class Word>
struct FrameBroadcastCommonLine {
  Word end;    // 0 = open, else the position of the end of the stream, plus 1
  Word first;  // position of the channel's first record; written when it is made
  Word reserved[14];
};

static_assert(sizeof(FrameBroadcastWriterLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(FrameBroadcastMarksLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(FrameBroadcastCommonLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(offsetof(FrameBroadcastWriterLine<std::atomic<std::uint64_t>>, tail) == 0 &&
                  offsetof(FrameBroadcastWriterLine<std::atomic<std::uint64_t>>, intent) == 8 &&
                  offsetof(FrameBroadcastCommonLine<std::atomic<std::uint64_t>>, first) == 8,
              "a new channel's start position is written to these");

// Length word: epoch:16 | length:48.
inline constexpr std::uint64_t frame_broadcast_length_mask = (std::uint64_t{1} << 48) - 1;
inline constexpr std::uint64_t frame_broadcast_epoch_none = 0xffff;  // no writer has it

// What a frame of this length takes in the ring.
constexpr std::uint64_t frame_record_bytes(std::uint64_t length) noexcept
{
  return frame_head_bytes + 8 * torn_words(length);
}

// The longest frame that a ring of so many bytes can carry: a record fits into a segment. 0: the ring is too small.
constexpr std::uint64_t frame_broadcast_longest(std::uint64_t capacity) noexcept
{
  return capacity / frame_segments > frame_head_bytes ? capacity / frame_segments - frame_head_bytes : 0;
}

// Where the broadcast is in this process. Private, so no peer can change it.
template <class Word>
struct FrameBroadcastView {
  FrameBroadcastWriterLine<Word>* writer = nullptr;
  FrameBroadcastMarksLine<Word>* marks = nullptr;
  FrameBroadcastCommonLine<Word>* common = nullptr;
  Word* words = nullptr;
  std::uint64_t capacity = 0;  // bytes, a power of two, at least 256
  std::uint64_t frame_bytes_max = 0;

  FrameBroadcastView() = default;
  FrameBroadcastView(void* base, std::uint64_t ring_offset, std::uint64_t ring_bytes, std::uint64_t longest) noexcept
      : capacity(ring_bytes),
        frame_bytes_max(longest < frame_broadcast_longest(ring_bytes) ? longest : frame_broadcast_longest(ring_bytes))
  {
    auto* bytes = static_cast<std::byte*>(base);
    if (bytes == nullptr)
      __builtin_unreachable();  // whoever has a role or a subscription has a channel
    writer = reinterpret_cast<FrameBroadcastWriterLine<Word>*>(bytes + producer_line_offset);
    marks = reinterpret_cast<FrameBroadcastMarksLine<Word>*>(bytes + consumer_line_offset);
    common = reinterpret_cast<FrameBroadcastCommonLine<Word>*>(bytes + common_line_offset);
    words = reinterpret_cast<Word*>(bytes + ring_offset);
  }

  [[nodiscard]] std::uint64_t segment() const noexcept { return capacity / frame_segments; }
  // Positions are multiples of 8; whatever a peer writes, the word is one of the ring's.
  [[nodiscard]] Word& word(std::uint64_t position) const noexcept { return words[(position & (capacity - 1)) / 8]; }
  // Bytes from there to the ring's end.
  [[nodiscard]] std::uint64_t before_end(std::uint64_t position) const noexcept
  {
    return capacity - (position & (capacity - 1) & ~std::uint64_t{7});
  }
  [[nodiscard]] Word& mark(std::uint64_t position) const noexcept
  {
    return marks->first_of[position / segment() % frame_segments];
  }
};

}  // namespace rtlane::detail
