// hugetlbfs mounts, and the payload files that objects of that tier keep there.
//
// Payloads lie in <mount>/rtlane-<device>-<inode of the namespace directory>/ and are named
// "<control file>.<generation>". Every holder of the object read-locks byte 0 of the payload through the
// description that it maps, creators before the payload has a name: so a payload that can be
// write-locked is garbage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "namespace_directory.hpp"
#include "unique_fd.hpp"

namespace rtlane::detail {

struct HugeMount {
  std::string path;
  std::uint64_t page_bytes = 0;
};

// The mounts of this mount namespace.
std::vector<HugeMount> huge_mounts();

// Page sizes that the kernel has pools for, largest first.
std::vector<std::uint64_t> huge_page_sizes();

// Pages of this size that can be had now: free and unreserved ones, and what may be overcommitted.
std::uint64_t free_huge_pages(std::uint64_t page_bytes);

std::string payload_file_name(const std::string& control_file, std::uint64_t generation);

// Opens the namespace's payload directory on the mount. Returns 0 or -errno, no sentence.
int open_payload_directory(const HugeMount& mount, const NamespaceDirectory& directory,
                           NamespaceDirectory::Missing missing, UniqueFd& fd, std::string& path);

// Opens and read-locks an existing payload. Returns 0, -ENOENT when it is gone, or -errno; no sentence.
int open_payload(const NamespaceDirectory& directory, const std::string& file, std::uint64_t page_bytes,
                 std::uint64_t inode, bool writable, UniqueFd& fd, std::string& path);

// Removes the payload's name wherever it is. The caller knows that the object is dead.
void remove_payload(const NamespaceDirectory& directory, const std::string& file, std::uint64_t page_bytes);

// Removes every payload that nobody holds, of this namespace and of the user's others (which may be gone; for
// root of all). Never waits. Appends the paths removed.
void sweep_payloads(const NamespaceDirectory& directory, std::vector<std::string>& removed);

}  // namespace rtlane::detail
