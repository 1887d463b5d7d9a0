// The ring of frames of any size, one producer to one consumer, over plain bytes: FrameRing is a thin layer over these
// two classes. An index ring with reserve and commit; crash rules and measurements: see channels/README.md.
//
// Shared words, all 64 bits:
//   producer line: tail = position after the last committed frame, written by the producer only
//   consumer line: head = position of the next frame to take, written by the consumer only
//   before each frame   = epoch:16 | place:16 | length:32, written by the producer before the frame is committed. The
//                         epoch (1..65534, one more with each attach) tells one producer's frames from another's; the
//                         place is position / 8 modulo 2^16, so that bytes which are no header are told from one
// Positions count bytes and run freely; the ring holds those from head up to tail, at most capacity of them. Zeroed
// memory is an empty ring.
//
// A frame lies in one piece and is committed by one store of tail, alone or with others. There is no record that pads
// the ring's end (frame_ring_layout.hpp), so whether a frame fits depends on nothing but the bytes in use: a legal one
// always fits into an empty ring, wherever that stands.
//
// The producer looks at head only when its private copy says full, the consumer at tail only when its private copy
// says empty. head is stored with every take: stored less often, a killed consumer would be given again what its
// application has processed.
//
// Every prefix of an operation is a legal state:
//   producer killed before P2: nothing happened (what it wrote lies behind tail and is overwritten by its successor);
//     after P2: all frames of the commit count.
//   consumer killed before C2: the frames come again; after C2: they are taken.
// A successor goes on at tail or head.
//
// Ordering
//   P2 tail, release ->  C1 tail, acquire     headers and contents are written before they can be taken
//   C2 head, release ->  P1 head, acquire     contents are copied before they are written again
//   C2 head, release ->  I1 head, acquire     a monitor that looks at tail after it finds no older one
//   D1 attached, release -> A1 attached, acquire   a predecessor's stores (threads of one process;
//                                             between processes the kernel's lease orders them)
//   E1 end, release  ->  E2 end, acquire      who hears `closed` sees what the producer did before close()
// Each of these but I1 (a monitor reads nothing but words), weakened to relaxed, makes ThreadSanitizer fail a test, as
// tests/channels/frame_ring_mutations.sh shows.
//
// Untrusted peers: each shared word is read once into a local and checked. A length is at most frame_bytes_max, and
// behind every place where a frame can begin lies room for that, so no header can lead outside; tail and head are
// within capacity of each other or `corrupt`.
#pragma once

#include <rtlane/channels/frame_poison.hpp>
#include <rtlane/channels/frame_ring_layout.hpp>
#include <rtlane/channels/status.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace rtlane::detail {

// The consumer's position as a monitor reads it; a tail that it reads later is not behind.
template <class Word>
[[nodiscard]] std::uint64_t frame_head_for_monitor(const FrameRingView<Word>& view) noexcept
{
  return view.consumer->head.load(std::memory_order_acquire);  // I1, pairs with C2
}

// All operations noexcept and wait-free: a bounded number of steps, no syscall, no allocation, no
// division. Used by one thread at a time. A default-constructed one answers `closed`.
template <class Word = std::atomic<std::uint64_t>>
class FrameProducerCore {
public:
  FrameProducerCore() = default;

  // Set-up: the caller holds the producer's role.
  explicit FrameProducerCore(const FrameRingView<Word>& view) noexcept : view_(view)
  {
    // A1, pairs with D1
    if (view_.producer->attached.load(std::memory_order_acquire) == 1)
      bump(view_.producer->takeovers);
    view_.producer->attached.store(1, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the role
    const std::uint64_t attaches =
        view_.common->producer_attaches.load(std::memory_order_relaxed) + 1;     // only this side writes it
    view_.common->producer_attaches.store(attaches, std::memory_order_relaxed);  // relaxed: the role orders the writers
    epoch_ = frame_epoch(1 + (attaches - 1) % frame_epochs);
    // relaxed: as producer_attaches. A damaged word must not lead between two places.
    position_ = view_.producer->tail.load(std::memory_order_relaxed) & ~view_.align_mask;
    staged_ = position_;
    limit_ = position_;  // as if full: the first claim looks at head
    closed_ = false;
    last_status_ = Status::ok;
    view_.common->end.store(0, std::memory_order_relaxed);  // relaxed: reopened; new frames are seen through C1
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.producer != nullptr)
      view_.producer->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = FrameProducerCore();
  }

