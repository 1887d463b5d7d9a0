// What every C++ owner asks of a name before it becomes a C string.
#pragma once

#include <rtlane/core/expected.hpp>

#include <cerrno>
#include <string>

namespace rtlane::detail {

// The C calls would take such a name for the part before the NUL.
inline bool has_nul(const std::string& name) noexcept
{
  return name.find('\0') != std::string::npos;
}

inline Error error_of_nul()
{
  return {EINVAL, "the object name has a NUL inside: names may hold any character but that one and '\\'"};
}

}  // namespace rtlane::detail
