// Namespaces for objects of each memory tier, and the system calls that matter to others.
#pragma once

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "support/mounts.hpp"
#include "support/seccomp.hpp"
#include "support/shm.hpp"

namespace rtlane::test {

enum class Tier { small, small_without_tmpfile, transparent_huge, hugetlb };

// Where a test goes over the system calls of all operations.
#ifdef RTLANE_TEST_EVERY_TIER
inline constexpr Tier kTiersSwept[] = {Tier::small, Tier::small_without_tmpfile, Tier::transparent_huge, Tier::hugetlb};
#else
inline constexpr Tier kTiersSwept[] = {Tier::small};
#endif

inline std::string name_of(Tier tier)
{
  switch (tier) {
    case Tier::small:
      return "SmallPages";
    case Tier::small_without_tmpfile:
      return "SmallPagesWithoutTmpfile";
    case Tier::transparent_huge:
      return "TransparentHugePages";
    case Tier::hugetlb:
      return "HugetlbPages";
  }
  return "?";
}

inline void PrintTo(Tier tier, std::ostream* out)
{
  *out << name_of(tier);
}

// A namespace in which objects of the tier can be made; its options insist on the tier.
class TierPlace {
public:
  explicit TierPlace(Tier tier) : tier_(tier)
  {
    std::string parent = "/dev/shm";
    if (tier == Tier::transparent_huge) {
      mount_ = std::make_unique<PrivateMount>("tmpfs", "size=256m,huge=advise");
      problem_ = mount_->problem();
      parent = mount_->path();
    }
    if (tier == Tier::hugetlb) {
      pages_ = std::make_unique<HugePages>(16);
      problem_ = pages_->problem();
      free_pages_ = HugePages::free_pages();
    }
    if (tier == Tier::small_without_tmpfile)
      problem_ = seccomp_problem();
    if (problem_.empty())
      place_ = std::make_unique<TempNamespace>(parent);
  }

  const std::string& problem() const { return problem_; }
  const std::string& path() const { return place_->path(); }
  uint64_t bytes() const { return tier_ == Tier::transparent_huge || tier_ == Tier::hugetlb ? 2 << 20 : 2 * 4096; }

  rtlane_shm_options options() const
  {
    rtlane_shm_options options = small_pages();
    if (tier_ == Tier::transparent_huge || tier_ == Tier::hugetlb)
      options.huge = RTLANE_REQUIRED;
    return options;
  }

  // What a process of this tier does first.
  void enter() const
  {
    if (tier_ == Tier::small_without_tmpfile)
      refuse_tmpfile();
  }

  Shm create(const char* name) const
  {
    const rtlane_shm_options wanted = options();
    return Shm::create(name, bytes(), &wanted);
  }

  // All that is left in the namespace beside its lock file, with the payloads elsewhere.
  std::vector<std::string> left() const
  {
    std::vector<std::string> files = object_files(path());
    if (pages_ != nullptr) {
      for (const std::string& payload : pages_->payloads())
        files.push_back(payload);
      // A page may be on its way back for a moment after a munmap of another process.
      if (files.empty() && HugePages::free_pages() != free_pages_)
        files.push_back(std::to_string(free_pages_ - HugePages::free_pages()) + " huge pages");
    }
    return files;
  }

  std::string payload_path() const { return pages_ == nullptr ? "" : pages_->path(); }

private:
  Tier tier_;
  std::string problem_;
  std::unique_ptr<PrivateMount> mount_;
  std::unique_ptr<HugePages> pages_;
  std::unique_ptr<TempNamespace> place_;
  unsigned free_pages_ = 0;
};

// Calls that change nothing but the caller's memory: a kill after one is the same case as a kill before it.
inline bool only_asks(long call)
{
  switch (call) {
    case SYS_read:
    case SYS_pread64:
    case SYS_getdents64:
    case SYS_newfstatat:
    case SYS_fstat:
    case SYS_lstat:
    case SYS_stat:
    case SYS_statfs:
    case SYS_fstatfs:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_access:
    case SYS_geteuid:
    case SYS_getuid:
    case SYS_getpid:
    case SYS_getrandom:
    case SYS_getrusage:
    case SYS_prlimit64:
    case SYS_get_mempolicy:
    case SYS_futex:
    case SYS_brk:
    case SYS_lseek:
    case SYS_clock_gettime:
      return true;
    default:
      return false;
  }
}

}  // namespace rtlane::test
