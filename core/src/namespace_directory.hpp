// The directory that is the namespace: where it is, whether it can be trusted, its lock file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "unique_fd.hpp"

namespace rtlane::detail {

class NamespaceDirectory {
public:
  enum class Missing { fail, create };

  // Opens the directory named by RTLANE_DIR, else /dev/shm/rtlane-<euid>. Returns 0; -ENOENT when it is
  // missing and not to be created; -EACCES when it cannot be trusted, -EINVAL for a senseless RTLANE_DIR.
  static int open(Missing missing, NamespaceDirectory& directory);

  // The same for a directory that was found before, whatever RTLANE_DIR says now.
  static int open(const std::string& path, Missing missing, NamespaceDirectory& directory);

  // Where open() would look. Never fails: an RTLANE_DIR that makes no sense is returned as it is.
  static std::string configured_path();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] mode_t mode() const noexcept { return status_.st_mode & 07777; }
  [[nodiscard]] gid_t gid() const noexcept { return status_.st_gid; }
  [[nodiscard]] dev_t device() const noexcept { return status_.st_dev; }
  [[nodiscard]] ino_t inode() const noexcept { return status_.st_ino; }

  // Opens the lock file, making it when it is not there. Byte 0 is the pool's lock, the others are
  // the creators' (FileName::lock_offset); its content is the namespace's id. Returns 0 or -errno.
  int open_lock_file(UniqueFd& lock_file) const;

private:
  UniqueFd fd_;
  std::string path_;
  struct stat status_ = {};
};

// A random number that the namespace's lock file holds: device and inode of its directory may come to be another's.
// Returns 0, or -EBADMSG for a lock file without one; no sentence.
int namespace_id(int lock_file, std::uint64_t& id) noexcept;

// mkdir with mode 0700 whatever the umask. Returns 1, 0 when it was there, or -errno; no sentence.
int make_directory(const char* path) noexcept;

struct DirectoryEntry {
  std::string file;
  ino_t inode;  // of the same device as the directory, unless something is mounted there
};

// What is in a directory, without "." and "..".
std::vector<DirectoryEntry> directory_entries(int directory_fd);

// Whether the directory entry still names the file behind fd.
bool names_inode(int directory_fd, const char* file, int fd) noexcept;

// A file that has no name yet (O_TMPFILE), or, where the file system refuses that, one named
// ".tmp~<random>" that is read-locked on byte 0 at once. Without link() it goes with its owner.
class Temporary {
public:
  Temporary() = default;
  Temporary(Temporary&&) noexcept;
  Temporary& operator=(Temporary&&) = delete;
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary();

  // mode is set whatever the umask. The description is read-write. Returns 0; -ESTALE when the directory
  // itself is removed; or -errno; no sentence.
  static int make(int directory_fd, mode_t mode, Temporary& temporary);

  // Gives the file its name. Returns 0; -EEXIST; -ENOENT when somebody took the temporary name for garbage
  // (start over); -ESTALE as make; -ENOSYS without /proc; or -errno; no sentence.
  int link(const char* file);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] UniqueFd take_fd() noexcept { return std::move(fd_); }

private:
  [[nodiscard]] int link_error() const noexcept;

  UniqueFd fd_;
  int directory_fd_ = -1;
  std::string name_;
};

bool is_temporary_name(const char* file) noexcept;

// The path under which the calling thread's descriptor can be opened again or linked.
inline constexpr std::size_t descriptor_path_bytes = 40;
void descriptor_path(int fd, char (&path)[descriptor_path_bytes]) noexcept;

std::uint64_t random_u64() noexcept;

}  // namespace rtlane::detail
