#include <rtlane/channels/snapshot_core.hpp>

#include <atomic>

#include "monitors.hpp"

void rtlane::detail::monitor_snapshot(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  using Word = std::atomic<std::uint64_t>;
  const SnapshotView<Word> view(layout);
  // relaxed: each word is a fact of its own instant
  const auto read = [](const Word& word) { return word.load(std::memory_order_relaxed); };
  info.published = read(view.writer->latest);
  info.producer_attaches = read(view.attach->attaches);
  info.producer_takeovers = read(view.attach->takeovers);
  info.closed = read(view.writer->end) != 0 ? 1 : 0;
  info.marked = marks_of(read(view.attach->attached), 0);
}
