// From an object's name to the name of its control file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rtlane::detail {

struct FileName {
  std::string text;           // at most 233 bytes, so that ".<16 digits>" still fits for a payload
  std::uint64_t lock_offset;  // the byte of the namespace's lock file that creators of this name take
};

// Checks the rules for names: at most RTLANE_NAME_MAX characters, no '\'. Returns 0 or -errno.
int check_name(std::string_view name) noexcept;

// "<readable part>~<128-bit FNV-1a of the name>". The readable part helps people only: bytes other
// than letters, digits, '_', '-' and '.' become %XX, and it is cut at 200 bytes. Two names may meet
// in one file name; the full name in the header decides.
FileName file_name_for(std::string_view name);

// Whether a directory entry has the form that file_name_for gives.
bool is_object_file_name(std::string_view file) noexcept;

}  // namespace rtlane::detail
