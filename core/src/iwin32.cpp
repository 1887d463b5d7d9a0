// The iwin32 border: arguments in, handle and last error out. All behaviour is that of core/shm.h.
#include <rtlane/core/iwin32.h>
#include <rtlane/core/shm.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <cwchar>

#include "environment.hpp"
#include "error.hpp"

namespace rtlane::detail {
namespace {

constinit thread_local DWORD last_error = ERROR_SUCCESS;

// The one place where errno becomes a last error.
constexpr struct {
  int error;
  DWORD code;
} last_error_table[] = {
    {EINVAL, ERROR_INVALID_PARAMETER},   {ENAMETOOLONG, ERROR_FILENAME_EXCED_RANGE},
    {EILSEQ, ERROR_INVALID_NAME},        // wide name that is no text
    {ENOTDIR, ERROR_PATH_NOT_FOUND},     // '\', which would name a folder
    {EPROTOTYPE, ERROR_INVALID_HANDLE},  // name of another kind
    {EBADF, ERROR_INVALID_HANDLE},       {ENOENT, ERROR_FILE_NOT_FOUND},
    {EACCES, ERROR_ACCESS_DENIED},       {EPERM, ERROR_ACCESS_DENIED},
    {ENOMEM, ERROR_NOT_ENOUGH_MEMORY},   {ENOSPC, ERROR_NOT_ENOUGH_MEMORY},
    {EDQUOT, ERROR_NOT_ENOUGH_MEMORY},   {EMFILE, ERROR_NO_SYSTEM_RESOURCES},
    {ENFILE, ERROR_NO_SYSTEM_RESOURCES}, {EBADMSG, ERROR_FILE_INVALID},
    {EPROTO, ERROR_FILE_INVALID},
};

DWORD to_last_error(int result)
{
  for (const auto& row : last_error_table) {
    if (row.error == -result)
      return row.code;
  }
  return ERROR_GEN_FAILURE;
}

// Ported code mixes these calls with libc's and must find its errno again (row H5).
class ErrnoKeeper {
public:
  ErrnoKeeper() = default;
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;
  ~ErrnoKeeper() { errno = saved_; }

private:
  int saved_ = errno;
};

HANDLE to_pointer(rtlane_handle handle)
{
  return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(handle));
}

// A 32-bit handle kept in an int and cast back arrives with its sign spread over the upper half.
rtlane_handle from_pointer(HANDLE handle)
{
  const std::int64_t value = reinterpret_cast<std::intptr_t>(handle);
  if (value < INT32_MIN || value > UINT32_MAX)
    return 0;
  return static_cast<rtlane_handle>(value);
}

int environment_wish(const char* variable, std::uint32_t& wish)
{
  const char* text = environment_text(variable);
  if (text == nullptr || std::strcmp(text, "preferred") == 0)
    wish = RTLANE_PREFERRED;
  else if (std::strcmp(text, "required") == 0)
    wish = RTLANE_REQUIRED;
  else if (std::strcmp(text, "never") == 0)
    wish = RTLANE_NEVER;
  else
    return fail(EINVAL, "%s is '%s': it must be preferred, required or never", variable, text);
  return 0;
}

int environment_mode(std::uint32_t& mode)
{
  const char* text = environment_text("RTLANE_MODE");
  if (text == nullptr)
    return 0;
  std::uint32_t bits = 0;
  const char* digit = text;
  for (; *digit >= '0' && *digit <= '7' && bits <= 0777; ++digit)
    bits = bits * 8 + static_cast<std::uint32_t>(*digit - '0');
  if (*digit != '\0' || (bits & 0600) != 0600 || bits > 0777)
    return fail(EINVAL,
                "RTLANE_MODE is '%s': it must be permission bits in octal that let the owner read and write, 600 to "
                "777, such as 660",
                text);
  mode = bits;
  return 0;
}

// What iwin32 callers have no arguments for.
int environment_options(rtlane_shm_options& options)
{
  if (const int error = environment_wish("RTLANE_HUGE", options.huge); error != 0)
    return error;
  if (const int error = environment_wish("RTLANE_LOCK", options.lock); error != 0)
    return error;
  return environment_mode(options.mode);
}

constexpr char backslash_refused[] = "the name has a backslash: use any other character, there are no folders";

// core/shm.h gives '\' the -EINVAL of any bad argument; iwin32 tells it apart.
int refuse_backslash(const char* name)
{
  return name != nullptr && std::strchr(name, '\\') != nullptr ? fail(ENOTDIR, "%s", backslash_refused) : 0;
}

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
  if (name == nullptr)
    return fail(EINVAL, "the name is NULL: only objects with a name can be opened");
  if (*name == '\0')
    return fail(EBADF, "the name is empty: only objects with a name can be opened");
  if (const int error = refuse_backslash(name); error != 0)
    return error;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  if (const int error = environment_options(options); error != 0)
    return error;
  return rtlane_shm_open(name, &options, &handle, location);
}

