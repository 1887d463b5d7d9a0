// The broadcast from one writer to any number of subscribers over plain bytes: Broadcast<T> is a thin layer over these
// two classes. A sequence word per slot and a speculative read, after Firedancer's mcache; the guard and the crash
// rules are our own.
//
// Shared words, all 64 bits, all written by the writer only:
//   slot[number & mask].seq = epoch:15 | busy:1 | (number + 1):48. *Written* for a number: the low 48 bits agree,
//                             busy is 0 and the epoch is one of a writer's (1..32766, one more with each attach);
//                             0 = never written. busy: the element is being written, its bytes mean nothing.
//   tail                    = every number below it is published, 64 bits. It lags by one between W2 and W3.
//   end                     = 0, or the slot word that the element after the last one would have: the stream has ended.
//   first                   = number of the channel's first element.
//
//   writer, number n:      seq = busy n; the element's words; seq = n; tail = n + 1
//   subscriber, number n:  s = seq; copy the words; seq still s? Then it is element n, whole.
//
// One compare of one word tells the subscriber: the next element, complete, of the same writer as before. It writes
// nothing, so its mapping may be read-only and the writer does not know it. Both sides are wait-free: no loop but the
// copy.
//
// Every prefix of a publish is a legal state. A writer killed
//   before W2: its element vanishes. The slot stays busy; nobody takes it, and the element that was there a lap ago is
//     lost for those who had not taken it yet, which they are told.
//   after W2: the element counts, also when tail still lags.
// A successor looks at tail and at that one slot: written -> it goes on behind, else it writes the same number. So no
// number is missing and none stands for two elements.
//
// A subscriber that was lapped goes on at the oldest element that the writer is not about to overwrite, plus a guard of
// a quarter of the depth: tail - capacity + 1 + guard. What it skips is lost, counted exactly.
//
// Ordering
//   W1 seq busy, release -> R1, R3 seq, acquire  whoever sees number n in a slot sees a tail of n or more
//   TW1, TR1 (torn_copy.hpp)                   a copy with a word of a later lap in it sees that lap's number behind it
//   W2 seq, release      -> R1 seq, acquire    the element's bytes are written before it can be taken
//   W3 tail, release     -> J1 tail, acquire   a joiner finds the slots below tail written
//   D1 attached, release -> A1 attached, acquire  a predecessor's stores (threads of one process; between processes the
//                                              kernel's lease orders them)
//   E1 end, release      -> E2 end, acquire    who hears `closed` sees what the writer did before close()
//
// Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/broadcast_layout.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rtlane::detail {

// Wait-free, the attach too: no syscall, no allocation, no division. Used by one thread at a time. A
// default-constructed one answers `closed`.
template <class Word = std::atomic<std::uint64_t>>
class BroadcastWriterCore {
public:
  BroadcastWriterCore() = default;

  // Set-up: the caller holds the writer's role.
  explicit BroadcastWriterCore(const BroadcastView<Word>& view) noexcept : view_(view)
  {
    BroadcastWriterLine<Word>& mine = *view_.writer;
    if (mine.attached.load(std::memory_order_acquire) == 1)  // A1, pairs with D1
      bump(mine.takeovers);
    // relaxed: only the holder of the role writes these, and the role orders the holders
    mine.attached.store(1, std::memory_order_relaxed);
    bump(mine.attaches);
    const std::uint64_t attaches = mine.attaches.load(std::memory_order_relaxed);
    epoch_ = (1 + (attaches - 1) % (broadcast_epoch_none - 1)) << broadcast_epoch_shift;
    number_ = mine.tail.load(std::memory_order_relaxed);
    // A predecessor may have been killed between W2 and W3.
    if (broadcast_written(view_.seq(view_.slot(number_)).load(std::memory_order_relaxed), number_)) {
      ++number_;
      mine.tail.store(number_, std::memory_order_release);  // W3, pairs with J1
    }
    cursor_ = view_.slot(number_);
    slots_end_ = view_.slots + view_.capacity * view_.stride;
    view_.common->end.store(0, std::memory_order_relaxed);  // relaxed: reopened; the next element is seen through W1
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.writer != nullptr)
      view_.writer->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = BroadcastWriterCore();
  }

  // Makes `bytes` bytes, the element's size, the next element. ok, or closed.
  Status publish(const void* value, std::size_t bytes) noexcept
  {
    if (cursor_ == nullptr) [[unlikely]]
      return Status::closed;
    Word& seq = view_.seq(cursor_);
    const std::uint64_t word = epoch_ | ((number_ + 1) & broadcast_low_mask);
    seq.store(word | broadcast_busy, std::memory_order_release);  // W1, pairs with R1, R3
    fence_before_store_torn();
    store_torn(view_.value(cursor_), value, bytes);
    seq.store(word, std::memory_order_release);  // W2, pairs with R1
    ++number_;
    view_.writer->tail.store(number_, std::memory_order_release);  // W3, pairs with J1
    cursor_ += view_.stride;
    if (cursor_ == slots_end_)
      cursor_ = view_.slots;
    return Status::ok;
  }

  void close() noexcept
  {
    if (cursor_ == nullptr)
      return;
    view_.common->end.store(epoch_ | ((number_ + 1) & broadcast_low_mask),
                            std::memory_order_release);  // E1, pairs with E2
    cursor_ = nullptr;                                   // every publish() now answers `closed`
  }

  // Of the next element.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return view_.capacity; }

