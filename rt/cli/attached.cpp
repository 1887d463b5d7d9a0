#include "attached.hpp"

#include <fmt/format.h>
#include <rtlane/channels/channel_header.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

namespace rtlane::cli {
namespace {

ShmOptions quiet_options()
{
  ShmOptions quiet;
  quiet.read_only = true;
  quiet.lock = RTLANE_NEVER;
  return quiet;
}

// 0, or as rtlane_channel_open.
int open_channel(const char* name, ChannelRef& opened)
{
  const rtlane_shm_options options = quiet_options().to_c();
  rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
  any.kind = RTLANE_CHANNEL_ANY;
  rtlane_channel* channel = nullptr;
  const int result = rtlane_channel_open(name, &any, &options, &channel);
  if (result == 0)
    opened = ChannelRef(channel);
  return result;
}

std::string why_not_there(const std::string& name, const std::vector<Entry>& entries)
{
  if (std::any_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.name[0] == '\0'; })) {
    const auto opened = SharedMemory::open(name, quiet_options());
    if (opened)
      return fmt::format("'{}' was made at this moment: ask again", name);
    if (opened.error().code != ENOENT)
      return opened.error().message;
  }
  return fmt::format("there is no object called '{}' in {}; 'rtlane ls' lists what there is", name, namespace_text());
}

}  // namespace

expected<Attached> attach(const std::string& name)
{
  auto memory = SharedMemory::open(name, quiet_options());
  if (!memory)
    return unexpected(memory.error());
  Attached attached;
  attached.memory = std::move(*memory);
  attached.facts = attached.memory.certificate();
  const int result = open_channel(name.c_str(), attached.channel);
  if (result != 0 && result != -ENOMSG)
    attached.channel_problem = Error::from_c(result).message;
  return attached;
}

ChannelRef glance(const Entry& entry)
{
  if (entry.state != RTLANE_ENTRY_LIVE || entry.kind != RTLANE_KIND_SHARED_MEMORY || entry.size_bytes < table_offset)
    return {};
  const auto memory = SharedMemory::open(entry.name, quiet_options());
  if (!memory || memory->certificate().mapped_bytes < table_offset)
    return {};
  // relaxed: opening the channel acquires it
  const auto* magic = static_cast<const std::atomic<std::uint64_t>*>(memory->data());
  ChannelRef channel;
  if (magic->load(std::memory_order_relaxed) == channel_magic)
    open_channel(entry.name, channel);
  return channel;
}

expected<Entry> find_object(const std::string& name, const std::vector<Entry>& entries)
{
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  if (found == entries.end())
    return unexpected(Error{ENOENT, why_not_there(name, entries)});
  return *found;
}

}  // namespace rtlane::cli
