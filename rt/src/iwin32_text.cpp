// Text, and what is left.
#include <rtlane/rt/iwin32_threads.h>

#include <locale.h>
#include <algorithm>

#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string>

#include "answer.hpp"
#include "command_line.hpp"

namespace rtlane::rt::detail {
namespace {

constexpr std::size_t wide_characters_max = 4096;

bool is_flag(wchar_t character)
{
  return character != L'\0' && std::wcschr(L"-+ #0123456789.*", character) != nullptr;
}

// Windows's format in libc's: there I64 is ll and I32 nothing. In a wide one %s is wide and %S narrow there, here %ls
// and %s; and so for %c.
template <class Character>
std::basic_string<Character> libc_format(const Character* format)
{
  std::basic_string<Character> text;
  while (*format != '\0') {
    text += *format;
    if (*format++ != '%')
      continue;
    if (*format == '%') {
      text += *format++;
      continue;
    }
    while (is_flag(static_cast<wchar_t>(*format)))
      text += *format++;
    if (format[0] == 'I' && ((format[1] == '6' && format[2] == '4') || (format[1] == '3' && format[2] == '2'))) {
      text.append(format[1] == '6' ? 2 : 0, 'l');
      format += 3;
      continue;
    }
    const Character kind = *format == 'h' || *format == 'l' ? format[1] : *format;
    if (sizeof(Character) == 1 || (kind != 's' && kind != 'S' && kind != 'c' && kind != 'C'))
      continue;
    text.append(*format == 'l' || *format == 's' || *format == 'c' ? 1 : 0, 'l');
    text += static_cast<Character>(kind == 's' || kind == 'S' ? 's' : 'c');
    format += *format == kind ? 1 : 2;
  }
  return text;
}

int to_int(long number)
{
  return static_cast<int>(std::clamp<long>(number, INT_MIN, INT_MAX));
}

// In its scope narrow arguments of wide formats are UTF-8, as everywhere here, whatever the program's locale.
class Utf8Locale {
public:
  Utf8Locale() noexcept
  {
    static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 != nullptr)
      before_ = ::uselocale(utf8);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale()
  {
    if (before_ != nullptr)
      ::uselocale(before_);
  }

private:
  locale_t before_ = nullptr;
};

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

int RtPrintf(LPCSTR lpFormat, ...) noexcept
{
  const ErrnoKeeper keeper;
  std::va_list arguments;
  va_start(arguments, lpFormat);
  int written = -1;
  (void)guarded_call([&] {
    const bool windows = std::strstr(lpFormat, "I64") != nullptr || std::strstr(lpFormat, "I32") != nullptr;
    written = std::vprintf(windows ? libc_format(lpFormat).c_str() : lpFormat, arguments);
    return 0;
  });
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
    const Utf8Locale narrow_is_utf8;
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
