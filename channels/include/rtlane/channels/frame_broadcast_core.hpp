// The broadcast of frames of any length from one writer to any number of subscribers over plain bytes: FrameBroadcast
// is a thin layer over these two classes. A byte ring whose writer says how far it is going to write before it does,
// and a speculative read, after Agrona's broadcast buffer; the numbers, the marks and the crash rules are our own.
//
// Positions are bytes since the beginning, 64 bits, multiples of 8; the byte of a position lies at position mod
// capacity. A record: number, length word (epoch:16 | length:48), the bytes, rounded up to whole words. It may go round
// the end of the ring, word by word; nothing is padded. Behind the last record lies the number of the next one, so
// whoever finds a place where a record begins finds its number.
//
// Shared words, all written by the writer only:
//   tail              everything before it is published
//   intent            no byte of a position from here on has been written; never falls
//   first_of[s]       the first record that begins in segment s, of the latest lap
//   end               0, or where the stream has ended, plus 1
//
//   writer at p:      intent = next + 8; the record from its length on, and the next one's number; the mark of a
//                     segment that next enters; tail = next
//   subscriber at c:  tail is not c? Copy the record; intent <= c + capacity? Then it is whole.
//
// Whatever was read at position x was good when intent <= x + capacity afterwards: the word there is overwritten with
// that of x + capacity, and intent says so before.
//
// Every prefix of a publish is a legal state. A writer killed before W3: its frame vanishes; the bytes it may have
// touched are below intent. The successor goes on at tail with the number that lies there, and keeps intent where it is
// until it has passed it: a shorter frame must not give back bytes that the dead writer's longer one has spoilt. After
// W3: the frame counts.
//
// A lapped subscriber goes on at the first record of the second segment whose bytes are all there, so between 1/8 and
// 2/8 of the ring lie between it and the writer. What it skips is lost; the numbers say exactly how many.
//
// Ordering
//   TW1, TR1 (torn_copy.hpp)                   a copy with a later word in it sees the intent before that word
//   W3 tail, release     -> R1 tail, acquire   the record, the next number and the marks are written before tail
//   D1 attached, release -> A1 attached, acquire  a predecessor's stores (threads of one process; between processes the
//                                              kernel's lease orders them)
//   E1 end, release      -> E2 end, acquire    who hears `closed` sees what the writer did before close()
//
// Word is std::atomic<std::uint64_t>; tests put a counting or a hostile one in its place.
#pragma once

#include <rtlane/channels/frame_broadcast_layout.hpp>
#include <rtlane/channels/status.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rtlane::detail {

// Wait-free, the attach too: no syscall, no allocation. Used by one thread at a time. A default-constructed one answers
// `closed`.
template <class Word = std::atomic<std::uint64_t>>
class FrameBroadcastWriterCore {
public:
  FrameBroadcastWriterCore() = default;

  // Set-up: the caller holds the writer's role.
  explicit FrameBroadcastWriterCore(const FrameBroadcastView<Word>& view) noexcept : view_(view), open_(true)
  {
    FrameBroadcastWriterLine<Word>& mine = *view_.writer;
    if (mine.attached.load(std::memory_order_acquire) == 1)  // A1, pairs with D1
      bump(mine.takeovers);
    // relaxed: only the holder of the role writes these, and the role orders the holders
    mine.attached.store(1, std::memory_order_relaxed);
    bump(mine.attaches);
    const std::uint64_t attaches = mine.attaches.load(std::memory_order_relaxed);
    epoch_ = (1 + (attaches - 1) % (frame_broadcast_epoch_none - 1)) << 48;
    position_ = mine.tail.load(std::memory_order_relaxed) & ~std::uint64_t{7};
    number_ = load_torn_word(view_.word(position_));
    // How far a predecessor that was killed may have written: one record and a number. More says no writer.
    const std::uint64_t spoilt = mine.intent.load(std::memory_order_relaxed) - position_;
    const std::uint64_t most = frame_record_bytes(view_.frame_bytes_max) + 8;
    intent_ = position_ + (spoilt <= most ? spoilt : most);
    view_.common->end.store(0, std::memory_order_relaxed);  // reopened; the next record is seen through W3
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.writer != nullptr)
      view_.writer->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = FrameBroadcastWriterCore();
  }

  // Makes these bytes the next frame. ok, too_large, or closed.
  Status publish(const void* frame, std::size_t length) noexcept
  {
    if (length > view_.frame_bytes_max || !open_) [[unlikely]]
      return open_ ? Status::too_large : Status::closed;
    const std::uint64_t next = position_ + frame_record_bytes(length);
    // By distances, as positions go round 2^64.
    if (intent_ - position_ < next + 8 - position_)
      intent_ = next + 8;
    view_.writer->intent.store(intent_, std::memory_order_relaxed);  // relaxed: before TW1
    fence_before_store_torn();
    store_torn_word(view_.word(position_ + 8), epoch_ | length);
    store(position_ + frame_head_bytes, static_cast<const std::byte*>(frame), length);
    ++number_;
    store_torn_word(view_.word(next), number_);
    if (((position_ ^ next) & ~(view_.segment() - 1)) != 0)
      view_.mark(next).store(next, std::memory_order_relaxed);  // relaxed: before W3
    position_ = next;
    view_.writer->tail.store(next, std::memory_order_release);  // W3, pairs with R1
    return Status::ok;
  }

  void close() noexcept
  {
    if (!open_)
      return;
    view_.common->end.store(position_ + 1, std::memory_order_release);  // E1, pairs with E2
    open_ = false;
  }

  // Of the next frame.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return view_.frame_bytes_max; }

