#include "namespace_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>

#include "environment.hpp"
#include "error.hpp"
#include "ofd_lock.hpp"

namespace rtlane::detail {
namespace {

constexpr std::size_t path_bytes_max = 512;
constexpr char lock_file_name[] = ".lock";
constexpr char temporary_prefix[] = ".tmp~";

int check_trust(const char* path, const struct stat& status) noexcept
{
  const uid_t me = ::geteuid();
  if (status.st_uid != 0 && status.st_uid != me)
    return fail(
        EACCES,
        "the namespace directory %s belongs to user %u, who is neither root nor you (%u): remove it, or set RTLANE_DIR",
        path, status.st_uid, me);
  if ((status.st_mode & S_IWOTH) != 0)
    return fail(EACCES,
                "the namespace directory %s may be written by everybody (mode %04o): make it 0700, or 2770 with a "
                "group to share it",
                path, status.st_mode & 07777);
  if ((status.st_mode & S_IWGRP) != 0 && (status.st_mode & S_ISGID) == 0)
    return fail(EACCES,
                "the namespace directory %s is shared with a group and not setgid, so objects would get their makers' "
                "own groups and stay closed to the others: chmod g+s %s, or chmod 0700 to keep it for yourself",
                path, path);
  if ((status.st_mode & S_ISVTX) != 0 && (status.st_mode & S_IWGRP) != 0)
    return fail(EACCES,
                "the namespace directory %s is shared and sticky, so another user's last close could not remove an "
                "object: chmod -t %s",
                path, path);
  return 0;
}

}  // namespace

std::string NamespaceDirectory::configured_path()
{
  if (const char* configured = environment_text("RTLANE_DIR"))
    return configured;
  return "/dev/shm/rtlane-" + std::to_string(::geteuid());
}

int NamespaceDirectory::open(Missing missing, NamespaceDirectory& directory)
{
  std::string path = configured_path();
  while (path.size() > 1 && path.back() == '/')
    path.pop_back();
  return open(path, missing, directory);
}

int NamespaceDirectory::open(const std::string& path, Missing missing, NamespaceDirectory& directory)
{
  if (path.front() != '/' || path.size() > path_bytes_max)
    return fail(EINVAL, "RTLANE_DIR is '%s': it must be an absolute path of at most %zu bytes", path.c_str(),
                path_bytes_max);

  int made = 0;
  if (missing == Missing::create) {
    made = make_directory(path.c_str());
    if (made < 0)
      return fail(made == -ENOENT || made == -ENOTDIR ? EACCES : -made, "cannot make the namespace directory %s: %s",
                  path.c_str(), std::strerror(-made));
  }

  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT)
      return fail(ENOENT, "there is no namespace directory %s yet", path.c_str());
    struct stat status = {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
      return fail(EACCES, "the namespace directory %s is a symbolic link: name the directory itself in RTLANE_DIR",
                  path.c_str());
    if (errno == ENOTDIR)
      return fail(EACCES, "%s is not a directory: remove it, or set RTLANE_DIR to another place", path.c_str());
    return fail(errno == EACCES ? EACCES : errno, "cannot open the namespace directory %s: %s", path.c_str(),
                std::strerror(errno));
  }

  struct stat status = {};
  struct statfs file_system = {};
  if (::fstat(fd.get(), &status) != 0 || ::fstatfs(fd.get(), &file_system) != 0)
    return fail(errno, "cannot read the state of %s: %s", path.c_str(), std::strerror(errno));
  if (const int error = check_trust(path.c_str(), status); error != 0)
    return error;
  if (file_system.f_type == HUGETLBFS_MAGIC)
    return fail(EINVAL,
                "RTLANE_DIR %s is on a hugetlbfs, which cannot hold control pages: use a tmpfs; huge pages are found "
                "by themselves",
                path.c_str());
  // A disk's file system writes dirty pages back and so makes even locked ones fault again.
  if (file_system.f_type != TMPFS_MAGIC) {
    if (made != 0)
      ::rmdir(path.c_str());
    return fail(EINVAL,
                "the namespace directory %s is not on a tmpfs, whose files are memory and nothing else: set RTLANE_DIR "
                "to a directory below /dev/shm, or mount one with mount -t tmpfs",
                path.c_str());
  }

  directory.fd_ = std::move(fd);
  directory.path_ = path;
  directory.status_ = status;
  return 0;
}

