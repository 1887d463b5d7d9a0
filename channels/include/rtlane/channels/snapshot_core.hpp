// The snapshot over plain bytes: Snapshot<T>, SnapshotGroup and the C API are thin layers over these two classes. A
// seqlock several slots deep, with one word per slot; Lamport's and the kernel's idea, Firedancer's mcache its
// relative.
//
// Shared words, all 64 bits. Values are numbered from 1; number n lies in slot n mod K. K >= 2 is the depth.
//   writer line: latest = number of the value last published; 0 = none. Never falls.
//                end    = 0, or latest + 1 when the writer has closed
//   slot:        number = the value that is, or is being, written there. It is the mark of the copy (torn_copy.hpp)
//                stamp, then the value's bytes as words
//
//   store(n):  number = n | stamp, words | latest = n
//   load:      n = latest | stamp, words of its slot | number still n? Then the copy is value n, whole
//
// One word per slot does for the usual two (before and after), because a reader comes by `latest`: value n was complete
// then, so all it has to know is whether a later one was begun in that slot. That is n + K; an attempt therefore fails
// only if n + 1 .. n + K - 1 were all published between its two looks, and a reader makes at most snapshot_attempts_max
// attempts. Readers write nothing at all, so any number of them may be there, on read-only mappings, and their death
// is of no concern.
//
// Every prefix of store(n) is a legal state: `latest` names n - 1, which is whole, and slot n mod K, which is another
// one as K >= 2, is marked with n. A successor reads `latest` and stores n again into the same slot. No number is used
// twice for two values that could be seen, none is left out; nothing needs to be repaired.
//
// Ordering
//   L1 latest, release  ->  L2 latest, acquire      a value's words are written before its number can be seen
//   TW1, TR1 (torn_copy.hpp), with the slot's number as mark    who copied a word of n + K sees the mark n + K
//   D1 attached, release -> A1 attached, acquire    a predecessor's stores (threads of one process; between processes
//                                                   the kernel's lease orders them)
//   E1 end, release     ->  E2 end, acquire         who hears `closed` sees what the writer did before close()
//
// Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/snapshot_layout.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rtlane {

// Attempts of one load. Each takes one copy, so this bounds a load's time under any writer.
inline constexpr unsigned snapshot_attempts_max = 4;

}  // namespace rtlane

namespace rtlane::detail {

// All operations noexcept and wait-free: no loop but over the value's words, no shared load, no system call, no
// allocation. Used by one thread at a time. A default-constructed one answers `closed`.
template <class Word = std::atomic<std::uint64_t>>
class SnapshotWriterCore {
public:
  SnapshotWriterCore() = default;

  // Set-up: the caller holds the writer's role.
  explicit SnapshotWriterCore(const SnapshotView<Word>& view) noexcept : view_(view), open_(true)
  {
    SnapshotAttachLine<Word>& line = *view_.attach;
    if (line.attached.load(std::memory_order_acquire) == 1)  // A1, pairs with D1
      bump(line.takeovers);
    line.attached.store(1, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the role
    bump(line.attaches);
    sequence_ = view_.writer->latest.load(std::memory_order_relaxed);  // relaxed: the role orders the writers
    view_.writer->end.store(0, std::memory_order_relaxed);             // relaxed: reopened; new values are seen by L2
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.attach != nullptr)
      view_.attach->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = SnapshotWriterCore();
  }

  // ok, or closed after close().
  [[nodiscard]] Status store(const void* value, std::size_t bytes, std::uint64_t stamp) noexcept
  {
    if (!open_) [[unlikely]]
      return Status::closed;
    const std::uint64_t n = sequence_ + 1;
    std::byte* slot = view_.slot(n);
    SnapshotSlot<Word>& header = view_.header(slot);
    header.number.store(n, std::memory_order_relaxed);  // relaxed: the fence puts it before what it marks
    fence_before_store_torn();
    store_torn_word(header.stamp, stamp);
    store_torn(view_.value(slot), value, bytes);
    view_.writer->latest.store(n, std::memory_order_release);  // L1, pairs with L2
    sequence_ = n;
    return Status::ok;
  }

  void close() noexcept
  {
    if (!open_)
      return;
    view_.writer->end.store(sequence_ + 1, std::memory_order_release);  // E1, pairs with E2
    open_ = false;
  }

