// The many-producer many-consumer ring over plain bytes: MpmcRing<T> is a thin layer over the two classes here.
//
// Tickets by CAS and a word per slot that is stored plainly, as in Vyukov's bounded queue; crash-proof because every
// taker announces its ticket on a line of its own before it takes it. The idea, its model and the measurements
// against a claim by CAS in the slot word: channels/README.md, Decisions.
//
// Shared words (mpmc_layout.hpp; a position is four times a ticket):
//   tail, head                    the next position to push to, to take from. They only grow, by CAS.
//   slot word                     position | mpmc_written or mpmc_void. It is *open* for a position while it has
//                                 neither of it: zero, or of the lap before. Only producers (and who voids) write it.
//   pushing, popping, per entry   position | mpmc_engaged: announced before the CAS on tail or head.
//
//   push   tail == t; t < limit?  pushing = t; CAS tail t -> t+1; write the element; slot word = t|written
//   pop    head == h; slot word == h|written?  popping = h; CAS head h -> h+1; copy; popping = 0
//
// * Free slots need no word. t - N may be written over when head is past it and nobody's popping names it. That
//   stays so until somebody takes t, so a producer keeps the limit it has found: about once per lap it reads head and
//   the participants' lines, else nobody's words but tail. Consumers never write to a slot. So with one producer and
//   one consumer only the slot's line travels, as in the SPSC ring.
// * Who owns an open ticket that is taken? One of those whose pushing names it: the taker announced it before the
//   CAS, and names it until the slot word is stored. The others lost the same CAS and clear theirs at once. When the
//   kernel says that all of them are dead, so is the owner: any survivor makes the position void with one CAS on the
//   slot word that it judged. While one of them lives nothing is repaired: it may be the owner.
// * A consumer killed with an element in hand is named by its popping; the producer whom that stops clears it with one
//   CAS on the word that it judged. A loser of a race for head leaves the same trace, so `orphaned` is an upper bound.
// * An entry that is used again is swept first: its last holder's open ticket is made void, or when a living
//   participant has announced the same ticket the entry is left alone.
// * `empty`. An open slot at head proves nothing when several push: later ones may be written, so tail decides, and
//   the answer is `busy` while a ticket is taken and open. But a single pusher writes its tickets in order, so
//   while only one entry has ever pushed the slot alone decides, and its line of tail is left in peace.
// * `full`. N tickets are outstanding; pushes in flight count, and so does the place of a killed producer until head
//   comes to it. A slot that is still being copied is `busy`.
// * `closed`. A bit in tail, so it has a place among the tickets: those taken before are delivered, none is given then.
//
// Progress: every call ends after at most mpmc_attempts attempts, each with a bounded number of steps: O(participants)
// when it has to look round, else O(1). It enters the kernel never, but to ask whether a participant lives whose
// ticket or slot was in the way in two calls running (mpmc_entry.hpp), and then at most once per participant.
// As a whole lock-free, except that a living participant stopped between its CAS and its last store (or, for
// consumers, its announcement and its last store) makes consumers (producers, a lap later) answer `busy`.
//
// Every prefix of an operation is a legal state. Killed before the CAS: nothing happened. After it and before the last
// store: a pushed element vanishes, an element in a consumer's hand is gone with it. After it: the call counts.
//
// Ordering: the table is in mpmc_layout.hpp. Word is std::atomic<std::uint64_t> but in tests.
#pragma once

#include <rtlane/channels/mpmc_entry.hpp>
#include <rtlane/channels/mpmc_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rtlane::detail {

// A call tries so often; each failed CAS means that somebody else got on. `busy` after that.
inline constexpr int mpmc_attempts = 64;
// Looks at an unfinished ticket, in one call, before it counts as in the way.
inline constexpr int mpmc_looks = 8;

// What a detached endpoint looks at: an empty ring that nobody writes to, so that the hot path needs no check.
template <class Word>
struct MpmcNothing {
  alignas(Word) static inline std::byte zeros[sizeof(MpmcTailLine<Word>)] = {};
  static Word* word() noexcept { return reinterpret_cast<Word*>(zeros); }
};

// Operations as bounded as said above; no allocation, no division. Used by one thread at a time. A default-constructed
// one answers `closed`.
template <class Alive, class Word = std::atomic<std::uint64_t>>
class MpmcProducerCore {
public:
  using Entry = MpmcEntry<Word, Alive>;

