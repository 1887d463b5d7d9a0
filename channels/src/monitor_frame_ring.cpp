#include <rtlane/channels/frame_ring_core.hpp>

#include <algorithm>
#include <atomic>

#include "monitors.hpp"

// Bytes, frames' headers included.
void rtlane::detail::monitor_frame_ring(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  using Word = std::atomic<std::uint64_t>;
  const FrameRingView<Word> view(layout);
  // relaxed, but for head: each word is a fact of its own instant
  const auto read = [](const Word& word) { return word.load(std::memory_order_relaxed); };
  const std::uint64_t head = frame_head_for_monitor(view);
  const std::uint64_t tail = read(view.producer->tail);
  info.consumed = head - layout.start_position;
  info.depth = std::min(tail - head, layout.capacity);  // head may have gone on before tail was read
  info.published = info.consumed + info.depth;
  info.refused = read(view.producer->refused);
  info.redelivered = read(view.consumer->redelivered);
  info.producer_attaches = read(view.common->producer_attaches);
  info.consumer_attaches = read(view.common->consumer_attaches);
  info.producer_takeovers = read(view.producer->takeovers);
  info.consumer_takeovers = read(view.consumer->takeovers);
  info.closed = read(view.common->end) != 0 ? 1 : 0;
  info.marked = marks_of(read(view.producer->attached), read(view.consumer->attached));
}