  // Number of the value last stored, by this writer or one before.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }

private:
  static void bump(Word& counter) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  SnapshotView<Word> view_;
  std::uint64_t sequence_ = 0;
  bool open_ = false;
};

// Copies a value of so many bytes; the usual argument of SnapshotReaderCore::load.
template <class Word = std::atomic<std::uint64_t>>
struct SnapshotCopy {
  void* to;
  std::size_t bytes;

  [[gnu::always_inline]] void operator()(const Word* from) const noexcept { load_torn(to, from, bytes); }
};

// Writes no shared word. A load makes at most snapshot_attempts_max attempts of three shared loads and the value's
// words, and at most two loads more to answer `empty` or `closed`. A default-constructed one answers `closed`.
template <class Word = std::atomic<std::uint64_t>>
class SnapshotReaderCore {
public:
  SnapshotReaderCore() = default;
  explicit SnapshotReaderCore(const SnapshotView<Word>& view) noexcept : latest_(&view.writer->latest), view_(view) {}

  // Calls copy(first word of the value), up to snapshot_attempts_max times, until what it copied is whole: ok.
  // Else empty, closed (nothing was ever stored), busy (each copy was overtaken) or corrupt, and the copy is worth
  // nothing; sequence() and stamp() remain those of the last good one.
  template <class Copy>
  [[nodiscard, gnu::always_inline]] Status load(Copy copy) noexcept
  {
    Looks looks;
    if (attempt(copy, looks)) [[likely]]
      return Status::ok;
    return load_again(copy, looks);
  }

  // Whether a value was published that this reader has not loaded. One shared load.
  [[nodiscard]] bool newer() const noexcept
  {
    return latest_->load(std::memory_order_relaxed) > sequence_;  // relaxed: nothing is read on the strength of it
  }

  // The writer has closed, and the value last loaded is its last one. Two shared loads.
  [[nodiscard]] bool closed() const noexcept
  {
    if (view_.writer == nullptr)
      return true;
    const std::uint64_t end = view_.writer->end.load(std::memory_order_acquire);  // E2, pairs with E1
    return end == sequence_ + 1 && !newer();
  }

  // Of the value last loaded; 0 = none.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint64_t stamp() const noexcept { return stamp_; }
  // Copies that were overtaken by the writer, since this reader was made.
  [[nodiscard]] std::uint64_t overtaken() const noexcept { return overtaken_; }

private:
  // What an attempt saw.
  struct Looks {
    std::uint64_t latest = 0;
    std::uint64_t number = 0;  // of the slot, after the copy
  };

  template <class Copy>
  [[nodiscard, gnu::always_inline]] bool attempt(const Copy& copy, Looks& looks) noexcept
  {
    looks.latest = latest_->load(std::memory_order_acquire);  // L2, pairs with L1
    if (looks.latest == 0 || looks.latest < sequence_) [[unlikely]]
      return false;
    std::byte* slot = view_.slot(looks.latest);
    const SnapshotSlot<Word>& header = view_.header(slot);
    copy(static_cast<const Word*>(view_.value(slot)));
    const std::uint64_t stamp = load_torn_word(header.stamp);
    fence_after_load_torn();
    looks.number = header.number.load(std::memory_order_relaxed);  // relaxed: the fence puts it behind the copy
    if (looks.number != looks.latest) [[unlikely]]
      return false;
    sequence_ = looks.latest;
    stamp_ = stamp;
    return true;
  }

  template <class Copy>
  [[nodiscard, gnu::noinline, gnu::cold]] Status load_again(Copy copy, Looks looks) noexcept
  {
    for (unsigned attempts = 1;; ++attempts) {
      if (looks.latest == 0 && sequence_ == 0)
        return closed() ? Status::closed : Status::empty;
      // `latest` never falls; and what may be found in its slot instead of it is a number whole laps later.
      const std::uint64_t ahead = looks.number - looks.latest;
      if (looks.latest < sequence_ || (ahead & view_.mask) != 0 || ahead >> 63 != 0)
        return Status::corrupt;
      ++overtaken_;
      if (attempts == snapshot_attempts_max)
        return Status::busy;
      if (attempt(copy, looks))
        return Status::ok;
    }
  }

  // What a detached reader looks at: never written, so that load() needs no check.
  static const Word* nothing() noexcept
  {
    static const Word none{};
    return &none;
  }

  const Word* latest_ = nothing();
  std::uint64_t sequence_ = 0;
  std::uint64_t stamp_ = 0;
  SnapshotView<Word> view_;
  std::uint64_t overtaken_ = 0;
};

}  // namespace rtlane::detail
