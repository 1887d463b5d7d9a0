#include <rtlane/channels/mpmc_isolated_layout.hpp>
#include <rtlane/channels/mpmc_layout.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "monitors.hpp"

namespace rtlane::detail {
namespace {

// relaxed: each word is a fact of its own instant
std::uint64_t read(const MpmcWord& word) noexcept
{
  return word.load(std::memory_order_relaxed);
}

// Of a lap's hints in units of places; below 0: tail is the older of the two.
void count_places(std::uint64_t head, std::int64_t waiting, std::uint64_t most, rtlane_channel_info& info) noexcept
{
  info.consumed = head;
  info.depth = std::min(waiting > 0 ? static_cast<std::uint64_t>(waiting) : 0, most);
  info.published = info.consumed + info.depth;
}

// The counters have the same names in both modes.
template <class View>
void count_events(const View& view, rtlane_channel_info& info) noexcept
{
  for (std::uint32_t i = 0; i < view.participant_count; ++i) {
    const auto& line = view.participants[i];
    const std::uint64_t orphaned = read(line.orphaned);
    info.refused += read(line.refused);
    info.recovered += read(line.recovered) + orphaned;
    info.orphaned += orphaned;
    info.participant_attaches += read(line.attaches);
  }
}

// Places: one that is void, because its producer was killed or gave it up, counts as published and, once head has
// passed it, as consumed.
void monitor_shared(const MpmcView<MpmcWord>& view, rtlane_channel_info& info) noexcept
{
  const std::uint64_t head = read(view.head->head);
  const std::uint64_t tail = read(view.tail->tail);
  const std::int64_t waiting = mpmc_distance(head, tail & ~mpmc_flags);
  count_places(head / mpmc_step, waiting / static_cast<std::int64_t>(mpmc_step), view.capacity, info);
  info.closed = (tail & mpmc_closed) != 0 ? 1 : 0;
  count_events(view, info);
}

// tail and head are hints: the newest publication, or the element taken last, may not be counted yet.
void monitor_isolated(const IsolatedView<MpmcWord>& view, rtlane_channel_info& info) noexcept
{
  const std::uint64_t head = read(view.head->head);
  count_places(head, mpmc_distance(head, read(view.tail->tail)), view.slot_count(), info);
  info.closed = read(view.common->closing) != 0 ? 1 : 0;
  count_events(view, info);
}

}  // namespace
}  // namespace rtlane::detail

// Killed participants' traces are counted when a survivor comes to them.
void rtlane::detail::monitor_mpmc(const rtlane_channel_layout& layout, rtlane_channel_info& info) noexcept
{
  if (layout.mode == RTLANE_MODE_ISOLATED)
    monitor_isolated(isolated_view(layout), info);
  else
    monitor_shared(mpmc_view(layout), info);
}