  // The place for the contents of a frame of up to `bytes` bytes behind those staged, or nullptr; then last_status()
  // says why. Another claim before stage() gives the same place.
  [[nodiscard]] std::byte* claim(std::uint64_t bytes) noexcept
  {
    const std::uint64_t record = view_.record_bytes(bytes);
    if (bytes > view_.frame_bytes_max || record > limit_ - staged_) [[unlikely]] {
      if (!make_room(bytes))
        return nullptr;
    }
    std::byte* place = view_.place(staged_);
    show_bytes(place - frame_header_bytes, record);
    claimed_ = bytes + 1;
    return place;
  }

  // Finishes the claimed frame, as its first `bytes` bytes: it is part of the next commit, and not to be touched any
  // more. False, and nothing done, when nothing so long is claimed.
  bool stage(std::uint64_t bytes) noexcept
  {
    if (bytes >= claimed_)
      return false;
    std::byte* place = view_.place(staged_);
    // relaxed: shown by P2
    view_.header(place).store(frame_header(epoch_, staged_, bytes), std::memory_order_relaxed);
    hide_bytes(place, view_.record_bytes(bytes) - frame_header_bytes);
    staged_ += view_.record_bytes(bytes);
    claimed_ = 0;
    return true;
  }
  [[nodiscard]] bool claimed() const noexcept { return claimed_ != 0; }
  [[nodiscard]] std::uint64_t claimed_bytes() const noexcept { return claimed_ - 1; }

  // Makes all staged frames visible. False when there are none.
  bool commit() noexcept
  {
    if (staged_ == position_)
      return false;
    position_ = staged_;
    view_.producer->tail.store(position_, std::memory_order_release);  // P2, pairs with C1
    return true;
  }

  // Forgets what is claimed and staged.
  void discard() noexcept
  {
    staged_ = position_;
    claimed_ = 0;
  }

  // Whether claim(bytes) would give a place: ok, full, too_large, closed, corrupt. Counts no refusal.
  [[nodiscard]] Status look_for_room(std::uint64_t bytes) noexcept
  {
    if (closed_)
      return last_status_ = Status::closed;
    if (bytes > view_.frame_bytes_max)
      return last_status_ = Status::too_large;
    const std::uint64_t head = view_.consumer->head.load(std::memory_order_acquire);  // P1, pairs with C2
    const std::uint64_t in_use = position_ - head;
    if (in_use > view_.capacity() || staged_ - head > view_.capacity() || (head & view_.align_mask) != 0)
      return last_status_ = Status::corrupt;
    limit_ = head + view_.capacity();
    if (view_.record_bytes(bytes) > limit_ - staged_)
      return last_status_ = Status::full;
    return Status::ok;
  }

  void close() noexcept
  {
    if (closed_)
      return;
    discard();
    view_.common->end.store(frame_mark(epoch_, position_), std::memory_order_release);  // E1, pairs with E2
    closed_ = true;
    limit_ = staged_;  // every claim() now takes the slow path and hears `closed`
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] const FrameRingView<Word>& view() const noexcept { return view_; }

  // Bytes in use, headers included.
  [[nodiscard]] std::uint64_t size_estimate() const noexcept
  {
    if (view_.consumer == nullptr)
      return 0;
    const std::uint64_t size = position_ - view_.consumer->head.load(std::memory_order_relaxed);  // an estimate
    return size <= view_.capacity() ? size : 0;
  }

private:
  static void bump(Word& counter) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  [[nodiscard, gnu::noinline, gnu::cold]] bool make_room(std::uint64_t bytes) noexcept
  {
    const Status seen = look_for_room(bytes);
    if (seen == Status::full)
      bump(view_.producer->refused);
    return seen == Status::ok;
  }

  std::uint64_t staged_ = 0;    // of the next frame
  std::uint64_t limit_ = 0;     // frames must end here: capacity beyond the consumer's head when last looked at
  std::uint64_t position_ = 0;  // tail
  std::uint64_t claimed_ = 0;   // 1 + the bytes claimed at staged_
  std::uint64_t epoch_ = 0;     // see frame_epoch()
  FrameRingView<Word> view_;
  Status last_status_ = Status::closed;
  bool closed_ = true;
};

// A frame in place.
struct FrameBytes {
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;
};

// As FrameProducerCore.
template <class Word = std::atomic<std::uint64_t>>
class FrameConsumerCore {
public:
  FrameConsumerCore() = default;

