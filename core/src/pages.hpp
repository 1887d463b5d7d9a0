// Pages of this process: mapping, faulting in, locking, and reading back what was obtained.
#pragma once

#include <rtlane/core/shm.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace rtlane::detail {

struct Range {
  void* address = nullptr;
  std::uint64_t bytes = 0;
};

// Owner of a mapped range.
class Mapping {
public:
  Mapping() = default;
  explicit Mapping(const Range& range) noexcept : range_(range) {}
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { reset(); }

  void reset() noexcept;

  // Gives the range up; the caller unmaps it.
  [[nodiscard]] void* release() noexcept;

  // Maps a shared range of the file at an address that is a multiple of alignment, so that huge pages
  // fit. Returns 0 or -errno, no sentence.
  static int map_file(int fd, std::uint64_t offset, std::uint64_t bytes, std::uint64_t alignment, bool writable,
                      Mapping& mapping) noexcept;

  // What an error of map_file() means, in words.
  static const char* map_problem(int error) noexcept;

  [[nodiscard]] void* address() const noexcept { return range_.address; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return range_.bytes; }
  [[nodiscard]] const Range& range() const noexcept { return range_; }
  [[nodiscard]] explicit operator bool() const noexcept { return range_.address != nullptr; }

private:
  Range range_;
};

inline constexpr std::uint64_t small_page_bytes = 4096;

// Facts about a mapped range, read back from the process's smaps: slow in a process with many mappings.
struct PageFacts {
  std::uint64_t page_bytes = 0;  // the smallest page in use in the range
  bool locked = false;           // every page is resident and locked
};

PageFacts page_facts(const Range& range, rtlane_tier tier);

// Whether transparent huge pages map the whole range.
bool maps_huge_pages(const Range& range);

// The NUMA node of the first page; -1 = unknown.
int numa_node_of(const Range& range) noexcept;

// The size of one transparent huge page; 0 where the kernel has none.
std::uint64_t thp_bytes();

// Gives every page of the range its memory and its page-table entry, so that no access faults later.
// Returns 0 or -errno, no sentence. Contents are not changed.
int fault_in(const Range& range, bool writable) noexcept;

// What an error of fault_in() means, in words.
const char* fault_in_problem(int error) noexcept;

// Advises transparent huge pages, before the range is faulted in.
void advise_huge(const Range& range) noexcept;

// Makes huge pages of a range that is faulted in already. Works whatever the tmpfs mount's huge= option
// says, but for "deny" (Linux 6.1). Returns 0 or -errno, no sentence.
int collapse_to_huge(const Range& range) noexcept;

// Locks the range into memory. Returns 0 or -errno; reason and fix then say why and what helps.
int lock_in_memory(const Range& range, std::string& reason, std::string& fix);

// Binds the memory of the range to a NUMA node: what it will get, and what mlockall(MCL_FUTURE) has given it already.
// Returns 0, or -EINVAL with a sentence.
int bind_to_node(const Range& range, int node) noexcept;

}  // namespace rtlane::detail
