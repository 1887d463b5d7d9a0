// hugetlbfs mounts, and the payload files that objects of that tier keep there.
//
// Payloads lie in <mount>/rtlane-<id of the namespace>/ and are named "<control file>.<generation>". Every holder of
// the object read-locks byte 0 of the payload through the description that it maps, creators before the payload has
// a name: so a payload that can be write-locked is garbage. Names of any other form are nobody's business here.
//
// Who makes a payload has its directory flock()ed shared meanwhile; a sweeper removes an empty directory under the
// exclusive lock.
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

// Stores the mounts of this mount namespace. Returns 0 or -errno (no /proc, no descriptor), no sentence.
int huge_mounts(std::vector<HugeMount>& mounts);

// Page sizes that the kernel has pools for, largest first.
std::vector<std::uint64_t> huge_page_sizes();

// Pages of this size that can be had now: free and unreserved ones, and what may be overcommitted.
std::uint64_t free_huge_pages(std::uint64_t page_bytes);

// Which payload, wherever it is mounted.
struct PayloadFile {
  std::uint64_t directory_id = 0;  // of the namespace when the object was made
  std::uint64_t page_bytes = 0;
  std::string name;
};

std::string payload_file_name(const std::string& control_file, std::uint64_t generation);

// Makes or opens the directory for new payloads on the mount, locked against removal until fd is closed: for the
// namespace with this id, as open as its directory is. Returns 0 or -errno, no sentence.
int make_payload_directory(const HugeMount& mount, const NamespaceDirectory& directory, std::uint64_t id, UniqueFd& fd,
                           std::string& path);

// Opens and read-locks an existing payload. Returns 0; -ENOENT when it is gone; -ENODEV when no hugetlbfs with such
// pages is mounted here; or -errno; no sentence.
int open_payload(const PayloadFile& file, std::uint64_t inode, bool writable, UniqueFd& fd, std::string& path);

// Where the payload is; "" when it is not seen from here.
std::string find_payload(const PayloadFile& file);

// Removes the payload's name wherever it is, if it is the file with this inode. Who is not its holder removes it only
// when nobody is: the control file that names it may be a copy. What is kept is a later sweep's.
enum class PayloadOwner { nobody, this_process };
void remove_payload(const PayloadFile& file, std::uint64_t inode, PayloadOwner owner);

// Removes every payload that nobody holds, of this namespace and of the user's others (which may be gone; for
// root of all), and payload directories that are empty. Never waits. Appends the paths of the payloads removed.
void sweep_payloads(const NamespaceDirectory& directory, std::vector<std::string>& removed);

}  // namespace rtlane::detail
