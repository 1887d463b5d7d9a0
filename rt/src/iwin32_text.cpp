// Text, and what is left.
#include <rtlane/rt/iwin32_threads.h>

#include <algorithm>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string>

#include "answer.hpp"
#include "command_line.hpp"

namespace rtlane::rt::detail {
namespace {

constexpr std::size_t wide_characters_max = 4096;

// Windows's wide format in libc's: there %s is wide and %S narrow, here %ls and %s; and so for %c.
std::wstring libc_format(const wchar_t* format)
{
  std::wstring text;
  while (*format != L'\0') {
    text += *format;
    if (*format++ != L'%')
      continue;
    if (*format == L'%') {
      text += *format++;
      continue;
    }
    const std::size_t flags = std::wcsspn(format, L"-+ #0123456789.*");
    text.append(format, flags);
    format += flags;
    const wchar_t kind = *format == L'h' || *format == L'l' ? format[1] : *format;
    if (kind != L's' && kind != L'S' && kind != L'c' && kind != L'C')
      continue;
    const bool wide = *format == L'l' || *format == L's' || *format == L'c';
    text += wide ? L"l" : L"";
    text += kind == L's' || kind == L'S' ? L's' : L'c';
    format += *format == kind ? 1 : 2;
  }
  return text;
}

int to_int(long number)
{
  return static_cast<int>(std::clamp<long>(number, INT_MIN, INT_MAX));
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

int RtPrintf(LPCSTR lpFormat, ...) noexcept
{
  const ErrnoKeeper keeper;
  std::va_list arguments;
  va_start(arguments, lpFormat);
  const NoCancellation not_now;
  const int written = std::vprintf(lpFormat, arguments);
  va_end(arguments);
  return written;
}

int RtWprintf(LPCWSTR lpFormat, ...) noexcept
{
  const ErrnoKeeper keeper;
  int written = -1;
  std::va_list arguments;
  va_start(arguments, lpFormat);
  (void)guarded_call([&] {
    std::wstring text(wide_characters_max, L'\0');
    const int length = std::vswprintf(text.data(), text.size(), libc_format(lpFormat).c_str(), arguments);
    // Written as bytes: a stream that was once written wide refuses narrow text for ever.
    if (length >= 0 && std::fputs(readable_utf8(text.c_str()).c_str(), stdout) >= 0)
      written = length;
    return 0;
  });
  va_end(arguments);
  return written;
}

int RtAtoi(LPCSTR lpString) noexcept
{
  const ErrnoKeeper keeper;
  return lpString != nullptr ? to_int(std::strtol(lpString, nullptr, 10)) : 0;
}

int RtWtoi(LPCWSTR lpString) noexcept
{
  const ErrnoKeeper keeper;
  return lpString != nullptr ? to_int(std::wcstol(lpString, nullptr, 10)) : 0;
}

BOOL RtIsInRtss() noexcept
{
  return FALSE;
}
