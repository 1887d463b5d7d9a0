// The single-producer single-consumer ring over plain bytes: SpscRing<T> and the C API are thin
// layers over these two classes. Sequence embedded in each slot, as in FastForward and Vyukov's
// bounded queue; crash rules and measurements: see channels/README.md.
//
// Shared words, all 64 bits:
//   slot[position & mask].seq   = epoch:16 | (position + 1):48, written by the producer only. A slot is
//                                 *written* for a position when the low 48 bits agree and the epoch is
//                                 not 0; so zeroed memory is an empty ring. The epoch (1..65534, one more
//                                 with each attach) tells one producer's elements from another's.
//   consumer line: head         = position of the next element to take, 64 bits, written by the consumer
// Positions run freely; the ring holds the positions head .. head + depth - 1, depth <= capacity.
//
// One compare of one word answers "written, and by the same producer as before". The consumer never
// writes a slot, so a slot's line travels from producer to consumer once per lap. The producer looks at
// head only when its private copy says full.
//
// Every prefix of an operation is a legal state:
//   producer killed before P2: nothing happened (half-written bytes are invisible and overwritten by its
//     successor); after P2: the element counts. Batches publish element by element, in order.
//   consumer killed before C2: the element comes again; after C2: it is taken.
// A successor finds the producer's position by searching the written prefix from head: written slots
// are contiguous, so about log2(capacity) loads.
//
// Ordering
//   P2 seq, release  ->  C1 seq, acquire      the element's bytes are written before it can be taken
//   C2 head, release ->  P1 head, acquire     the element is copied before its slot is written again
//   C2 head, release ->  I1 head, acquire     a monitor looks at slots after the head that they are counted from
//   D1 attached, release -> A1 attached, acquire   a predecessor's stores (threads of one process;
//                                             between processes the kernel's lease orders them)
//   E1 end, release  ->  E2 end, acquire      who hears `closed` sees what the producer did before close()
//                                             (that nothing is left says the position in the word itself)
// Each of these, weakened to relaxed at any of its places, makes ThreadSanitizer fail a test, as
// tests/channels/mutations.sh shows; but I1, which is argued only: a monitor reads nothing but words, so no tool sees
// it.
//
// Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/spsc_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// The consumer's position as a monitor reads it, before it counts written slots from there.
template <class Word>
[[nodiscard]] std::uint64_t spsc_head_for_monitor(const SpscView<Word>& view) noexcept
{
  return view.consumer->head.load(std::memory_order_acquire);  // I1, pairs with C2
}

// All operations noexcept and wait-free: a bounded number of steps, no syscall, no allocation, no
// division. Used by one thread at a time. A default-constructed one answers `closed`.
template <class Word = std::atomic<std::uint64_t>>
class SpscProducerCore {
public:
  SpscProducerCore() = default;

  // Set-up: the caller holds the producer's role.
  explicit SpscProducerCore(const SpscView<Word>& view) noexcept : view_(view)
  {
    // A1, pairs with D1
    if (view_.producer->attached.load(std::memory_order_acquire) == 1)
      bump(view_.producer->takeovers);
    view_.producer->attached.store(1, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the role
    const std::uint64_t attaches =
        view_.common->producer_attaches.load(std::memory_order_relaxed) + 1;     // only this side writes it
    view_.common->producer_attaches.store(attaches, std::memory_order_relaxed);  // relaxed: the role orders the writers
    epoch_ = (1 + (attaches - 1) % (spsc_epoch_none - 1)) << 48;
    head_cache_ = view_.consumer->head.load(std::memory_order_acquire);  // P1, pairs with C2
    position_ = head_cache_ + view_.written_from(head_cache_);
    claimed_until_ = position_;
    cursor_ = view_.slot(position_);
    slots_end_ = view_.slots + view_.capacity * view_.stride;
    ahead_ = view_.slot(position_ + std::min(fetch_ahead_bytes / view_.stride + 1, view_.capacity / 2));
    capacity_ = view_.capacity;
    last_status_ = Status::ok;
    view_.common->end.store(0, std::memory_order_relaxed);  // relaxed: reopened; new elements are seen through C1
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.producer != nullptr)
      view_.producer->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = SpscProducerCore();
  }

