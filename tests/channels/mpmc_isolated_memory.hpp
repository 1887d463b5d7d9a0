// An MPMC ring in isolated mode in plain memory, as MpmcMemory is one in the default mode. `capacity` is the quota, so
// that a producer's room is the same in both.
#pragma once

#include <rtlane/channels/mpmc_isolated_core.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

#include "mpmc_memory.hpp"

namespace rtlane::test {

template <class Word>
class IsolatedMemory {
public:
  using View = detail::IsolatedView<Word>;
  using Entry = detail::IsolatedEntry<Word, Lives>;
  using Producer = detail::IsolatedProducerCore<Lives, Word>;
  using Consumer = detail::IsolatedConsumerCore<Lives, Word>;

  static constexpr bool isolated = true;
  static constexpr std::uint64_t kStride = 16;
  static constexpr std::uint64_t cell_bytes(std::uint64_t quota, std::uint32_t participants)
  {
    return (detail::isolated_cell_count(quota * participants) * 8 + 127) / 128 * 128;
  }
  static constexpr std::uint64_t bytes(std::uint64_t quota, std::uint32_t participants)
  {
    return (3 + participants) * 128 + cell_bytes(quota, participants) + quota * participants * kStride;
  }

  IsolatedMemory(std::byte* memory, std::uint64_t quota, std::uint32_t participants, std::uint64_t start = 0)
      : memory_(memory), bytes_(bytes(quota, participants))
  {
    view_.tail = new (memory) detail::MpmcTailLine<Word>{};
    view_.head = new (memory + 128) detail::MpmcHeadLine<Word>{};
    view_.common = new (memory + 256) detail::IsolatedCommonLine<Word>{};
    view_.participants = reinterpret_cast<detail::IsolatedParticipantLine<Word>*>(memory + 384);
    for (std::uint32_t i = 0; i < participants; ++i)
      new (view_.participants + i) detail::IsolatedParticipantLine<Word>{};
    std::byte* cells = memory + 384 + participants * 128;
    view_.cells = reinterpret_cast<Word*>(cells);
    view_.slots = cells + cell_bytes(quota, participants);
    view_.quota = static_cast<std::uint32_t>(quota);
    view_.participant_count = participants;
    view_.mask = detail::isolated_cell_count(view_.slot_count()) - 1;
    for (std::uint64_t i = 0; i <= view_.mask; ++i)
      new (view_.cells + i) Word{};
    for (std::uint64_t i = 0; i < view_.slot_count(); ++i)
      new (view_.slots + i * kStride) Word{};
    view_.stride = kStride;
    view_.value_offset = 8;
    detail::isolated_initialize(view_, start);
  }

  const View& view() const { return view_; }
  std::byte* memory() const { return memory_; }
  std::uint64_t size() const { return bytes_; }
  std::uint64_t slot_count() const { return view_.slot_count(); }
  std::uint64_t capacity() const { return view_.quota; }
  std::uint64_t size_estimate() const { return detail::isolated_size_estimate(view_); }
  Leases& leases() { return leases_; }

  // The lowest free entry, swept; index 64 when there is none.
  Entry attach()
  {
    for (std::uint32_t i = 0; i < view_.participant_count; ++i) {
      if (leases_.held[i])
        continue;
      leases_.held[i] = true;
      Entry entry(view_, i, Lives{&leases_});
      entry.attach();
      return entry;
    }
    return Entry(view_, 64, Lives{&leases_});
  }
  // As the ring's attach, for a given entry.
  template <class Core>
  void attach_at(std::uint32_t at, Core& core)
  {
    Entry entry(view_, at, Lives{&leases_});
    entry.attach();
    core = Core(entry);
  }
  void let_go(std::uint32_t entry) { leases_.held[entry] = false; }

private:
  std::byte* memory_;
  std::uint64_t bytes_;
  View view_;
  Leases leases_;
};

}  // namespace rtlane::test
