// The isolated mode of the MPMC ring over plain bytes: a participant that is stopped or killed, at whatever
// instruction, delays nobody. In the default mode (mpmc_core.hpp) who comes to its element answers `busy` while it
// lives.
//
// Each participant has slots of its own, which nobody else may write. An element is finished there, in private; then
// one CAS on a cell of the ring publishes the slot's number. So no place in the order is ever half filled, and every
// step behind that CAS can be done by anybody. Lock-free, and first in, first out over all producers. Queues of indices
// are an old idea; in those that are known to us an index is lost with whoever is killed while it has it. Here the
// slot's own word says who has it and for which position.
//
// Shared words (mpmc_isolated_layout.hpp):
//   cell of p           its base and a code: empty, slot + 1, or the end
//   slot word           free; ready | position, by its owner; taken | position | participant, by who took it
//   tail, head          hints: the first cell not named yet, the first slot not taken yet, or earlier ones. They only
//                       grow, by CAS, by anybody
//   taking, per entry   the slot that this consumer is about to take
//
//   push   write the element into a free slot of one's own
//          t = tail; cell of t empty?   slot word = ready|t;  CAS cell: empty -> slot     <- it is in the ring
//          tail: t -> t + 1
//   pop    h = head; cell of h names a slot whose word is ready|h?
//          taking = slot;  CAS slot word: ready|h -> taken|h|me                           <- it is out of the ring
//          cell: slot -> empty in the next lap;  head: h -> h + 1;  copy;  slot word = free
//   Who meets a cell that is named at tail helps tail on; who meets one at head whose slot is not ready for it empties
//   the cell and helps head on.
//
// * First in, first out. A cell is named only while tail is there, as tail passes no empty one: publications take
//   positions without a gap, in the order of their CAS. A slot that its cell names is ready|h only while head is there,
//   as head passes no waiting one. So elements leave in the order in which they came, whoever pushed them.
// * `empty`: the cell at head was empty, so this position was not published and no later one can have been.
// * `full`: none of one's own slots was free when the call began. A producer cannot fill the ring for the others, and
//   there are cells enough for all slots, so nothing but that is ever full. Each consumer that is stopped with an
//   element in hand costs the element's producer one slot as long as it is stopped.
// * The slot word names the position, so it means one publication. A position is published once: its slot is made ready
//   for t only after the cell of t was seen empty, so who sees a cell naming the slot has come after that. Therefore a
//   CAS from ready|h takes the element of h or none, however long it was held up (ABA: after 2^56 publications, 22
//   years at 10^8 a second). Cells and hints have positions of 64 bits.
// * A consumer killed with an element in hand: its slot says who had it. The slot's owner asks the kernel when it has
//   no other slot left in two calls running, and takes the slot back with one CAS on the word that it judged. Or who
//   gets the entry next does so, by `taking`. Both count it in `orphaned`: exactly those that were in hand.
// * A producer killed before its CAS: nobody knows of the slot; who gets the entry next finds it ready for a position
//   whose cell does not name it. Killed after it: others help on.
// * The end has a position, too: the closer sets `closing` and puts the end into the cell at tail; so does everybody
//   who sees `closing`, so a killed closer holds up nobody. What was published before is delivered, then all hear
//   `closed`.
//
// Progress: a call ends after at most mpmc_attempts attempts of a bounded number of steps; claim, after as many loads
// as there are participants. An attempt fails only when somebody else published or took an element meanwhile, or by
// helping, so `busy` comes of contention alone: 64 lost races in a row. As a whole lock-free. claim asks the kernel
// as mpmc_entry.hpp says, when all of its slots are in use and one of them is in a hand; nothing else enters it.
//
// Every prefix of an operation is a legal state. Model: tests/model/mpmc_isolated.pml.
//
// Ordering: the table is in mpmc_isolated_layout.hpp. Word is std::atomic<std::uint64_t> but in tests.
#pragma once

#include <rtlane/channels/mpmc_core.hpp>
#include <rtlane/channels/mpmc_isolated_entry.hpp>
#include <rtlane/channels/mpmc_isolated_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rtlane::detail {

// Used by one thread at a time; no allocation but in the constructor. A default-constructed one answers `closed`.
template <class Alive, class Word = std::atomic<std::uint64_t>>
class IsolatedProducerCore {
public:
  using Entry = IsolatedEntry<Word, Alive>;

  IsolatedProducerCore() = default;

  // Set-up: after entry.attach(). May throw std::bad_alloc.
  explicit IsolatedProducerCore(const Entry& entry) : slots_(entry), entry_(entry), last_status_(Status::ok) {}

  // Set-up: while the entry's lease is still held.
  void detach() noexcept { *this = IsolatedProducerCore(); }