int NamespaceDirectory::open_lock_file(UniqueFd& lock_file) const
{
  const mode_t wanted_mode = mode() & 0666;
  for (;;) {
    // Without O_CREAT when it exists: fs.protected_regular refuses O_CREAT on another user's file.
    UniqueFd fd(::openat(fd_.get(), lock_file_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (fd) {
      // The directory may have been opened to a group since.
      struct stat status = {};
      if (::fstat(fd.get(), &status) == 0 && (status.st_mode & 0777) != wanted_mode && status.st_uid == ::geteuid())
        ::fchmod(fd.get(), wanted_mode);
      lock_file = std::move(fd);
      return 0;
    }
    if (errno != ENOENT)
      return fail(errno == ELOOP ? EACCES : errno, "cannot open the lock file %s/%s: %s", path_.c_str(), lock_file_name,
                  std::strerror(errno));
    Temporary temporary;
    const std::uint64_t id = random_u64();
    int error = Temporary::make(fd_.get(), wanted_mode, temporary);
    if (error == 0 && ::pwrite(temporary.fd(), &id, sizeof id, 0) != static_cast<ssize_t>(sizeof id))
      error = -ENOSPC;
    if (error == 0)
      error = temporary.link(lock_file_name);
    if (error != 0 && error != -EEXIST && error != -ENOENT)
      return fail(-error, "cannot make the lock file %s/%s: %s", path_.c_str(), lock_file_name,
                  error == -ENOSYS ? "/proc is not mounted" : std::strerror(-error));
  }
}

int namespace_id(int lock_file, std::uint64_t& id) noexcept
{
  std::uint64_t read = 0;
  if (::pread(lock_file, &read, sizeof read, 0) != static_cast<ssize_t>(sizeof read) || read == 0)
    return -EBADMSG;
  id = read;
  return 0;
}

int make_directory(const char* path) noexcept
{
  if (::mkdir(path, 0700) != 0)
    return errno == EEXIST ? 0 : -errno;
  return ::chmod(path, 0700) == 0 ? 1 : -errno;
}

std::vector<DirectoryEntry> directory_entries(int directory_fd)
{
  std::vector<DirectoryEntry> entries;
  // A description of its own: the read position belongs to the description.
  UniqueFd fd(::openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(fd ? ::fdopendir(fd.get()) : nullptr,
                                                      [](DIR* open) { return open != nullptr ? ::closedir(open) : 0; });
  if (!directory)
    return entries;
  fd.release();
  while (const dirent* entry = ::readdir(directory.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      entries.push_back({entry->d_name, entry->d_ino});
  }
  return entries;
}

bool names_inode(int directory_fd, const char* file, int fd) noexcept
{
  struct stat by_name = {};
  struct stat by_fd = {};
  return ::fstatat(directory_fd, file, &by_name, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &by_fd) == 0 &&
         by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

Temporary::Temporary(Temporary&& other) noexcept
    : fd_(std::move(other.fd_)), directory_fd_(other.directory_fd_), name_(std::exchange(other.name_, {}))
{}

Temporary::~Temporary()
{
  if (!name_.empty())
    ::unlinkat(directory_fd_, name_.c_str(), 0);
}

int Temporary::make(int directory_fd, mode_t mode, Temporary& temporary)
{
  Temporary made;
  made.directory_fd_ = directory_fd;
  made.fd_.reset(::openat(directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  // EISDIR and EINVAL: kernels and file systems that do not know the flag see a directory opened for writing.
  if (!made.fd_ && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    char name[sizeof temporary_prefix + 16];
    do {
      std::snprintf(name, sizeof name, "%s%016" PRIx64, temporary_prefix, random_u64());
      made.fd_.reset(::openat(directory_fd, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
    } while (!made.fd_ && errno == EEXIST);
    if (!made.fd_)
      return errno == ENOENT ? -ESTALE : -errno;
    made.name_ = name;
    // Until it is locked anybody may remove it as garbage; link() then says ENOENT.
    if (const int error = lock_wait(made.fd(), Lock::read, 0); error != 0)
      return error;
  }
  if (!made.fd_ || ::fchmod(made.fd(), mode) != 0)
    return errno == ENOENT ? -ESTALE : -errno;
  temporary.fd_ = std::move(made.fd_);
  temporary.directory_fd_ = directory_fd;
  temporary.name_ = std::exchange(made.name_, {});
  return 0;
}

// ENOENT has three causes.
int Temporary::link_error() const noexcept
{
  if (errno != ENOENT)
    return -errno;
  if (::access("/proc/thread-self/fd", F_OK) != 0)
    return errno == ENOENT ? -ENOSYS : -errno;
  return name_.empty() ? -ESTALE : -ENOENT;
}

int Temporary::link(const char* file)
{
  char path[descriptor_path_bytes];
  descriptor_path(fd(), path);
  if (::linkat(AT_FDCWD, path, directory_fd_, file, AT_SYMLINK_FOLLOW) != 0)
    return link_error();
  if (!name_.empty())
    ::unlinkat(directory_fd_, std::exchange(name_, {}).c_str(), 0);
  return 0;
}

void descriptor_path(int fd, char (&path)[descriptor_path_bytes]) noexcept
{
  // Not /proc/self: that is the main thread, which may have ended, or have descriptors of its own.
  std::snprintf(path, sizeof path, "/proc/thread-self/fd/%d", fd);
}

bool is_temporary_name(const char* file) noexcept
{
  return std::strncmp(file, temporary_prefix, sizeof temporary_prefix - 1) == 0;
}

std::uint64_t random_u64() noexcept
{
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) == sizeof value)
    return value;
  // No entropy source at all: names must differ, not be secret.
  struct timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return (static_cast<std::uint64_t>(now.tv_nsec) << 32) ^ static_cast<std::uint64_t>(now.tv_sec) ^
         (static_cast<std::uint64_t>(::getpid()) << 16);
}

}  // namespace rtlane::detail
