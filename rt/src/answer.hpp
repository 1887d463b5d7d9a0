// What the iwin32 calls of rt do around their work, beside core's iwin32_border.hpp.
#pragma once

#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>

#include <memory>

#include "border.hpp"
#include "error.hpp"
#include "iwin32_border.hpp"
#include "process.hpp"

namespace rtlane::rt::detail {

using rtlane::detail::bool_answer;
using rtlane::detail::ErrnoKeeper;
using rtlane::detail::fail;
using rtlane::detail::from_pointer;
using rtlane::detail::guarded_call;
using rtlane::detail::HandleTarget;
using rtlane::detail::NoCancellation;
using rtlane::detail::Process;
using rtlane::detail::set_last_error;
using rtlane::detail::set_up_call;
using rtlane::detail::to_last_error;
using rtlane::detail::to_pointer;

// Returns 0, or -EMFILE or -EINVAL with a sentence. Inside Process::enter().
int check_handle_room(std::uint32_t handles) noexcept;

// There is room. Inside Process::enter().
HANDLE give_handle(std::shared_ptr<HandleTarget> target);

// What the handle stands for if it is a Target; else nullptr, with a sentence that says what was expected. Not inside
// Process::enter().
template <class Target>
std::shared_ptr<Target> target_of(HANDLE handle, const char* expected)
{
  const rtlane::detail::HandleTable::Pin pin = Process::instance().handles.pin(from_pointer(handle));
  if (!pin)
    return nullptr;
  auto* target = dynamic_cast<Target*>(pin.target());
  if (target == nullptr) {
    fail(EBADF, "%p is not the handle of a %s", handle, expected);
    return nullptr;
  }
  return target->shared_from_this();
}

}  // namespace rtlane::rt::detail
