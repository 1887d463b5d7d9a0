// Huge pages and file systems of the test's own. All is undone at the end, also when the test is killed.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/temp_namespace.hpp"
#include "support/undo.hpp"

namespace rtlane::test {

// Moves this process to a mount namespace of its own, without hugetlbfs mounts; its mounts end with its last process.
// Happens once per process. Returns why it cannot be had, or "".
inline std::string enter_private_mounts()
{
  static std::string problem = [] {
    if (geteuid() != 0)
      return std::string("only root may mount file systems");
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return std::string("a private mount namespace is refused: ") + std::strerror(errno);
    // The machine's own hugetlbfs mounts would be found first.
    std::ifstream mounts("/proc/self/mounts");
    for (std::string source, path, type, rest; mounts >> source >> path >> type && std::getline(mounts, rest);) {
      if (type == "hugetlbfs")
        umount2(path.c_str(), MNT_DETACH);
    }
    return std::string();
  }();
  return problem;
}

// A file system mounted for the scope on a new directory.
class PrivateMount {
public:
  PrivateMount(const char* type, const char* options)
      : path_(make_directory("/tmp")), undo_("rmdir '" + path_ + "'"), problem_(enter_private_mounts())
  {
    if (problem_.empty() && mount(type, path_.c_str(), type, MS_NOSUID | MS_NODEV, options) != 0)
      problem_ = std::string("mounting a ") + type + " with '" + options + "' is refused: " + std::strerror(errno);
    mounted_ = problem_.empty();
    if (mounted_)
      chmod(path_.c_str(), 0700);
  }
  PrivateMount(const PrivateMount&) = delete;
  PrivateMount& operator=(const PrivateMount&) = delete;
  ~PrivateMount()
  {
    if (mounted_)
      umount2(path_.c_str(), MNT_DETACH);
  }

  const std::string& problem() const { return problem_; }
  const std::string& path() const { return path_; }

private:
  std::string path_;
  Undo undo_;
  std::string problem_;
  bool mounted_ = false;
};

// Adds huge pages of 2 MiB to the system's pool and mounts a hugetlbfs for them.
class HugePages {
public:
  explicit HugePages(unsigned count)
      : undo_("f=" + std::string(kCount) + "; [ -w $f ] && echo $(( $(cat $f) - $(cat '" + ledger() +
              "') )) > $f; rm '" + ledger() + "'")
  {
    if (geteuid() != 0) {
      problem_ = "only root may reserve huge pages";
      return;
    }
    if (access(kCount, W_OK) != 0) {
      problem_ = std::string(kCount) + " cannot be written";
      return;
    }
    const unsigned before = read_number(kCount);
    std::ofstream(kCount) << before + count;
    const unsigned after = read_number(kCount);
    std::ofstream(ledger()) << (after > before ? after - before : 0);
    if (after < before + count)
      problem_ = "the system has no room for " + std::to_string(count) + " huge pages";
  }

  const std::string& problem() const { return problem_.empty() ? mount_.problem() : problem_; }
  const std::string& path() const { return mount_.path(); }

  // Files below the mount: payloads, and what was left of them.
  std::vector<std::string> payloads() const
  {
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path(), error)) {
      if (!entry.is_directory(error))
        files.push_back(entry.path().string());
    }
    return files;
  }

  static unsigned free_pages() { return read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"); }

private:
  static constexpr char kCount[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

  static unsigned read_number(const char* path)
  {
    unsigned value = 0;
    std::ifstream(path) >> value;
    return value;
  }
  // How many pages were really added, for the clean-up.
  const std::string& ledger()
  {
    if (ledger_.empty()) {
      ledger_ = "/tmp/rtlane-test-pages-" + std::to_string(getpid());
      std::ofstream(ledger_) << 0;
    }
    return ledger_;
  }

  class Turn {
  public:
    Turn() : fd_(open("/tmp/rtlane-test-huge-pages.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600))
    {
      if (fd_ >= 0)
        flock(fd_, LOCK_EX);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn()
    {
      if (fd_ >= 0)
        close(fd_);
    }

  private:
    int fd_;
  };

  Turn turn_;
  std::string ledger_;
  Undo undo_;
  std::string problem_;
  PrivateMount mount_{"hugetlbfs", "pagesize=2M,mode=0700"};
};

}  // namespace rtlane::test