  // The place for the next element's bytes, or nullptr; then last_status() says why. The same place again until
  // publish() succeeds. No shared word is written.
  [[nodiscard]] std::byte* claim() noexcept
  {
    if (!claimed_) [[likely]] {
      // relaxed: asks for help; whether the stream has ended a cell says
      if (!attached() || entry_.view().common->closing.load(std::memory_order_relaxed) != 0 || !reserve()) [[unlikely]]
        return claim_slowly();
      claimed_ = true;
    }
    return place();
  }
  // As claim(), for a call that has heard `full` once: it is not counted again.
  [[nodiscard]] std::byte* claim_again() noexcept
  {
    counts_ = false;
    std::byte* found = claim();
    counts_ = true;
    return found;
  }
  [[nodiscard]] bool claimed() const noexcept { return claimed_; }
  // The place is not meant any more. It stays this producer's.
  void give_up() noexcept { claimed_ = false; }

  // Makes what was written at claim()'s place visible. Only after a claim(). False: last_status() is `busy`, then it is
  // still claimed; or closed or corrupt, then not.
  [[nodiscard]] bool publish() noexcept
  {
    const IsolatedView<Word>& view = entry_.view();
    Word& word = IsolatedView<Word>::word_of(view.slot(slot_));
    for (int attempt = 0; attempt < mpmc_attempts; ++attempt) {
      const std::uint64_t tail = view.tail->tail.load(std::memory_order_acquire);  // T2, pairs with T1
      Word& cell = view.cell(tail);
      std::uint64_t seen = cell.load(std::memory_order_acquire);  // C1, pairs with P1
      const std::uint64_t said = seen - view.base(tail);
      if (said == 0) [[likely]] {
        // Not before the cell was seen empty: see the top. relaxed: before P1
        word.store(isolated_ready(tail), std::memory_order_relaxed);
        // P1, pairs with C1; relaxed when it fails: tail is read again
        if (cell.compare_exchange_strong(seen, seen | (slot_ + 1u), std::memory_order_release,
                                         std::memory_order_relaxed)) {
          Entry::help(view.tail->tail, tail);
          slots_.put_back(slot_);
          reserved_ = claimed_ = false;
          return true;
        }
      } else if (static_cast<std::int64_t>(said) < 0 || said == view.mask) {
        // The end, or a cell that should be empty by now.
        claimed_ = false;
        return fail(word, said == view.mask ? Status::closed : Status::corrupt);
      } else {
        Entry::help(view.tail->tail, tail);
      }
    }
    return fail(word, Status::busy);
  }

  // Ends the stream for all. The end is in the ring when it returns.
  void close() noexcept
  {
    if (!attached())
      return;
    entry_.view().common->closing.store(1, std::memory_order_relaxed);  // relaxed: asks for help
    entry_.end();
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] bool attached() const noexcept { return entry_.view().tail != nullptr; }
  [[nodiscard]] Entry& entry() noexcept { return entry_; }

private:
  [[nodiscard]] std::byte* place() const noexcept { return entry_.view().slot(slot_) + entry_.view().value_offset; }

  // A slot that is this producer's alone.
  [[nodiscard]] bool reserve() noexcept
  {
    if (!reserved_) {
      const std::uint32_t slot = slots_.take(entry_);
      if (slot == IsolatedSlots<Word, Alive>::none)
        return false;
      slot_ = slot;
      reserved_ = true;
    }
    return true;
  }

  [[nodiscard, gnu::noinline]] std::byte* claim_slowly() noexcept
  {
    if (!attached())
      return answer(Status::closed);
    // relaxed: asks for help
    if (entry_.view().common->closing.load(std::memory_order_relaxed) != 0) {
      entry_.end();
      return answer(Status::closed);
    }
    // None of the slots is free.
    if (slots_.damaged())
      return answer(Status::corrupt);
    if (slots_.in_a_hand() != 0 && suspicion_.due(slots_.in_a_hand())) {
      slots_.take_back_from_the_dead(entry_);
      if (reserve()) {
        claimed_ = true;
        return place();
      }
    }
    if (counts_)
      Entry::count(entry_.mine().refused);
    return answer(Status::full);
  }

  [[nodiscard]] std::byte* answer(Status status) noexcept
  {
    last_status_ = status;
    return nullptr;
  }
  [[nodiscard]] bool fail(Word& word, Status status) noexcept
  {
    word.store(isolated_free, std::memory_order_relaxed);  // relaxed: nobody else looks at it
    last_status_ = status;
    return false;
  }

  IsolatedSlots<Word, Alive> slots_;
  Entry entry_;
  std::uint32_t slot_ = 0;
  bool reserved_ = false;  // slot_ is taken out of slots_
  bool claimed_ = false;
  bool counts_ = true;  // `full` is a refusal
  MpmcSuspicion suspicion_;
  Status last_status_ = Status::closed;
};

// As IsolatedProducerCore.
template <class Alive, class Word = std::atomic<std::uint64_t>>
class IsolatedConsumerCore {
public:
  using Entry = IsolatedEntry<Word, Alive>;

  IsolatedConsumerCore() = default;

  // Set-up: after entry.attach().
  explicit IsolatedConsumerCore(const Entry& entry) noexcept : entry_(entry), last_status_(Status::ok) {}

  // Set-up: while the entry's lease is still held. What is in hand counts as taken.
  void detach() noexcept
  {
    if (holding_)
      give_back();
    *this = IsolatedConsumerCore();
  }

