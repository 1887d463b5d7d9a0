// The values of fields as they lie in an element: for those who write them out by a field table that was checked.
//
// Free functions of the bytes they are given; they need no alignment. Bounded, no system call; append_number may
// allocate.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace rtlane::detail {

template <class Value>
[[nodiscard]] Value load_field(const std::byte* at) noexcept
{
  Value value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// `bytes` is 1, 2, 4 or 8, as a checked table has it.
[[nodiscard]] inline std::int64_t load_signed(const std::byte* at, std::uint32_t bytes) noexcept
{
  switch (bytes) {
    case 1:
      return load_field<std::int8_t>(at);
    case 2:
      return load_field<std::int16_t>(at);
    case 4:
      return load_field<std::int32_t>(at);
    default:
      return load_field<std::int64_t>(at);
  }
}

// As load_signed().
[[nodiscard]] inline std::uint64_t load_unsigned(const std::byte* at, std::uint32_t bytes) noexcept
{
  switch (bytes) {
    case 1:
      return load_field<std::uint8_t>(at);
    case 2:
      return load_field<std::uint16_t>(at);
    case 4:
      return load_field<std::uint32_t>(at);
    default:
      return load_field<std::uint64_t>(at);
  }
}

// In decimal; of a float the shortest text that reads back as the same one, which is not that of the double.
template <class Number>
void append_number(std::string& text, Number number)
{
  char digits[64];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace rtlane::detail
