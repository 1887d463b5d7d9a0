// Whether memory can be had, asked before it is taken.
//
// Asking first matters: over RLIMIT_FSIZE the kernel sends SIGXFSZ, over a cgroup's limit it kills,
// and a full tmpfs shows as SIGBUS at the first touch. Here each is a sentence with the numbers.
#pragma once

#include <cstdint>

namespace rtlane::detail {

// For a file of file_bytes of which new_bytes are to be allocated now. directory_fd says on which file
// system; -1 leaves the file system and main memory out (hugetlb pages are accounted elsewhere).
// Returns 0 or -ENOMEM with a sentence. Others can take the room in the meantime: the allocation
// itself is still checked.
int check_room(int directory_fd, const char* directory, std::uint64_t file_bytes, std::uint64_t new_bytes);

// What a NUMA node has for new_bytes of small or transparent huge pages. Binding to a node with less would have the
// kernel kill for it. Returns 0, also for a node that says nothing, or -ENOMEM with a sentence.
int check_node_room(int node, std::uint64_t new_bytes);

// The same for new_bytes of this process's own memory: what the machine and the cgroups have.
int check_private_room(std::uint64_t new_bytes);

}  // namespace rtlane::detail