private:
  static void bump(Word& counter) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::uint64_t number_ = 0;
  std::uint64_t epoch_ = 0;      // in place
  std::byte* cursor_ = nullptr;  // slot of number_; nullptr when closed or detached
  std::byte* slots_end_ = nullptr;
  BroadcastView<Word> view_;
};

// Where a subscriber may begin. Numbers run through 2^64, so they are compared by their distances.
template <class Word>
struct BroadcastPlaces {
  explicit BroadcastPlaces(const BroadcastView<Word>& view) noexcept
      : newest(view.writer->tail.load(std::memory_order_acquire)),  // J1, pairs with W3
                                                                    // relaxed: written when the channel was made
        published(newest - view.common->first.load(std::memory_order_relaxed)),
        oldest(newest - (published < view.capacity ? published : view.capacity))
  {
    if (published >= view.capacity) {
      // relaxed: is it already being overwritten? If it will be in a moment, the subscriber finds that out itself.
      const std::uint64_t word = view.seq(view.slot(oldest)).load(std::memory_order_relaxed);
      if (!broadcast_written(word, oldest))
        ++oldest;
    }
  }

  // Whether an element of this number has been published or may come next. A number can be one ahead of `newest`, which
  // lags: a subscriber that took the very last element and comes back.
  [[nodiscard]] bool has_been(std::uint64_t number) const noexcept
  {
    return published - (newest - number) <= published + 1;
  }

  std::uint64_t newest;     // the next element to be published
  std::uint64_t published;  // since the channel was made
  std::uint64_t oldest;     // that was still there
};

// As BroadcastWriterCore; any number of them, unknown to the writer and to each other. All its calls are loads.
template <class Word = std::atomic<std::uint64_t>>
class BroadcastSubscriberCore {
public:
  BroadcastSubscriberCore() = default;

  // number: of the first element wanted, see BroadcastPlaces. What is gone by then will be told as lost.
  BroadcastSubscriberCore(const BroadcastView<Word>& view, std::uint64_t number) noexcept
      : number_(number),
        cursor_(view.slot(number)),
        slots_end_(view.slots + view.capacity * view.stride),
        view_(view),
        last_status_(Status::ok)
  {}

  // Copies the next element to `out`: `bytes` bytes, the element's size.
  //   ok       it is the element of number() - 1, whole
  //   empty    not published yet
  //   lost     lost() elements were overwritten or lie too close to it; the next call goes on behind them
  //   closed   the writer ended the stream here
  //   corrupt  a word that no writer writes
  // Unless ok, `out` may hold any bytes.
  Status try_next(void* out, std::size_t bytes) noexcept
  {
    const std::uint64_t word = view_.seq(cursor_).load(std::memory_order_acquire);  // R1, pairs with W1, W2
    if (word != (epoch_ | ((number_ + 1) & broadcast_low_mask))) [[unlikely]] {
      if (const Status status = explain(word); status != Status::ok)
        return last_status_ = status;
    }
    if (!copy(out, bytes, word)) [[unlikely]]
      return last_status_ = skip();
    if ((word & broadcast_epoch_mask) != epoch_) [[unlikely]]
      meet(word);
    step();
    return Status::ok;
  }

