#include <rtlane/core/tick_clock.hpp>

#include <gtest/gtest.h>
#include <time.h>

#include <cmath>
#include <cstdint>

namespace rtlane::test {
namespace {

std::int64_t raw_ns()
{
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void pass_ns(std::int64_t duration_ns)
{
  for (const std::int64_t end = raw_ns() + duration_ns; raw_ns() < end;) {
  }
}

TEST(TickClock, NeverGoesBack)
{
  std::uint64_t before = ticks();
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t begin = ticks_begin();
    const std::uint64_t end = ticks_end();
    ASSERT_LE(before, begin);
    ASSERT_LE(begin, end);
    before = end;
  }
}

// The readings of the kernel's clock lie outside those of the counter the first time and inside the second time:
// between them they bound the truth, however long the thread is held up.
TEST(TickClock, CountsNanosecondsOfTheRawClock)
{
  const TickClock clock = TickClock::calibrate(50'000'000);
  const std::int64_t outer_begin = raw_ns();
  const std::uint64_t begin = ticks_begin();
  const std::int64_t inner_begin = raw_ns();
  pass_ns(20'000'000);
  const std::int64_t inner_end = raw_ns();
  const std::uint64_t end = ticks_end();
  const std::int64_t outer_end = raw_ns();
  const auto measured = static_cast<double>(clock.ns(end - begin));
  constexpr double tolerance = 1e-3;  // of a calibration of 50 ms while others run
  EXPECT_GE(measured, static_cast<double>(inner_end - inner_begin) * (1 - tolerance));
  EXPECT_LE(measured, static_cast<double>(outer_end - outer_begin) * (1 + tolerance));
}

TEST(TickClock, ConvertsThereAndBack)
{
  const TickClock clock = TickClock::calibrate(5'000'000);
  EXPECT_EQ(clock.ns(0), 0u);
  EXPECT_EQ(clock.ticks_of_ns(0), 0u);
  for (const std::uint64_t ns : {1'000ull, 123'456'789ull, 3'600'000'000'000ull}) {
    const double ticks_per_ns = clock.ticks_per_ns();
    EXPECT_NEAR(static_cast<double>(clock.ticks_of_ns(ns)), static_cast<double>(ns) * ticks_per_ns, 0.51) << ns;
    EXPECT_NEAR(static_cast<double>(clock.ns(clock.ticks_of_ns(ns))), static_cast<double>(ns),
                0.51 + 0.51 / ticks_per_ns)
        << ns;
  }
  EXPECT_DOUBLE_EQ(clock.frequency_hz(), clock.ticks_per_ns() * 1e9);
}

TEST(TickClock, NoticesHowFarItDrifted)
{
  if (!TickClock::is_invariant())
    GTEST_SKIP() << "the counter of this machine changes its rate";
  const TickClock clock = TickClock::calibrate(50'000'000);
  pass_ns(50'000'000);
  EXPECT_LT(std::abs(clock.drift_ppm()), 1000);
}

}  // namespace
}  // namespace rtlane::test
