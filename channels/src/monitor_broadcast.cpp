#include <rtlane/channels/broadcast_core.hpp>
#include <rtlane/channels/frame_broadcast_core.hpp>

#include <atomic>

#include "monitors.hpp"

namespace rtlane::detail {
namespace {

using Word = std::atomic<std::uint64_t>;

std::uint64_t read(const Word& word) noexcept
{
  return word.load(std::memory_order_relaxed);  // relaxed: each word is a fact of its own instant
}

// What both kinds count under the same names.
template <class View>
void monitor_writer(const View& view, rtlane_channel_info& info) noexcept
{
  info.producer_attaches = read(view.writer->attaches);
  info.producer_takeovers = read(view.writer->takeovers);
  info.closed = read(view.common->end) != 0 ? 1 : 0;
  info.marked = marks_of(read(view.writer->attached), 0);
}

}  // namespace

void monitor_broadcast(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  const BroadcastView<Word> view(layout);
  info.published = read(view.writer->tail) - layout.start_position;
  monitor_writer(view, info);
}

// The number of the next frame lies at tail. When the writer has gone through the ring between the two looks it is any
// word: then the count is left 0.
void monitor_frame_broadcast(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  const FrameBroadcastView<Word> view(layout.base, layout.slots_offset, layout.capacity, layout.frame_bytes_max);
  for (int attempt = 0; attempt < 4; ++attempt) {
    const std::uint64_t tail = view.writer->tail.load(std::memory_order_acquire);  // R1, pairs with W3
    const std::uint64_t number = load_torn_word(view.word(tail));
    fence_after_load_torn();
    if (read(view.writer->intent) - tail <= view.capacity) {
      info.published = number;
      break;
    }
  }
  monitor_writer(view, info);
}

}  // namespace rtlane::detail
