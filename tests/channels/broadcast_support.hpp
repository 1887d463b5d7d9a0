// A broadcast in plain memory, and elements that show when they are torn.
#pragma once

#include <rtlane/channels/broadcast_core.hpp>

#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "ring_support.hpp"

namespace rtlane::test {

// Where a broadcast of this geometry lies in memory that begins at base.
inline rtlane_channel_layout broadcast_layout(void* base, std::uint64_t capacity, std::uint64_t element_bytes)
{
  rtlane_channel_layout layout{};
  layout.base = base;
  layout.capacity = capacity;
  layout.slots_offset = 512;
  layout.slot_stride_bytes = 8 + (element_bytes + 7) / 8 * 8;
  layout.value_offset = 8;
  layout.element_bytes = element_bytes;
  layout.total_bytes = layout.slots_offset + capacity * layout.slot_stride_bytes;
  return layout;
}

// As a maker of a channel does it: zeroed memory, and the start position where it is not 0.
template <class Word>
void start_broadcast_at(const detail::BroadcastView<Word>& view, std::uint64_t number)
{
  // relaxed: nobody else has the memory yet
  view.writer->tail.store(number, std::memory_order_relaxed);
  view.common->first.store(number, std::memory_order_relaxed);
}

template <class Word = std::atomic<std::uint64_t>>
class BroadcastMemory {
public:
  BroadcastMemory(std::uint64_t capacity, std::uint64_t element_bytes, std::uint64_t start = 0)
      : words_(broadcast_layout(nullptr, capacity, element_bytes).total_bytes / 8),
        view(broadcast_layout(words_.data(), capacity, element_bytes))
  {
    start_broadcast_at(view, start);
  }

private:
  std::vector<std::uint64_t> words_;

public:
  detail::BroadcastView<Word> view;
};

// Words that run something at chosen shared accesses, and a writer that dies at one: its later stores do not happen.
struct Schedule {
  static inline std::uint64_t access = 0;
  static inline bool dead = false;
  static inline std::function<void(std::uint64_t)> before;  // with the number of the access, from 0

  static void begin(std::function<void(std::uint64_t)> run)
  {
    access = 0;
    dead = false;
    before = std::move(run);
  }
  static std::uint64_t end()
  {
    before = nullptr;
    dead = false;
    return access;
  }
  static void step()
  {
    if (!before)
      return;
    // What runs here makes accesses of its own, which are not counted.
    const std::uint64_t mine = access;
    const auto run = std::exchange(before, nullptr);
    run(mine);
    before = run;
    access = mine + 1;
  }
};

class ScheduledWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    Schedule::step();
    return word_;
  }
  void store(std::uint64_t value, std::memory_order)
  {
    Schedule::step();
    if (!Schedule::dead)
      word_ = value;
  }

private:
  std::uint64_t word_ = 0;
};

// An element whose words all say which it is.
struct Marked {
  std::uint64_t run;
  std::uint64_t number;
  std::uint64_t mixed;

  static Marked made(std::uint64_t run, std::uint64_t number) { return {run, number, mix(run * 1000003 + number)}; }
  [[nodiscard]] bool whole() const { return mixed == mix(run * 1000003 + number); }
};

}  // namespace rtlane::test
