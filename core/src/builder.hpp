// Makes a new object whole before anybody can see it.
#pragma once

#include <rtlane/core/shm.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "attachment.hpp"
#include "contents.hpp"
#include "control_file.hpp"
#include "namespace_directory.hpp"

namespace rtlane::detail {

struct BuildRequest {
  rtlane_kind kind = RTLANE_KIND_SHARED_MEMORY;
  std::string_view name;  // "" = unnamed
  std::string file;       // of the control file; "" for an unnamed object
  std::uint64_t size_bytes = 0;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  std::uint64_t pool_bytes = 0;       // limit; 0 = none
  std::uint64_t pool_used_bytes = 0;  // by the objects that live
  int lock_file = -1;                 // of the namespace
  Contents* contents = nullptr;       // nullptr: zeros
};

struct Built {
  HeldControl control;
  Attachment attachment;
};

// Checks what does not depend on the machine's state. Returns 0 or -EINVAL with a sentence.
int check_options(const rtlane_shm_options& options);

// Allocates, maps, faults in and locks the memory on the best tier that can be had, writes the control page,
// takes the holder's lock and only then links the names. Returns 0; -EEXIST when the name is taken (no
// sentence: join it); -ENOMEM, -EDQUOT, -EACCES, -EINVAL with a sentence. On failure nothing is left.
int build(const NamespaceDirectory& directory, const BuildRequest& request, Built& built);

}  // namespace rtlane::detail
