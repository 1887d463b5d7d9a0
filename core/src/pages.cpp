#include "pages.hpp"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

#include "error.hpp"
#include "text_file.hpp"

// Newer than Debian 12's libc headers.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace rtlane::detail {

Mapping::Mapping(Mapping&& other) noexcept : range_(std::exchange(other.range_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept
{
  if (this != &other) {
    reset();
    range_ = std::exchange(other.range_, {});
  }
  return *this;
}

void Mapping::reset() noexcept
{
  if (range_.address != nullptr)
    ::munmap(range_.address, range_.bytes);
  range_ = {};
}

void* Mapping::release() noexcept
{
  return std::exchange(range_, {}).address;
}

int Mapping::map_file(int fd, std::uint64_t offset, std::uint64_t bytes, std::uint64_t alignment, bool writable,
                      Mapping& mapping) noexcept
{
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  // Reserve enough that an aligned start fits, put the file there, give the ends back.
  const std::uint64_t slack = alignment > small_page_bytes ? alignment : 0;
  if (bytes > SIZE_MAX - slack)
    return -ENOMEM;
  void* reserved = ::mmap(nullptr, bytes + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED)
    return -errno;
  char* first = static_cast<char*>(reserved);
  const std::uint64_t misalignment = slack == 0 ? 0 : reinterpret_cast<std::uintptr_t>(first) % alignment;
  const std::uint64_t before = misalignment == 0 ? 0 : alignment - misalignment;
  void* address = ::mmap(first + before, bytes, protection, MAP_SHARED | MAP_FIXED, fd, static_cast<off_t>(offset));
  if (address == MAP_FAILED) {
    const int error = -errno;
    ::munmap(reserved, bytes + slack);
    return error;
  }
  if (before != 0)
    ::munmap(first, before);
  if (slack != before)
    ::munmap(first + before + bytes, slack - before);
  mapping = Mapping(Range{address, bytes});
  return 0;
}

const char* Mapping::map_problem(int error) noexcept
{
  switch (error) {
    case -EAGAIN:  // only when new mappings are locked at once
      return "RLIMIT_MEMLOCK is reached, and mlockall(MCL_FUTURE) locks every mapping: raise it (ulimit -l), or lock "
             "less";
    case -ENOMEM:
      return "no address space or too many mappings (ulimit -v, /proc/sys/vm/max_map_count)";
    default:
      return std::strerror(-error);
  }
}

PageFacts page_facts(const Range& range, rtlane_tier tier)
{
  const auto begin = reinterpret_cast<std::uintptr_t>(range.address);
  const std::uintptr_t end = begin + range.bytes;
  std::uint64_t kernel_page = 0;
  std::uint64_t resident = 0;
  std::uint64_t pmd_mapped = 0;
  bool all_locked = true;
  bool inside = false;

  std::istringstream lines(read_text_file("/proc/thread-self/smaps"));
  std::string line;
  while (std::getline(lines, line)) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    std::uint64_t kib = 0;
    // "7f12-7f34 rw-s ..." begins a mapping, "Key:  N kB" describes it.
    if (line[0] < 'A' || line[0] > 'Z') {
      inside = std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2 && from < end && to > begin;
    } else if (inside) {
      if (std::sscanf(line.c_str(), "KernelPageSize: %" SCNu64, &kib) == 1)
        kernel_page = kernel_page == 0 || kib * 1024 < kernel_page ? kib * 1024 : kernel_page;
      else if (std::sscanf(line.c_str(), "Rss: %" SCNu64, &kib) == 1)
        resident += kib * 1024;
      else if (std::sscanf(line.c_str(), "ShmemPmdMapped: %" SCNu64, &kib) == 1)
        pmd_mapped += kib * 1024;
      else if (line.compare(0, 8, "VmFlags:") == 0)
        all_locked = all_locked && (line + " ").find(" lo ") != std::string::npos;
    }
  }

  PageFacts facts;
  facts.page_bytes = kernel_page != 0 ? kernel_page : static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (tier == RTLANE_TIER_THP && pmd_mapped >= range.bytes)
    facts.page_bytes = thp_bytes();
  // hugetlb pages are never swapped; smaps counts them neither as resident nor as locked.
  facts.locked = tier == RTLANE_TIER_HUGETLB || (all_locked && resident >= range.bytes);
  return facts;
}

bool maps_huge_pages(const Range& range)
{
  return page_facts(range, RTLANE_TIER_THP).page_bytes > small_page_bytes;
}

int numa_node_of(const Range& range) noexcept
{
  int node = -1;
  return ::syscall(SYS_get_mempolicy, &node, nullptr, 0, range.address, MPOL_F_NODE | MPOL_F_ADDR) == 0 ? node : -1;
}

std::uint64_t thp_bytes()
{
  std::uint64_t bytes = 0;
  return read_number_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", bytes) ? bytes : 0;
}

int fault_in(const Range& range, bool writable) noexcept
{
  while (::madvise(range.address, range.bytes, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) != 0) {
    if (errno != EINTR && errno != EAGAIN)
      return -errno;
  }
  return 0;
}

const char* fault_in_problem(int error) noexcept
{
  switch (error) {
    case -EFAULT:  // where a plain access would be SIGBUS
    case -ENOMEM:
      return "no memory is left for it (the file system's size, the memory cgroup, the machine)";
    case -EINVAL:
      return "Linux 5.14 or newer is needed";
    case -EHWPOISON:
      return "a page of it is broken hardware";
    default:
      return std::strerror(-error);
  }
}

void advise_huge(const Range& range) noexcept
{
  ::madvise(range.address, range.bytes, MADV_HUGEPAGE);
}

int collapse_to_huge(const Range& range) noexcept
{
  // EAGAIN: a page was busy for the moment (on a per-CPU list, under migration). A few tries settle it.
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (::madvise(range.address, range.bytes, MADV_COLLAPSE) == 0)
      return 0;
    if (errno != EAGAIN && errno != EINTR && errno != EBUSY)
      break;
  }
  return -errno;
}

