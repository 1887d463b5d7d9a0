#include <rtlane/channels/pinned_layout.hpp>

#include <atomic>

#include "monitors.hpp"

void rtlane::detail::monitor_pinned_snapshot(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  using Word = std::atomic<std::uint64_t>;
  const PinnedView<Word> view = pinned_view_of(layout);
  // relaxed: each word is a fact of its own instant
  const auto read = [](const Word& word) { return word.load(std::memory_order_relaxed); };
  info.published = pinned_sequence_of(read(view.latest->latest));
  info.closed = read(view.latest->end) != 0 ? 1 : 0;
  info.marked = marks_of(read(view.writer->attached), 0);
  info.producer_attaches = read(view.writer->attaches);
  info.producer_takeovers = read(view.writer->takeovers);
  for (unsigned i = 0; i < view.reader_count; ++i) {
    const PinnedReaderLine<Word>& line = view.readers[i];
    info.recovered += read(line.swept);
    info.participant_attaches += read(line.attaches);
    info.participant_takeovers += read(line.takeovers);
  }
}
