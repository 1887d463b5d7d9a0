#include "command_line.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "error.hpp"

namespace rtlane::rt::detail {
namespace {

bool is_character(std::uint32_t point)
{
  return point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

void append(std::string& text, std::uint32_t point)
{
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::vector<std::string> words_of(const char* command_line)
{
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (const char* at = command_line; *at != '\0';) {
    if (!quoted && (*at == ' ' || *at == '\t')) {
      in_word = false;
      ++at;
      continue;
    }
    if (!in_word)
      words.emplace_back();
    in_word = true;
    std::size_t backslashes = 0;
    while (at[backslashes] == '\\')
      ++backslashes;
    if (at[backslashes] == '"') {
      words.back().append(backslashes / 2, '\\');
      at += backslashes + 1;
      if (backslashes % 2 == 1)
        words.back() += '"';
      else
        quoted = !quoted;
    } else if (backslashes != 0) {
      words.back().append(backslashes, '\\');
      at += backslashes;
    } else {
      words.back() += *at++;
    }
  }
  return words;
}

int to_utf8(const wchar_t* wide, std::string& text)
{
  text.clear();
  for (std::size_t i = 0; wide[i] != L'\0'; ++i) {
    const auto point = static_cast<std::uint32_t>(wide[i]);
    if (!is_character(point))
      return rtlane::detail::fail(EILSEQ, "character %zu of the wide text is 0x%X, which is no Unicode character", i,
                                  static_cast<unsigned>(point));
    append(text, point);
  }
  return 0;
}

std::string readable_utf8(const wchar_t* wide)
{
  std::string text;
  for (; *wide != L'\0'; ++wide) {
    const auto point = static_cast<std::uint32_t>(*wide);
    append(text, is_character(point) ? point : 0xFFFD);
  }
  return text;
}

}  // namespace rtlane::rt::detail
