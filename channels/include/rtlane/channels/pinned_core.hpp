// The pinned snapshot over plain bytes: PinnedSnapshot<T> is a thin layer over these two classes. Grown out of "pinned
// slots with a helping writer" of our design notes; new here: asking, holding and being helped are one word, so that a
// reader has two pins of equal rights and a writer's death costs its readers nothing.
//
// Shared words, all 64 bits (pinned_layout.hpp):
//   latest  = sequence:56 | 0:2 | slot:6, the newest publication; 0 = none yet, so zeroed memory is an empty snapshot
//   pins    two per reader. 0 = free; a publication | asked = the reader wants that one or a newer one;
//           a publication | held = the reader has that one
//   a slot  = the stamp given to publish(), and the value
//
//   reader  asks for what latest says and looks at latest again. The same: it confirms (asked -> held, by compare and
//           swap) and reads the slot. Another: it asks for that one instead (compare and swap), three attempts in all.
//           A compare and swap that fails has met the writer's gift: a newer publication | held. At the end it clears
//           the pin.
//   writer  writes into a slot that it has chosen before; publishes (exchange of latest); then goes over the pins once:
//           gives the new publication to each that asks (three compare and swaps at most), and chooses a slot that no
//           pin names and that is not the latest. A new writer begins with such a pass.
//
// Always a free slot: 2 pins a reader and the latest are at most 2R + 1 of 2R + 2, whatever is in the words.
// Never written while read: a pin that the pass did not see was set after it, and then the reader's second look at
//   latest finds what was published before the pass. A pin that asks may be turned into a gift at any moment, therefore
//   it is confirmed before the slot is read.
// Three attempts: between the publication that spoils the second attempt and the one that spoils the third lies a whole
//   pass, be it by one writer or by its successor, and the pin asks all that time. The reader changes it at most twice
//   in a pass before it has seen the latest, so one of the pass's three tries gives. No death of a writer adds to it.
// Never backwards: a gift is the latest when it is given, and is given while the load runs.
// All of it is model-checked: tests/model/pinned_snapshot.pml, with deaths at every step.
//
// Every prefix of an operation is a legal state:
//   writer killed before its exchange of latest: nothing happened; after it: the value is published. The successor goes
//     on with the next sequence.
//   reader killed anywhere: each of its pins keeps at most one slot, which is budgeted; whoever has its entry next
//     clears them.
//
// Ordering
//   W1 latest, seq_cst -> R2 latest, seq_cst     the value's bytes are written before a reader confirms it
//   W3 gift, seq_cst   -> R3 gift met, seq_cst   likewise for the value given
//   R1 asked, seq_cst  -> W2 pins, seq_cst       a reader's earlier copy is over before its slot is chosen again
//   R4 cleared, release -> W2 pins, W3 gift not given   likewise
//   R3 asked again, seq_cst -> W2 pins, W3 gift not given   likewise
//   R1 and R3 before R2, W1 before W2 and W3     in the one order of all seq_cst operations (Dekker): the pass sees the
//                                                pin or the reader sees the publication
//   D1 attached, release -> A1 attached, acquire a predecessor's stores (threads of one process; between processes the
//                                                kernel's lease orders them)
//   E1 end, release    -> E2 end, acquire        who hears `closed` sees what the writer did before close()
// That R1, R2, R3, W1, W2 and W3 must be seq_cst and not less only the model shows: on x86 an exchange is always a full
// fence.
#pragma once

#include <rtlane/channels/pinned_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// Attempts of a load, and compare and swaps for one pin in one pass.
inline constexpr int pinned_attempts_max = 3;
inline constexpr int pinned_tries_max = 3;