  MpmcProducerCore() = default;

  // Set-up: after entry.attach().
  explicit MpmcProducerCore(const Entry& entry) noexcept
      : tail_(&entry.view().tail->tail), pushing_(&entry.mine().pushing), entry_(entry), last_status_(Status::ok)
  {
    entry_.attach_pusher();
    // T2, pairs with T1: nothing is known to be free
    free_until_ = tail_->load(std::memory_order_acquire) & ~mpmc_flags;
  }

  // Set-up: while the entry's lease is still held. A claimed place becomes void.
  void detach() noexcept
  {
    if (attached()) {
      if (claimed_)
        slot_word().store(position_ | mpmc_void, std::memory_order_release);  // V1, pairs with C1
      pushing_->store(0, std::memory_order_release);                          // N1, pairs with N2
    }
    *this = MpmcProducerCore();
  }

  // The place for the next element's bytes, or nullptr; then last_status() says why. The same place again until
  // publish().
  [[nodiscard]] std::byte* claim() noexcept
  {
    if (!claimed_) [[likely]] {
      const std::uint64_t tail = tail_->load(std::memory_order_acquire);  // T2, pairs with T1
      if (mpmc_distance(tail, free_until_) <= 0 || (tail & mpmc_flags) != 0 || !take(tail)) [[unlikely]] {
        if (!claim_slowly())
          return nullptr;
      }
    }
    return slot_ + entry_.view().value_offset;
  }
  // As claim(), for a call that has heard `full` once: it is not counted again.
  [[nodiscard]] std::byte* claim_again() noexcept
  {
    counts_ = false;
    std::byte* place = claim();
    counts_ = true;
    return place;
  }
  [[nodiscard]] bool claimed() const noexcept { return claimed_; }

  // Makes what was written at claim()'s place visible. Only after a claim().
  void publish() noexcept
  {
    slot_word().store(position_ | mpmc_written, std::memory_order_release);  // P1, pairs with C1
    claimed_ = false;
  }

  // No ticket is given any more, to anybody.
  void close() noexcept
  {
    if (!attached())
      return;
    // Consumers look at tail from now on; first, as a kill may come between the two.
    entry_.view().common->pushers.store(mpmc_several, std::memory_order_release);  // G1, pairs with G2
    tail_->fetch_or(mpmc_closed, std::memory_order_release);                       // T1, pairs with T2
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] bool attached() const noexcept { return pushing_ != nullptr; }
  [[nodiscard]] Entry& entry() noexcept { return entry_; }

private:
  enum class Next { take, again, answer };

  Word& slot_word() const noexcept { return MpmcView<Word>::word_of(slot_); }

  [[nodiscard]] bool take(std::uint64_t tail) noexcept
  {
    pushing_->store(tail | mpmc_engaged, std::memory_order_release);  // N1, pairs with N2
    std::uint64_t expected = tail;
    // T1, pairs with T2; relaxed when it fails: tail is read again
    if (tail_->compare_exchange_strong(expected, tail + mpmc_step, std::memory_order_release,
                                       std::memory_order_relaxed)) {
      slot_ = entry_.view().slot(tail);
      position_ = tail;
      claimed_ = true;
      return true;
    }
    pushing_->store(0, std::memory_order_release);  // N1, pairs with N2: the winner may need to be found dead
    return false;
  }

  [[nodiscard, gnu::noinline]] bool claim_slowly() noexcept
  {
    if (!attached()) {
      last_status_ = Status::closed;
      return false;
    }
    entry_.begin_call();
    for (int attempt = 0; attempt < mpmc_attempts; ++attempt) {
      const std::uint64_t tail = tail_->load(std::memory_order_acquire);  // T2, pairs with T1
      if ((tail & mpmc_flags) != 0) {
        last_status_ = (tail & mpmc_flags) == mpmc_closed ? Status::closed : Status::corrupt;
        return false;
      }
      Next next = Next::take;
      if (mpmc_distance(tail, free_until_) <= 0)
        next = make_room(tail);
      if (next == Next::answer)
        return false;
      if (next == Next::take && take(tail))
        return true;
    }
    last_status_ = Status::busy;
    return false;
  }