int lock_in_memory(const Range& range, std::string& reason, std::string& fix)
{
  // The raw system call, since sanitizers turn mlock into nothing.
  if (::syscall(SYS_mlock2, range.address, range.bytes, 0) == 0)
    return 0;
  const int error = -errno;
  struct rlimit limit = {};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  reason = "mlock of " + human_bytes(range.bytes) + " failed: " + std::strerror(-error);
  if (limit.rlim_cur != RLIM_INFINITY) {
    reason += "; RLIMIT_MEMLOCK is " + human_bytes(limit.rlim_cur);
    fix = "ulimit -l unlimited (persistent: memlock in /etc/security/limits.d), or setcap cap_ipc_lock+ep PROGRAM";
  }
  return error;
}

int bind_to_node(const Range& range, int node) noexcept
{
  constexpr unsigned bits_per_word = 8 * sizeof(unsigned long);
  unsigned long nodes[16] = {};
  char path[64];
  std::snprintf(path, sizeof path, "/sys/devices/system/node/node%d", node);
  if (node < 0 || static_cast<unsigned>(node) >= 16 * bits_per_word || ::access(path, F_OK) != 0)
    return fail(EINVAL, "there is no NUMA node %d here: see /sys/devices/system/node/online", node);
  nodes[static_cast<unsigned>(node) / bits_per_word] |= 1UL << (static_cast<unsigned>(node) % bits_per_word);
  if (::syscall(SYS_mbind, range.address, range.bytes, MPOL_BIND, nodes, 16 * bits_per_word,
                MPOL_MF_MOVE | MPOL_MF_STRICT) != 0)
    return fail(EINVAL, "memory cannot be bound to NUMA node %d: %s", node, std::strerror(errno));
  return 0;
}

}  // namespace rtlane::detail