private:
  static void bump(Word& counter) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  void store(std::uint64_t at, const std::byte* from, std::size_t bytes) noexcept
  {
    const std::uint64_t before_end = view_.before_end(at);
    const std::size_t first = bytes < before_end ? bytes : static_cast<std::size_t>(before_end);
    store_torn(&view_.word(at), from, first);
    if (first != bytes)
      store_torn(view_.words, from + first, bytes - first);
  }

  std::uint64_t position_ = 0;  // of the next record
  std::uint64_t number_ = 0;    // of the next frame
  std::uint64_t intent_ = 0;
  std::uint64_t epoch_ = 0;  // in place: bits 48..63
  FrameBroadcastView<Word> view_;
  bool open_ = false;
};

// As FrameBroadcastWriterCore; any number of them, unknown to the writer and to each other. All its calls are loads.
template <class Word = std::atomic<std::uint64_t>>
class FrameBroadcastSubscriberCore {
public:
  FrameBroadcastSubscriberCore() = default;

  enum class From { now, oldest };

  // Set-up. Begins with the next frame to be published, or with about the oldest that is there. False: the writer went
  // through the ring during each of the attempts; ask again.
  [[nodiscard]] bool join(const FrameBroadcastView<Word>& view, From from) noexcept
  {
    *this = FrameBroadcastSubscriberCore();
    view_ = view;
    for (unsigned attempt = 0; attempt < attempts_max; ++attempt) {
      if (from == From::now ? settle_at(tail() & ~std::uint64_t{7}) : settle_at_oldest(attempt)) {
        last_status_ = Status::ok;
        return true;
      }
    }
    *this = FrameBroadcastSubscriberCore();
    return false;
  }

  // Copies the next frame to `buffer` and its length to `length`.
  //   ok         it is frame number() - 1, whole
  //   empty      not published yet
  //   lost       lost() frames were overwritten or lie too close to it; the next call goes on behind them
  //   busy       the same, but the writer is so fast that the place to go on could not be determined; try again
  //   too_small  the buffer is shorter than the frame, which is the next one still; `length` says what it takes
  //   closed     the writer ended the stream here
  //   corrupt    words that no writer writes
  // Unless ok, `buffer` may hold any bytes; `length` is written with ok and too_small only.
  Status try_next(void* buffer, std::size_t buffer_bytes, std::size_t& length) noexcept
  {
    if (view_.writer == nullptr) [[unlikely]]
      return last_status_ = Status::closed;
    const std::uint64_t available = tail() - position_;
    if (available == 0)
      return last_status_ = nothing_there();
    if (available > view_.capacity) [[unlikely]]
      return last_status_ = skip();
    const std::uint64_t number = load_torn_word(view_.word(position_));
    const std::uint64_t word = load_torn_word(view_.word(position_ + 8));
    const std::uint64_t bytes = word & frame_broadcast_length_mask;
    const bool sound = bytes <= view_.frame_bytes_max && frame_record_bytes(bytes) <= available && number == number_ &&
                       word >> 48 != 0 && word >> 48 != frame_broadcast_epoch_none;
    if (sound && bytes <= buffer_bytes)
      load(position_ + frame_head_bytes, static_cast<std::byte*>(buffer), static_cast<std::size_t>(bytes));
    if (!still_there(position_)) [[unlikely]]
      return last_status_ = skip();
    if (!sound) [[unlikely]]
      return last_status_ = Status::corrupt;
    length = static_cast<std::size_t>(bytes);
    if (bytes > buffer_bytes) [[unlikely]]
      return last_status_ = Status::too_small;
    position_ += frame_record_bytes(bytes);
    ++number_;
    if (word >> 48 != epoch_) [[unlikely]] {
      changed_ = epoch_ != frame_broadcast_epoch_none;  // the first writer of all is no change
      epoch_ = word >> 48;
    }
    return Status::ok;
  }

