// Looks at frames: of a broadcast as one of its subscribers, of a ring while they wait.
//
// The producer of a frame ring writes wherever there is room, and nothing in the segment tells how far. So a frame is
// proved whole by head alone: while the consumer has not passed it the producer may not write there, and who has seen a
// byte that was written into room given back sees the head that gave it back (P1 of frame_ring_core.hpp). That is
// argued and not checked by a tool: see copy_observed().
#include <rtlane/channels/frame_broadcast_core.hpp>
#include <rtlane/channels/frame_ring_core.hpp>
#include <rtlane/channels/torn_copy.hpp>

#include <algorithm>
#include <atomic>

#include "observer.hpp"

namespace rtlane::detail {
namespace {

using Word = std::atomic<std::uint64_t>;

constexpr int frames_per_skip = 65536;

// ---- one to one

class FrameRingObserver final : public ChannelObserver {
public:
  FrameRingObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(layout), start_(layout.start_position)
  {
    position_ = from == RTLANE_OBSERVE_NEXT ? tail() : head();
    if (from == RTLANE_OBSERVE_NEWEST)
      (void)skip(nullptr, 0);
  }

  [[nodiscard]] Room room() const noexcept override { return {view_.frame_bytes_max, false}; }

  Status next(std::byte* to, std::uint64_t room, Sight& sight) noexcept override
  {
    if (passed())
      return go_on(sight);
    const std::uint64_t available = tail() - position_;
    if (available == 0)
      return nothing_there();
    const std::uint64_t header = header_at(position_);
    const std::uint64_t bytes = header & frame_length_mask;
    const bool sound = is_sound(position_, header, available);
    if (sound)
      copy_observed(to, view_.place(position_), std::min(bytes, room));
    if (passed())
      return go_on(sight);
    if (!sound)
      return Status::corrupt;
    sight.number = position_ - start_;
    sight.length = bytes;
    position_ += view_.record_bytes(bytes);
    return Status::ok;
  }

  std::uint64_t skip(std::byte*, std::uint64_t) noexcept override
  {
    const std::uint64_t from = position_;
    if (passed())
      position_ = head();
    const std::uint64_t until = tail();
    std::uint64_t last = position_;
    for (int i = 0; i < frames_per_skip && position_ != until; ++i) {
      const std::uint64_t header = header_at(position_);
      if (!is_sound(position_, header, until - position_) || passed())
        break;
      last = position_;
      position_ += view_.record_bytes(header & frame_length_mask);
    }
    position_ = last;
    return last - from <= UINT64_MAX / 2 ? last - from : 0;
  }

private:
  [[nodiscard]] std::uint64_t tail() const noexcept
  {
    return view_.producer->tail.load(std::memory_order_acquire);  // C1, pairs with P2
  }
  [[nodiscard]] std::uint64_t head() const noexcept { return frame_head_for_monitor(view_); }

  // Whether the consumer has taken the frame at position_, so that what was read there proves nothing.
  [[nodiscard]] bool passed() const noexcept
  {
    fence_after_load_torn();
    // relaxed: behind the fence. Equal: not taken.
    const std::uint64_t behind = view_.consumer->head.load(std::memory_order_relaxed) - position_;
    return behind != 0 && behind <= UINT64_MAX / 2;
  }

  [[nodiscard]] std::uint64_t header_at(std::uint64_t position) const noexcept
  {
    std::uint64_t header = 0;
    // A damaged word must not lead between two places; is_sound() finds it out.
    const std::byte* place = view_.place(position & ~view_.align_mask);
    copy_observed(reinterpret_cast<std::byte*>(&header), place - frame_header_bytes, sizeof header);
    return header;
  }

  [[nodiscard]] bool is_sound(std::uint64_t position, std::uint64_t header, std::uint64_t available) const noexcept
  {
    const std::uint64_t bytes = header & frame_length_mask;
    const std::uint64_t epoch = header >> 48 << 16;
    return available <= view_.capacity() && (position & view_.align_mask) == 0 && bytes <= view_.frame_bytes_max &&
           view_.record_bytes(bytes) <= available && (header >> 32 & 0xffff) == frame_place(position) && epoch != 0 &&
           epoch <= frame_epoch(frame_epochs);
  }

  [[nodiscard]] Status nothing_there() const noexcept
  {
    const std::uint64_t end = view_.common->end.load(std::memory_order_acquire);  // E2, pairs with E1
    return end != 0 && end == frame_mark(end >> 48 << 16, position_) ? Status::closed : Status::empty;
  }

  // Where the consumer is, a frame begins.
  [[nodiscard]] Status go_on(Sight& sight) noexcept
  {
    const std::uint64_t now = head();
    sight.lost = now - position_;
    position_ = now;
    return (now & view_.align_mask) == 0 ? Status::lost : Status::corrupt;
  }

  FrameRingView<Word> view_;
  std::uint64_t start_;
  std::uint64_t position_ = 0;  // of the next frame
};

// ---- one to any number

class FrameBroadcastObserver final : public ChannelObserver {
public:
  FrameBroadcastObserver(const rtlane_channel_layout& layout, std::uint32_t from) noexcept
      : view_(layout.base, layout.slots_offset, layout.capacity, layout.frame_bytes_max), from_(from)
  {
    joined_ = join();
  }

  [[nodiscard]] Room room() const noexcept override { return {view_.frame_bytes_max, true}; }

  Status next(std::byte* to, std::uint64_t room, Sight& sight) noexcept override
  {
    if (!joined_ && !(joined_ = join()))
      return Status::busy;  // the writer went through the ring during each attempt
    if (from_ == RTLANE_OBSERVE_NEWEST) {
      from_ = RTLANE_OBSERVE_NEXT;
      (void)skip(to, room);
    }
    std::size_t length = 0;
    const Status status = core_.try_next(to, static_cast<std::size_t>(room), length);
    sight.number = core_.number() - 1;
    sight.length = length;
    sight.lost = status == Status::lost ? core_.lost() : 0;
    return status == Status::too_small ? Status::corrupt : status;  // room is that of the longest frame
  }

  // Goes through the frames to the last one, which begins nowhere that is known.
  std::uint64_t skip(std::byte* to, std::uint64_t room) noexcept override
  {
    Core before = core_;  // the newest frame comes next
    Core ahead = core_;
    const std::uint64_t first = core_.number();
    for (int i = 0; i < frames_per_skip; ++i) {
      std::size_t length = 0;
      const Core here = ahead;
      const Status status = ahead.try_next(to, static_cast<std::size_t>(room), length);
      if (status == Status::ok)
        before = here;
      else if (status != Status::lost)
        break;
      else
        before = ahead;
    }
    core_ = before;
    return core_.number() - first;
  }

private:
  using Core = FrameBroadcastSubscriberCore<Word>;

  [[nodiscard]] bool join() noexcept
  {
    return core_.join(view_, from_ == RTLANE_OBSERVE_NEXT ? Core::From::now : Core::From::oldest);
  }

  FrameBroadcastView<Word> view_;
  Core core_;
  std::uint32_t from_;
  bool joined_ = false;
};

}  // namespace

ObserverPointer observe_frame_ring(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<FrameRingObserver>(layout, from);
}

ObserverPointer observe_frame_broadcast(const rtlane_channel_layout& layout, std::uint32_t from)
{
  return std::make_unique<FrameBroadcastObserver>(layout, from);
}

}  // namespace rtlane::detail
