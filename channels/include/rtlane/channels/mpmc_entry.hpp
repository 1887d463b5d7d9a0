// One participant of an MPMC ring: its entry, and what it does for those that were killed. The whole: mpmc_core.hpp.
#pragma once

#include <rtlane/channels/mpmc_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <atomic>
#include <cstdint>

namespace rtlane::detail {

// When to ask the kernel. Not with the first call that meets an unfinished ticket, as a living participant finishes it
// soon; with the second call, and while it stays so at rarer and rarer calls, at least every 1024th.
class MpmcSuspicion {
public:
  // Counts a call that was stopped by `what`.
  [[nodiscard]] bool due(std::uint64_t what) noexcept
  {
    if (what != what_) {
      what_ = what;
      calls_ = 0;
    }
    ++calls_;
    return calls_ > 1 && ((calls_ & (calls_ - 1)) == 0 || calls_ % 1024 == 0);
  }

private:
  std::uint64_t what_ = 0;
  std::uint64_t calls_ = 0;
};

// Alive: bool operator()(std::uint32_t entry) const noexcept, false only when the kernel has proved that nobody has
// the entry's lease; doubt counts as alive.
template <class Word, class Alive>
class MpmcEntry {
public:
  MpmcEntry() = default;
  MpmcEntry(const MpmcView<Word>& view, std::uint32_t entry, const Alive& alive) noexcept
      : view_(view), mine_(view.participants + entry), index_(entry), alive_(alive)
  {}

  // Set-up: the caller has the entry's lease. Finishes what the last holder left. False = it may have taken a ticket
  // which a living participant has announced as well, so that only the future tells whose it is: take another entry.
  [[nodiscard]] bool attach() noexcept
  {
    questions_ = view_.participant_count;
    if (!sweep())
      return false;
    Word& entries = view_.common->entries;
    std::uint64_t known = entries.load(std::memory_order_acquire);  // G2, pairs with G1
    for (std::uint32_t tries = 0; known <= index_ && tries <= view_.participant_count; ++tries) {
      // G1, pairs with G2; relaxed when it fails: tried again with what was found
      if (entries.compare_exchange_strong(known, index_ + 1u, std::memory_order_release, std::memory_order_relaxed))
        break;
    }
    count(mine_->attaches);
    return true;
  }

  // To be called before the first ticket is taken for pushing.
  void attach_pusher() noexcept
  {
    std::uint64_t pusher = 0;
    Word& pushers = view_.common->pushers;
    // G1, pairs with G2; relaxed when it fails: only compared with numbers
    if (!pushers.compare_exchange_strong(pusher, index_ + 1u, std::memory_order_release, std::memory_order_relaxed) &&
        pusher != index_ + 1u)
      pushers.store(mpmc_several, std::memory_order_release);  // G1, pairs with G2
  }

  // At the start of a call that may have to judge others: it asks the kernel once per participant at most.
  void begin_call() noexcept { questions_ = view_.participant_count; }

  // The ticket of `position` is taken, and its slot's word was `seen`, without its element. ok = look again; busy =
  // whoever has it may be alive; corrupt = nobody can have it.
  [[nodiscard]] Status settle(std::uint64_t position, std::uint64_t seen) noexcept
  {
    if (!suspicion_.due(position))
      return Status::busy;
    Word& word = MpmcView<Word>::word_of(view_.slot(position));
    switch (taker_of(position, false)) {
      case Taker::living:
        return Status::busy;
      case Taker::dead:
        make_void(word, seen, position);
        return Status::ok;
      case Taker::nobody:
        break;
    }
    // Whoever had it has published it before going on, so it must be there now.
    return word.load(std::memory_order_acquire) != seen ? Status::ok : Status::corrupt;  // C1, pairs with P1 and V1
  }

  // Tickets below the answer are free to be written once they are taken: no consumer has their slots in hand any more.
  // For the producer whose next ticket is `tail`, after it has read `head`. Remembers who is in the way.
  [[nodiscard]] std::uint64_t free_until(std::uint64_t tail, std::uint64_t head) noexcept
  {
    std::uint64_t first = head;
    in_the_way_ = nobody;
    const std::uint32_t entries = entry_count();
    for (std::uint32_t i = 0; i < entries; ++i) {
      // F2, pairs with F1
      const std::uint64_t popping = view_.participants[i].popping.load(std::memory_order_acquire);
      const std::uint64_t position = popping & ~mpmc_flags;
      // An older one than a lap before tail lost its race long ago and has not cleared it yet.
      if ((popping & mpmc_engaged) != 0 && mpmc_distance(position, first) > 0 &&
          mpmc_distance(tail, position + view_.lap()) >= 0) {
        first = position;
        in_the_way_ = i;
        in_its_hand_ = popping;
      }
    }
    return first + view_.lap();
  }
  [[nodiscard]] bool somebody_in_the_way() const noexcept { return in_the_way_ != nobody; }

