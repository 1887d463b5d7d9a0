// Text in arrays of fixed size, as headers and C structs have it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace rtlane::detail {

// Copies what fits, terminates it, and zeroes the rest.
template <std::size_t size>
void copy_text(char (&target)[size], std::string_view text) noexcept
{
  std::memset(target, 0, size);
  std::memcpy(target, text.data(), std::min(text.size(), size - 1));
}

// The text in an array that may not be terminated.
template <std::size_t size>
std::string_view text_of(const char (&field)[size]) noexcept
{
  return {field, ::strnlen(field, size)};
}

}  // namespace rtlane::detail
