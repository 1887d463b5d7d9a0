// The result of set-up calls: a value, or an error that says what to do.
//
// rtlane::expected<T> is std::expected where the compiler has it, else tl::expected (Debian:
// libexpected-dev). Both have the same members for everything used here.
#pragma once

#include <rtlane/core/api.h>

#include <cstring>
#include <string>
#include <version>

#if defined(__cpp_lib_expected)
#include <expected>
#else
#include <tl/expected.hpp>
#endif

namespace rtlane {

struct Error {
  int code = 0;         // errno value, positive
  std::string message;  // what is wrong and what to do

  // The error of the C call of this thread that has just returned `result` (negative errno).
  static Error from_c(int result)
  {
    const char* sentence = rtlane_error_message();
    return {-result, *sentence != '\0' ? sentence : std::strerror(-result)};
  }
};

#if defined(__cpp_lib_expected)
template <class T>
using expected = std::expected<T, Error>;
using unexpected = std::unexpected<Error>;
#else
template <class T>
using expected = tl::expected<T, Error>;
using unexpected = tl::unexpected<Error>;
#endif

}  // namespace rtlane