  // Takes the next element: its bytes, or nullptr; then last_status() says why. They stay this consumer's, and the
  // same ones again, until give_back().
  [[nodiscard]] const std::byte* take() noexcept
  {
    if (!holding_) [[likely]] {
      if (!attached() || look() != Looked::taken) [[unlikely]] {
        if (!take_slowly())
          return nullptr;
      }
    }
    return slot_ + entry_.view().value_offset;
  }
  [[nodiscard]] bool holding() const noexcept { return holding_; }

  // The element's slot may be written over. Only after a take().
  void give_back() noexcept
  {
    IsolatedView<Word>::word_of(slot_).store(isolated_free, std::memory_order_release);  // F1, pairs with F2
    holding_ = false;
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] bool attached() const noexcept { return entry_.view().tail != nullptr; }
  [[nodiscard]] Entry& entry() noexcept { return entry_; }

private:
  enum class Looked { taken, again, empty, closed, corrupt };

  // One attempt.
  [[nodiscard, gnu::always_inline]] inline Looked look() noexcept
  {
    const IsolatedView<Word>& view = entry_.view();
    const std::uint64_t head = view.head->head.load(std::memory_order_acquire);  // H2, pairs with H1
    Word& cell = view.cell(head);
    std::uint64_t named = cell.load(std::memory_order_acquire);  // C1, pairs with P1
    const std::uint64_t said = named - view.base(head);
    if (said == 0)
      return Looked::empty;
    if (said - 1 >= view.slot_count()) [[unlikely]]
      return look_closer(head, said);
    std::byte* slot = view.slot(said - 1);
    Word& word = IsolatedView<Word>::word_of(slot);
    // relaxed: C1 has shown what was ready for this position, and only that is acted upon
    std::uint64_t seen = word.load(std::memory_order_relaxed);
    bool mine = false;
    if (seen == isolated_ready(head)) [[likely]] {
      entry_.mine().taking.store(said, std::memory_order_relaxed);  // relaxed: read when this participant is gone
      // F1, pairs with F2: who takes it back comes after all that was before; relaxed when it fails: another has it
      mine = word.compare_exchange_strong(seen, isolated_taken(head, entry_.index()), std::memory_order_release,
                                          std::memory_order_relaxed);
    }
    // Anybody may do these two, in this order: nobody comes to the cell again before it is empty. relaxed: who needs to
    // know has seen head past it (H1)
    cell.compare_exchange_strong(named, view.base(head) + view.mask + 1, std::memory_order_relaxed,
                                 std::memory_order_relaxed);
    Entry::help(view.head->head, head);
    if (!mine) [[unlikely]]
      return Looked::again;
    slot_ = slot;
    holding_ = true;
    return Looked::taken;
  }

  // The cell at head names no slot.
  [[nodiscard]] Looked look_closer(std::uint64_t head, std::uint64_t said) noexcept
  {
    const IsolatedView<Word>& view = entry_.view();
    if (said == view.mask)
      return Looked::closed;
    if (said < view.mask || static_cast<std::int64_t>(said) < 0)
      return Looked::corrupt;
    Entry::help(view.head->head, head);  // head is stale
    return Looked::again;
  }

  [[nodiscard, gnu::noinline]] bool take_slowly() noexcept
  {
    if (!attached())
      return answer(Status::closed);
    bool ended = false;
    for (int attempt = 0; attempt < mpmc_attempts; ++attempt) {
      switch (look()) {
        case Looked::taken:
          return true;
        case Looked::again:
          break;
        case Looked::empty:
          // relaxed: asks for help
          if (entry_.view().common->closing.load(std::memory_order_relaxed) == 0)
            return answer(Status::empty);
          if (std::exchange(ended, true))
            return answer(Status::busy);
          entry_.end();
          break;
        case Looked::closed:
          return answer(Status::closed);
        case Looked::corrupt:
          return answer(Status::corrupt);
      }
    }
    return answer(Status::busy);
  }

  [[nodiscard]] bool answer(Status status) noexcept
  {
    last_status_ = status;
    return false;
  }

  std::byte* slot_ = nullptr;  // of the element in hand
  bool holding_ = false;
  Entry entry_;
  Status last_status_ = Status::closed;
};

// Elements waiting at some moment, about. Two loads.
template <class Word>
[[nodiscard]] std::uint64_t isolated_size_estimate(const IsolatedView<Word>& view) noexcept
{
  if (view.tail == nullptr)
    return 0;
  // relaxed: an estimate
  const std::uint64_t head = view.head->head.load(std::memory_order_relaxed);
  const std::uint64_t tail = view.tail->tail.load(std::memory_order_relaxed);
  const auto waiting = static_cast<std::int64_t>(tail - head);
  if (waiting < 0)
    return 0;
  return static_cast<std::uint64_t>(waiting) < view.slot_count() ? static_cast<std::uint64_t>(waiting)
                                                                 : view.slot_count();
}

}  // namespace rtlane::detail
