#include "objects.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "output.hpp"

namespace rtlane::cli {
namespace {

int keep_entry(const rtlane_namespace_entry* entry, void* context)
{
  static_cast<std::vector<Entry>*>(context)->push_back(*entry);
  return 0;
}

// "MAJOR:MINOR" in hexadecimal, as /proc/locks and /proc/PID/maps write it.
bool parse_device(std::string_view text, std::uint64_t& device)
{
  unsigned major_number = 0;
  unsigned minor_number = 0;
  if (std::sscanf(std::string(text).c_str(), "%x:%x", &major_number, &minor_number) != 2)
    return false;
  device = makedev(major_number, minor_number);
  return true;
}

// "1: OFDLCK ADVISORY  READ -1 00:19:42 0 0": the lock of a handle is a read lock on byte 0.
template <class Visit>
void for_each_handle_lock(std::istream& locks, Visit&& visit)
{
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, type, advisory, access, pid, file, start, end;
    words >> number >> type >> advisory >> access >> pid >> file >> start >> end;
    if (type != "OFDLCK" || access != "READ" || start != "0" || end != "0")
      continue;
    const std::size_t colon = file.rfind(':');
    std::uint64_t device = 0;
    if (colon == std::string::npos || !parse_device(file.substr(0, colon), device))
      continue;
    visit(std::pair(device, std::uint64_t{std::strtoull(file.c_str() + colon + 1, nullptr, 10)}));
  }
}

// Of a mapping of a control file: its first page alone. A process has one for its handle and one for each lease
// (rtlane/core/lease.h).
bool is_control_page(const std::string& range, const std::string& offset)
{
  unsigned long long first = 0;
  unsigned long long last = 0;
  return std::strtoull(offset.c_str(), nullptr, 16) == 0 &&
         std::sscanf(range.c_str(), "%llx-%llx", &first, &last) == 2 && last - first == 4096;
}

// The state behind the command in parentheses, which may hold any character.
bool is_stopped(pid_t pid)
{
  std::string line;
  std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid)), line);
  const std::size_t end = line.rfind(')');
  return end != std::string::npos && end + 2 < line.size() && (line[end + 2] == 'T' || line[end + 2] == 't');
}

std::string command_of(pid_t pid)
{
  std::string name;
  std::getline(std::ifstream(fmt::format("/proc/{}/comm", pid)), name);
  return printable(name);
}

}  // namespace

expected<std::vector<Entry>> list_objects()
{
  std::vector<Entry> entries;
  const int result = rtlane_namespace_list(&keep_entry, &entries);
  if (result < 0)
    return unexpected(Error::from_c(result));
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(std::string_view(a.name), std::string_view(a.path)) <
           std::pair(std::string_view(b.name), std::string_view(b.path));
  });
  return entries;
}

std::string namespace_path()
{
  std::array<char, 4096> path{};
  if (rtlane_namespace_path(path.data(), path.size()) < 0)
    return rtlane_error_message();
  return path.data();
}

bool namespace_exists()
{
  struct stat status = {};
  return ::lstat(namespace_path().c_str(), &status) == 0;
}

std::string namespace_text()
{
  return printable(namespace_path()) + (namespace_exists() ? "" : ", which does not exist");
}

std::uint64_t locks_of(const Entry& entry)
{
  std::ifstream locks("/proc/locks");
  if (!locks.is_open())
    return UINT64_MAX;
  std::uint64_t count = 0;
  for_each_handle_lock(locks, [&](const std::pair<std::uint64_t, std::uint64_t>& file) {
    count += file == std::pair(entry.device, entry.inode) ? 1 : 0;
  });
  return count;
}