  // Takes the slot out of the hand of who is in the way, if that was killed. ok = look again.
  [[nodiscard]] Status clear_the_way() noexcept
  {
    if (!suspicion_.due(in_its_hand_) || is_alive(in_the_way_))
      return Status::busy;
    std::uint64_t expected = in_its_hand_;
    // F1, pairs with F2; relaxed when it fails: somebody else has done it
    if (view_.participants[in_the_way_].popping.compare_exchange_strong(expected, 0, std::memory_order_acq_rel,
                                                                        std::memory_order_relaxed))
      count(mine_->orphaned);
    return Status::ok;
  }

  // One step of head over a void position. Anybody may make it; it fails when it was made already.
  void pass_void(std::uint64_t head) noexcept
  {
    std::uint64_t expected = head;
    // H1, pairs with H2; relaxed when it fails: nothing is learned from it
    view_.head->head.compare_exchange_strong(expected, head + mpmc_step, std::memory_order_release,
                                             std::memory_order_relaxed);
  }

  // relaxed: this participant is the counter's only writer, monitors want a number and no order
  static void count(Word& counter) noexcept
  {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  [[nodiscard]] const MpmcView<Word>& view() const noexcept { return view_; }
  [[nodiscard]] MpmcParticipantLine<Word>& mine() const noexcept { return *mine_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }

private:
  enum class Taker { nobody, living, dead };
  static constexpr std::uint32_t nobody = UINT32_MAX;

  [[nodiscard]] std::uint32_t entry_count() const noexcept
  {
    const std::uint64_t entries = view_.common->entries.load(std::memory_order_acquire);  // G2, pairs with G1
    return entries < view_.participant_count ? static_cast<std::uint32_t>(entries) : view_.participant_count;
  }

  [[nodiscard]] bool is_alive(std::uint32_t entry) noexcept
  {
    if (questions_ == 0)
      return true;
    --questions_;
    return alive_(entry);
  }

  // All that announced this ticket: one of them took it, the others lost the race for it and have not gone on yet.
  [[nodiscard]] Taker taker_of(std::uint64_t position, bool last_holder_of_mine_is_dead) noexcept
  {
    Taker taker = Taker::nobody;
    const std::uint32_t entries = entry_count();
    for (std::uint32_t i = 0; i < entries; ++i) {
      // N2, pairs with N1
      if (view_.participants[i].pushing.load(std::memory_order_acquire) != (position | mpmc_engaged))
        continue;
      if ((i != index_ || !last_holder_of_mine_is_dead) && is_alive(i))
        return Taker::living;
      taker = Taker::dead;
    }
    return taker;
  }

  // The CAS hits exactly the word that was judged, or nothing.
  void make_void(Word& word, std::uint64_t seen, std::uint64_t position) noexcept
  {
    // V1, pairs with C1; relaxed when it fails: somebody else has done it
    if (word.compare_exchange_strong(seen, position | mpmc_void, std::memory_order_acq_rel, std::memory_order_relaxed))
      count(mine_->recovered);
  }

  [[nodiscard]] bool sweep() noexcept
  {
    const std::uint64_t pushing = mine_->pushing.load(std::memory_order_acquire);  // N2, pairs with N1
    if ((pushing & mpmc_engaged) != 0) {
      if (!finish_push(pushing & ~mpmc_flags))
        return false;
      mine_->pushing.store(0, std::memory_order_release);  // N1, pairs with N2
    }
    const std::uint64_t popping = mine_->popping.load(std::memory_order_acquire);  // F2, pairs with F1
    if ((popping & mpmc_engaged) != 0) {
      const std::uint64_t head = view_.head->head.load(std::memory_order_acquire);  // H2, pairs with H1
      if (mpmc_distance(popping & ~mpmc_flags, head) > 0)
        count(mine_->orphaned);
      mine_->popping.store(0, std::memory_order_release);  // F1, pairs with F2
    }
    return true;
  }

  // Of the last holder, which announced this position. False = see attach().
  [[nodiscard]] bool finish_push(std::uint64_t position) noexcept
  {
    const std::uint64_t tail = view_.tail->tail.load(std::memory_order_acquire) & ~mpmc_flags;  // T2, pairs with T1
    if (mpmc_distance(position, tail) <= 0 || mpmc_distance(position, tail) > mpmc_distance(0, view_.lap()))
      return true;  // not taken; or so long ago that it was settled
    Word& word = MpmcView<Word>::word_of(view_.slot(position));
    const std::uint64_t seen = word.load(std::memory_order_acquire);  // C1, pairs with P1 and V1
    if ((seen & mpmc_flags) != 0 && mpmc_distance(position, seen & ~mpmc_flags) >= 0)
      return true;  // published or void
    if (taker_of(position, true) == Taker::living)
      return false;
    make_void(word, seen, position);
    return true;
  }

  MpmcView<Word> view_;
  MpmcParticipantLine<Word>* mine_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t questions_ = 0;  // how many this call may still ask
  std::uint32_t in_the_way_ = nobody;
  std::uint64_t in_its_hand_ = 0;
  MpmcSuspicion suspicion_;
  Alive alive_{};
};

}  // namespace rtlane::detail
