// One participant of an MPMC ring in isolated mode: its entry, its slots in the order of their use, and what it does
// for those that were killed. The whole: mpmc_isolated_core.hpp.
#pragma once

#include <rtlane/channels/mpmc_entry.hpp>
#include <rtlane/channels/mpmc_isolated_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

namespace rtlane::detail {

// Alive: as of MpmcEntry.
template <class Word, class Alive>
class IsolatedEntry {
public:
  IsolatedEntry() = default;
  IsolatedEntry(const IsolatedView<Word>& view, std::uint32_t entry, const Alive& alive) noexcept
      : view_(view), mine_(view.participants + entry), index_(entry), alive_(alive)
  {}

  // Set-up: the caller has the entry's lease, so its last holder is gone. Frees the slot that it had in hand.
  void attach() noexcept
  {
    const std::uint64_t taking = mine_->taking.load(std::memory_order_relaxed);  // relaxed: of who is gone
    if (taking != 0 && taking <= view_.slot_count()) {
      Word& word = word_of(taking - 1);
      std::uint64_t seen = word.load(std::memory_order_acquire);  // F2, pairs with F1
      if ((seen & isolated_phase) == isolated_is_taken && isolated_owner(seen) == index_)
        take_back(word, seen);
    }
    count(mine_->attaches);
  }

  // A consumer's slot whose owner is dead. The CAS hits exactly the word that was judged, or nothing.
  void take_back(Word& word, std::uint64_t seen) noexcept
  {
    // F1, pairs with F2; relaxed when it fails: somebody else has done it
    if (word.compare_exchange_strong(seen, isolated_free, std::memory_order_acq_rel, std::memory_order_relaxed))
      count(mine_->orphaned);
  }

  // Ends the stream behind the last element, unless it has ended. Whoever sees `closing` does it, so that a killed
  // closer holds up nobody. Bounded: each participant can publish once more, as it has not looked at `closing` since.
  void end() noexcept
  {
    for (int attempt = 0; attempt < 2 * RTLANE_PARTICIPANTS_MAX + 2; ++attempt) {
      const std::uint64_t tail = view_.tail->tail.load(std::memory_order_acquire);  // T2, pairs with T1
      Word& cell = view_.cell(tail);
      std::uint64_t seen = cell.load(std::memory_order_acquire);  // C1, pairs with P1
      const std::uint64_t said = seen - view_.base(tail);
      if (said == view_.mask || static_cast<std::int64_t>(said) < 0)
        return;  // it has ended; or the ring is damaged, which a data call finds
      if (said != 0) {
        help(view_.tail->tail, tail);
        // P1, pairs with C1; relaxed when it fails: looked at again
      } else if (cell.compare_exchange_strong(seen, seen | view_.mask, std::memory_order_release,
                                              std::memory_order_relaxed)) {
        return;
      }
    }
  }

  // One step of tail or head, past a position that is published, or taken and its cell empty. Anybody may make it; it
  // fails when it was made already.
  static void help(Word& hint, std::uint64_t from) noexcept
  {
    std::uint64_t expected = from;
    // T1, pairs with T2; H1, pairs with H2; relaxed when it fails: nothing is learned from it
    hint.compare_exchange_strong(expected, from + 1, std::memory_order_release, std::memory_order_relaxed);
  }

  static void count(Word& counter) noexcept { MpmcEntry<Word, Alive>::count(counter); }

  [[nodiscard]] bool is_alive(std::uint32_t entry) const noexcept
  {
    return entry >= view_.participant_count || alive_(entry);
  }
  [[nodiscard]] Word& word_of(std::uint64_t slot) const noexcept
  {
    return IsolatedView<Word>::word_of(view_.slot(slot));
  }
  [[nodiscard]] const IsolatedView<Word>& view() const noexcept { return view_; }
  [[nodiscard]] IsolatedParticipantLine<Word>& mine() const noexcept { return *mine_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }

private:
  IsolatedView<Word> view_;
  IsolatedParticipantLine<Word>* mine_ = nullptr;
  std::uint32_t index_ = 0;
  Alive alive_{};
};

// A producer's own slots but the one it is writing, those in use in the order of their publication. Elements are taken
// in that order, so first come those that were taken, in consumers' hands or free again; behind the first that still
// waits all others wait. At most one slot is in each other participant's hand, so a look at as many slots as there are
// participants finds a free one, or that there is none.
//
// Private memory, so no peer can change it.
template <class Word, class Alive>
class IsolatedSlots {
public:
  using Entry = IsolatedEntry<Word, Alive>;
  static constexpr std::uint32_t none = UINT32_MAX;

  IsolatedSlots() = default;

