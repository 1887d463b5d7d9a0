#include "hugetlbfs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "ofd_lock.hpp"
#include "text_file.hpp"

namespace rtlane::detail {
namespace {

constexpr char payload_directory_prefix[] = "rtlane-";
constexpr char pools[] = "/sys/kernel/mm/hugepages";

std::string pool_path(std::uint64_t page_bytes)
{
  return std::string(pools) + "/hugepages-" + std::to_string(page_bytes / 1024) + "kB";
}

std::string payload_directory_path(const HugeMount& mount, const NamespaceDirectory& directory)
{
  char name[64];
  std::snprintf(name, sizeof name, "/%s%" PRIx64 "-%" PRIu64, payload_directory_prefix,
                static_cast<std::uint64_t>(directory.device()), static_cast<std::uint64_t>(directory.inode()));
  return mount.path + name;
}

// Removes what nobody holds from one payload directory.
void sweep_directory(int directory_fd, const std::string& path, std::vector<std::string>& removed)
{
  for (const auto& [file, inode] : directory_entries(directory_fd)) {
    if (file[0] == '.' && !is_temporary_name(file.c_str()))
      continue;
    const UniqueFd payload(::openat(directory_fd, file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (payload && lock_try(payload.get(), Lock::write, 0) == 0 &&
        names_inode(directory_fd, file.c_str(), payload.get()) && ::unlinkat(directory_fd, file.c_str(), 0) == 0)
      removed.push_back(path + "/" + file);
  }
}

// The user's own directories for other namespaces: those may be gone, and nobody else would look there.
void sweep_other_namespaces(const HugeMount& mount, const std::string& own_path, std::vector<std::string>& removed)
{
  const UniqueFd mount_fd(::open(mount.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!mount_fd)
    return;
  for (const auto& [name, inode] : directory_entries(mount_fd.get())) {
    const std::string path = mount.path + "/" + name;
    if (name.compare(0, sizeof payload_directory_prefix - 1, payload_directory_prefix) != 0 || path == own_path)
      continue;
    const UniqueFd fd(::openat(mount_fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status = {};
    if (fd && ::fstat(fd.get(), &status) == 0 && (status.st_uid == ::geteuid() || ::geteuid() == 0))
      sweep_directory(fd.get(), path, removed);
  }
}

}  // namespace

std::vector<HugeMount> huge_mounts()
{
  std::vector<HugeMount> mounts;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> table(::setmntent("/proc/self/mounts", "re"), ::endmntent);
  if (!table)
    return mounts;
  struct mntent entry = {};
  char buffer[4096];
  while (::getmntent_r(table.get(), &entry, buffer, sizeof buffer) != nullptr) {
    struct statfs file_system = {};
    if (std::strcmp(entry.mnt_type, "hugetlbfs") == 0 && ::statfs(entry.mnt_dir, &file_system) == 0)
      mounts.push_back({entry.mnt_dir, static_cast<std::uint64_t>(file_system.f_bsize)});
  }
  return mounts;
}

std::vector<std::uint64_t> huge_page_sizes()
{
  std::vector<std::uint64_t> sizes;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(pools), ::closedir);
  if (!directory)
    return sizes;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::uint64_t kib = 0;
    if (std::sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kib) == 1)
      sizes.push_back(kib * 1024);
  }
  std::sort(sizes.rbegin(), sizes.rend());
  return sizes;
}

std::uint64_t free_huge_pages(std::uint64_t page_bytes)
{
  const std::string pool = pool_path(page_bytes);
  std::uint64_t free = 0;
  std::uint64_t reserved = 0;
  std::uint64_t overcommit = 0;
  std::uint64_t surplus = 0;
  read_number_file((pool + "/free_hugepages").c_str(), free);
  read_number_file((pool + "/resv_hugepages").c_str(), reserved);
  read_number_file((pool + "/nr_overcommit_hugepages").c_str(), overcommit);
  read_number_file((pool + "/surplus_hugepages").c_str(), surplus);
  return free - std::min(free, reserved) + overcommit - std::min(overcommit, surplus);
}

std::string payload_file_name(const std::string& control_file, std::uint64_t generation)
{
  char suffix[18];
  std::snprintf(suffix, sizeof suffix, ".%016" PRIx64, generation);
  return control_file + suffix;
}

int open_payload_directory(const HugeMount& mount, const NamespaceDirectory& directory,
                           NamespaceDirectory::Missing missing, UniqueFd& fd, std::string& path)
{
  path = payload_directory_path(mount, directory);
  if (missing == NamespaceDirectory::Missing::create && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return -errno;
  fd.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd)
    return -errno;
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0)
    return -errno;
  // Whoever may use the namespace may use its payloads. Its maker may have been killed before this, so its
  // owner makes sure each time.
  const bool alike = status.st_gid == directory.gid() && (status.st_mode & 07777) == directory.mode();
  if (!alike && status.st_uid == ::geteuid() &&
      (::fchown(fd.get(), static_cast<uid_t>(-1), directory.gid()) != 0 || ::fchmod(fd.get(), directory.mode()) != 0))
    return -errno;
  return alike || status.st_uid == 0 || status.st_uid == ::geteuid() ? 0 : -EACCES;
}

int open_payload(const NamespaceDirectory& directory, const std::string& file, std::uint64_t page_bytes,
                 std::uint64_t inode, bool writable, UniqueFd& fd, std::string& path)
{
  int result = -ENOENT;
  for (const HugeMount& mount : huge_mounts()) {
    UniqueFd payload_directory;
    if (mount.page_bytes != page_bytes)
      continue;
    if (const int error =
            open_payload_directory(mount, directory, NamespaceDirectory::Missing::fail, payload_directory, path);
        error != 0) {
      if (error != -ENOENT)
        result = error;
      continue;
    }
    UniqueFd payload(
        ::openat(payload_directory.get(), file.c_str(), (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC));
    if (!payload) {
      if (errno != ENOENT)
        result = -errno;
      continue;
    }
    struct stat status = {};
    if (::fstat(payload.get(), &status) != 0 || status.st_ino != inode)
      continue;
    // A sweeper that has it write-locked is about to remove it.
    if (const int error = lock_wait(payload.get(), Lock::read, 0); error != 0)
      return error;
    if (!names_inode(payload_directory.get(), file.c_str(), payload.get()))
      continue;
    path += "/" + file;
    fd = std::move(payload);
    return 0;
  }
  return result;
}

void remove_payload(const NamespaceDirectory& directory, const std::string& file, std::uint64_t page_bytes)
{
  for (const HugeMount& mount : huge_mounts()) {
    UniqueFd payload_directory;
    std::string path;
    if (mount.page_bytes == page_bytes &&
        open_payload_directory(mount, directory, NamespaceDirectory::Missing::fail, payload_directory, path) == 0)
      ::unlinkat(payload_directory.get(), file.c_str(), 0);
  }
}

void sweep_payloads(const NamespaceDirectory& directory, std::vector<std::string>& removed)
{
  for (const HugeMount& mount : huge_mounts()) {
    UniqueFd fd;
    std::string path;
    if (open_payload_directory(mount, directory, NamespaceDirectory::Missing::fail, fd, path) == 0)
      sweep_directory(fd.get(), path, removed);
    sweep_other_namespaces(mount, path, removed);
  }
}

}  // namespace rtlane::detail
