// An MPMC ring in plain memory, for tests that put other words under the algorithm or decide themselves who is dead.
#pragma once

#include <rtlane/channels/mpmc_core.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace rtlane::test {

// Who has which entry, as the kernel would say it; and how often it was asked.
struct Leases {
  std::array<bool, 64> held{};
  std::uint64_t questions = 0;
};

struct Lives {
  Leases* leases = nullptr;
  bool operator()(std::uint32_t entry) const noexcept
  {
    ++leases->questions;
    return leases->held[entry];
  }
};

// Elements are 8 bytes. The ring's bytes are exactly `bytes()` at `memory`, 128-aligned and zeroed.
template <class Word>
class MpmcMemory {
public:
  using View = detail::MpmcView<Word>;
  using Entry = detail::MpmcEntry<Word, Lives>;
  using Producer = detail::MpmcProducerCore<Lives, Word>;
  using Consumer = detail::MpmcConsumerCore<Lives, Word>;

  static constexpr bool isolated = false;
  static constexpr std::uint64_t kStride = 16;
  static constexpr std::uint64_t bytes(std::uint64_t capacity, std::uint32_t participants)
  {
    return (3 + participants) * 128 + capacity * kStride;
  }

  MpmcMemory(std::byte* memory, std::uint64_t capacity, std::uint32_t participants, std::uint64_t start = 0)
      : memory_(memory), bytes_(bytes(capacity, participants))
  {
    view_.tail = new (memory) detail::MpmcTailLine<Word>{};
    view_.head = new (memory + 128) detail::MpmcHeadLine<Word>{};
    view_.common = new (memory + 256) detail::MpmcCommonLine<Word>{};
    view_.participants = reinterpret_cast<detail::MpmcParticipantLine<Word>*>(memory + 384);
    view_.slots = memory + 384 + participants * 128;
    for (std::uint32_t i = 0; i < participants; ++i)
      new (view_.participants + i) detail::MpmcParticipantLine<Word>{};
    for (std::uint64_t i = 0; i < capacity; ++i)
      new (view_.slots + i * kStride) Word{};
    view_.capacity = capacity;
    view_.stride = kStride;
    view_.value_offset = 8;
    view_.participant_count = participants;
    detail::mpmc_initialize(view_, start);
  }

  const View& view() const { return view_; }
  std::byte* memory() const { return memory_; }
  std::uint64_t size() const { return bytes_; }
  std::uint64_t slot_count() const { return view_.capacity; }
  std::uint64_t capacity() const { return view_.capacity; }
  std::uint64_t size_estimate() const { return detail::mpmc_size_estimate(view_); }
  Leases& leases() { return leases_; }

  // The lowest free entry, swept. nullptr-like (index 64) when there is none.
  Entry attach()
  {
    for (std::uint32_t i = 0; i < view_.participant_count; ++i) {
      if (leases_.held[i])
        continue;
      leases_.held[i] = true;
      Entry entry(view_, i, Lives{&leases_});
      if (entry.attach())
        return entry;
      leases_.held[i] = false;
    }
    return Entry(view_, 64, Lives{&leases_});
  }
  // As the ring's attach, for a given entry; nothing happens when that cannot be swept.
  template <class Core>
  void attach_at(std::uint32_t at, Core& core)
  {
    Entry entry(view_, at, Lives{&leases_});
    if (entry.attach())
      core = Core(entry);
  }
  void let_go(std::uint32_t entry) { leases_.held[entry] = false; }

private:
  std::byte* memory_;
  std::uint64_t bytes_;
  View view_;
  Leases leases_;
};

// Whether what was claimed is visible now.
inline bool publish(auto& producer)
{
  if constexpr (std::is_void_v<decltype(producer.publish())>)
    return producer.publish(), true;
  else
    return producer.publish();
}

inline bool push(auto& producer, std::uint64_t value)
{
  std::byte* place = producer.claim();
  if (place == nullptr)
    return false;
  std::memcpy(place, &value, 8);
  return publish(producer);
}

inline bool pop(auto& consumer, std::uint64_t& value)
{
  const std::byte* place = consumer.take();
  if (place == nullptr)
    return false;
  std::memcpy(&value, place, 8);
  consumer.give_back();
  return true;
}

}  // namespace rtlane::test
