// A command line as Windows programs read it.
#pragma once

#include <string>
#include <vector>

namespace rtlane::rt::detail {

// The words: separated by blanks and tabs; "..." keeps them, and \" is a quote (2n backslashes before a quote are n
// and the quote counts, 2n + 1 are n and a literal quote; elsewhere a backslash is one). Also in the first word.
std::vector<std::string> words_of(const char* command_line);

// UTF-8 for wide text. Returns 0, or -EILSEQ with a sentence.
int to_utf8(const wchar_t* wide, std::string& text);

// The same with U+FFFD for what is no character.
std::string readable_utf8(const wchar_t* wide);

}  // namespace rtlane::rt::detail
