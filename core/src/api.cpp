#include <rtlane/core/api.h>

#include <cstdarg>
#include <cstdio>

#include "error.hpp"

namespace rtlane::detail {
namespace {

// Long enough for two paths and the sentence around them.
constexpr int message_bytes = 2048;
thread_local char message[message_bytes] = "";

}  // namespace

int fail(int code, const char* format, ...) noexcept
{
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, message_bytes, format, arguments);
  va_end(arguments);
  return -code;
}

}  // namespace rtlane::detail

const char* rtlane_version() noexcept
{
  return RTLANE_VERSION;
}

const char* rtlane_error_message() noexcept
{
  return rtlane::detail::message;
}