  // The place for the next element's bytes, or nullptr; then last_status() says why.
  [[nodiscard]] std::byte* claim() noexcept
  {
    if (position_ - head_cache_ == capacity_) [[unlikely]] {
      if (!make_room())
        return nullptr;
    }
    return cursor_ + view_.value_offset;
  }

  // Makes what was written at claim()'s place visible. Only after a claim().
  void publish() noexcept
  {
    view_.seq(cursor_).store(epoch_ | ((position_ + 1) & spsc_low_mask),
                             std::memory_order_release);  // P2, pairs with C1
    ++position_;
    cursor_ += view_.stride;
    if (cursor_ == slots_end_)
      cursor_ = view_.slots;
    // The consumer's core has the line of the lap before. Fetched so early, no store waits for it; measured, the fetch
    // for writing gains nothing (channels/README.md).
    __builtin_prefetch(ahead_);
    ahead_ += view_.stride;
    if (ahead_ == slots_end_)
      ahead_ = view_.slots;
  }

  // For callers that write in place: between mark_claimed() and publish() (or a push, which takes the place)
  // claimed() is true.
  void mark_claimed() noexcept { claimed_until_ = position_ + 1; }
  [[nodiscard]] bool claimed() const noexcept { return claimed_until_ == position_ + 1; }

  // Elements that can be claimed now, at least `wanted` if there are so many; fewer count as one refusal.
  [[nodiscard]] std::uint64_t room(std::uint64_t wanted) noexcept
  {
    if (capacity_ - (position_ - head_cache_) >= wanted)
      return capacity_ - (position_ - head_cache_);
    if (!make_room())
      return 0;
    const std::uint64_t room = capacity_ - (position_ - head_cache_);
    if (room < wanted) {
      bump(view_.producer->refused);
      last_status_ = Status::full;
    }
    return room;
  }

  // Whether claim() would give a place: ok, full, closed, corrupt. Counts no refusal.
  [[nodiscard]] Status look_for_room() noexcept
  {
    if (capacity_ == 0)
      return last_status_ = Status::closed;
    const std::uint64_t head = view_.consumer->head.load(std::memory_order_acquire);  // P1, pairs with C2
    if (position_ - head > capacity_)
      return last_status_ = Status::corrupt;
    head_cache_ = head;
    if (position_ - head == capacity_)
      return last_status_ = Status::full;
    return Status::ok;
  }

  void close() noexcept
  {
    if (view_.common == nullptr || capacity_ == 0)
      return;
    view_.common->end.store(epoch_ | ((position_ + 1) & spsc_low_mask),
                            std::memory_order_release);  // E1, pairs with E2
    capacity_ = 0;                                       // every claim() now takes the slow path and hears `closed`
    head_cache_ = position_;
    claimed_until_ = position_;
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return view_.capacity; }

  [[nodiscard]] std::uint64_t size_estimate() const noexcept
  {
    if (view_.consumer == nullptr)
      return 0;
    const std::uint64_t size = position_ - view_.consumer->head.load(std::memory_order_relaxed);  // an estimate
    return size <= view_.capacity ? size : 0;
  }

private:
  static constexpr std::uint64_t fetch_ahead_bytes = 1024;

  static void bump(Word& counter) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  [[nodiscard, gnu::noinline, gnu::cold]] bool make_room() noexcept
  {
    const Status seen = look_for_room();
    if (seen == Status::full)
      bump(view_.producer->refused);
    return seen == Status::ok;
  }

  std::uint64_t position_ = 0;    // of the next element
  std::uint64_t head_cache_ = 0;  // the consumer's head when last looked at
  std::uint64_t capacity_ = 0;    // 0 when closed or detached
  std::uint64_t epoch_ = 0;       // in place: bits 48..63
  std::byte* cursor_ = nullptr;   // slot of position_
  std::byte* ahead_ = nullptr;    // slot that is fetched next
  std::byte* slots_end_ = nullptr;
  SpscView<Word> view_;
  std::uint64_t claimed_until_ = 0;  // position_ + 1 while a place is claimed
  Status last_status_ = Status::closed;
};

