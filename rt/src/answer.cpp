#include "answer.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#include "environment.hpp"

namespace rtlane::rt::detail {
int check_handle_room(std::uint32_t handles) noexcept
{
  constexpr std::uint32_t most = rtlane::detail::handles_max;
  std::uint64_t limit = 0;
  if (const int error = rtlane::detail::environment_number("RTLANE_MAX_HANDLES", 1, most, most, limit); error != 0)
    return error;
  // For the last of several all others must have found a place.
  const int result = limit < handles
                         ? -EMFILE
                         : Process::instance().handles.check_room(static_cast<std::uint32_t>(limit) - (handles - 1));
  if (result == 0 || handles == 1)
    return result;
  return fail(EMFILE, "%u handles are needed and RTLANE_MAX_HANDLES leaves room for fewer: close some, or raise it",
              static_cast<unsigned>(handles));
}

HANDLE give_handle(std::shared_ptr<HandleTarget> target)
{
  return to_pointer(Process::instance().handles.add(std::move(target), false));
}

}  // namespace rtlane::rt::detail
