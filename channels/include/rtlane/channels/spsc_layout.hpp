// The shared words of the SPSC ring, and where they are. What they mean and how they change: spsc_core.hpp.
//
// Layout version 1. Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/channel.h>
#include <rtlane/channels/channel_header.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// One cache line (128 bytes) per writer.
template <class Word>
struct SpscProducerLine {
  Word attached;   // 1 while a producer is attached; still 1 after a kill
  Word refused;    // answers "full", and batches that were cut short
  Word takeovers;  // attaches that found attached == 1
  Word reserved[13];
};

template <class Word>
struct SpscConsumerLine {
  Word head;          // position of the next element to take
  Word peeked_until;  // positions below it may have been looked at through peek()
  Word recognized;    // seq word of the first element of the producer last met; see recognize()
  Word redelivered;   // elements met again that a former consumer had peeked at
  Word attached;
  Word takeovers;
  Word told;  // `recognized`, once producer_changed() has told the application of it or when it is no change
  Word reserved[9];
};

template <class Word>
struct SpscCommonLine {
  Word producer_attaches;  // written by the producer when it attaches; gives the epoch
  Word consumer_attaches;  // written by the consumer when it attaches
  Word end;                // 0 = open, else the seq word that the element after the last would have; by the producer
  Word reserved[13];
};

static_assert(sizeof(SpscProducerLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(SpscConsumerLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(sizeof(SpscCommonLine<std::atomic<std::uint64_t>>) == 128, "layout version 1");
static_assert(offsetof(SpscConsumerLine<std::atomic<std::uint64_t>>, head) == 0 &&
                  offsetof(SpscConsumerLine<std::atomic<std::uint64_t>>, peeked_until) == 8,
              "a new channel's start position is written there");

inline constexpr std::uint64_t spsc_low_mask = (std::uint64_t{1} << 48) - 1;
inline constexpr std::uint64_t spsc_epoch_none = 0xffff;  // no producer has it: matches no written slot

constexpr std::uint64_t spsc_word(std::uint64_t epoch, std::uint64_t position) noexcept
{
  return epoch << 48 | ((position + 1) & spsc_low_mask);
}

// The slot holds the element of exactly this position.
constexpr bool spsc_written(std::uint64_t word, std::uint64_t position) noexcept
{
  return ((word ^ (position + 1)) & spsc_low_mask) == 0 && word >> 48 != 0 && word >> 48 != spsc_epoch_none;
}

// As spsc_written, or of a later lap: the position was published at some time. For monitors, whose head may
// be older than the slots that they look at.
constexpr bool spsc_published(std::uint64_t word, std::uint64_t position) noexcept
{
  return ((word - (position + 1)) & spsc_low_mask) < spsc_low_mask / 2 && word >> 48 != 0 &&
         word >> 48 != spsc_epoch_none;
}

// Where the ring is in this process. Private, so no peer can change it.
template <class Word>
struct SpscView {
  SpscProducerLine<Word>* producer = nullptr;
  SpscConsumerLine<Word>* consumer = nullptr;
  SpscCommonLine<Word>* common = nullptr;
  std::byte* slots = nullptr;
  std::uint64_t capacity = 0;
  std::uint64_t stride = 0;
  std::uint64_t value_offset = 0;

  SpscView() = default;
  explicit SpscView(const rtlane_channel_layout& layout) noexcept
      : capacity(layout.capacity), stride(layout.slot_stride_bytes), value_offset(layout.value_offset)
  {
    auto* base = static_cast<std::byte*>(layout.base);
    if (base == nullptr)
      __builtin_unreachable();  // whoever has a role or a monitor's reference has a channel
    producer = reinterpret_cast<SpscProducerLine<Word>*>(base + producer_line_offset);
    consumer = reinterpret_cast<SpscConsumerLine<Word>*>(base + consumer_line_offset);
    common = reinterpret_cast<SpscCommonLine<Word>*>(base + common_line_offset);
    slots = base + layout.slots_offset;
  }

  [[nodiscard]] std::byte* slot(std::uint64_t position) const noexcept
  {
    return slots + (position & (capacity - 1)) * stride;
  }
  [[nodiscard]] static Word& seq(std::byte* slot) noexcept { return *reinterpret_cast<Word*>(slot); }

  // How many positions from `from` on are written (or `is`), at most capacity. They are a prefix, so a
  // binary search does: at most log2(capacity) + 1 loads whatever a hostile peer writes.
  [[nodiscard]] std::uint64_t written_from(std::uint64_t from,
                                           bool (*is)(std::uint64_t, std::uint64_t) = spsc_written) const noexcept
  {
    std::uint64_t low = 0;
    std::uint64_t high = capacity;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      // relaxed: only positions are learned, no element is read on the strength of it
      if (is(seq(slot(from + middle)).load(std::memory_order_relaxed), from + middle))
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
};

}  // namespace rtlane::detail