// As SpscProducerCore.
template <class Word = std::atomic<std::uint64_t>>
class SpscConsumerCore {
public:
  SpscConsumerCore() = default;

  // Set-up: the caller holds the consumer's role.
  explicit SpscConsumerCore(const SpscView<Word>& view) noexcept : view_(view)
  {
    SpscConsumerLine<Word>& mine = *view_.consumer;
    if (mine.attached.load(std::memory_order_acquire) == 1)  // A1, pairs with D1
      bump(mine.takeovers, 1);
    mine.attached.store(1, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the role
    bump(view_.common->consumer_attaches, 1);
    // relaxed: the role orders the writers of this line, A1 those of one process
    position_ = mine.head.load(std::memory_order_relaxed);
    peeked_until_ = position_;
    seen_from_ = position_;
    seen_count_ = mine.peeked_until.load(std::memory_order_relaxed) - position_;
    if (seen_count_ > view_.capacity)
      seen_count_ = 0;  // the mark is behind head: everything peeked at was released (or the word is damaged)
    const std::uint64_t recognized = mine.recognized.load(std::memory_order_relaxed);  // relaxed: as head
    met_one_ = recognized != 0;
    // The mark names the first element of the producer last met. Not taken yet: met again. Taken: told by now, or it
    // is this endpoint's to tell.
    const bool taken = met_one_ && !spsc_written(recognized, position_);
    epoch_ = taken ? recognized & ~spsc_low_mask : spsc_epoch_none << 48;
    if (seen_count_ != 0)
      epoch_ = spsc_epoch_none << 48;  // what comes again is counted when it comes, on the slow path
    changed_ = taken && mine.told.load(std::memory_order_relaxed) != recognized;  // relaxed: as head
    cursor_ = view_.slot(position_);
    slots_end_ = view_.slots + view_.capacity * view_.stride;
    last_status_ = Status::ok;
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.consumer != nullptr)
      view_.consumer->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = SpscConsumerCore();
  }

  // The bytes of the next element, or nullptr; then last_status() says why.
  [[nodiscard]] const std::byte* look() noexcept
  {
    const std::uint64_t word = seq_of(cursor_).load(std::memory_order_acquire);  // C1, pairs with P2
    if (word != (epoch_ | ((position_ + 1) & spsc_low_mask))) [[unlikely]] {
      if (!recognize(word))
        return nullptr;
    }
    return value();
  }

  [[nodiscard]] const std::byte* value() const noexcept { return cursor_ + view_.value_offset; }

  // Takes the element that look() showed, without telling the producer yet.
  void step() noexcept
  {
    ++position_;
    cursor_ += view_.stride;
    if (cursor_ == slots_end_)
      cursor_ = view_.slots;
  }

  // Tells the producer that everything before position() may be overwritten.
  void give_back() noexcept
  {
    view_.consumer->head.store(position_, std::memory_order_release);  // C2, pairs with P1, I1
  }

  // To be called before the application sees the element that look() showed in place.
  void mark_peeked() noexcept
  {
    if (!peeking()) {
      peeked_until_ = position_ + 1;
      view_.consumer->peeked_until.store(peeked_until_, std::memory_order_relaxed);  // relaxed: read after a kill only
      std::atomic_signal_fence(std::memory_order_seq_cst);  // the mark is made before the element can be used
    }
  }
  // An element was peeked at and not released.
  [[nodiscard]] bool peeking() const noexcept { return peeked_until_ == position_ + 1; }

  // Whether the next element is there and follows the last one without anything to tell: same producer,
  // not the end of what a former consumer has seen. Changes nothing.
  [[nodiscard]] bool continues() const noexcept
  {
    return seq_of(cursor_).load(std::memory_order_acquire) ==
               (epoch_ | ((position_ + 1) & spsc_low_mask)) &&  // C1, pairs with P2
           position_ - seen_from_ != seen_count_;
  }

  // Whether a former consumer may have seen the element last taken, or shown and not taken.
  [[nodiscard]] bool redelivered() const noexcept
  {
    return (peeking() ? position_ : position_ - 1) - seen_from_ < seen_count_;
  }

