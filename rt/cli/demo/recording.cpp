#include "demo/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numbers>
#include <optional>

#include "output.hpp"

namespace rtlane::demo {
namespace {

struct Unit {
  std::string_view name;
  double factor;  // to the unit that ImuRow has
};

struct Wanted {
  std::string_view column;
  std::vector<Unit> units;
};

constexpr double standard_gravity = 9.80665;
constexpr double rad_to_deg = 180.0 / std::numbers::pi;
// Beyond this, nanoseconds no longer fit into 63 bits.
constexpr double longest_time_s = 4e9;

const std::vector<Wanted>& wanted_columns()
{
  static const std::vector<Unit> time = {{"s", 1.0}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
  static const std::vector<Unit> gyro = {{"deg/s", 1.0}, {"rad/s", rad_to_deg}};
  static const std::vector<Unit> accel = {{"g", 1.0}, {"m/s^2", 1.0 / standard_gravity}};
  static const std::vector<Wanted> columns = {{"Time", time},
                                              {"Gyroscope X", gyro},
                                              {"Gyroscope Y", gyro},
                                              {"Gyroscope Z", gyro},
                                              {"Accelerometer X", accel},
                                              {"Accelerometer Y", accel},
                                              {"Accelerometer Z", accel}};
  return columns;
}

std::string_view trimmed(std::string_view text)
{
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  return text;
}

bool same_name(std::string_view a, std::string_view b)
{
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// What may come from any file is made printable and cut, between two characters.
std::string shown(std::string_view text)
{
  constexpr std::size_t longest = 60;
  std::size_t cut = std::min(text.size(), longest);
  while (cut > 0 && cut < text.size() && (text[cut] & 0xc0) == 0x80)
    --cut;
  return "'" + cli::printable(text.substr(0, cut)) + (cut < text.size() ? "...'" : "'");
}

void split(std::string_view line, std::vector<std::string_view>& fields)
{
  fields.clear();
  for (std::size_t start = 0;;) {
    const std::size_t comma = line.find(',', start);
    fields.push_back(trimmed(line.substr(start, comma == std::string_view::npos ? comma : comma - start)));
    if (comma == std::string_view::npos)
      return;
    start = comma + 1;
  }
}

struct Column {
  std::size_t index = 0;
  double factor = 1.0;
};

unexpected bad(std::string message)
{
  return unexpected(Error{EINVAL, std::move(message)});
}

std::string unit_names(const Wanted& wanted)
{
  std::vector<std::string_view> names;
  for (const Unit& unit : wanted.units)
    names.push_back(unit.name);
  return fmt::format("{}", fmt::join(names, " or "));
}

expected<Column> find_column(const Wanted& wanted, const std::vector<std::string_view>& header, const std::string& file)
{
  std::optional<Column> found;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::size_t open = header[i].find('(');
    if (!same_name(trimmed(header[i].substr(0, open)), wanted.column))
      continue;
    if (found)
      return bad(fmt::format("{}: line 1: column '{}' is there twice (fields {} and {})", file, wanted.column,
                             found->index + 1, i + 1));
    if (open == std::string_view::npos || header[i].back() != ')')
      return bad(fmt::format("{}: line 1: column '{}' has no unit; write '{} ({})'", file, wanted.column, wanted.column,
                             unit_names(wanted)));
    const std::string_view unit = trimmed(header[i].substr(open + 1, header[i].size() - open - 2));
    const auto known =
        std::find_if(wanted.units.begin(), wanted.units.end(), [&](const Unit& u) { return u.name == unit; });
    if (known == wanted.units.end())
      return bad(fmt::format("{}: line 1: column '{}' has the unit {}; it has to be {}", file, wanted.column,
                             shown(unit), unit_names(wanted)));
    found = Column{i, known->factor};
  }
  if (!found) {
    std::string names;
    for (const std::string_view name : header)
      names += (names.empty() ? "" : ", ") + shown(name);
    return bad(fmt::format("{}: line 1: there is no column '{} ({})'; the file has: {}", file, wanted.column,
                           unit_names(wanted), names));
  }
  return *found;
}

// A finite number and nothing else.
std::optional<double> number(std::string_view text)
{
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace

expected<std::vector<ImuRow>> parse_recording(std::string_view text, const std::string& name)
{
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.substr(0, byte_order_mark.size()) == byte_order_mark)
    text.remove_prefix(byte_order_mark.size());

  std::vector<ImuRow> rows;
  std::vector<Column> columns;
  std::vector<std::string_view> fields;
  std::size_t header_fields = 0;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    ++line_number;
    if (line_number > 1 && trimmed(line).empty())
      continue;
    split(line, fields);

    if (line_number == 1) {
      header_fields = fields.size();
      for (const Wanted& wanted : wanted_columns()) {
        auto column = find_column(wanted, fields, name);
        if (!column)
          return unexpected(column.error());
        columns.push_back(*column);
      }
      continue;
    }

    if (fields.size() != header_fields)
      return bad(
          fmt::format("{}: line {} has {} fields, line 1 has {}", name, line_number, fields.size(), header_fields));
    std::array<double, 7> values{};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string_view field = fields[columns[i].index];
      const std::optional<double> value = number(field);
      if (!value)
        return bad(fmt::format("{}: line {}: column '{}' holds {}, which is not a number", name, line_number,
                               wanted_columns()[i].column, shown(field)));
      values[i] = *value * columns[i].factor;
    }
    if (std::abs(values[0]) > longest_time_s)
      return bad(fmt::format("{}: line {}: the time {} s is out of range (at most {:.0f} s)", name, line_number,
                             values[0], longest_time_s));
    if (!rows.empty() && !(values[0] > rows.back().time_s))
      return bad(fmt::format("{}: line {}: time does not increase: {} s after {} s", name, line_number, values[0],
                             rows.back().time_s));
    ImuRow row{values[0], {}, {}};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      row.gyro_deg_s[axis] = static_cast<float>(values[1 + axis]);
      row.accel_g[axis] = static_cast<float>(values[4 + axis]);
      if (!std::isfinite(row.gyro_deg_s[axis]) || !std::isfinite(row.accel_g[axis]))
        return bad(fmt::format("{}: line {}: a value is too large for a 32-bit float", name, line_number));
    }
    rows.push_back(row);
  }

  if (line_number == 0)
    return bad(fmt::format("{}: the file is empty; line 1 has to name the columns", name));
  if (rows.empty())
    return bad(fmt::format("{}: there are column names but no samples", name));
  return rows;
}

expected<std::vector<ImuRow>> read_recording(const std::string& path)
{
  const auto cannot = [&](int error) {
    return unexpected(Error{error, fmt::format("{}: cannot be read: {}", path, std::strerror(error))});
  };
  // Not blocking: a pipe is refused below, without waiting for somebody to write to it.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat status = {};
  if (fd < 0 || ::fstat(fd, &status) != 0)
    return cannot(errno);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(::fdopen(fd, "rb"), &std::fclose);
  if (!S_ISREG(status.st_mode))
    return unexpected(
        Error{EINVAL, fmt::format("{}: is {}; a recording is read whole from a regular file, so save it to one", path,
                                  S_ISDIR(status.st_mode) ? "a directory" : "no regular file")});
  std::string text;
  std::array<char, 65536> block{};
  for (std::size_t got = 0; (got = std::fread(block.data(), 1, block.size(), file.get())) > 0;)
    text.append(block.data(), got);
  if (std::ferror(file.get()) != 0)
    return cannot(errno);
  return parse_recording(text, path);
}

}  // namespace rtlane::demo
