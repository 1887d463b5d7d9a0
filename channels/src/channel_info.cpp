// What a monitor sees of a channel. Reads shared words, writes nothing.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "channel_private.hpp"
#include "error.hpp"
#include "monitors.hpp"
#include "type_reader.hpp"

namespace {

using namespace rtlane::detail;

// 1, 0, or -1: the kernel may not be asked. 0 for a role that the kind does not have.
std::int32_t alive(const rtlane_channel& channel, std::uint32_t role) noexcept
{
  return rtlane_channel_role_name(channel.header.kind, role) == nullptr
             ? 0
             : std::max(rtlane_role_held(&channel, role), -1);
}

std::int32_t count_alive(const rtlane_channel& channel) noexcept
{
  std::int32_t count = 0;
  for (std::uint32_t i = 0; i < channel.header.participants; ++i) {
    const std::int32_t answer = alive(channel, RTLANE_ROLE_PARTICIPANT + i);
    if (answer < 0)
      return -1;
    count += answer;
  }
  return count;
}

}  // namespace

int rtlane_channel_get_info(const rtlane_channel* channel, struct rtlane_channel_info* info) noexcept
{
  if (channel == nullptr || info == nullptr || info->struct_size != sizeof *info)
    return fail(EINVAL, "rtlane_channel_get_info: NULL, or struct_size is not %zu", sizeof *info);
  rtlane_channel_layout layout{};
  layout.struct_size = sizeof layout;
  rtlane_channel_get_layout(channel, &layout);

  *info = {};
  info->struct_size = sizeof *info;
  info->kind = layout.kind;
  info->capacity = layout.capacity;
  info->element_bytes = layout.element_bytes;
  info->slot_stride_bytes = layout.slot_stride_bytes;
  info->type_hash = layout.type_hash;
  info->participants = layout.participants;
  const auto ask = [&] {
    info->producer_alive = alive(*channel, RTLANE_ROLE_PRODUCER);
    info->consumer_alive = alive(*channel, RTLANE_ROLE_CONSUMER);
  };
  ask();
  if (auto* monitor = rules_of(layout.kind)->monitor; monitor != nullptr)
    monitor(layout, *info);
  // Who is marked and was not alive may have attached in between.
  if ((info->marked & ~marks_of(info->producer_alive == 1, info->consumer_alive == 1)) != 0)
    ask();
  info->participants_alive = count_alive(*channel);
  const TypeReader table(channel->table.data(), channel->table.size());
  const std::string_view name = table.name(table.type(0).name);
  std::memcpy(info->type_name, name.data(), std::min(name.size(), sizeof info->type_name - 1));
  return 0;
}
