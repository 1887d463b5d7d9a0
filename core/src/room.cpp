#include "room.hpp"

#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

#include "error.hpp"
#include "text_file.hpp"

namespace rtlane::detail {
namespace {

// The number behind a key in "key number" lines (memory.stat, /proc/meminfo); 0 when it is not there.
std::uint64_t number_after(const std::string& text, const char* key)
{
  std::istringstream lines(text);
  std::string line;
  const std::size_t length = std::strlen(key);
  while (std::getline(lines, line)) {
    if (line.compare(0, length, key) == 0 && line.size() > length && (line[length] == ' ' || line[length] == ':'))
      return std::strtoull(line.c_str() + length + 1, nullptr, 10);
  }
  return 0;
}

// Whether the comma-separated list has the word.
bool lists(const std::string& list, const char* word)
{
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');) {
    if (each == word)
      return true;
  }
  return false;
}

struct MemoryCgroup {
  std::string mount;      // where the hierarchy is mounted
  std::string directory;  // this process's group below it
  bool v2 = false;
};

// The path of this process in the hierarchy: v1 has a line with the controller's name, v2 one with none.
std::string own_cgroup(bool v2)
{
  std::istringstream lines(read_text_file("/proc/thread-self/cgroup"));
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (v2 ? controllers.empty() : lists(controllers, "memory"))
      return line.substr(second + 1);
  }
  return {};
}

// The next mounted hierarchy that accounts memory; lines is the rest of the mountinfo.
bool next_memory_cgroup(std::istringstream& lines, MemoryCgroup& group)
{
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos)
      continue;
    std::istringstream head(line.substr(0, dash));
    std::string id;
    std::string parent;
    std::string device;
    std::string root;
    head >> id >> parent >> device >> root >> group.mount;
    std::istringstream tail(line.substr(dash + 3));
    std::string type;
    std::string source;
    std::string options;
    tail >> type >> source >> options;
    group.v2 = type == "cgroup2";
    if (!group.v2 && !(type == "cgroup" && lists(options, "memory")))
      continue;
    std::string path = own_cgroup(group.v2);
    // In a container the mount shows a subtree only; paths are given from its root or from the host's.
    if (root != "/" && path.compare(0, root.size(), root) == 0 &&
        (path.size() == root.size() || path[root.size()] == '/'))
      path.erase(0, root.size());
    group.directory = path == "/" ? group.mount : group.mount + path;
    return true;
  }
  return false;
}

// With what the kernel needs to keep track of these pages: page tables, the file's tree of pages, the memory's own
// accounting, and what the process goes on to use. Measured: 0.45 %, and about 1 MiB.
std::uint64_t with_overhead(std::uint64_t bytes) noexcept
{
  return bytes + bytes / 128 + (std::uint64_t{2} << 20);
}

int check_one_cgroup(const std::string& directory, bool v2, std::uint64_t new_bytes)
{
  std::uint64_t limit = 0;
  std::uint64_t usage = 0;
  if (!read_number_file((directory + (v2 ? "/memory.max" : "/memory.limit_in_bytes")).c_str(), limit) ||
      !read_number_file((directory + (v2 ? "/memory.current" : "/memory.usage_in_bytes")).c_str(), usage))
    return 0;
  // Page cache of files can be dropped to make room; shared memory is not in these two figures.
  const std::string statistics = read_text_file((directory + "/memory.stat").c_str());
  const std::uint64_t reclaimable =
      v2 ? number_after(statistics, "inactive_file") + number_after(statistics, "active_file")
         : number_after(statistics, "total_inactive_file") + number_after(statistics, "total_active_file");
  const std::uint64_t used = usage - std::min(usage, reclaimable);
  const std::uint64_t room = limit - std::min(limit, used);
  if (with_overhead(new_bytes) <= room)
    return 0;
  return fail(
      ENOMEM,
      "%s and their page tables are wanted and %s are left in the memory cgroup %s (limit %s, used %s): raise its "
      "limit, or ask for less",
      human_bytes(new_bytes).c_str(), human_bytes(room).c_str(), directory.c_str(), human_bytes(limit).c_str(),
      human_bytes(used).c_str());
}

int check_cgroups(std::uint64_t new_bytes)
{
  std::istringstream lines(read_text_file("/proc/thread-self/mountinfo"));
  MemoryCgroup group;
  while (next_memory_cgroup(lines, group)) {
    // Every ancestor's limit counts.
    for (std::string directory = group.directory; directory.size() >= group.mount.size();
         directory.erase(std::min(directory.rfind('/'), directory.size()))) {
      if (const int error = check_one_cgroup(directory, group.v2, new_bytes); error != 0)
        return error;
    }
  }
  return 0;
}

}  // namespace

int check_room(int directory_fd, const char* directory, std::uint64_t file_bytes, std::uint64_t new_bytes)
{
  struct rlimit limit = {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && file_bytes > limit.rlim_cur)
    return fail(ENOMEM, "a file of %s is wanted and RLIMIT_FSIZE allows %s: raise it with ulimit -f",
                human_bytes(file_bytes).c_str(), human_bytes(limit.rlim_cur).c_str());
  if (directory_fd < 0)
    return 0;

  struct statvfs file_system = {};
  // f_blocks 0: a tmpfs without a limit.
  if (::fstatvfs(directory_fd, &file_system) == 0 && file_system.f_blocks != 0) {
    const std::uint64_t room = std::uint64_t{file_system.f_bavail} * file_system.f_frsize;
    if (new_bytes > room)
      return fail(ENOMEM,
                  "%s are wanted and %s are free on the file system of %s (size %s): enlarge it, e.g. mount -o "
                  "remount,size=..., or ask for less",
                  human_bytes(new_bytes).c_str(), human_bytes(room).c_str(), directory,
                  human_bytes(std::uint64_t{file_system.f_blocks} * file_system.f_frsize).c_str());
  }
  return check_private_room(new_bytes);
}

int check_private_room(std::uint64_t new_bytes)
{
  const std::uint64_t available = number_after(read_text_file("/proc/meminfo"), "MemAvailable") * 1024;
  if (available != 0 && with_overhead(new_bytes) > available)
    return fail(ENOMEM, "%s are wanted and %s of memory are available (MemAvailable): ask for less, or free some",
                human_bytes(new_bytes).c_str(), human_bytes(available).c_str());
  return check_cgroups(new_bytes);
}

int check_node_room(int node, std::uint64_t new_bytes)
{
  // "Node 0 MemFree:  1234 kB"
  const std::string prefix = "Node " + std::to_string(node) + " ";
  const std::string facts =
      read_text_file(("/sys/devices/system/node/node" + std::to_string(node) + "/meminfo").c_str());
  std::uint64_t room = 0;
  for (const char* key : {"MemFree", "Active(file)", "Inactive(file)"})
    room += number_after(facts, (prefix + key).c_str()) * 1024;
  if (facts.empty() || with_overhead(new_bytes) <= room)
    return 0;
  return fail(ENOMEM, "%s are wanted on NUMA node %d, which has %s to give: take another node, or -1 for any",
              human_bytes(new_bytes).c_str(), node, human_bytes(room).c_str());
}

}  // namespace rtlane::detail
