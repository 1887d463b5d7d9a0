// The shared words of the frame ring, and where frames lie. What the words mean and how they change:
// frame_ring_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// One cache line (128 bytes) per writer.
template <class Word>
struct FrameRingProducerLine {
  Word tail;       // position after the last frame that was committed
  Word attached;   // 1 while a producer is attached; still 1 after a kill
  Word refused;    // claims that found no room
  Word takeovers;  // attaches that found attached == 1
  Word reserved[12];
};

template <class Word>
struct FrameRingConsumerLine {
  Word head;          // position of the next frame to take
  Word peeked_until;  // frames before it may have been looked at through peek()
  Word recognized;    // mark of the first frame of the producer last met; see meet()
  Word redelivered;   // frames met again that a former consumer had peeked at
  Word attached;
  Word takeovers;
  Word told;  // `recognized`, once producer_changed() has told the application of it or when it is no change
  Word reserved[9];
};

template <class Word>
struct FrameRingCommonLine {
  Word producer_attaches;  // written by the producer when it attaches; gives the epoch
  Word consumer_attaches;  // written by the consumer when it attaches
  Word end;                // 0 = open, else the mark that the frame after the last would have; by the producer
  Word reserved[13];
};

static_assert(sizeof(FrameRingProducerLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(FrameRingConsumerLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(FrameRingCommonLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(offsetof(FrameRingProducerLine<std::atomic<std::uint64_t>>, tail) == 0 &&
                  offsetof(FrameRingConsumerLine<std::atomic<std::uint64_t>>, head) == 0 &&
                  offsetof(FrameRingConsumerLine<std::atomic<std::uint64_t>>, peeked_until) == 8,
              "a new channel's start position is written there");

inline constexpr std::uint64_t frame_header_bytes = 8;
inline constexpr std::uint64_t frame_align_min = 8;
inline constexpr std::uint64_t frame_align_max = 128;
inline constexpr std::uint64_t frame_length_mask = 0xffff'ffff;

// The upper half of a frame's header, without the lower 16 bits: which producer wrote it.
constexpr std::uint64_t frame_epoch(std::uint64_t number) noexcept
{
  return number << 16;
}
inline constexpr std::uint64_t frame_epochs = 0xfffe;                     // they are 1 .. frame_epochs
inline constexpr std::uint64_t frame_epoch_none = frame_epoch(0x1'0000);  // no header can have it

// The lower 16 bits of the upper half: where it was written.
constexpr std::uint64_t frame_place(std::uint64_t position) noexcept
{
  return position / frame_align_min & 0xffff;
}

constexpr std::uint64_t frame_header(std::uint64_t epoch, std::uint64_t position, std::uint64_t bytes) noexcept
{
  return (epoch | frame_place(position)) << 32 | bytes;
}

// Names one frame of one producer, for the words recognized, told and end; never 0 (an epoch is not).
constexpr std::uint64_t frame_mark(std::uint64_t epoch, std::uint64_t position) noexcept
{
  return epoch << 32 | position / frame_align_min % (std::uint64_t{1} << 48);
}

// Where the ring is in this process. Private, so no peer can change it.
//
// A frame begins at its position modulo capacity and runs on in one piece, past capacity if need be: behind the last
// byte that a frame can begin at lies room for the longest one. What it would have covered at the ring's beginning
// stays unused until the next lap, so the number of bytes in use is tail - head whatever the position.
template <class Word>
struct FrameRingView {
  FrameRingProducerLine<Word>* producer = nullptr;
  FrameRingConsumerLine<Word>* consumer = nullptr;
  FrameRingCommonLine<Word>* common = nullptr;
  std::byte* contents = nullptr;  // of a frame at position 0; its header is the word before
  std::uint64_t offset_mask = 0;  // capacity - 1
  std::uint64_t align_mask = 0;   // alignment - 1
  std::uint64_t frame_bytes_max = 0;

  FrameRingView() = default;

  explicit FrameRingView(const rtlane_channel_layout& layout) noexcept
      : FrameRingView(static_cast<std::byte*>(layout.base), static_cast<std::byte*>(layout.base) + layout.slots_offset,
                      layout.capacity, std::max(layout.element_align, frame_align_min), layout.frame_bytes_max)
  {}

  // Over plain memory: lines at 128, 256 and 384, `frames` where the frames' area begins.
  FrameRingView(std::byte* base, std::byte* frames, std::uint64_t capacity, std::uint64_t align,
                std::uint64_t longest) noexcept
      : producer(reinterpret_cast<FrameRingProducerLine<Word>*>(base + producer_line_offset)),
        consumer(reinterpret_cast<FrameRingConsumerLine<Word>*>(base + consumer_line_offset)),
        common(reinterpret_cast<FrameRingCommonLine<Word>*>(base + common_line_offset)),
        contents(frames + align),
        offset_mask(capacity - 1),
        align_mask(align - 1),
        frame_bytes_max(longest)
  {}

  // Bytes of the area for frames: its last frame begins `align` before capacity, with its contents at capacity.
  static constexpr std::uint64_t area_bytes(std::uint64_t capacity, std::uint64_t align, std::uint64_t longest) noexcept
  {
    return capacity + record_bytes(longest, align - 1) - frame_header_bytes;
  }

  [[nodiscard]] std::uint64_t capacity() const noexcept { return offset_mask + 1; }

  // What a frame takes up: header, contents, and what follows up to the next place where one can begin.
  [[nodiscard]] static constexpr std::uint64_t record_bytes(std::uint64_t bytes, std::uint64_t align_mask) noexcept
  {
    return (bytes + frame_header_bytes + align_mask) & ~align_mask;
  }
  [[nodiscard]] std::uint64_t record_bytes(std::uint64_t bytes) const noexcept
  {
    return record_bytes(bytes, align_mask);
  }

  [[nodiscard]] std::byte* place(std::uint64_t position) const noexcept { return contents + (position & offset_mask); }
  [[nodiscard]] static Word& header(std::byte* place) noexcept
  {
    return *reinterpret_cast<Word*>(place - frame_header_bytes);
  }
};

}  // namespace rtlane::detail