  // True once after look() met the first element of another producer than the one before, in this endpoint or in one
  // that came to its end without having told.
  [[nodiscard]] bool take_changed() noexcept
  {
    if (!changed_)
      return false;
    changed_ = false;
    SpscConsumerLine<Word>& mine = *view_.consumer;
    // relaxed: both words are this side's, and read by others after a kill only
    mine.told.store(mine.recognized.load(std::memory_order_relaxed), std::memory_order_relaxed);
    return true;
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return view_.capacity; }

  // Written elements from here on: about log2(capacity) loads.
  [[nodiscard]] std::uint64_t size_estimate() const noexcept
  {
    return view_.consumer == nullptr ? 0 : view_.written_from(position_);
  }

private:
  static Word& seq_of(std::byte* slot) noexcept { return SpscView<Word>::seq(slot); }

  static void bump(Word& counter, std::uint64_t by) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  // The word is not the expected one: another producer's element, nothing yet, or nonsense.
  [[nodiscard, gnu::noinline]] bool recognize(std::uint64_t word) noexcept;
  // The first element of a producer not met before, or one that comes again.
  [[gnu::noinline, gnu::cold]] void meet(std::uint64_t word) noexcept;

  std::uint64_t position_ = 0;     // of the next element
  std::uint64_t epoch_ = 0;        // of the producer last met, in place: bits 48..63
  std::byte* cursor_ = nothing();  // slot of position_
  std::byte* slots_end_ = nullptr;
  SpscView<Word> view_;
  std::uint64_t peeked_until_ = 0;  // position_ + 1 after a peek that was not released
  std::uint64_t seen_from_ = 0;     // a former consumer may have seen the positions seen_from_ ..
  std::uint64_t seen_count_ = 0;    //   .. seen_from_ + seen_count_ - 1
  Status last_status_ = Status::closed;
  bool met_one_ = false;  // some consumer of this ring has met a producer before
  bool changed_ = false;

  // What a detached endpoint looks at: never written, so that look() needs no check.
  static std::byte* nothing() noexcept
  {
    alignas(Word) static std::byte word[sizeof(Word)] = {};
    return word;
  }
};

template <class Word>
void SpscConsumerCore<Word>::meet(std::uint64_t word) noexcept
{
  SpscConsumerLine<Word>& mine = *view_.consumer;
  epoch_ = word & ~spsc_low_mask;
  if (position_ == seen_from_ && seen_count_ != 0) {
    bump(mine.redelivered, seen_count_);
    const std::uint64_t recognized = mine.recognized.load(std::memory_order_relaxed);  // relaxed: as head
    if (recognized != word && recognized >> 48 == word >> 48)
      return;  // of the producer last met, whose first element was taken before
  }
  // The mark comes before the element is taken, so a successor can tell (constructor). The first producer of all is no
  // change: filed as taken long ago, and as told. Each fence keeps a kill from finding the second store without the
  // first.
  // relaxed: read after a kill only
  if (met_one_) {
    mine.recognized.store(word, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.told.store(0, std::memory_order_relaxed);
  } else {
    const std::uint64_t mark = spsc_word(word >> 48, position_ - 1);
    mine.told.store(mark, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.recognized.store(mark, std::memory_order_relaxed);
  }
  changed_ = met_one_;
  met_one_ = true;
}

template <class Word>
bool SpscConsumerCore<Word>::recognize(std::uint64_t word) noexcept
{
  if (view_.consumer == nullptr) {
    last_status_ = Status::closed;
    return false;
  }
  if (spsc_written(word, position_)) {
    meet(word);
    return true;
  }
  // Legal otherwise: never written, or still the element of the lap before.
  if (word != 0 && !spsc_written(word, position_ - view_.capacity)) {
    last_status_ = Status::corrupt;
    return false;
  }
  const std::uint64_t end = view_.common->end.load(std::memory_order_acquire);  // E2, pairs with E1
  last_status_ = end != 0 && ((end ^ (position_ + 1)) & spsc_low_mask) == 0 ? Status::closed : Status::empty;
  return false;
}

}  // namespace rtlane::detail
