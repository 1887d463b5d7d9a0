// Waiting for handles.
#pragma once

#include <rtlane/core/sync.h>

#include <cstdint>

#include "futex.hpp"

namespace rtlane::detail {

// As rtlane_wait_until().
int wait_one(rtlane_handle handle, Deadline deadline) noexcept;

// As rtlane_wait_any_until(); index is written as *index.
int wait_any(const rtlane_handle* handles, std::uint32_t count, Deadline deadline, std::uint32_t& index) noexcept;

}  // namespace rtlane::detail