HolderTable HolderTable::read()
{
  HolderTable table;

  // The kernel gives the list in pieces: while others lock and unlock, the lock at a seam may be in it twice or not at
  // all. The middle one of three readings makes that rare.
  std::map<File, std::array<std::uint64_t, 3>> readings;
  table.locks_known_ = true;
  for (std::size_t reading = 0; reading < 3; ++reading) {
    std::ifstream locks("/proc/locks");
    table.locks_known_ = table.locks_known_ && locks.is_open();
    for_each_handle_lock(locks, [&](const File& file) { ++readings[file][reading]; });
  }
  for (auto& [file, counts] : readings) {
    std::sort(counts.begin(), counts.end());
    if (counts[1] != 0)
      table.locks_[file] = counts[1];
  }

  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), &closedir);
  while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0)
      continue;
    std::ifstream maps(fmt::format("/proc/{}/maps", pid));
    if (!maps.is_open()) {
      if (errno != ENOENT && errno != ESRCH)
        ++table.hidden_processes_;
      continue;
    }
    for (std::string line; std::getline(maps, line);) {
      // "7f...-7f... rw-s 00000000 00:19 42   /dev/shm/..."
      std::istringstream words(line);
      std::string range, access, offset, device_text;
      std::uint64_t inode = 0;
      std::uint64_t device = 0;
      words >> range >> access >> offset >> device_text >> inode;
      if (!words || inode == 0 || access.size() < 4 || access[3] != 's' || !parse_device(device_text, device))
        continue;
      auto& processes = table.mapped_[{device, inode}];
      if (processes.empty() || processes.back().pid != pid)
        processes.push_back({pid, {}});
      if (is_control_page(range, offset))
        ++processes.back().control_pages;
    }
  }
  return table;
}

Holders HolderTable::of(const Entry& entry) const
{
  Holders holders;
  const File file{entry.device, entry.inode};
  if (const auto found = locks_.find(file); found != locks_.end())
    holders.locks = found->second;
  if (const auto found = mapped_.find(file); found != mapped_.end())
    holders.processes = found->second;
  for (Process& process : holders.processes) {
    process.command = command_of(process.pid);
    process.stopped = is_stopped(process.pid);
  }
  return holders;
}

const char* kind_text(std::uint32_t kind)
{
  switch (kind) {
    case RTLANE_KIND_SHARED_MEMORY:
      return "memory";
    case RTLANE_KIND_EVENT:
      return "event";
    case RTLANE_KIND_MUTEX:
      return "mutex";
    case RTLANE_KIND_SEMAPHORE:
      return "semaphore";
    default:
      return "?";
  }
}

const char* state_text(std::uint32_t state)
{
  switch (state) {
    case RTLANE_ENTRY_LIVE:
      return "live";
    case RTLANE_ENTRY_ORPHAN:
      return "orphan";
    case RTLANE_ENTRY_FOREIGN:
      return "foreign";
    case RTLANE_ENTRY_OTHER_VERSION:
      return "other version";
    case RTLANE_ENTRY_UNREADABLE:
      return "unreadable";
    default:
      return "?";
  }
}

Json entry_json(const Entry& entry)
{
  Json json;
  json["name"] = entry.name;
  json["state"] = state_text(entry.state);
  json["file"] = entry.path;
  if (entry.state == RTLANE_ENTRY_LIVE || entry.state == RTLANE_ENTRY_ORPHAN) {
    json["kind"] = kind_text(entry.kind);
    json["size_bytes"] = entry.size_bytes;
    json["mapped_bytes"] = entry.mapped_bytes;
    json["page_size"] = entry.page_bytes;
    json["tier"] = tier_text(entry.tier);
    json["locked_bytes"] = entry.locked_bytes;
    json["generation"] = entry.generation;
    json["created_unix_ns"] = entry.created_unix_ns;
    json["age_s"] = age_s(entry.created_unix_ns);
    json["creator_pid"] = entry.creator_pid;
    json["creator_uid"] = entry.creator_uid;
    if (entry.payload_path[0] != '\0')
      json["payload_file"] = entry.payload_path;
  }
  json["mode"] = fmt::format("{:04o}", entry.mode);
  json["uid"] = entry.uid;
  json["gid"] = entry.gid;
  if (entry.problem[0] != '\0')
    json["problem"] = entry.problem;
  return json;
}

Json holders_json(const Holders& holders, bool locks_known)
{
  Json json;
  json["locks"] = locks_known ? Json(holders.locks) : Json(nullptr);
  json["processes"] = Json::array();
  for (const Process& process : holders.processes)
    json["processes"].push_back({{"pid", process.pid}, {"command", process.command}, {"stopped", process.stopped}});
  return json;
}

std::string holders_text(const Holders& holders, bool locks_known)
{
  std::string text = locks_known ? fmt::format("{}", holders.locks) : "?";
  for (std::size_t i = 0; i < holders.processes.size(); ++i)
    text += fmt::format("{}{}{}", i == 0 ? " (" : " ", holders.processes[i].pid,
                        holders.processes[i].stopped ? " stopped" : "");
  return text + (holders.processes.empty() ? "" : ")");
}

}  // namespace rtlane::cli
