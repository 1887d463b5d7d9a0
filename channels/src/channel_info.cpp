// What a monitor sees of a channel. Reads shared words, writes nothing.
#include <rtlane/channels/spsc_core.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "channel_private.hpp"
#include "error.hpp"
#include "type_reader.hpp"

int rtlane_channel_get_info(const rtlane_channel* channel, struct rtlane_channel_info* info) noexcept
{
  using namespace rtlane::detail;
  if (channel == nullptr || info == nullptr || info->struct_size != sizeof *info)
    return fail(EINVAL, "rtlane_channel_get_info: NULL, or struct_size is not %zu", sizeof *info);
  rtlane_channel_layout layout{};
  layout.struct_size = sizeof layout;
  rtlane_channel_get_layout(channel, &layout);
  const SpscView<Words> view(layout);
  // relaxed, but for the first head: each word is a fact of its own instant
  const auto read = [](const Words& word) { return word.load(std::memory_order_relaxed); };

  info->kind = layout.kind;
  info->capacity = layout.capacity;
  info->element_bytes = layout.element_bytes;
  info->slot_stride_bytes = layout.slot_stride_bytes;
  info->type_hash = layout.type_hash;
  // Both sides may move on between two of these loads. Elements published are counted from the older head, so
  // neither number ever falls from one look to the next; the depth is what is left at the younger head.
  const std::uint64_t start = channel->header.start_position;
  const std::uint64_t first = spsc_head_for_monitor(view);
  info->published = first - start + view.written_from(first, spsc_published);
  info->consumed = read(view.consumer->head) - start;
  const std::uint64_t depth = info->published - info->consumed;
  info->depth = depth <= layout.capacity ? depth : 0;
  info->published = info->consumed + info->depth;
  info->refused = read(view.producer->refused);
  info->redelivered = read(view.consumer->redelivered);
  info->producer_attaches = read(view.common->producer_attaches);
  info->consumer_attaches = read(view.common->consumer_attaches);
  info->producer_takeovers = read(view.producer->takeovers);
  info->consumer_takeovers = read(view.consumer->takeovers);
  info->producer_alive = std::max(rtlane_role_held(channel, RTLANE_ROLE_PRODUCER), -1);
  info->consumer_alive = std::max(rtlane_role_held(channel, RTLANE_ROLE_CONSUMER), -1);
  info->closed = read(view.common->end) != 0 ? 1 : 0;
  info->reserved = 0;
  const TypeReader table(channel->table.data(), channel->table.size());
  const std::string_view name = table.name(table.type(0).name);
  std::memset(info->type_name, 0, sizeof info->type_name);
  std::memcpy(info->type_name, name.data(), std::min(name.size(), sizeof info->type_name - 1));
  return 0;
}
