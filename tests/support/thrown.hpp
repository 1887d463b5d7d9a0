// What tests of owners ask of calls that throw.
#pragma once

#include <gtest/gtest.h>

#include <system_error>

namespace rtlane::test {

// The errno of the system_error that call() throws; 0 when it throws none.
template <class Call>
int thrown_by(Call call)
{
  try {
    call();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().category(), std::generic_category());
    EXPECT_STRNE(error.what(), "");
    return error.code().value();
  }
  return 0;
}

}  // namespace rtlane::test