  [[nodiscard]] Next answer(Status status) noexcept
  {
    if (status == Status::full && counts_)
      Entry::count(entry_.mine().refused);
    last_status_ = status;
    return Next::answer;
  }

  // free_until_ ends at or before tail: look for more.
  [[nodiscard]] Next make_room(std::uint64_t tail) noexcept
  {
    const std::uint64_t head = entry_.view().head->head.load(std::memory_order_acquire);  // H2, pairs with H1
    if (mpmc_distance(head, tail) < 0 && tail_->load(std::memory_order_acquire) != tail)  // T2, pairs with T1
      return Next::again;
    const std::uint64_t outstanding = tail - head;  // tail was read first, so it is a lap at most
    if (outstanding > entry_.view().lap() || (head & mpmc_flags) != 0)
      return answer(Status::corrupt);
    free_until_ = entry_.free_until(tail, head);
    if (mpmc_distance(tail, free_until_) > 0)
      return Next::take;
    if (entry_.somebody_in_the_way()) {
      const Status status = entry_.clear_the_way();
      return status == Status::ok ? Next::again : answer(status);
    }
    return pass_what_is_dead(head);
  }

  // The ring has no ticket left. Is the one at head a killed producer's?
  [[nodiscard]] Next pass_what_is_dead(std::uint64_t head) noexcept
  {
    const std::uint64_t word =
        MpmcView<Word>::word_of(entry_.view().slot(head)).load(std::memory_order_acquire);  // C1, pairs with P1 and V1
    if (word == (head | mpmc_void)) {
      entry_.pass_void(head);
      return Next::again;
    }
    if ((word & mpmc_flags) != 0 && mpmc_distance(head, word & ~mpmc_flags) >= 0)
      return answer(Status::full);
    const Status status = entry_.settle(head, word);
    return status == Status::ok ? Next::again : answer(status == Status::busy ? Status::full : status);
  }

  Word* tail_ = MpmcNothing<Word>::word();
  Word* pushing_ = nullptr;
  std::uint64_t free_until_ = 0;  // positions below it may be written once they are taken
  std::uint64_t position_ = 0;    // of the ticket taken
  std::byte* slot_ = nullptr;     // its slot
  bool claimed_ = false;
  bool counts_ = true;  // `full` is a refusal
  Entry entry_;
  Status last_status_ = Status::closed;
};

// As MpmcProducerCore.
template <class Alive, class Word = std::atomic<std::uint64_t>>
class MpmcConsumerCore {
public:
  using Entry = MpmcEntry<Word, Alive>;

  MpmcConsumerCore() = default;

  // Set-up: after entry.attach().
  explicit MpmcConsumerCore(const Entry& entry) noexcept
      : head_(&entry.view().head->head),
        popping_(&entry.mine().popping),
        hot_(entry.view()),
        entry_(entry),
        last_status_(Status::ok)
  {}

  // Set-up: while the entry's lease is still held. What is in hand counts as taken.
  void detach() noexcept
  {
    if (attached())
      popping_->store(0, std::memory_order_release);  // F1, pairs with F2
    *this = MpmcConsumerCore();
  }

  // Takes the next element: its bytes, or nullptr; then last_status() says why. They stay this consumer's, and the
  // same ones again, until give_back().
  [[nodiscard]] const std::byte* take() noexcept
  {
    if (!holding_) [[likely]] {
      const std::uint64_t head = head_->load(std::memory_order_acquire);  // H2, pairs with H1
      std::byte* slot = hot_.slot(head);
      // C1, pairs with P1
      const std::uint64_t word = MpmcView<Word>::word_of(slot).load(std::memory_order_acquire);
      if (word != (head | mpmc_written) || !take(head, slot)) [[unlikely]] {
        if (!take_slowly())
          return nullptr;
      }
    }
    return slot_ + hot_.value_offset;
  }
  [[nodiscard]] bool holding() const noexcept { return holding_; }