  // Set-up: the caller holds the consumer's role.
  explicit FrameConsumerCore(const FrameRingView<Word>& view) noexcept : view_(view)
  {
    FrameRingConsumerLine<Word>& mine = *view_.consumer;
    if (mine.attached.load(std::memory_order_acquire) == 1)  // A1, pairs with D1
      bump(mine.takeovers);
    mine.attached.store(1, std::memory_order_relaxed);  // relaxed: a mark for the next holder of the role
    bump(view_.common->consumer_attaches);
    // relaxed: the role orders the writers of this line, A1 those of one process. A damaged word must not lead between
    // two places.
    position_ = mine.head.load(std::memory_order_relaxed) & ~view_.align_mask;
    tail_cache_ = position_;
    shown_until_ = position_;
    seen_from_ = position_;
    seen_bytes_ = mine.peeked_until.load(std::memory_order_relaxed) - position_;
    if (seen_bytes_ > view_.capacity())
      seen_bytes_ = 0;  // the mark is behind head: everything peeked at was released (or the word is damaged)
    counted_until_ = position_;
    last_ = position_ + seen_bytes_;  // nothing taken yet, so nothing that came again
    const std::uint64_t recognized = mine.recognized.load(std::memory_order_relaxed);  // relaxed: as head
    met_one_ = recognized != 0;
    // The mark names the first frame of the producer last met. Not taken yet: met again. Taken: told by now, or it is
    // this endpoint's to tell.
    const std::uint64_t epoch = recognized >> 48 << 16;
    const bool taken = met_one_ && recognized != frame_mark(epoch, position_);
    met_epoch_ = taken ? epoch : frame_epoch_none;
    changed_ = taken && mine.told.load(std::memory_order_relaxed) != recognized;  // relaxed: as head
    last_status_ = Status::ok;
  }

  // Set-up: to be called while the role is still held.
  void detach() noexcept
  {
    if (view_.consumer != nullptr)
      view_.consumer->attached.store(0, std::memory_order_release);  // D1, pairs with A1
    *this = FrameConsumerCore();
  }

  // The next frame, or data == nullptr; then last_status() says why.
  [[nodiscard]] FrameBytes look() noexcept
  {
    if (position_ == tail_cache_) [[unlikely]] {
      if (!refresh())
        return {};
    }
    std::byte* place = view_.place(position_);
    const std::uint64_t header = header_at(place);
    const std::uint64_t bytes = header & frame_length_mask;
    const std::uint64_t record = view_.record_bytes(bytes);
    if (bytes > view_.frame_bytes_max || record > tail_cache_ - position_) [[unlikely]]
      return corrupt();
    if (header >> 32 != (expected_ | frame_place(position_))) [[unlikely]] {
      if (!recognize(header))
        return corrupt();
    }
    show_bytes(place, record - frame_header_bytes);
    next_ = position_ + record;
    return {place, bytes};
  }

  // Takes the frame that look() showed and tells the producer that its place may be overwritten.
  void take() noexcept
  {
    hide_frames(next_);
    last_ = position_;
    position_ = next_;
    shown_count_ -= shown_count_ != 0 ? 1 : 0;
    give_back();
  }

  // To be called before the application sees the frame that look() showed in place.
  void mark_shown() noexcept
  {
    last_ = position_;
    if (shown_count_ == 0)
      note_shown(1, next_);
  }

  // Shows the next frames in place, as many as there are and `frames` holds, and marks them as shown. The batch ends
  // where the answer of changed() or redelivered() would change. 0: last_status() says why.
  [[nodiscard]] std::size_t show(std::span<std::span<const std::byte>> frames) noexcept;

  // Frames shown and not taken.
  [[nodiscard]] std::uint64_t shown() const noexcept { return shown_count_; }

  // Takes the first `count` of the frames shown. False, and nothing done, when there are not so many (or their headers
  // have changed since).
  bool take_shown(std::uint64_t count) noexcept
  {
    if (count == 0 || count > shown_count_)
      return false;
    std::uint64_t until = shown_until_;
    if (count != shown_count_ && !find_end(count, until))
      return false;
    hide_frames(until);
    last_ = position_;
    position_ = until;
    shown_count_ -= count;
    give_back();
    return true;
  }

  // Whether a former consumer may have seen the frame last taken, or shown and not taken.
  [[nodiscard]] bool redelivered() const noexcept { return comes_again(last_); }

  // True once after look() met the first frame of another producer than the one before, in this endpoint or in one
  // that came to its end without having told.
  [[nodiscard]] bool take_changed() noexcept
  {
    if (!changed_)
      return false;
    changed_ = false;
    FrameRingConsumerLine<Word>& mine = *view_.consumer;
    // relaxed: both words are this side's, and read by others after a kill only
    mine.told.store(mine.recognized.load(std::memory_order_relaxed), std::memory_order_relaxed);
    return true;
  }

