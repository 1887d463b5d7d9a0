#include <rtlane/channels/spsc_core.hpp>

#include <atomic>

#include "monitors.hpp"

void rtlane::detail::monitor_spsc(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  using Word = std::atomic<std::uint64_t>;
  const SpscView<Word> view(layout);
  // relaxed, but for the first head: each word is a fact of its own instant
  const auto read = [](const Word& word) { return word.load(std::memory_order_relaxed); };
  // Both sides may move on between two of these loads. Elements published are counted from the older head, so
  // neither number ever falls from one look to the next; the depth is what is left at the younger head.
  const std::uint64_t start = layout.start_position;
  const std::uint64_t first = spsc_head_for_monitor(view);
  info.published = first - start + view.written_from(first, spsc_published);
  info.consumed = read(view.consumer->head) - start;
  const std::uint64_t depth = info.published - info.consumed;
  info.depth = depth <= layout.capacity ? depth : 0;
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
