// Looks at the elements of rings that it does not take.
//
// A slot is written again for the same place one lap later, element first, then its word. So the word alone does not
// tell whether a copy is whole; what does:
//   * the consumers have not passed the element: then no producer may write to its slot. Producers look at head (P1 of
//     spsc_core.hpp, H2 of mpmc_layout.hpp) before they write, so who has seen one of their bytes sees that head.
//   * the producer has not come so far: in an SPSC ring the place before it, in an MPMC ring the ticket for this slot,
//     is stored before the first byte. Only where stores are seen in order does their absence prove anything.
// Both are argued and not checked by a tool: see copy_observed().
#include <rtlane/channels/mpmc_layout.hpp>
#include <rtlane/channels/spsc_core.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

#include "observer.hpp"

namespace rtlane::detail {

void copy_observed(std::byte* to, const std::byte* from, std::uint64_t bytes) noexcept
{
  const auto* words = reinterpret_cast<const volatile std::uint64_t*>(from);
  std::uint64_t done = 0;
  for (; done + 8 <= bytes; done += 8) {
    const std::uint64_t word = words[done / 8];
    __builtin_memcpy(to + done, &word, sizeof word);
  }
  if (done != bytes) {
    const std::uint64_t word = words[done / 8];
    const auto* rest = reinterpret_cast<const unsigned char*>(&word);
    for (std::uint64_t i = 0; done + i < bytes; ++i)
      to[done + i] = std::byte{rest[i]};
  }
}

namespace {

using Word = std::atomic<std::uint64_t>;

// ---- one to one

class SpscObserver final : public ChannelObserver {
public:
  SpscObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(layout), start_(layout.start_position), element_bytes_(layout.element_bytes)
  {
    position_ = spsc_head_for_monitor(view_);
    if (from != RTLANE_OBSERVE_OLDEST)
      position_ = published_until();
    if (from == RTLANE_OBSERVE_NEWEST && position_ != start_)
      --position_;
    tells_ = from != RTLANE_OBSERVE_NEWEST;
  }

  [[nodiscard]] Room room() const noexcept override { return {element_bytes_, true}; }

  Status next(std::byte* to, std::uint64_t, Sight& sight) noexcept override
  {
    std::byte* slot = view_.slot(position_);
    const std::uint64_t word = SpscView<Word>::seq(slot).load(std::memory_order_acquire);  // C1, pairs with P2
    if (!spsc_written(word, position_)) {
      if (!legal(word))
        return Status::corrupt;
      return word != 0 && spsc_published(word, position_) ? go_on(sight) : nothing_there();
    }
    copy_observed(to, slot + view_.value_offset, element_bytes_);
    if (!whole())
      return go_on(sight);
    sight.number = position_ - start_;
    sight.length = element_bytes_;
    ++position_;
    tells_ = true;
    return Status::ok;
  }

  std::uint64_t skip(std::byte*, std::uint64_t) noexcept override
  {
    const std::uint64_t until = published_until();
    const std::uint64_t ahead = until - position_;
    if (ahead < 2 || ahead > UINT64_MAX / 2)
      return 0;
    position_ = until - 1;
    return ahead - 1;
  }

private:
  // Positions below it are published. Never behind what this observer has seen, unless the segment is damaged.
  [[nodiscard]] std::uint64_t published_until() const noexcept
  {
    const std::uint64_t head = spsc_head_for_monitor(view_);
    return head + view_.written_from(head, spsc_published);
  }

  // Zero, or of this slot in some lap, by some producer.
  [[nodiscard]] bool legal(std::uint64_t word) const noexcept
  {
    return word == 0 ||
           (((word - (position_ + 1)) & (view_.capacity - 1)) == 0 && word >> 48 != 0 && word >> 48 != spsc_epoch_none);
  }

  // Whether the copy of the slot, whose word was that of position_, is its element. Who has written over it since has
  // left both.
  [[nodiscard]] bool whole() const noexcept
  {
    fence_after_load_torn();
    // relaxed: the fence puts both behind the copy
    if (position_ - view_.consumer->head.load(std::memory_order_relaxed) < view_.capacity)
      return true;
    const std::uint64_t before = SpscView<Word>::seq(view_.slot(position_ - 1)).load(std::memory_order_relaxed);
    return stores_are_seen_in_order && !spsc_published(before, position_ - 1 + view_.capacity);
  }

  [[nodiscard]] Status nothing_there() const noexcept
  {
    const std::uint64_t end = view_.common->end.load(std::memory_order_acquire);  // E2, pairs with E1
    return end != 0 && ((end ^ (position_ + 1)) & spsc_low_mask) == 0 ? Status::closed : Status::empty;
  }

  // Behind what cannot be proved whole any more, a quarter of the capacity further than need be.
  [[nodiscard]] Status go_on(Sight& sight) noexcept
  {
    const std::uint64_t head = spsc_head_for_monitor(view_);
    const std::uint64_t until = head + view_.written_from(head, spsc_published);
    const std::uint64_t published = until - position_;
    if (published == 0 || published > UINT64_MAX / 2)
      return Status::corrupt;  // position_ was published, and all that was until then
    // By distances from position_. What waits is safe; of what was taken the youngest is.
    std::uint64_t target = head - position_;
    const std::uint64_t taken_and_there = view_.capacity - 1 - view_.capacity / 4;
    if (stores_are_seen_in_order) {
      const std::uint64_t oldest = published > taken_and_there ? published - taken_and_there : 0;
      target = target > UINT64_MAX / 2 ? 0 : std::min(target, oldest);
    }
    const std::uint64_t distance = target > UINT64_MAX / 2 ? 1 : std::clamp<std::uint64_t>(target, 1, published);
    position_ += distance;
    sight.lost = std::exchange(tells_, true) ? distance : 0;
    return sight.lost != 0 ? Status::lost : Status::busy;
  }