  [[nodiscard]] Status last_status() const noexcept { return last_status_; }
  [[nodiscard]] const FrameRingView<Word>& view() const noexcept { return view_; }

  // Bytes in use, headers included.
  [[nodiscard]] std::uint64_t size_estimate() const noexcept
  {
    if (view_.producer == nullptr)
      return 0;
    const std::uint64_t size = view_.producer->tail.load(std::memory_order_relaxed) - position_;  // an estimate
    return size <= view_.capacity() ? size : 0;
  }

private:
  static void bump(Word& counter) noexcept
  {
    // relaxed: this side is the counter's only writer, monitors want a number and no order
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  static std::uint64_t header_at(std::byte* place) noexcept
  {
    show_bytes(place - frame_header_bytes, frame_header_bytes);
    return FrameRingView<Word>::header(place).load(std::memory_order_relaxed);  // relaxed: ordered by C1
  }

  void give_back() noexcept
  {
    view_.consumer->head.store(position_, std::memory_order_release);  // C2, pairs with P1, I1
  }

  void note_shown(std::uint64_t count, std::uint64_t until) noexcept
  {
    shown_count_ = count;
    shown_until_ = until;
    // What a former consumer has seen stays marked.
    if (until - seen_from_ > seen_bytes_)
      view_.consumer->peeked_until.store(until, std::memory_order_relaxed);  // relaxed: read after a kill only
    std::atomic_signal_fence(std::memory_order_seq_cst);  // the mark is made before the frames can be used
  }

  [[nodiscard]] bool comes_again(std::uint64_t position) const noexcept { return position - seen_from_ < seen_bytes_; }

  FrameBytes corrupt() noexcept
  {
    last_status_ = Status::corrupt;
    return {};
  }

  // Everything before tail as known is taken: is there more?
  [[nodiscard]] bool refresh() noexcept;
  // Whether tail has moved on behind a batch that ends at `end`, where tail was.
  [[nodiscard]] bool extend(std::uint64_t end) noexcept;
  // Not a header of the producer last met: of another one, of a frame that comes again, or nonsense.
  [[nodiscard, gnu::noinline, gnu::cold]] bool recognize(std::uint64_t header) noexcept;
  void meet(std::uint64_t epoch) noexcept;
  void count_again(std::uint64_t position) noexcept;
  // Where the first count of the frames shown end, from their headers, which a peer may have changed.
  [[nodiscard]] bool find_end(std::uint64_t count, std::uint64_t& until) const noexcept;

  // For AddressSanitizer: the contents of the frames from position_ to `until` are the producer's again.
  void hide_frames(std::uint64_t until) noexcept
  {
    if constexpr (bytes_can_be_hidden && std::is_same_v<Word, std::atomic<std::uint64_t>>) {
      for (std::uint64_t at = position_; at != until;) {
        std::byte* place = view_.place(at);
        const std::uint64_t record = view_.record_bytes(header_at(place) & frame_length_mask);
        if (record > until - at)
          return;  // somebody has changed the header
        hide_bytes(place, record - frame_header_bytes);
        at += record;
      }
    }
  }

  std::uint64_t position_ = 0;                 // of the next frame
  std::uint64_t tail_cache_ = 0;               // the producer's tail when last looked at
  std::uint64_t next_ = 0;                     // end of the frame that look() found
  std::uint64_t expected_ = frame_epoch_none;  // of the producer last met; none while frames come again
  FrameRingView<Word> view_;
  std::uint64_t shown_count_ = 0;               // frames shown and not taken, from position_ on
  std::uint64_t shown_until_ = 0;               // their end
  std::uint64_t last_ = 0;                      // position of what was last taken or shown (of a batch the first)
  std::uint64_t met_epoch_ = frame_epoch_none;  // of the producer last met
  std::uint64_t seen_from_ = 0;                 // a former consumer may have seen the frames in the bytes from here
  std::uint64_t seen_bytes_ = 0;                //   up to here
  std::uint64_t counted_until_ = 0;             // those before are counted in `redelivered`
  Status last_status_ = Status::closed;
  bool met_one_ = false;  // some consumer of this ring has met a producer before
  bool changed_ = false;
};

template <class Word>
bool FrameConsumerCore<Word>::refresh() noexcept
{
  if (view_.producer == nullptr) {
    last_status_ = Status::closed;
    return false;
  }
  const std::uint64_t tail = view_.producer->tail.load(std::memory_order_acquire);  // C1, pairs with P2
  if (tail == position_) {
    const std::uint64_t end = view_.common->end.load(std::memory_order_acquire);  // E2, pairs with E1
    const std::uint64_t here = frame_mark(end >> 48 << 16, position_);
    last_status_ = end != 0 && end == here ? Status::closed : Status::empty;
    return false;
  }
  if (tail - position_ > view_.capacity() || (tail & view_.align_mask) != 0) {
    last_status_ = Status::corrupt;
    return false;
  }
  tail_cache_ = tail;
  return true;
}

template <class Word>
bool FrameConsumerCore<Word>::extend(std::uint64_t end) noexcept
{
  const std::uint64_t tail = view_.producer->tail.load(std::memory_order_acquire);  // C1, pairs with P2
  if (tail == end || tail - end > view_.capacity() - (end - position_) || (tail & view_.align_mask) != 0)
    return false;
  tail_cache_ = tail;
  return true;
}

template <class Word>
bool FrameConsumerCore<Word>::recognize(std::uint64_t header) noexcept
{
  const std::uint64_t epoch = header >> 48 << 16;
  if ((header >> 32 & 0xffff) != frame_place(position_) || epoch == 0 || epoch > frame_epoch(frame_epochs))
    return false;
  if (epoch != met_epoch_)
    meet(epoch);
  if (comes_again(position_))
    count_again(position_);
  expected_ = comes_again(position_) ? frame_epoch_none : epoch;
  return true;
}

template <class Word>
void FrameConsumerCore<Word>::meet(std::uint64_t epoch) noexcept
{
  FrameRingConsumerLine<Word>& mine = *view_.consumer;
  met_epoch_ = epoch;
  // The mark comes before the frame is taken, so a successor can tell (constructor). The first producer of all is no
  // change: filed as taken long ago, and as told. Each fence keeps a kill from finding the second store without the
  // first.
  // relaxed: read after a kill only
  if (met_one_) {
    mine.recognized.store(frame_mark(epoch, position_), std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.told.store(0, std::memory_order_relaxed);
  } else {
    const std::uint64_t mark = frame_mark(epoch, position_ - frame_align_min);
    mine.told.store(mark, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.recognized.store(mark, std::memory_order_relaxed);
  }
  changed_ = met_one_;
  met_one_ = true;
}

template <class Word>
void FrameConsumerCore<Word>::count_again(std::uint64_t position) noexcept
{
  if (position - seen_from_ < counted_until_ - seen_from_)
    return;
  counted_until_ = position + 1;
  bump(view_.consumer->redelivered);
}

template <class Word>
std::size_t FrameConsumerCore<Word>::show(std::span<std::span<const std::byte>> frames) noexcept
{
  if (frames.empty())
    return 0;
  const FrameBytes first = look();
  if (first.data == nullptr)
    return 0;
  frames[0] = {first.data, static_cast<std::size_t>(first.bytes)};
  const bool again = comes_again(position_);
  std::uint64_t at = next_;
  std::size_t count = 1;
  for (; count < frames.size(); ++count) {
    if (at == tail_cache_ && !extend(at))
      break;
    std::byte* place = view_.place(at);
    const std::uint64_t header = header_at(place);
    const std::uint64_t bytes = header & frame_length_mask;
    const std::uint64_t record = view_.record_bytes(bytes);
    if (bytes > view_.frame_bytes_max || record > tail_cache_ - at || header >> 32 != (met_epoch_ | frame_place(at)) ||
        comes_again(at) != again)
      break;
    if (again)
      count_again(at);
    show_bytes(place, record - frame_header_bytes);
    frames[count] = {place, static_cast<std::size_t>(bytes)};
    at += record;
  }
  last_ = position_;
  if (count > shown_count_)
    note_shown(count, at);
  return count;
}

template <class Word>
bool FrameConsumerCore<Word>::find_end(std::uint64_t count, std::uint64_t& until) const noexcept
{
  std::uint64_t at = position_;
  for (; count > 0; --count) {
    const std::uint64_t bytes = header_at(view_.place(at)) & frame_length_mask;
    const std::uint64_t record = view_.record_bytes(bytes);
    if (bytes > view_.frame_bytes_max || record >= until - at)
      return false;  // at least one more frame follows
    at += record;
  }
  until = at;
  return true;
}

}  // namespace rtlane::detail