  // The next element if it is there and nothing is to be told: same writer, not lapped. Else false and nothing changed;
  // try_next() then says what it is.
  bool try_following(void* out, std::size_t bytes) noexcept
  {
    const std::uint64_t word = view_.seq(cursor_).load(std::memory_order_acquire);  // R1, pairs with W1, W2
    if (word != (epoch_ | ((number_ + 1) & broadcast_low_mask)) || !copy(out, bytes, word))
      return false;
    step();
    return true;
  }

  // True once after an element of another writer than the one before was taken.
  [[nodiscard]] bool take_changed() noexcept { return std::exchange(changed_, false); }

  // Of the next element.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  // With the last answer `lost`, and since the beginning.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] std::uint64_t lost_total() const noexcept { return lost_total_; }
  // The last answer but ok.
  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return view_.capacity; }

private:
  // Copies speculatively; false when the slot was touched meanwhile.
  [[nodiscard]] bool copy(void* out, std::size_t bytes, std::uint64_t word) noexcept
  {
    load_torn(out, view_.value(cursor_), bytes);
    fence_after_load_torn();
    return view_.seq(cursor_).load(std::memory_order_relaxed) == word;  // relaxed: behind TR1
  }

  void step() noexcept
  {
    ++number_;
    cursor_ += view_.stride;
    if (cursor_ == slots_end_)
      cursor_ = view_.slots;
  }

  // The word is not the expected one. ok: the next element, of another writer.
  [[nodiscard, gnu::noinline]] Status explain(std::uint64_t word) noexcept;
  // The slot has gone on to a later lap: skips what is lost.
  [[nodiscard, gnu::noinline, gnu::cold]] Status skip() noexcept;
  [[gnu::noinline, gnu::cold]] void meet(std::uint64_t word) noexcept;

  // What a default-constructed endpoint looks at: never written, so that try_next() needs no check.
  static std::byte* nothing() noexcept
  {
    alignas(Word) static std::byte word[sizeof(Word)] = {};
    return word;
  }

  std::uint64_t number_ = 0;                                             // of the next element
  std::uint64_t epoch_ = broadcast_epoch_none << broadcast_epoch_shift;  // of the writer last met, in place
  std::byte* cursor_ = nothing();                                        // slot of number_
  std::byte* slots_end_ = nullptr;
  BroadcastView<Word> view_;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_total_ = 0;
  Status last_status_ = Status::closed;
  bool met_one_ = false;
  bool changed_ = false;
};

template <class Word>
void BroadcastSubscriberCore<Word>::meet(std::uint64_t word) noexcept
{
  epoch_ = word & broadcast_epoch_mask;
  changed_ = met_one_;  // the first writer of all is no change
  met_one_ = true;
}

template <class Word>
Status BroadcastSubscriberCore<Word>::explain(std::uint64_t word) noexcept
{
  if (view_.slots == nullptr)
    return Status::closed;
  if (broadcast_written(word, number_))
    return Status::ok;
  const std::uint64_t ahead = (word - (number_ + 1)) & broadcast_low_mask;
  if (word != 0 && (!broadcast_epoch_is_a_writers(word) || (ahead & (view_.capacity - 1)) != 0))
    return Status::corrupt;
  if (word != 0 && ahead != 0 && ahead <= broadcast_low_mask / 2)
    return skip();
  // Never written, of an earlier lap, or being written.
  const std::uint64_t end = view_.common->end.load(std::memory_order_acquire);  // E2, pairs with E1
  const bool ended = end != 0 && ((number_ + 1 - end) & broadcast_low_mask) <= broadcast_low_mask / 2;
  return ended ? Status::closed : Status::empty;
}

template <class Word>
Status BroadcastSubscriberCore<Word>::skip() noexcept
{
  const std::uint64_t word = view_.seq(cursor_).load(std::memory_order_acquire);  // R3, pairs with W1
  // relaxed: ordered by R3
  const std::uint64_t behind = view_.writer->tail.load(std::memory_order_relaxed) - number_;
  const std::uint64_t ahead = (word - (number_ + 1)) & broadcast_low_mask;
  // No writer overwrites a slot before it has published all numbers up to the one that it writes there.
  if (ahead == 0 || ahead > broadcast_low_mask / 2 || (ahead & (view_.capacity - 1)) != 0 || behind < view_.capacity ||
      behind > UINT64_MAX / 2)
    return Status::corrupt;
  lost_ = behind - view_.capacity + 1 + view_.guard();
  lost_total_ += lost_;
  number_ += lost_;
  cursor_ = view_.slot(number_);
  return Status::lost;
}

}  // namespace rtlane::detail
