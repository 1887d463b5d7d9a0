// Text for people: writing it, and numbers in it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace rtlane::cli {

// On standard error, at once and in one piece, so that sentences of two processes do not mix. Never fails: there is
// nowhere left to say so.
void say_err(std::string_view text) noexcept;
// On standard output, buffered. What could not be written is told by flush_out().
void say_out(std::string_view text) noexcept;
// On `to`, one of stdout and stderr, by the above.
void say(std::FILE* to, std::string_view text) noexcept;
// Writes what say_out() left in the buffer. 0, or the errno of the first failure there ever was.
int flush_out() noexcept;

// Of enum rtlane_tier: "small", "thp", "hugetlb".
const char* tier_text(std::uint32_t tier);

// "512 B", "4 KiB", "2.5 MiB": exact where it is a whole number of a unit, else one digit.
std::string bytes_text(std::uint64_t bytes);
// "850 ns", "51.2 us", "1.34 ms", "2.5 s".
std::string duration_text(std::uint64_t ns);
// "12 s", "3 min", "5 h", "2 d" since that instant of CLOCK_REALTIME; "?" when it lies ahead.
std::string age_text(std::int64_t created_unix_ns);
double age_s(std::int64_t created_unix_ns);
// Names and files may hold any byte: control characters, those that turn the direction of text, and bytes that are no
// UTF-8 are spelled out, as \x1b, \u202e and \xff. Twice is the same as once.
std::string printable(std::string_view text);

// Columns as wide as their widest cell, two blanks apart. The first row is the heading.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace rtlane::cli
