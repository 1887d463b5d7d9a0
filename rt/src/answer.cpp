#include "answer.hpp"

#include <rtlane/rt/iwin32_threads_types.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "environment.hpp"

namespace rtlane::rt::detail {
namespace {

constexpr struct {
  int error;
  DWORD code;
} own_errors[] = {
    {EOPNOTSUPP, ERROR_NOT_SUPPORTED},   {EBUSY, ERROR_BUSY},
    {EAGAIN, ERROR_NO_SYSTEM_RESOURCES},  // no more threads or processes
    {ERANGE, ERROR_SIGNAL_REFUSED},       // suspend count
    {ENOEXEC, ERROR_BAD_EXE_FORMAT},     {ESRCH, ERROR_INVALID_PARAMETER},
};

}  // namespace

void report(int result) noexcept
{
  for (const auto& row : own_errors) {
    if (row.error == -result) {
      set_last_error(row.code);
      return;
    }
  }
  set_last_error(rtlane::detail::to_last_error(result));
}

BOOL answer(int result) noexcept
{
  if (result >= 0)
    return TRUE;
  report(result);
  return FALSE;
}

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