  // The element's slot may be written over. Only after a take().
  void give_back() noexcept
  {
    popping_->store(0, std::memory_order_release);  // F1, pairs with F2
    holding_ = false;
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] bool attached() const noexcept { return popping_ != nullptr; }
  [[nodiscard]] Entry& entry() noexcept { return entry_; }

private:
  [[nodiscard]] bool take(std::uint64_t head, std::byte* slot) noexcept
  {
    popping_->store(head | mpmc_engaged, std::memory_order_release);  // F1, pairs with F2: the last copy is finished
    std::uint64_t expected = head;
    // H1, pairs with H2; relaxed when it fails: head is read again
    if (head_->compare_exchange_strong(expected, head + mpmc_step, std::memory_order_release,
                                       std::memory_order_relaxed)) {
      slot_ = slot;
      holding_ = true;
      return true;
    }
    popping_->store(0, std::memory_order_release);  // F1, pairs with F2
    return false;
  }

  [[nodiscard]] bool answer(Status status) noexcept
  {
    last_status_ = status;
    return false;
  }

  [[nodiscard, gnu::noinline]] bool take_slowly() noexcept
  {
    if (!attached())
      return answer(Status::closed);
    entry_.begin_call();
    int looks = 0;
    for (int attempt = 0; attempt < mpmc_attempts; ++attempt) {
      const std::uint64_t head = head_->load(std::memory_order_acquire);  // H2, pairs with H1
      std::byte* slot = hot_.slot(head);
      Word& word_of_slot = MpmcView<Word>::word_of(slot);
      const std::uint64_t word = word_of_slot.load(std::memory_order_acquire);  // C1, pairs with P1 and V1
      if (word == (head | mpmc_written)) {
        if (take(head, slot))
          return true;
        continue;
      }
      if (word == (head | mpmc_void)) {
        entry_.pass_void(head);
        continue;
      }
      if ((head & mpmc_flags) != 0 || !is_legal(word, head))
        return answer(Status::corrupt);
      if (word != 0 && mpmc_distance(head, word) > 0)
        continue;  // head is stale

      // The slot is open. Only after pushers is known does that say something: see the top.
      const std::uint64_t pushers = entry_.view().common->pushers.load(std::memory_order_acquire);  // G2, pairs with G1
      if (word_of_slot.load(std::memory_order_acquire) != word)  // C1, pairs with P1 and V1
        continue;
      if (pushers != mpmc_several)
        return answer(Status::empty);
      const std::uint64_t tail = entry_.view().tail->tail.load(std::memory_order_acquire);  // T2, pairs with T1
      if ((tail & ~mpmc_flags) == head)
        return answer((tail & mpmc_closed) != 0 ? Status::closed : Status::empty);
      if (mpmc_distance(head, tail) < 0)
        return answer(Status::corrupt);  // who made head so large had seen tail larger
      if (++looks < mpmc_looks)
        continue;
      if (const Status status = entry_.settle(head, word); status != Status::ok)
        return answer(status);
    }
    return answer(Status::busy);
  }

  // A slot word that can be met while head is, or was: zero, or of this slot in any lap.
  [[nodiscard]] bool is_legal(std::uint64_t word, std::uint64_t head) const noexcept
  {
    const std::uint64_t phase = word & mpmc_flags;
    if (word == 0)
      return true;
    return (phase == mpmc_written || phase == mpmc_void) && ((word ^ head) & (hot_.lap() - mpmc_step)) == 0;
  }

  Word* head_ = MpmcNothing<Word>::word();
  Word* popping_ = nullptr;
  MpmcView<Word> hot_ = nothing();
  std::byte* slot_ = nullptr;  // of the element in hand
  bool holding_ = false;
  Entry entry_;
  Status last_status_ = Status::closed;

  static MpmcView<Word> nothing() noexcept
  {
    MpmcView<Word> view;
    view.slots = MpmcNothing<Word>::zeros;
    view.capacity = 1;
    return view;
  }
};

// Elements waiting, and pushes in flight, at some moment. Two loads.
template <class Word>
[[nodiscard]] std::uint64_t mpmc_size_estimate(const MpmcView<Word>& view) noexcept
{
  if (view.tail == nullptr)
    return 0;
  // relaxed: an estimate
  const std::uint64_t head = view.head->head.load(std::memory_order_relaxed);
  const std::uint64_t tail = view.tail->tail.load(std::memory_order_relaxed);
  const std::int64_t distance = mpmc_distance(head, tail);
  if (distance < 0)
    return 0;
  return distance < mpmc_distance(0, view.lap()) ? static_cast<std::uint64_t>(distance) / mpmc_step : view.capacity;
}

}  // namespace rtlane::detail
