// Small kernel text files (/proc, /sys, cgroups) and numbers for messages.
#pragma once

#include <cstdint>
#include <string>

namespace rtlane::detail {

// The file's contents; "" when it cannot be read.
std::string read_text_file(const char* path);

// The first number in the file. False when there is none ("max", missing file).
bool read_number_file(const char* path, std::uint64_t& value);

// "12.5 MiB", "640 bytes".
std::string human_bytes(std::uint64_t bytes);

}  // namespace rtlane::detail
