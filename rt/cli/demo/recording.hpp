// A recording of an inertial measurement unit, read from a CSV file.
//
// The first line names the columns, with the unit in parentheses; order and further columns do not
// matter, and neither does the case of the names:
//
//   Time (s | ms | us | ns)
//   Gyroscope X, Y, Z (deg/s | rad/s)
//   Accelerometer X, Y, Z (g | m/s^2)
//
// Units are turned into seconds, deg/s and g. Time has to increase from line to line.
#pragma once

#include <rtlane/core/expected.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace rtlane::demo {

struct ImuRow {
  double time_s;
  std::array<float, 3> gyro_deg_s;
  std::array<float, 3> accel_g;
};

// Errors name the file, and where it applies the line, the column and the text found: a file that
// cannot be read or is no regular file, a missing, doubled or wrongly united column, a line with another number of
// fields, something that is no finite number, time that does not increase, no data at all.
[[nodiscard]] expected<std::vector<ImuRow>> read_recording(const std::string& path);

// The same from text in memory; `name` stands for the file in messages.
[[nodiscard]] expected<std::vector<ImuRow>> parse_recording(std::string_view text, const std::string& name);

}  // namespace rtlane::demo
