#include "sync_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "output.hpp"

namespace rtlane::cli {
namespace {

// Else memory, or a file of which nothing is known.
bool has_state(const Entry& entry)
{
  return entry.kind == RTLANE_KIND_EVENT || entry.kind == RTLANE_KIND_MUTEX || entry.kind == RTLANE_KIND_SEMAPHORE;
}

bool is_known(const Entry& entry)
{
  return entry.sync.kind != 0;
}

std::string waiting_text(const Entry& entry)
{
  if (entry.sync.waiters == 0)
    return "";
  // Of those that wait for a mutex alone it is known only that there are some.
  return entry.kind == RTLANE_KIND_MUTEX ? " (waited for)" : fmt::format(" ({} waiting)", entry.sync.waiters);
}

// "1234 controller", "thread 1240"
std::string owner_text(const MutexOwner& owner)
{
  return owner.pid == 0 ? fmt::format("thread {}", owner.tid) : fmt::format("{} {}", owner.pid, owner.command);
}

}  // namespace

MutexOwner mutex_owner(const Entry& entry, const Holders& holders)
{
  MutexOwner owner;
  owner.tid = entry.sync.owner_tid;
  if (owner.tid <= 0)
    return owner;
  std::ifstream status(fmt::format("/proc/{}/status", owner.tid));
  pid_t pid = 0;
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view key = "Tgid:";
    if (line.compare(0, key.size(), key) == 0)
      pid = std::atoi(line.c_str() + key.size());
  }
  const auto process = std::find_if(holders.processes.begin(), holders.processes.end(),
                                    [&](const Process& holder) { return holder.pid == pid; });
  if (process == holders.processes.end())
    return owner;
  owner.pid = pid;
  owner.command = process->command;
  std::getline(std::ifstream(fmt::format("/proc/{}/comm", owner.tid)), owner.thread);
  owner.thread = printable(owner.thread);
  return owner;
}

std::string sync_text(const Entry& entry, const MutexOwner& owner)
{
  if (!has_state(entry))
    return "-";
  if (!is_known(entry))
    return "?";
  switch (entry.kind) {
    case RTLANE_KIND_EVENT:
      return (entry.sync.signaled != 0 ? "set" : "reset") + waiting_text(entry);
    case RTLANE_KIND_SEMAPHORE:
      return fmt::format("count {}/{}", entry.sync.count, entry.sync.maximum) + waiting_text(entry);
    default:
      if (entry.sync.abandoned != 0)
        return "abandoned" + waiting_text(entry);
      return (owner.tid == 0 ? "free" : "owned by " + owner_text(owner)) + waiting_text(entry);
  }
}

std::vector<std::vector<std::string>> sync_rows(const Entry& entry, const MutexOwner& owner)
{
  if (!has_state(entry))
    return {};
  std::vector<std::vector<std::string>> rows = {{kind_text(entry.kind), ""}};
  if (!is_known(entry)) {
    rows.push_back({"  state", "cannot be read"});
    return rows;
  }
  const rtlane_sync_state& sync = entry.sync;
  switch (entry.kind) {
    case RTLANE_KIND_EVENT:
      rows.push_back({"  state", sync.signaled != 0 ? "set" : "reset"});
      rows.push_back({"  kind", sync.manual_reset != 0 ? "manual reset: stays set and releases everybody"
                                                       : "automatic reset: each set releases one wait"});
      break;
    case RTLANE_KIND_SEMAPHORE:
      rows.push_back({"  count", fmt::format("{} of {}", sync.count, sync.maximum)});
      break;
    default:
      rows.push_back({"  owner", sync.abandoned != 0 ? "none: the last one ended without unlocking it"
                                 : owner.tid == 0    ? "none"
                                 : owner.pid == 0
                                     ? owner_text(owner)
                                     : fmt::format("{}, thread {} {}", owner_text(owner), owner.tid, owner.thread)});
      rows.push_back({"  waiters", sync.waiters == 0 ? "none" : fmt::format("at least {}", sync.waiters)});
      return rows;
  }
  rows.push_back({"  waiters", fmt::format("{}", sync.waiters)});
  return rows;
}

Json sync_json(const Entry& entry, const MutexOwner& owner)
{
  if (!has_state(entry) || !is_known(entry))
    return nullptr;
  const rtlane_sync_state& sync = entry.sync;
  Json json = {{"signaled", sync.signaled != 0}};
  switch (entry.kind) {
    case RTLANE_KIND_EVENT:
      json["manual_reset"] = sync.manual_reset != 0;
      break;
    case RTLANE_KIND_SEMAPHORE:
      json["count"] = sync.count;
      json["maximum"] = sync.maximum;
      break;
    default:
      json["owner"] = nullptr;
      if (owner.tid != 0)
        json["owner"] = {{"tid", owner.tid}};
      if (owner.pid != 0)
        json["owner"].update({{"pid", owner.pid}, {"command", owner.command}, {"thread", owner.thread}});
      json["abandoned"] = sync.abandoned != 0;
  }
  json["waiters"] = sync.waiters;
  return json;
}

}  // namespace rtlane::cli
