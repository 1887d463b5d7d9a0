#include "iwin32_border.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <cwchar>

#include "environment.hpp"
#include "error.hpp"

namespace rtlane::detail {
namespace {

constinit thread_local DWORD this_threads_last_error = ERROR_SUCCESS;

constexpr struct {
  int error;
  DWORD code;
} last_error_table[] = {
    {EINVAL, ERROR_INVALID_PARAMETER},
    {ESRCH, ERROR_INVALID_PARAMETER},  // no such thread or process
    {ENAMETOOLONG, ERROR_FILENAME_EXCED_RANGE},
    {EILSEQ, ERROR_INVALID_NAME},        // wide name that is no text
    {ENOTDIR, ERROR_PATH_NOT_FOUND},     // '\\', which would name a folder
    {EPROTOTYPE, ERROR_INVALID_HANDLE},  // name of another kind
    {EBADF, ERROR_INVALID_HANDLE},
    {ENOENT, ERROR_FILE_NOT_FOUND},
    {EACCES, ERROR_ACCESS_DENIED},
    {EPERM, ERROR_ACCESS_DENIED},
    {ENOMEM, ERROR_NOT_ENOUGH_MEMORY},
    {ENOSPC, ERROR_NOT_ENOUGH_MEMORY},
    {EDQUOT, ERROR_NOT_ENOUGH_MEMORY},
    {EMFILE, ERROR_NO_SYSTEM_RESOURCES},
    {ENFILE, ERROR_NO_SYSTEM_RESOURCES},
    {EAGAIN, ERROR_NO_SYSTEM_RESOURCES},  // no more threads or processes
    {EBADMSG, ERROR_FILE_INVALID},
    {EPROTO, ERROR_FILE_INVALID},
    {ENOEXEC, ERROR_BAD_EXE_FORMAT},
    {EBUSY, ERROR_BUSY},
    {EOVERFLOW, ERROR_TOO_MANY_POSTS},  // of a semaphore
    {ERANGE, ERROR_SIGNAL_REFUSED},     // suspend count
    {EXDEV, ERROR_NOT_SUPPORTED},       // mutex of another PID namespace
    {EOPNOTSUPP, ERROR_NOT_SUPPORTED},
};

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

constexpr char backslash_refused[] = "the name has a backslash: use any other character, there are no folders";

char* append(char* out, std::uint32_t point)
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

}  // namespace

DWORD last_error() noexcept
{
  return this_threads_last_error;
}

void set_last_error(DWORD code) noexcept
{
  this_threads_last_error = code;
}

DWORD to_last_error(int result) noexcept
{
  for (const auto& row : last_error_table) {
    if (row.error == -result)
      return row.code;
  }
  return ERROR_GEN_FAILURE;
}

HANDLE to_pointer(rtlane_handle handle) noexcept
{
  return reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(handle));
}

// A 32-bit handle kept in an int and cast back arrives with its sign spread over the upper half.
rtlane_handle from_pointer(HANDLE handle) noexcept
{
  const std::int64_t value = reinterpret_cast<std::intptr_t>(handle);
  if (value < INT32_MIN || value > UINT32_MAX)
    return 0;
  return static_cast<rtlane_handle>(value);
}

int environment_options(rtlane_shm_options& options) noexcept
{
  if (const int error = environment_wish("RTLANE_HUGE", options.huge); error != 0)
    return error;
  if (const int error = environment_wish("RTLANE_LOCK", options.lock); error != 0)
    return error;
  return environment_mode(options.mode);
}

int refuse_backslash(const char* name) noexcept
{
  return name != nullptr && std::strchr(name, '\\') != nullptr ? fail(ENOTDIR, "%s", backslash_refused) : 0;
}

int check_open_name(const char* name) noexcept
{
  if (name == nullptr)
    return fail(EINVAL, "the name is NULL: only objects with a name can be opened");
  if (*name == '\0')
    return fail(EBADF, "the name is empty: only objects with a name can be opened");
  return refuse_backslash(name);
}

HANDLE create_answer(int result, rtlane_handle handle) noexcept
{
  if (result < 0) {
    set_last_error(to_last_error(result));
    return nullptr;
  }
  // Ported code asks for the last error without looking at the handle, so a new object must clear it.
  set_last_error(result == 0 ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS);
  return to_pointer(handle);
}

HANDLE open_answer(int result, rtlane_handle handle) noexcept
{
  if (result < 0) {
    set_last_error(to_last_error(result));
    return nullptr;
  }
  return to_pointer(handle);
}

BOOL bool_answer(int result) noexcept
{
  if (result >= 0)
    return TRUE;
  set_last_error(to_last_error(result));
  return FALSE;
}

int Utf8Name::convert(const wchar_t* wide) noexcept
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

}  // namespace rtlane::detail