  SpscView<Word> view_;
  std::uint64_t start_;
  std::uint64_t element_bytes_;
  std::uint64_t position_ = 0;  // of the next element
  bool tells_ = true;           // what is gone is a loss; false: nobody has asked for it, it was just the newest
};

// ---- many to many

class MpmcObserver final : public ChannelObserver {
public:
  MpmcObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(mpmc_view(layout)), element_bytes_(layout.element_bytes)
  {
    position_ = (from == RTLANE_OBSERVE_OLDEST ? head() : tail()) & ~mpmc_flags;
    if (from == RTLANE_OBSERVE_NEWEST && position_ != 0)
      position_ -= mpmc_step;
    tells_ = from != RTLANE_OBSERVE_NEWEST;
  }

  [[nodiscard]] Room room() const noexcept override { return {element_bytes_, true}; }

  Status next(std::byte* to, std::uint64_t, Sight& sight) noexcept override
  {
    for (int voids = 0; voids < voids_max; ++voids) {
      std::byte* slot = view_.slot(position_);
      const std::uint64_t word =
          MpmcView<Word>::word_of(slot).load(std::memory_order_acquire);  // C1, pairs with P1 and V1
      if (word == (position_ | mpmc_void)) {
        position_ += mpmc_step;
        continue;
      }
      if (word != (position_ | mpmc_written)) {
        if (!legal(word))
          return Status::corrupt;
        return word != 0 && mpmc_distance(position_, word) > 0 ? go_on(sight) : nothing_there();
      }
      copy_observed(to, slot + view_.value_offset, element_bytes_);
      if (!whole())
        return go_on(sight);
      sight.number = position_ / mpmc_step;
      sight.length = element_bytes_;
      position_ += mpmc_step;
      tells_ = true;
      return Status::ok;
    }
    return Status::busy;
  }

  std::uint64_t skip(std::byte*, std::uint64_t) noexcept override
  {
    const std::int64_t ahead = mpmc_distance(position_, tail() & ~mpmc_flags) / static_cast<std::int64_t>(mpmc_step);
    if (ahead < 2)
      return 0;
    position_ += (static_cast<std::uint64_t>(ahead) - 1) * mpmc_step;
    return static_cast<std::uint64_t>(ahead) - 1;
  }

private:
  static constexpr int voids_max = 1024;  // places of killed producers that one call passes over

  [[nodiscard]] std::uint64_t head() const noexcept
  {
    return view_.head->head.load(std::memory_order_acquire);  // H2, pairs with H1
  }
  [[nodiscard]] std::uint64_t tail() const noexcept
  {
    return view_.tail->tail.load(std::memory_order_acquire);  // T2, pairs with T1
  }

  [[nodiscard]] bool legal(std::uint64_t word) const noexcept
  {
    const std::uint64_t phase = word & mpmc_flags;
    return word == 0 ||
           ((phase == mpmc_written || phase == mpmc_void) && ((word ^ position_) & (view_.lap() - mpmc_step)) == 0);
  }

  // As SpscObserver::whole.
  [[nodiscard]] bool whole() const noexcept
  {
    fence_after_load_torn();
    // relaxed: the fence puts both behind the copy
    if (position_ - view_.head->head.load(std::memory_order_relaxed) < view_.lap())
      return true;
    const std::uint64_t ticket = view_.tail->tail.load(std::memory_order_relaxed) & ~mpmc_flags;
    return stores_are_seen_in_order && mpmc_distance(position_ + view_.lap(), ticket) <= 0;
  }

  // The slot is open: of a ticket that nobody has taken, or whose producer is at it (or was killed at it).
  [[nodiscard]] Status nothing_there() const noexcept
  {
    const std::uint64_t ticket = tail();
    if ((ticket & mpmc_flags & ~mpmc_closed) != 0)
      return Status::corrupt;
    if (mpmc_distance(position_, ticket & ~mpmc_flags) > 0)
      return Status::busy;
    return (ticket & mpmc_closed) != 0 ? Status::closed : Status::empty;
  }

  // As SpscObserver::go_on, in tickets.
  [[nodiscard]] Status go_on(Sight& sight) noexcept
  {
    const std::int64_t step = mpmc_step;
    const std::int64_t to_head = mpmc_distance(position_, head()) / step;
    const std::int64_t taken = mpmc_distance(position_, tail() & ~mpmc_flags) / step;
    if (taken <= 0)
      return Status::corrupt;  // position_'s ticket was taken
    const auto capacity = static_cast<std::int64_t>(view_.capacity);
    const std::int64_t target =
        stores_are_seen_in_order ? std::min(to_head, taken - (capacity - capacity / 4)) : to_head;
    const std::int64_t distance = std::clamp<std::int64_t>(target, 1, taken);
    position_ += static_cast<std::uint64_t>(distance) * mpmc_step;
    sight.lost = std::exchange(tells_, true) ? static_cast<std::uint64_t>(distance) : 0;
    return sight.lost != 0 ? Status::lost : Status::busy;
  }

  MpmcView<Word> view_;
  std::uint64_t element_bytes_;
  std::uint64_t position_ = 0;
  bool tells_ = true;  // as SpscObserver's
};

}  // namespace

ObserverPointer observe_spsc(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<SpscObserver>(layout, from);
}

ObserverPointer observe_mpmc(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<MpmcObserver>(layout, from);
}

}  // namespace rtlane::detail
