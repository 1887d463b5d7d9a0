// Attitude from a gyroscope and an accelerometer: the explicit complementary filter with bias
// correction of R. Mahony, T. Hamel, J.-M. Pflimlin, "Nonlinear Complementary Filters on the Special
// Orthogonal Group", IEEE Transactions on Automatic Control 53(5), 2008, section V, with one
// direction: gravity.
//
//   w      = (a / |a|) x v,  v = R^T e3         how far the estimated "up" is from the measured one
//   R'     = R (gyro - b + kp w)x               b' = -ki w
//
// R turns the body frame into an earth frame whose third axis points up; an accelerometer at rest
// shows +1 g along up. R is kept as a unit quaternion and integrated exactly for a rate that is
// constant over the step. Without a magnetometer the heading is free: only roll and pitch mean
// something. Gravity says nothing while the body is accelerated, so the correction rests when |a| is
// further than gravity_band_g from 1 g (ours, not in the paper).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace rtlane::demo {

using Vector3 = std::array<double, 3>;

inline Vector3 cross(const Vector3& a, const Vector3& b) noexcept
{
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

inline double norm(const Vector3& a) noexcept
{
  return std::sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
}

inline constexpr double degrees_per_radian = 180.0 / std::numbers::pi;

class AttitudeFilter {
public:
  // The paper's gains, in rad/s and rad/s^2.
  static constexpr double kp = 1.0;
  static constexpr double ki = 0.3;
  static constexpr double gravity_band_g = 0.15;

  // One sample: rate in deg/s, acceleration in g, seconds since the sample before. The first sample
  // levels the estimate by its acceleration; its dt_s is not used. Bounded, no allocation.
  void update(const Vector3& gyro_deg_s, const Vector3& accel_g, double dt_s) noexcept
  {
    const double g = norm(accel_g);
    if (!started_) {
      started_ = true;
      level(accel_g, g);
      return;
    }
    Vector3 error{};
    if (std::abs(g - 1.0) <= gravity_band_g)
      error = cross({accel_g[0] / g, accel_g[1] / g, accel_g[2] / g}, up());
    Vector3 rate{};
    for (std::size_t i = 0; i < 3; ++i) {
      rate[i] = gyro_deg_s[i] / degrees_per_radian - bias_[i] + kp * error[i];
      bias_[i] -= ki * error[i] * dt_s;
    }
    rotate(rate, dt_s);
  }

  // Rotation about the body's forward axis, -180..180, and of the nose above the horizon with the
  // sign of a right-handed turn about the body's second axis, -90..90.
  [[nodiscard]] double roll_deg() const noexcept
  {
    const Vector3 v = up();
    return std::atan2(v[1], v[2]) * degrees_per_radian;
  }
  [[nodiscard]] double pitch_deg() const noexcept
  {
    return std::asin(std::clamp(-up()[0], -1.0, 1.0)) * degrees_per_radian;
  }

  // The estimated error of the gyroscope, deg/s.
  [[nodiscard]] Vector3 bias_deg_s() const noexcept
  {
    return {bias_[0] * degrees_per_radian, bias_[1] * degrees_per_radian, bias_[2] * degrees_per_radian};
  }

  // Where up is, in the body frame: R^T e3.
  [[nodiscard]] Vector3 up() const noexcept
  {
    return {2.0 * (x_ * z_ - w_ * y_), 2.0 * (y_ * z_ + w_ * x_), w_ * w_ - x_ * x_ - y_ * y_ + z_ * z_};
  }

private:
  void level(const Vector3& accel_g, double g) noexcept
  {
    if (!(g > 0.0))
      return;
    const double roll = std::atan2(accel_g[1], accel_g[2]);
    const double pitch = std::asin(std::clamp(-accel_g[0] / g, -1.0, 1.0));
    w_ = std::cos(pitch / 2) * std::cos(roll / 2);
    x_ = std::cos(pitch / 2) * std::sin(roll / 2);
    y_ = std::sin(pitch / 2) * std::cos(roll / 2);
    z_ = -std::sin(pitch / 2) * std::sin(roll / 2);
  }

  // q <- q (x) exp(rate dt / 2), then back to unit length.
  void rotate(const Vector3& rate, double dt_s) noexcept
  {
    const double angle = norm(rate) * dt_s;
    // sin(angle/2)/angle without its hole at zero
    const double s = (angle < 1e-9 ? 0.5 : std::sin(angle / 2) / angle) * dt_s;
    const double c = std::cos(angle / 2);
    const double dx = rate[0] * s;
    const double dy = rate[1] * s;
    const double dz = rate[2] * s;
    const double w = w_ * c - x_ * dx - y_ * dy - z_ * dz;
    const double x = w_ * dx + x_ * c + y_ * dz - z_ * dy;
    const double y = w_ * dy - x_ * dz + y_ * c + z_ * dx;
    const double z = w_ * dz + x_ * dy - y_ * dx + z_ * c;
    const double length = std::sqrt(w * w + x * x + y * y + z * z);
    w_ = w / length;
    x_ = x / length;
    y_ = y / length;
    z_ = z / length;
  }

  bool started_ = false;
  double w_ = 1.0;
  double x_ = 0.0;
  double y_ = 0.0;
  double z_ = 0.0;
  Vector3 bias_{};  // rad/s
};

}  // namespace rtlane::demo
