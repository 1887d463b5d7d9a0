// The iwin32 border of shared memory, of closing and of the last error. All behaviour is that of core/shm.h.
#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>

#include <cerrno>

#include "error.hpp"
#include "iwin32_border.hpp"

namespace rtlane::detail {
namespace {

int create(DWORD size_high, DWORD size_low, const char* name, rtlane_handle& handle, VOID** location)
{
  if (location == nullptr)
    return fail(EINVAL, "location is NULL: pass the address of the pointer that receives the memory's address");
  if (size_high != 0)
    return fail(EINVAL, "MaximumSizeHigh is %u: it must be 0; rtlane_shm_create takes sizes above 4 GiB",
                static_cast<unsigned>(size_high));
  if (const int error = refuse_backslash(name); error != 0)
    return error;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  if (const int error = environment_options(options); error != 0)
    return error;
  return rtlane_shm_create(name, size_low, &options, &handle, location);
}

int open(const char* name, rtlane_handle& handle, VOID** location)
{
  if (location == nullptr)
    return fail(EINVAL, "location is NULL: pass the address of the pointer that receives the memory's address");
  if (const int error = check_open_name(name); error != 0)
    return error;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  if (const int error = environment_options(options); error != 0)
    return error;
  return rtlane_shm_open(name, &options, &handle, location);
}

BOOL close_handle(HANDLE handle)
{
  const ErrnoKeeper keeper;
  return bool_answer(rtlane_close(from_pointer(handle)));
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

HANDLE RtCreateSharedMemoryA(DWORD, DWORD MaximumSizeHigh, DWORD MaximumSizeLow, LPCSTR lpName,
                             VOID** location) noexcept
{
  const ErrnoKeeper keeper;
  rtlane_handle handle = 0;
  const int result = create(MaximumSizeHigh, MaximumSizeLow, lpName, handle, location);
  return create_answer(result, handle);
}

HANDLE RtCreateSharedMemoryW(DWORD, DWORD MaximumSizeHigh, DWORD MaximumSizeLow, LPCWSTR lpName,
                             VOID** location) noexcept
{
  const ErrnoKeeper keeper;
  rtlane_handle handle = 0;
  Utf8Name name;
  int result = name.convert(lpName);
  if (result == 0)
    result = create(MaximumSizeHigh, MaximumSizeLow, name.get(), handle, location);
  return create_answer(result, handle);
}

HANDLE RtOpenSharedMemoryA(DWORD, BOOLEAN, LPCSTR lpName, VOID** location) noexcept
{
  const ErrnoKeeper keeper;
  rtlane_handle handle = 0;
  const int result = open(lpName, handle, location);
  return open_answer(result, handle);
}

HANDLE RtOpenSharedMemoryW(DWORD, BOOLEAN, LPCWSTR lpName, VOID** location) noexcept
{
  const ErrnoKeeper keeper;
  rtlane_handle handle = 0;
  Utf8Name name;
  int result = name.convert(lpName);
  if (result == 0)
    result = open(name.get(), handle, location);
  return open_answer(result, handle);
}

BOOL RtUnmapSharedMemory(PVOID) noexcept
{
  return TRUE;
}

BOOL CloseHandle(HANDLE hObject) noexcept
{
  return close_handle(hObject);
}

BOOL RtCloseHandle(HANDLE hObject) noexcept
{
  return close_handle(hObject);
}

DWORD GetLastError() noexcept
{
  return last_error();
}

DWORD RtGetLastError() noexcept
{
  return last_error();
}

VOID SetLastError(DWORD dwErrCode) noexcept
{
  set_last_error(dwErrCode);
}

VOID RtSetLastError(DWORD dwErrCode) noexcept
{
  set_last_error(dwErrCode);
}
