#include "hugetlbfs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "object_name.hpp"
#include "ofd_lock.hpp"
#include "text_file.hpp"

namespace rtlane::detail {
namespace {

constexpr std::string_view payload_directory_prefix = "rtlane-";
constexpr std::size_t number_digits = 16;  // of an id, a generation
constexpr char pools[] = "/sys/kernel/mm/hugepages";

std::string pool_path(std::uint64_t page_bytes)
{
  return std::string(pools) + "/hugepages-" + std::to_string(page_bytes / 1024) + "kB";
}

std::string number_text(std::uint64_t number)
{
  char text[number_digits + 1];
  std::snprintf(text, sizeof text, "%016" PRIx64, number);
  return text;
}

std::string payload_directory_path(const HugeMount& mount, std::uint64_t id)
{
  return mount.path + "/" + std::string(payload_directory_prefix) + number_text(id);
}

bool is_number(std::string_view text) noexcept
{
  return text.size() == number_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_payload_directory_name(std::string_view name) noexcept
{
  return name.substr(0, payload_directory_prefix.size()) == payload_directory_prefix &&
         is_number(name.substr(payload_directory_prefix.size()));
}

bool is_payload_name(std::string_view name) noexcept
{
  const std::size_t dot = name.rfind('.');
  return dot != std::string_view::npos && is_number(name.substr(dot + 1)) && is_object_file_name(name.substr(0, dot));
}

bool is_on_hugetlbfs(int fd) noexcept
{
  struct statfs file_system = {};
  return ::fstatfs(fd, &file_system) == 0 && file_system.f_type == HUGETLBFS_MAGIC;
}

// Whoever may use the namespace may use its payloads.
bool is_as_open_as(const struct stat& status, const NamespaceDirectory& directory) noexcept
{
  const bool shared = (directory.mode() & 0077) != 0;
  const bool trusted = shared ? status.st_gid == directory.gid() : status.st_uid == 0 || status.st_uid == ::geteuid();
  return trusted && (status.st_mode & 07777) == directory.mode();
}

// Removes what nobody holds from one payload directory.
void sweep_directory(int directory_fd, const std::string& path, std::vector<std::string>& removed)
{
  for (const auto& [file, inode] : directory_entries(directory_fd)) {
    if (!is_payload_name(file) && !is_temporary_name(file.c_str()))
      continue;
    const UniqueFd payload(::openat(directory_fd, file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (payload && lock_try(payload.get(), Lock::write, 0) == 0 &&
        names_inode(directory_fd, file.c_str(), payload.get()) && ::unlinkat(directory_fd, file.c_str(), 0) == 0)
      removed.push_back(path + "/" + file);
  }
}

void sweep_mount(const HugeMount& mount, const NamespaceDirectory& directory, std::vector<std::string>& removed)
{
  const UniqueFd mount_fd(::open(mount.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!mount_fd || !is_on_hugetlbfs(mount_fd.get()))
    return;
  for (const auto& [name, inode] : directory_entries(mount_fd.get())) {
    if (!is_payload_directory_name(name))
      continue;
    const UniqueFd fd(::openat(mount_fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
      continue;
    const bool mine = status.st_uid == ::geteuid() || ::geteuid() == 0;
    if (!mine && !is_as_open_as(status, directory))
      continue;
    sweep_directory(fd.get(), mount.path + "/" + name, removed);
    // Of a namespace that may be gone, so nobody else would. Fails while it has a payload. Under the lock the name is
    // looked at again: it may be that of a new directory by now, in which somebody is making a payload.
    if (mine && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 && names_inode(mount_fd.get(), name.c_str(), fd.get()))
      ::unlinkat(mount_fd.get(), name.c_str(), AT_REMOVEDIR);
  }
}

// Calls work(directory fd, directory path) for each mount where the payload's directory is, until it is true.
// Returns 0 or -errno: the mounts could not be read; -ENODEV: there is none with such pages.
template <class Work>
int in_payload_directories(const PayloadFile& file, Work&& work)
{
  std::vector<HugeMount> mounts;
  if (const int error = huge_mounts(mounts); error != 0)
    return error;
  int result = -ENODEV;
  for (const HugeMount& mount : mounts) {
    if (mount.page_bytes != file.page_bytes)
      continue;
    result = result == -ENODEV ? 0 : result;
    const std::string path = payload_directory_path(mount, file.directory_id);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd && work(fd.get(), path))
      return 0;
    if (!fd && errno != ENOENT)
      result = -errno;
  }
  return result;
}

}  // namespace

int huge_mounts(std::vector<HugeMount>& mounts)
{
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> table(::setmntent("/proc/thread-self/mounts", "re"),
                                                              ::endmntent);
  if (!table)
    return -errno;
  struct mntent entry = {};
  char buffer[4096];
  while (::getmntent_r(table.get(), &entry, buffer, sizeof buffer) != nullptr) {
    struct statfs file_system = {};
    // Something else may be mounted over it since.
    if (std::strcmp(entry.mnt_type, "hugetlbfs") == 0 && ::statfs(entry.mnt_dir, &file_system) == 0 &&
        file_system.f_type == HUGETLBFS_MAGIC)
      mounts.push_back({entry.mnt_dir, static_cast<std::uint64_t>(file_system.f_bsize)});
  }
  return 0;
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
  return control_file + "." + number_text(generation);
}

int make_payload_directory(const HugeMount& mount, const NamespaceDirectory& directory, std::uint64_t id, UniqueFd& fd,
                           std::string& path)
{
  path = payload_directory_path(mount, id);
  const UniqueFd mount_fd(::open(mount.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!mount_fd)
    return -errno;
  for (;;) {
    if (const int error = make_directory(path.c_str()); error < 0) {
      if (error == -ENOENT)
        continue;  // a sweeper has removed it in between; the mount is there
      return error;
    }
    fd.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd) {
      while (::flock(fd.get(), LOCK_SH) != 0) {
        if (errno != EINTR)
          return -errno;
      }
      if (names_inode(mount_fd.get(), path.c_str() + mount.path.size() + 1, fd.get()))
        break;
    } else if (errno != ENOENT) {
      return -errno;
    }
    // A sweeper has removed it in between.
  }
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0)
    return -errno;
  // Its maker may have been killed before this, so its owner makes sure each time.
  if (is_as_open_as(status, directory))
    return 0;
  if (status.st_uid != ::geteuid())
    return status.st_uid == 0 ? 0 : -EACCES;
  const bool shared = (directory.mode() & 0077) != 0;
  if ((shared && ::fchown(fd.get(), static_cast<uid_t>(-1), directory.gid()) != 0) ||
      ::fchmod(fd.get(), directory.mode()) != 0)
    return -errno;
  return 0;
}

int open_payload(const PayloadFile& file, std::uint64_t inode, bool writable, UniqueFd& fd, std::string& path)
{
  int result = -ENOENT;
  const int looked = in_payload_directories(file, [&](int directory_fd, const std::string& directory_path) {
    UniqueFd payload(
        ::openat(directory_fd, file.name.c_str(), (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC));
    if (!payload) {
      result = errno != ENOENT ? -errno : result;
      return false;
    }
    struct stat status = {};
    if (::fstat(payload.get(), &status) != 0 || status.st_ino != inode)
      return false;
    // A sweeper that has it write-locked is about to remove it.
    if (const int error = lock_wait(payload.get(), Lock::read, 0); error != 0) {
      result = error;
      return false;
    }
    if (!names_inode(directory_fd, file.name.c_str(), payload.get()))
      return false;
    path = directory_path + "/" + file.name;
    fd = std::move(payload);
    result = 0;
    return true;
  });
  return looked != 0 ? looked : result;
}

std::string find_payload(const PayloadFile& file)
{
  std::string path;
  in_payload_directories(file, [&](int directory_fd, const std::string& directory_path) {
    if (::faccessat(directory_fd, file.name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
      return false;
    path = directory_path + "/" + file.name;
    return true;
  });
  return path;
}

void remove_payload(const PayloadFile& file, std::uint64_t inode, PayloadOwner owner)
{
  in_payload_directories(file, [&](int directory_fd, const std::string&) {
    const UniqueFd payload(::openat(directory_fd, file.name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat status = {};
    return payload && ::fstat(payload.get(), &status) == 0 && status.st_ino == inode &&
           (owner == PayloadOwner::this_process || lock_try(payload.get(), Lock::write, 0) == 0) &&
           ::unlinkat(directory_fd, file.name.c_str(), 0) == 0;
  });
}

void sweep_payloads(const NamespaceDirectory& directory, std::vector<std::string>& removed)
{
  std::vector<HugeMount> mounts;
  huge_mounts(mounts);
  for (const HugeMount& mount : mounts)
    sweep_mount(mount, directory, removed);
}

}  // namespace rtlane::detail