HANDLE create_answer(int result, rtlane_handle handle)
{
  if (result < 0) {
    last_error = to_last_error(result);
    return nullptr;
  }
  // Ported code asks for the last error without looking at the handle, so a new object must clear it.
  last_error = result == 0 ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS;
  return to_pointer(handle);
}

HANDLE open_answer(int result, rtlane_handle handle)
{
  if (result < 0) {
    last_error = to_last_error(result);
    return nullptr;
  }
  return to_pointer(handle);
}

// A wide name in UTF-8. On the stack, so that running out of memory has one place less to happen.
class Utf8Name {
public:
  // Returns 0 or a negative errno. NULL stays NULL.
  int convert(const wchar_t* wide)
  {
    if (wide == nullptr)
      return 0;
    // As in the A form, whatever else is wrong with the name.
    if (std::wcschr(wide, L'\\') != nullptr)
      return fail(ENOTDIR, "%s", backslash_refused);
    char* out = text_;
    for (std::size_t characters = 0; wide[characters] != L'\0'; ++characters) {
      if (characters == RTLANE_NAME_MAX)
        return fail(ENAMETOOLONG, "the name has more than %d characters", RTLANE_NAME_MAX);
      const auto point = static_cast<std::uint32_t>(wide[characters]);
      if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return fail(EILSEQ,
                    "character %zu of the wide name is 0x%X, which is no Unicode character: wchar_t holds UTF-32 here, "
                    "so join surrogate pairs first",
                    characters, static_cast<unsigned>(point));
      out = append(out, point);
    }
    *out = '\0';
    name_ = text_;
    return 0;
  }

  [[nodiscard]] const char* get() const { return name_; }

private:
  static char* append(char* out, std::uint32_t point)
  {
    const auto tail = [point](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
    if (point < 0x80) {
      *out++ = static_cast<char>(point);
    } else if (point < 0x800) {
      *out++ = static_cast<char>(0xC0 | (point >> 6));
      *out++ = tail(0);
    } else if (point < 0x10000) {
      *out++ = static_cast<char>(0xE0 | (point >> 12));
      *out++ = tail(6);
      *out++ = tail(0);
    } else {
      *out++ = static_cast<char>(0xF0 | (point >> 18));
      *out++ = tail(12);
      *out++ = tail(6);
      *out++ = tail(0);
    }
    return out;
  }

  const char* name_ = nullptr;
  char text_[RTLANE_NAME_MAX * 4 + 1];
};

BOOL close_handle(HANDLE handle)
{
  const ErrnoKeeper keeper;
  const int result = rtlane_close(from_pointer(handle));
  if (result < 0) {
    last_error = to_last_error(result);
    return FALSE;
  }
  return TRUE;
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
  return last_error;
}

DWORD RtGetLastError() noexcept
{
  return last_error;
}

VOID SetLastError(DWORD dwErrCode) noexcept
{
  last_error = dwErrCode;
}

VOID RtSetLastError(DWORD dwErrCode) noexcept
{
  last_error = dwErrCode;
}
