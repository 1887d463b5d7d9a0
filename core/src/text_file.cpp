#include "text_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "unique_fd.hpp"

namespace rtlane::detail {

std::string read_text_file(const char* path)
{
  std::string text;
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd)
    return text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got > 0)
      text.append(buffer, static_cast<std::size_t>(got));
    else if (got == 0 || errno != EINTR)
      return text;
  }
}

bool read_number_file(const char* path, std::uint64_t& value)
{
  const std::string text = read_text_file(path);
  if (text.empty() || text[0] < '0' || text[0] > '9')
    return false;
  value = std::strtoull(text.c_str(), nullptr, 10);
  return true;
}

std::string human_bytes(std::uint64_t bytes)
{
  static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  unsigned unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string answer = text;
  if (answer.size() > 2 && answer.compare(answer.size() - 2, 2, ".0") == 0)
    answer.resize(answer.size() - 2);
  return answer + " " + units[unit];
}

}  // namespace rtlane::detail