  // True once after a frame of another writer than the one before was taken.
  [[nodiscard]] bool take_changed() noexcept { return std::exchange(changed_, false); }

  // Of the next frame.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  // With the last answer `lost`, and since the beginning.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] std::uint64_t lost_total() const noexcept { return lost_total_; }
  // The last answer but ok.
  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] std::uint64_t frame_bytes_max() const noexcept { return view_.frame_bytes_max; }

private:
  static constexpr unsigned attempts_max = 4;

  [[nodiscard]] std::uint64_t tail() const noexcept
  {
    return view_.writer->tail.load(std::memory_order_acquire);  // R1, pairs with W3
  }

  // Whether what was read at this position and behind it is what was written there.
  [[nodiscard]] bool still_there(std::uint64_t position) const noexcept
  {
    fence_after_load_torn();
    // relaxed: behind TR1
    return view_.writer->intent.load(std::memory_order_relaxed) - position <= view_.capacity;
  }

  void load(std::uint64_t at, std::byte* to, std::size_t bytes) const noexcept
  {
    const std::uint64_t before_end = view_.before_end(at);
    const std::size_t first = bytes < before_end ? bytes : static_cast<std::size_t>(before_end);
    load_torn(to, &view_.word(at), first);
    if (first != bytes)
      load_torn(to + first, view_.words, bytes - first);
  }

  // A record begins there. Takes its number, if nobody writes over it meanwhile.
  [[nodiscard]] bool settle_at(std::uint64_t position) noexcept
  {
    const std::uint64_t number = load_torn_word(view_.word(position));
    if (!still_there(position))
      return false;
    position_ = position;
    number_ = number;
    return true;
  }

  // The first record that begins in the segment at `boundary` or, round 2^64, behind it. False: there is no such mark
  // (any more), or it was overwritten meanwhile.
  [[nodiscard]] bool settle_in_segment(std::uint64_t boundary, std::uint64_t tail) noexcept
  {
    // relaxed: behind R1
    const std::uint64_t mark = view_.mark(boundary).load(std::memory_order_relaxed);
    return mark - boundary < view_.segment() && mark % 8 == 0 && tail - mark <= view_.capacity && settle_at(mark);
  }

  // The first segment of which no byte has been overwritten, or a later one.
  [[nodiscard]] std::uint64_t whole_segment(std::uint64_t skipped) const noexcept
  {
    // relaxed: behind R1; what it tells is looked at again
    const std::uint64_t oldest = view_.writer->intent.load(std::memory_order_relaxed) - view_.capacity;
    return ((oldest + view_.segment() - 1) & ~(view_.segment() - 1)) + skipped * view_.segment();
  }

  [[nodiscard]] bool settle_at_oldest(unsigned attempt) noexcept
  {
    const std::uint64_t published_until = tail();
    // relaxed: written when the channel was made
    const std::uint64_t first = view_.common->first.load(std::memory_order_relaxed) & ~std::uint64_t{7};
    if (published_until - first <= view_.capacity && settle_at(first))
      return true;
    return settle_in_segment(whole_segment(attempt), published_until);
  }

  // Nothing is published behind this place.
  [[nodiscard]] Status nothing_there() const noexcept
  {
    const std::uint64_t end = view_.common->end.load(std::memory_order_acquire);  // E2, pairs with E1
    return end == position_ + 1 ? Status::closed : Status::empty;
  }

  // The record is gone: skips what is lost.
  [[nodiscard, gnu::noinline, gnu::cold]] Status skip() noexcept;

  std::uint64_t position_ = 0;  // of the next record
  std::uint64_t number_ = 0;    // of the next frame
  std::uint64_t epoch_ = frame_broadcast_epoch_none;
  FrameBroadcastView<Word> view_;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_total_ = 0;
  Status last_status_ = Status::closed;
  bool changed_ = false;
};

template <class Word>
Status FrameBroadcastSubscriberCore<Word>::skip() noexcept
{
  const std::uint64_t number = number_;
  const std::uint64_t position = position_;
  for (unsigned attempt = 0; attempt < attempts_max; ++attempt) {
    const std::uint64_t published_until = tail();
    const std::uint64_t boundary = whole_segment(1 + attempt);
    // No writer lets its tail fall or overwrites what is less than a ring behind.
    if (boundary - position > UINT64_MAX / 2 || published_until - position > UINT64_MAX / 2)
      return Status::corrupt;
    if (!settle_in_segment(boundary, published_until))
      continue;
    lost_ = number_ - number;
    if (lost_ == 0 || lost_ > UINT64_MAX / 2) {
      position_ = position;
      number_ = number;
      return Status::corrupt;
    }
    lost_total_ += lost_;
    return Status::lost;
  }
  return Status::busy;
}

}  // namespace rtlane::detail
