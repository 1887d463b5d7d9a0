// The C++ owner Semaphore.
#include <gtest/gtest.h>
#include <rtlane/core/semaphore.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/thrown.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::system_clock;

class SemaphoreTest : public testing::Test {
protected:
  Watchdog watchdog{60};
  TempNamespace directory;
};

TEST_F(SemaphoreTest, CountsWhatIsThereToBeTaken)
{
  auto units = Semaphore::create("units", 1, 3);
  ASSERT_TRUE(units) << units.error().message;
  EXPECT_TRUE(units->created());
  auto opened = Semaphore::open("units");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_FALSE(opened->created());
  opened->release();
  opened->release();
  EXPECT_EQ(opened->state_estimate().count, 3U);
  units->acquire();
  EXPECT_TRUE(units->try_acquire());
  EXPECT_TRUE(units->try_acquire_for(milliseconds(1)));
  EXPECT_FALSE(units->try_acquire());
  EXPECT_EQ(units->try_wait().status, WaitStatus::timed_out);
}

TEST_F(SemaphoreTest, TheCountAndMaximumOfWhatExistsStay)
{
  auto units = Semaphore::create("units", 1, 3);
  ASSERT_TRUE(units) << units.error().message;
  auto again = Semaphore::create("units", 7, 10);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->created());
  EXPECT_EQ(again->state_estimate().count, 1U);
  EXPECT_EQ(again->state_estimate().maximum, 3U);
}

TEST_F(SemaphoreTest, RefusesCountsOutOfRange)
{
  EXPECT_EQ(Semaphore::create("units", 4, 3).error().code, EINVAL);
  EXPECT_EQ(Semaphore::create("units", 0, 0).error().code, EINVAL);
  EXPECT_EQ(Semaphore::create("units", 0, Semaphore::max() + 1).error().code, EINVAL);
  EXPECT_TRUE(object_files(directory.path()).empty()) << "a refused create left something";
  auto largest = Semaphore::create("units", 1);
  ASSERT_TRUE(largest) << largest.error().message;
  EXPECT_EQ(largest->state_estimate().maximum, Semaphore::max());
}

TEST_F(SemaphoreTest, AddsNothingWhenTheMaximumWouldBePassed)
{
  auto units = Semaphore::create("units", 2, 3);
  ASSERT_TRUE(units) << units.error().message;
  std::uint32_t previous = 77;
  EXPECT_FALSE(units->try_release(2, &previous));
  EXPECT_EQ(previous, 77U);
  EXPECT_EQ(thrown_by([&] { units->release(2); }), EOVERFLOW);
  EXPECT_EQ(thrown_by([&] { units->release(0); }), EINVAL);
  EXPECT_EQ(units->state_estimate().count, 2U);
  EXPECT_TRUE(units->try_release(1, &previous));
  EXPECT_EQ(previous, 2U);
}

TEST_F(SemaphoreTest, EveryUnitIsTakenOnceByAllProcesses)
{
  constexpr std::uint32_t each = 2000;
  SharedPage<std::atomic<std::uint32_t>> taken;
  std::vector<Child> takers;
  takers.reserve(3);
  for (int i = 0; i < 3; ++i)
    takers.push_back(Child::start([&] {
      auto units = Semaphore::create("units", 0);
      ASSERT_TRUE(units) << units.error().message;
      for (std::uint32_t n = 0; n < each; ++n) {
        units->acquire();
        ++*taken;
      }
    }));
  auto units = Semaphore::create("units", 0);
  ASSERT_TRUE(units) << units.error().message;
  for (std::uint32_t n = 0; n < each; ++n)
    units->release(3);
  for (Child& taker : takers)
    EXPECT_EQ(taker.wait(), 0);
  EXPECT_EQ(*taken, 3 * each);
  EXPECT_FALSE(units->try_acquire());
}

TEST_F(SemaphoreTest, TimedAcquiresNeverEndEarly)
{
  auto units = Semaphore::create("units", 0, 1);
  ASSERT_TRUE(units) << units.error().message;
  constexpr std::int64_t wait_ns = 20'000'000;
  const std::int64_t start = now_ns();
  EXPECT_FALSE(units->try_acquire_for(nanoseconds(wait_ns)));
  EXPECT_GE(now_ns() - start, wait_ns);
  const system_clock::time_point deadline = system_clock::now() + nanoseconds(wait_ns);
  EXPECT_FALSE(units->try_acquire_until(deadline));
  EXPECT_GE(system_clock::now(), deadline);
  EXPECT_FALSE(units->try_acquire_for(milliseconds(-1)));
}

TEST_F(SemaphoreTest, AUnitOfAKilledProcessDoesNotComeBack)
{
  auto units = Semaphore::create("units", 1, 1);
  ASSERT_TRUE(units) << units.error().message;
  Child taker = Child::start([&] {
    units->acquire();
    raise(SIGKILL);
  });
  EXPECT_EQ(taker.wait(), -SIGKILL);
  EXPECT_FALSE(units->try_acquire());
  units->release();
  EXPECT_TRUE(units->try_acquire());
}

TEST_F(SemaphoreTest, WhatTheStandardHasNoAnswerForIsThrown)
{
  Semaphore none;
  EXPECT_EQ(thrown_by([&] { none.acquire(); }), EBADF);
  EXPECT_EQ(thrown_by([&] { none.release(); }), EBADF);
  EXPECT_EQ(thrown_by([&] { EXPECT_FALSE(none.try_acquire()); }), EBADF);
  EXPECT_EQ(thrown_by([&] { EXPECT_FALSE(none.try_acquire_for(milliseconds(1))); }), EBADF);
  EXPECT_EQ(thrown_by([&] { EXPECT_FALSE(none.try_acquire_until(system_clock::time_point())); }), EBADF);
  EXPECT_FALSE(none.try_release());

  auto units = Semaphore::create("units", 0);
  ASSERT_TRUE(units) << units.error().message;
  int thrown = 0;
  std::thread waiter([&] { thrown = thrown_by([&] { units->acquire(); }); });
  EXPECT_TRUE(eventually([&] { return units->state_estimate().waiters == 1; }));
  units->close();
  waiter.join();
  EXPECT_EQ(thrown, ECANCELED);
}

}  // namespace
}  // namespace rtlane::test
