// What the set-up calls of the C API give out, in the hands of a test.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/core/api.h>

#include <memory>

namespace rtlane::test {

template <class Handle>
using Owner = std::unique_ptr<Handle, void (*)(Handle*) noexcept>;

// What a set-up call gives out, closed or detached at the end of the test.
template <class Handle, class Call>
Owner<Handle> owner(void (*end)(Handle*) noexcept, Call call)
{
  Handle* made = nullptr;
  EXPECT_GE(call(&made), 0) << rtlane_error_message();
  return {made, end};
}

}  // namespace rtlane::test