template <class Word>
void pinned_bump(Word& counter, std::uint64_t by = 1) noexcept
{
  // relaxed: the counter has one writer, monitors want a number and no order
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

// Marks an endpoint's line: who comes and goes.
template <class Line>
void pinned_attach(Line& line) noexcept
{
  if (line.attached.load(std::memory_order_acquire) == 1)  // A1, pairs with D1
    pinned_bump(line.takeovers);
  line.attached.store(1, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the role
  pinned_bump(line.attaches);
}
template <class Line>
void pinned_detach(Line& line) noexcept
{
  line.attached.store(0, std::memory_order_release);  // D1, pairs with A1
}

// All operations noexcept and wait-free, no syscall, no allocation. Used by one thread at a time. A default-constructed
// one answers `closed`.
template <class Word = std::atomic<std::uint64_t>>
class PinnedWriterCore {
public:
  PinnedWriterCore() = default;

  // Set-up: the caller holds the writer's role. One pass over the pins.
  explicit PinnedWriterCore(const PinnedView<Word>& view) noexcept : view_(view), open_(true)
  {
    pinned_attach(*view_.writer);
    // relaxed: the role orders the writers, A1 those of one process
    const std::uint64_t found = view_.latest->latest.load(std::memory_order_relaxed);
    sequence_ = pinned_sequence_of(found);
    latest_ = view_.sound(found) ? found : 0;               // a damaged word is no gift, but the numbering goes on
    view_.latest->end.store(0, std::memory_order_relaxed);  // relaxed: reopened; values are seen through R2
    pass();
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.writer != nullptr)
      pinned_detach(*view_.writer);
    *this = PinnedWriterCore();
  }

  // The place for the next value's bytes (leftovers of an older one), or nullptr: closed. The same one until publish().
  // No shared access.
  [[nodiscard]] std::byte* claim() noexcept { return open_ ? view_.value(next_) : nullptr; }

  // Makes what was written at claim()'s place the latest value. Only after a claim(). One exchange, one relaxed store,
  // a load per pin; at most three compare and swaps for a pin that asks.
  void publish(std::uint64_t stamp) noexcept
  {
    view_.stamp(next_).store(stamp, std::memory_order_relaxed);  // relaxed: part of the value, ordered as its bytes
    sequence_ = pinned_next_sequence(sequence_);
    latest_ = sequence_ << pinned_sequence_shift | next_;
    claimed_ = false;
    (void)view_.latest->latest.exchange(latest_, std::memory_order_seq_cst);  // W1, pairs with R2
    pass();
  }

  // For callers that write in place: between mark_claimed() and publish() claimed() is true.
  void mark_claimed() noexcept { claimed_ = true; }
  [[nodiscard]] bool claimed() const noexcept { return claimed_; }

  void close() noexcept
  {
    if (!open_)
      return;
    view_.latest->end.store(pinned_end_after(sequence_), std::memory_order_release);  // E1, pairs with E2
    open_ = false;
    claimed_ = false;
  }

  // Of the newest publication; 0 = none yet.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

private:
  // Helps and chooses: afterwards next_ is a slot that nobody reads or can come to read.
  void pass() noexcept
  {
    std::uint64_t used = std::uint64_t{1} << (latest_ & pinned_slot_mask);
    for (unsigned reader = 0; reader < view_.reader_count; ++reader) {
      for (Word& pin : view_.readers[reader].pins) {
        std::uint64_t word = pin.load(std::memory_order_seq_cst);  // W2, pairs with R1, R3 and R4
        if ((word & pinned_phase_mask) == pinned_asked) [[unlikely]]
          word = give(pin, word);
        used |= std::uint64_t{word != 0} << (word & pinned_slot_mask);
      }
    }
    // At most 2R + 1 bits are set, so one of the first 2R + 2 is not.
    next_ = static_cast<unsigned>(std::countr_one(used));
  }

  // What the pin holds in the end.
  [[gnu::noinline, gnu::cold]] std::uint64_t give(Word& pin, std::uint64_t word) noexcept
  {
    for (int tries = 0; latest_ != 0 && tries < pinned_tries_max; ++tries) {
      // W3, pairs with R3 and R4
      if (pin.compare_exchange_strong(word, latest_ | pinned_held, std::memory_order_seq_cst,
                                      std::memory_order_seq_cst)) {
        pinned_bump(view_.writer->gifts);
        return latest_;
      }
      if ((word & pinned_phase_mask) != pinned_asked)
        break;
    }
    return word;
  }

  PinnedView<Word> view_;
  std::uint64_t latest_ = 0;    // what `latest` holds
  std::uint64_t sequence_ = 0;  // of it
  unsigned next_ = 0;           // the slot to write
  bool open_ = false;
  bool claimed_ = false;
};

inline constexpr unsigned pinned_no_pin = pinned_pins;

// As PinnedWriterCore.
template <class Word = std::atomic<std::uint64_t>>
class PinnedReaderCore {
public:
  PinnedReaderCore() = default;

  // Set-up: the caller holds the role of reader number `reader`. Clears what a killed predecessor left pinned.
  PinnedReaderCore(const PinnedView<Word>& view, unsigned reader) noexcept
      : view_(view), mine_(&view.readers[reader]), held_{}
  {
    pinned_attach(*mine_);
    for (Word& pin : mine_->pins) {
      if (pin.load(std::memory_order_relaxed) != 0)  // relaxed: a question for the counter
        pinned_bump(mine_->swept);
      pin.store(0, std::memory_order_release);  // R4, pairs with W2 and W3
    }
  }

  // Set-up: to be called while the role is still held. Lets go what is pinned.
  void detach() noexcept
  {
    if (mine_ != nullptr) {
      for (unsigned number = 0; number < pinned_pins; ++number)
        unpin(number);
      pinned_detach(*mine_);
    }
    *this = PinnedReaderCore();
  }

  // Pins the newest value and returns the number of the pin; nobody writes to it until unpin(). Or pinned_no_pin, and
  // last_status() says why: empty, closed (and never any value), busy (both pins are in use), corrupt.
  // Per attempt, at most three, one load and one exchange or compare and swap; one load and one compare and swap more.
  [[nodiscard]] unsigned pin() noexcept
  {
    const unsigned number = held_[0] == 0 ? 0 : 1;
    if (held_[number] != 0) [[unlikely]]
      return none(mine_ != nullptr ? Status::busy : Status::closed);
    // relaxed: a guess; R2 decides
    std::uint64_t seen = view_.latest->latest.load(std::memory_order_relaxed);
    if (!view_.sound(seen)) [[unlikely]]
      return nothing(seen);
    Word& pin = mine_->pins[number];
    (void)pin.exchange(seen | pinned_asked, std::memory_order_seq_cst);  // R1, pairs with W2
    for (attempts_ = 1;; ++attempts_) {
      const std::uint64_t now = view_.latest->latest.load(std::memory_order_seq_cst);  // R2, pairs with W1
      const bool same = now == seen;
      const bool again = attempts_ < pinned_attempts_max && view_.sound(now);
      std::uint64_t word = seen | pinned_asked;
      // R3, pairs with W2 and W3
      if (!pin.compare_exchange_strong(word,
                                       same    ? seen | pinned_held
                                       : again ? now | pinned_asked
                                               : 0,
                                       std::memory_order_seq_cst, std::memory_order_seq_cst)) [[unlikely]]
        return accept(number, word);
      if (same) [[likely]]
        return hold(number, seen);
      if (!again)
        return none(Status::corrupt);  // correct writers would have helped
      seen = now;
    }
  }

  // Lets go what pin() gave.
  void unpin(unsigned number) noexcept
  {
    held_[number] = 0;
    mine_->pins[number].store(0, std::memory_order_release);  // R4, pairs with W2 and W3
  }

  [[nodiscard]] const std::byte* value(unsigned number) const noexcept { return view_.value(held_[number]); }
  [[nodiscard]] std::uint64_t sequence(unsigned number) const noexcept { return pinned_sequence_of(held_[number]); }
  [[nodiscard]] std::uint64_t stamp(unsigned number) const noexcept
  {
    return view_.stamp(held_[number]).load(std::memory_order_relaxed);  // relaxed: part of the value, as its bytes
  }

  // Whether there is a value that this reader has not pinned yet: ok, empty, or closed. At most two loads.
  [[nodiscard]] Status newer() const noexcept
  {
    if (mine_ == nullptr)
      return Status::closed;
    const std::uint64_t seen = view_.latest->latest.load(std::memory_order_relaxed);  // relaxed: pin() will read it
    return seen != last_ ? Status::ok : ended(seen) ? Status::closed : Status::empty;
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  // Of the last pin() that gave a value: its attempts, the value's sequence.
  [[nodiscard]] int attempts() const noexcept { return attempts_; }
  [[nodiscard]] std::uint64_t last_sequence() const noexcept { return pinned_sequence_of(last_); }
  [[nodiscard]] unsigned pins_free() const noexcept
  {
    return static_cast<unsigned>(held_[0] == 0) + static_cast<unsigned>(held_[1] == 0);
  }

private:
  unsigned hold(unsigned number, std::uint64_t word) noexcept
  {
    held_[number] = word;
    last_ = word;
    if (attempts_ > 1) [[unlikely]]
      pinned_bump(mine_->retried);
    return number;
  }

  [[gnu::noinline, gnu::cold]] unsigned accept(unsigned number, std::uint64_t word) noexcept
  {
    const std::uint64_t given = word ^ pinned_held;
    if (!view_.sound(given)) {                                  // sound: no other phase bit either
      mine_->pins[number].store(0, std::memory_order_release);  // R4, pairs with W2 and W3
      return none(Status::corrupt);
    }
    pinned_bump(mine_->gifted);
    return hold(number, given);
  }

  [[gnu::noinline, gnu::cold]] unsigned nothing(std::uint64_t seen) noexcept
  {
    return none(seen != 0 ? Status::corrupt : ended(seen) ? Status::closed : Status::empty);
  }
  unsigned none(Status why) noexcept
  {
    last_status_ = why;
    return pinned_no_pin;
  }

  // Whether the writer closed after exactly this publication.
  [[nodiscard]] bool ended(std::uint64_t seen) const noexcept
  {
    return view_.latest->end.load(std::memory_order_acquire) ==
           pinned_end_after(pinned_sequence_of(seen));  // E2, pairs with E1
  }

  PinnedView<Word> view_;
  PinnedReaderLine<Word>* mine_ = nullptr;
  std::uint64_t held_[pinned_pins] = {~std::uint64_t{0}, ~std::uint64_t{0}};  // what each pin holds; 0 = free
  std::uint64_t last_ = 0;                                                    // the publication last pinned
  int attempts_ = 0;
  Status last_status_ = Status::closed;
};

}  // namespace rtlane::detail
