// Recordings for tests: one made here, and the real one where it lies beside the checkout.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numbers>
#include <string>

namespace rtlane::test {

inline const std::string recording_header =
    "Time (s),Gyroscope X (deg/s),Gyroscope Y (deg/s),Gyroscope Z (deg/s),Accelerometer X (g),Accelerometer Y (g),"
    "Accelerometer Z (g)\n";

// A sensor that rolls to and fro by 30 degrees in two seconds, and shows nothing but that and gravity: CSV text of so
// many samples, 100 a second.
inline std::string rolling_recording(int samples)
{
  constexpr double period_s = 0.01;
  constexpr double amplitude_deg = 30.0;
  std::string text = recording_header;
  for (int i = 0; i < samples; ++i) {
    const double phase = std::numbers::pi * i * period_s;
    const double roll_rad = amplitude_deg * std::sin(phase) * std::numbers::pi / 180.0;
    const double rate_deg_s = amplitude_deg * std::numbers::pi * std::cos(phase);
    text += std::to_string(i * period_s) + "," + std::to_string(rate_deg_s) + ",0,0,0," +
            std::to_string(std::sin(roll_rad)) + "," + std::to_string(std::cos(roll_rad)) + "\n";
  }
  return text;
}

// The real recording; "" where it is not.
inline std::string real_recording()
{
  const char* named = std::getenv("RTLANE_DATA");
  const std::string path =
      (named != nullptr ? named : RTLANE_SOURCE_DIR "/../shared/data") + std::string("/imu-xio.csv");
  return std::filesystem::exists(path) ? path : "";
}

#define RTLANE_NEED_RECORDING(path)                          \
  const std::string path = ::rtlane::test::real_recording(); \
  if (path.empty())                                          \
  GTEST_SKIP() << "no imu-xio.csv in ../shared/data beside the checkout, nor in the folder RTLANE_DATA"

}  // namespace rtlane::test
