#include "figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "output.hpp"

namespace rtlane::bench::report {
namespace {

// Not exact beyond 2^53, where nothing is told exactly.
std::uint64_t whole(double value)
{
  return static_cast<std::uint64_t>(std::llround(std::clamp(value, 0.0, 9e18)));
}

}  // namespace

std::string duration(Figure ns)
{
  return ns ? cli::duration_text(whole(*ns)) : absent;
}

std::string seconds(Figure s)
{
  if (!s)
    return absent;
  return *s >= 1e6 ? fmt::format("{:.3g} s", *s) : fmt::format("{:.{}f} s", *s, *s < 10 ? 2 : *s < 1000 ? 1 : 0);
}

std::string count(Figure value)
{
  if (!value)
    return absent;
  if (*value >= 1e15)
    return fmt::format("{:.3g}", *value);
  std::string digits = std::to_string(whole(*value));
  for (std::size_t i = digits.size(); i > 3; i -= 3)
    digits.insert(i - 3, ",");
  return digits;
}

std::string number(Figure value)
{
  if (!value)
    return absent;
  if (*value >= 999.5)
    return count(value);
  if (*value >= 99.95)
    return fmt::format("{:.0f}", *value);
  if (*value >= 9.995)
    return fmt::format("{:.1f}", *value);
  return *value >= 0.0995 || *value == 0.0 ? fmt::format("{:.2f}", *value) : fmt::format("{:.2g}", *value);
}

std::string times(Figure ratio)
{
  return ratio ? number(ratio) + "×" : absent;
}

std::string range(const Figure& low, const Figure& high)
{
  return low && high ? number(low) + " to " + number(high) : absent;
}

std::string rate(Figure per_s)
{
  if (!per_s)
    return absent;
  if (*per_s >= 999.5e6)
    return number(*per_s / 1e9) + " G/s";
  if (*per_s >= 999.5e3)
    return number(*per_s / 1e6) + " M/s";
  return *per_s >= 999.5 ? number(*per_s / 1e3) + " k/s" : number(per_s) + " /s";
}

std::string size(Figure bytes)
{
  if (!bytes)
    return absent;
  std::string text = cli::bytes_text(whole(*bytes));
  return text.replace(text.find(' '), 1, "\u00a0");
}

std::string percent(double percent)
{
  return fmt::format("{:.6g} %", percent);
}

std::string percentile_text(const Percentile* percentile)
{
  if (percentile == nullptr)
    return absent;
  if (percentile->ns)
    return duration(percentile->ns);
  return percentile->needs ? "needs " + count(percentile->needs) : absent;
}

std::string title_of(const Result& result)
{
  std::string title = result.name;
  if (result.bytes)
    title += ", " + size(result.bytes);
  if (!result.mode.empty() && result.mode != "closed")
    title += ", " + result.mode;
  return title;
}

}  // namespace rtlane::bench::report