  // Set-up: sweeps the entry's slots. May throw std::bad_alloc.
  explicit IsolatedSlots(const Entry& entry)
      : order_(std::make_unique<std::uint32_t[]>(entry.view().quota)), quota_(entry.view().quota)
  {
    // What waits lies between head as it is now and tail, whatever is taken meanwhile.
    const std::uint64_t head = entry.view().head->head.load(std::memory_order_acquire);  // H2, pairs with H1
    const auto positions = std::make_unique<std::uint64_t[]>(quota_);
    const std::uint32_t first = entry.index() * quota_;
    for (std::uint32_t i = 0; i < quota_; ++i) {
      order_[i] = first + i;
      const std::uint64_t word = settle(entry, first + i);
      positions[i] =
          (word & isolated_phase) == isolated_is_ready ? word - (head << isolated_position_shift) : isolated_free;
    }
    std::sort(order_.get(), order_.get() + quota_,
              [&](std::uint32_t a, std::uint32_t b) { return positions[a - first] < positions[b - first]; });
  }

  // The number of a free one, which is no longer among them. `none`: say in_use().
  [[nodiscard]] std::uint32_t take(const Entry& entry) noexcept
  {
    const std::uint32_t oldest = order_[first_];
    // F2, pairs with F1
    if (entry.word_of(oldest).load(std::memory_order_acquire) == isolated_free) [[likely]] {
      first_ = next(first_);
      return oldest;
    }
    return take_a_younger(entry);
  }
  // Behind those that were published before.
  void put_back(std::uint32_t slot) noexcept { order_[first_ == 0 ? quota_ - 1 : first_ - 1] = slot; }

  // Whether one is in a consumer's hand: the word of the first of them, or 0.
  [[nodiscard]] std::uint64_t in_a_hand() const noexcept { return in_a_hand_; }
  [[nodiscard]] bool damaged() const noexcept { return damaged_; }

  // Frees what killed consumers had in hand. Asks the kernel about each of the participants once at most.
  void take_back_from_the_dead(Entry& entry) noexcept
  {
    std::uint32_t at = first_;
    for (std::uint32_t i = 0; i < depth(entry); ++i, at = next(at)) {
      Word& word = entry.word_of(order_[at]);
      const std::uint64_t seen = word.load(std::memory_order_acquire);  // F2, pairs with F1
      if ((seen & isolated_phase) == isolated_is_ready)
        return;
      if ((seen & isolated_phase) == isolated_is_taken && !entry.is_alive(isolated_owner(seen)))
        entry.take_back(word, seen);
    }
  }

private:
  [[nodiscard]] std::uint32_t next(std::uint32_t at) const noexcept { return at + 1 == quota_ ? 0 : at + 1; }
  [[nodiscard]] std::uint32_t depth(const Entry& entry) const noexcept
  {
    return std::min(quota_, entry.view().participant_count);
  }

  [[nodiscard, gnu::noinline]] std::uint32_t take_a_younger(const Entry& entry) noexcept
  {
    in_a_hand_ = 0;
    damaged_ = false;
    std::uint32_t at = first_;
    for (std::uint32_t i = 0; i < depth(entry); ++i, at = next(at)) {
      const std::uint32_t slot = order_[at];
      const std::uint64_t word = entry.word_of(slot).load(std::memory_order_acquire);  // F2, pairs with F1
      if (word == isolated_free) {
        move_up_to(at);
        return slot;
      }
      if ((word & isolated_phase) == isolated_is_ready)
        return none;
      if ((word & isolated_phase) != isolated_is_taken) {
        damaged_ = true;
        return none;
      }
      if (in_a_hand_ == 0)
        in_a_hand_ = word;
    }
    return none;
  }

  // Closes the gap at `at` by the older ones.
  void move_up_to(std::uint32_t at) noexcept
  {
    while (at != first_) {
      const std::uint32_t before = at == 0 ? quota_ - 1 : at - 1;
      order_[at] = order_[before];
      at = before;
    }
    first_ = next(first_);
  }

  // Frees a slot that the last holder of the entry had made ready and was killed before it published it. Returns its
  // word. Published is what the cell of its position names; when that names it no longer, it was taken in between, and
  // its word says so.
  static std::uint64_t settle(const Entry& entry, std::uint32_t slot) noexcept
  {
    Word& word = entry.word_of(slot);
    const std::uint64_t seen = word.load(std::memory_order_acquire);  // F2, pairs with F1
    if ((seen & isolated_phase) != isolated_is_ready)
      return seen;
    const std::uint64_t position = seen >> isolated_position_shift;
    // C1, pairs with P1
    const std::uint64_t cell = entry.view().cell(position).load(std::memory_order_acquire);
    if (((cell ^ (entry.view().base(position) | (slot + 1u))) << isolated_position_shift) == 0)
      return seen;
    const std::uint64_t again = word.load(std::memory_order_acquire);  // F2, pairs with F1
    if (again != seen)
      return again;
    word.store(isolated_free, std::memory_order_release);  // F1, pairs with F2
    Entry::count(entry.mine().recovered);
    return isolated_free;
  }

  std::unique_ptr<std::uint32_t[]> order_;
  std::uint32_t quota_ = 0;
  std::uint32_t first_ = 0;  // the oldest
  std::uint64_t in_a_hand_ = 0;
  bool damaged_ = false;
};

}  // namespace rtlane::detail
