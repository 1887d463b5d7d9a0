// The control page: the first 4096 bytes of every object's control file.
//
// Written once, before the file gets its name, and never again; everybody maps it read-only. All
// that changes during an object's life lies in the payload or in the locks. So no field is shared
// mutable state and no memory ordering is needed: the file system's link publishes the page.
//
// Layout version 2 (1: with mutexes of glibc). A change of any offset, also in the payload of synchronization objects,
// changes object_layout_version in the same commit; the magic, the version's place and the meaning of bytes 0 and 1 as
// locks are fixed for all versions, so that orphans of any version can be removed.
#pragma once

#include <rtlane/core/shm.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace rtlane::detail {

inline constexpr std::uint64_t object_magic = 0x314a424f454e4c52;  // "RLNEOBJ1", little endian
inline constexpr std::uint32_t object_layout_version = 2;
inline constexpr std::uint32_t control_bytes = 4096;
inline constexpr std::size_t object_name_bytes_max = RTLANE_NAME_MAX * 4;

struct ObjectHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t word_bits;       // of the creator: 64
  std::uint32_t header_bytes;    // control_bytes
  std::uint32_t kind;            // rtlane_kind
  std::uint64_t generation;      // random
  std::uint64_t size_bytes;      // as asked for
  std::uint64_t mapped_bytes;    // rounded up to page_bytes
  std::uint64_t payload_offset;  // in the control file; 0 for hugetlb, whose payload is a file of its own
  std::uint64_t page_bytes;      // what the creator obtained
  std::uint64_t locked_bytes;    // of the creator's mapping
  std::uint64_t payload_inode;   // hugetlb: of the payload file
  std::int64_t created_unix_ns;
  std::int32_t creator_pid;
  std::uint32_t creator_uid;
  std::uint32_t tier;  // rtlane_tier
  std::int32_t numa_node;
  std::uint32_t name_bytes;
  std::uint32_t reserved;
  char page_reason[256];
  char page_fix[256];
  char name[1056];  // UTF-8, not terminated by the layout
  char lock_reason[256];
  char lock_fix[256];
  std::uint64_t payload_directory_id;  // hugetlb: names the payload's directory
  char padding[4096 - 112 - 4 * 256 - 1056 - 8];
};

static_assert(std::is_trivially_copyable_v<ObjectHeader>);
static_assert(sizeof(ObjectHeader) == control_bytes, "one small page on every machine");
static_assert(offsetof(ObjectHeader, layout_version) == 8, "fixed for all versions");
static_assert(offsetof(ObjectHeader, generation) == 24);
static_assert(offsetof(ObjectHeader, created_unix_ns) == 80);
static_assert(offsetof(ObjectHeader, page_reason) == 112);
static_assert(offsetof(ObjectHeader, name) == 112 + 512);
static_assert(offsetof(ObjectHeader, lock_reason) == 112 + 512 + 1056);
static_assert(offsetof(ObjectHeader, payload_directory_id) == 112 + 512 + 1056 + 512);
static_assert(object_name_bytes_max <= sizeof(ObjectHeader::name));

// The bytes of the control file that serve as locks.
inline constexpr long holder_byte = 0;    // read-locked by every holder for as long as it holds
inline constexpr long decision_byte = 1;  // write-locked while somebody decides whether the object lives

inline std::string_view name_of(const ObjectHeader& header) noexcept
{
  return {header.name, header.name_bytes};
}

}  // namespace rtlane::detail
