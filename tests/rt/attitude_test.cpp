#include "demo/attitude.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "demo/recording.hpp"

namespace rtlane::demo {
namespace {

constexpr Vector3 level{0, 0, 1};
constexpr Vector3 still{0, 0, 0};

// What an accelerometer at rest shows under these angles: the third row of Rz Ry Rx.
Vector3 gravity_under(double roll_deg, double pitch_deg)
{
  const double roll = roll_deg / degrees_per_radian;
  const double pitch = pitch_deg / degrees_per_radian;
  return {-std::sin(pitch), std::sin(roll) * std::cos(pitch), std::cos(roll) * std::cos(pitch)};
}

TEST(AttitudeFilter, StartsLevelledByTheFirstAcceleration)
{
  for (const double roll : {-179.0, -90.0, -30.0, 0.0, 45.0, 120.0}) {
    for (const double pitch : {-80.0, -30.0, 0.0, 60.0}) {
      AttitudeFilter filter;
      filter.update(still, gravity_under(roll, pitch), 0.0);
      EXPECT_NEAR(filter.roll_deg(), roll, 1e-9);
      EXPECT_NEAR(filter.pitch_deg(), pitch, 1e-9);
    }
  }
}

// Turns about one axis at a known rate; the accelerometer shows free fall, so only the gyroscope counts.
double turned(std::size_t axis, double rate_deg_s, double seconds, double (AttitudeFilter::*angle)() const)
{
  AttitudeFilter filter;
  filter.update(still, level, 0.0);
  Vector3 rate{};
  rate[axis] = rate_deg_s;
  constexpr int steps = 400;
  for (int i = 0; i < steps; ++i)
    filter.update(rate, {0, 0, 0}, seconds / steps);
  return (filter.*angle)();
}

TEST(AttitudeFilter, AKnownRotationGivesTheKnownAngle)
{
  EXPECT_NEAR(turned(0, 30.0, 2.0, &AttitudeFilter::roll_deg), 60.0, 1e-6);
  EXPECT_NEAR(turned(0, -45.0, 3.0, &AttitudeFilter::roll_deg), -135.0, 1e-6);
  EXPECT_NEAR(turned(1, 30.0, 2.0, &AttitudeFilter::pitch_deg), 60.0, 1e-6);
  EXPECT_NEAR(turned(1, -20.0, 1.0, &AttitudeFilter::pitch_deg), -20.0, 1e-6);
  EXPECT_NEAR(turned(2, 90.0, 3.0, &AttitudeFilter::roll_deg), 0.0, 1e-6);
  EXPECT_NEAR(turned(2, 90.0, 3.0, &AttitudeFilter::pitch_deg), 0.0, 1e-6);
}

TEST(AttitudeFilter, TheResultDoesNotDependOnHowTheTimeIsCut)
{
  AttitudeFilter fine, coarse;
  fine.update(still, level, 0.0);
  coarse.update(still, level, 0.0);
  for (int i = 0; i < 1'000; ++i)
    fine.update({20.0, -35.0, 10.0}, {0, 0, 0}, 0.001);
  for (int i = 0; i < 10; ++i)
    coarse.update({20.0, -35.0, 10.0}, {0, 0, 0}, 0.1);
  EXPECT_NEAR(fine.roll_deg(), coarse.roll_deg(), 1e-6);
  EXPECT_NEAR(fine.pitch_deg(), coarse.pitch_deg(), 1e-6);
}

TEST(AttitudeFilter, GravityPullsAWrongEstimateToTheRightOne)
{
  AttitudeFilter filter;
  filter.update(still, gravity_under(40.0, -25.0), 0.0);
  double before = 1e9;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 100; ++i)
      filter.update(still, gravity_under(-10.0, 15.0), 0.01);
    const double error = std::hypot(filter.roll_deg() + 10.0, filter.pitch_deg() - 15.0);
    if (second % 20 == 19) {
      EXPECT_LT(error, before);
      before = error;
    }
  }
  EXPECT_NEAR(filter.roll_deg(), -10.0, 0.01);
  EXPECT_NEAR(filter.pitch_deg(), 15.0, 0.01);
}

TEST(AttitudeFilter, LearnsTheErrorOfTheGyroscope)
{
  AttitudeFilter filter;
  filter.update(still, level, 0.0);
  for (int i = 0; i < 100 * 120; ++i)
    filter.update({1.5, -0.7, 0.0}, level, 0.01);
  EXPECT_NEAR(filter.bias_deg_s()[0], 1.5, 0.01);
  EXPECT_NEAR(filter.bias_deg_s()[1], -0.7, 0.01);
  EXPECT_NEAR(filter.roll_deg(), 0.0, 0.01);
  EXPECT_NEAR(filter.pitch_deg(), 0.0, 0.01);
}

TEST(AttitudeFilter, AccelerationOfTheBodyIsNotTakenForGravity)
{
  AttitudeFilter filter;
  filter.update(still, level, 0.0);
  for (int i = 0; i < 100; ++i)
    filter.update(still, {1.0, 0.0, 1.0}, 0.01);  // 1.41 g along a slant
  EXPECT_NEAR(filter.roll_deg(), 0.0, 1e-9);
  EXPECT_NEAR(filter.pitch_deg(), 0.0, 1e-9);
}

TEST(AttitudeFilter, NoSampleMakesItLeaveTheRotations)
{
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::normal_distribution<double> rate(0.0, 500.0), accel(0.0, 3.0);
  AttitudeFilter filter;
  for (int i = 0; i < 100'000; ++i) {
    const bool nothing = i % 7 == 0;
    filter.update({rate(random), rate(random), rate(random)},
                  nothing ? Vector3{} : Vector3{accel(random), accel(random), accel(random)}, 0.01);
    ASSERT_NEAR(norm(filter.up()), 1.0, 1e-9);
  }
}

// While the body rests, gravity alone gives roll and pitch, by a formula the filter does not use.
TEST(AttitudeFilter, AgreesWithTheAccelerometerWhereTheRecordingRests)
{
  const char* named = std::getenv("RTLANE_DATA");
  const std::string path = std::string(named != nullptr ? named : RTLANE_SOURCE_DIR "/../shared/data") + "/imu-xio.csv";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no imu-xio.csv in ../shared/data beside the checkout, nor in the folder RTLANE_DATA";
  const auto rows = read_recording(path);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 13'514u);

  AttitudeFilter filter;
  double time_s = 0.0;
  double resting_s = 0.0;
  Vector3 mean{};  // of the acceleration over about a second: a hand trembles
  int compared = 0;
  for (const ImuRow& row : *rows) {
    const Vector3 gyro{row.gyro_deg_s[0], row.gyro_deg_s[1], row.gyro_deg_s[2]};
    const Vector3 accel{row.accel_g[0], row.accel_g[1], row.accel_g[2]};
    const double dt_s = row.time_s - time_s;
    filter.update(gyro, accel, dt_s);
    time_s = row.time_s;
    const bool rests = norm(gyro) < 2.0 && std::abs(norm(accel) - 1.0) < 0.03;
    resting_s = rests ? resting_s + dt_s : 0.0;
    const double share = rests ? 1.0 / std::min(1.0 + resting_s / 0.01, 100.0) : 1.0;
    for (std::size_t i = 0; i < 3; ++i)
      mean[i] += share * (accel[i] - mean[i]);
    if (resting_s < 5.0)
      continue;
    const double roll = std::atan2(mean[1], mean[2]) * degrees_per_radian;
    const double pitch = std::atan2(-mean[0], std::hypot(mean[1], mean[2])) * degrees_per_radian;
    ASSERT_NEAR(filter.roll_deg(), roll, 1.0) << "at " << time_s << " s";
    ASSERT_NEAR(filter.pitch_deg(), pitch, 1.0) << "at " << time_s << " s";
    ++compared;
  }
  EXPECT_GT(compared, 500);
}

}  // namespace
}  // namespace rtlane::demo
