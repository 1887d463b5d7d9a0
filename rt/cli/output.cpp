#include "output.hpp"

#include <fmt/format.h>
#include <rtlane/core/shm.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace rtlane::cli {

namespace {

int out_error = 0;  // errno of the first failure on standard output

}  // namespace

void say_err(std::string_view text) noexcept
{
  while (!text.empty()) {
    const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void say_out(std::string_view text) noexcept
{
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && out_error == 0)
    out_error = errno;
}

void say(std::FILE* to, std::string_view text) noexcept
{
  to == stderr ? say_err(text) : say_out(text);
}

int flush_out() noexcept
{
  if (std::fflush(stdout) != 0 && out_error == 0)
    out_error = errno;
  return out_error;
}

const char* tier_text(std::uint32_t tier)
{
  switch (tier) {
    case RTLANE_TIER_SMALL:
      return "small";
    case RTLANE_TIER_THP:
      return "thp";
    case RTLANE_TIER_HUGETLB:
      return "hugetlb";
    default:
      return "?";
  }
}

std::string bytes_text(std::uint64_t bytes)
{
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  std::uint64_t whole = bytes;
  while (whole >= 1024 && whole % 1024 == 0 && unit + 1 < std::size(units)) {
    whole /= 1024;
    ++unit;
  }
  if (whole < 1024)
    return fmt::format("{} {}", whole, units[unit]);
  double rest = static_cast<double>(whole);
  while (rest >= 1024.0 && unit + 1 < std::size(units)) {
    rest /= 1024.0;
    ++unit;
  }
  return fmt::format("{:.1f} {}", rest, units[unit]);
}

std::string duration_text(std::uint64_t ns)
{
  const auto value = static_cast<double>(ns);
  if (ns < 1'000)
    return fmt::format("{} ns", ns);
  if (value < 999.5e3)
    return fmt::format("{:.3g} us", value / 1e3);
  if (value < 999.5e6)
    return fmt::format("{:.3g} ms", value / 1e6);
  return fmt::format("{:.1f} s", value / 1e9);
}

double age_s(std::int64_t created_unix_ns)
{
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9 -
         static_cast<double>(created_unix_ns) * 1e-9;
}

std::string age_text(std::int64_t created_unix_ns)
{
  const double seconds = age_s(created_unix_ns);
  if (created_unix_ns <= 0 || seconds < 0)
    return "?";
  if (seconds < 120)
    return fmt::format("{:.0f} s", seconds);
  if (seconds < 120 * 60)
    return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 48 * 3600)
    return fmt::format("{:.0f} h", seconds / 3600);
  return fmt::format("{:.0f} d", seconds / 86400);
}

namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: what stands there is no UTF-8
};

// The first character of text, which is not empty.
Character first_character(std::string_view text)
{
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80)
    return {lead, 1};
  const std::size_t bytes = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (lead < 0xc2 || bytes == 0 || text.size() < bytes)
    return {};
  char32_t code = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code > 0x10ffff ? Character{} : Character{code, bytes};
}

// Control characters of either set, and those that turn the direction of the text after them.
bool drives_a_terminal(char32_t code)
{
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
         (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text)
{
  std::string safe;
  while (!text.empty()) {
    const Character first = first_character(text);
    if (first.bytes == 0)
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    else if (drives_a_terminal(first.code))
      safe += first.code < 0x80 ? fmt::format("\\x{:02x}", static_cast<std::uint32_t>(first.code))
                                : fmt::format("\\u{:04x}", static_cast<std::uint32_t>(first.code));
    else
      safe += text.substr(0, first.bytes);
    text.remove_prefix(std::max(first.bytes, std::size_t{1}));
  }
  return safe;
}

namespace {

// Characters as a terminal counts them, near enough: code points.
std::size_t width_of(const std::string& text)
{
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string table_text(const std::vector<std::vector<std::string>>& rows)
{
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace rtlane::cli
