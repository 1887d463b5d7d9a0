// Waits for several owners at once.
#include <gtest/gtest.h>
#include <rtlane/core/event.hpp>
#include <rtlane/core/mutex.hpp>
#include <rtlane/core/semaphore.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/shm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

// One of each kind, none of which can be taken by another thread than the mutex's.
class WaitAnyOwnersTest : public testing::Test {
protected:
  void SetUp() override
  {
    auto made_event = Event::create("event");
    auto made_mutex = Mutex::create("mutex");
    auto made_semaphore = Semaphore::create("semaphore", 0);
    ASSERT_TRUE(made_event) << made_event.error().message;
    ASSERT_TRUE(made_mutex) << made_mutex.error().message;
    ASSERT_TRUE(made_semaphore) << made_semaphore.error().message;
    event = std::move(*made_event);
    mutex = std::move(*made_mutex);
    semaphore = std::move(*made_semaphore);
    handles = {event.handle(), semaphore.handle()};
  }

  Watchdog watchdog{60};
  TempNamespace directory;
  Event event;
  Mutex mutex;
  Semaphore semaphore;
  std::array<rtlane_handle, 2> handles{};
};

TEST_F(WaitAnyOwnersTest, TakesTheFirstOfSeveralAndThatOneOnly)
{
  event.set();
  semaphore.release();
  WaitResult result = wait_any(handles);
  EXPECT_EQ(result.status, WaitStatus::ok);
  EXPECT_EQ(result.index, 0U);
  result = try_wait_any(handles);
  EXPECT_EQ(result.status, WaitStatus::ok);
  EXPECT_EQ(result.index, 1U);
  EXPECT_EQ(try_wait_any(handles).status, WaitStatus::timed_out);
}

TEST_F(WaitAnyOwnersTest, WakesForEachOfThem)
{
  const std::array all = {event.handle(), mutex.handle(), semaphore.handle()};
  mutex.lock();
  const auto woken_by = [&](auto release) {
    WaitResult result;
    std::thread waiter([&] {
      result = wait_any(all);
      if (result && result.index == 1)
        mutex.unlock();
    });
    EXPECT_TRUE(eventually([&] { return event.state_estimate().waiters == 1; }));
    release();
    waiter.join();
    EXPECT_EQ(result.status, WaitStatus::ok);
    return result.index;
  };
  EXPECT_EQ(woken_by([&] { semaphore.release(); }), 2U);
  EXPECT_EQ(woken_by([&] { event.set(); }), 0U);
  EXPECT_EQ(woken_by([&] { mutex.unlock(); }), 1U);
}

TEST_F(WaitAnyOwnersTest, TimedWaitsNeverEndEarly)
{
  constexpr std::int64_t wait_ns = 20'000'000;
  const std::int64_t start = now_ns();
  EXPECT_EQ(wait_any_for(handles, nanoseconds(wait_ns)).status, WaitStatus::timed_out);
  EXPECT_GE(now_ns() - start, wait_ns);
  const steady_clock::time_point deadline = steady_clock::now() + nanoseconds(wait_ns);
  EXPECT_EQ(wait_any_until(handles, deadline).status, WaitStatus::timed_out);
  EXPECT_GE(steady_clock::now(), deadline);
  const system_clock::time_point system_deadline = system_clock::now() + nanoseconds(wait_ns);
  EXPECT_EQ(wait_any_until(handles, system_deadline).status, WaitStatus::timed_out);
  EXPECT_GE(system_clock::now(), system_deadline);
  EXPECT_EQ(wait_any_for(handles, milliseconds(-1)).status, WaitStatus::timed_out);
}

TEST_F(WaitAnyOwnersTest, TellsWhichMutexWasAbandoned)
{
  Child owner = Child::start([&] {
    mutex.lock();
    raise(SIGKILL);
  });
  ASSERT_EQ(owner.wait(), -SIGKILL);
  const std::array all = {event.handle(), mutex.handle()};
  const WaitResult result = wait_any(all);
  EXPECT_EQ(result.status, WaitStatus::abandoned);
  EXPECT_EQ(result.index, 1U);
  EXPECT_TRUE(result);
  EXPECT_TRUE(mutex.unlock());
}

TEST_F(WaitAnyOwnersTest, TellsWhichOneWasClosed)
{
  WaitResult result;
  std::thread waiter([&] { result = wait_any(handles); });
  EXPECT_TRUE(eventually([&] { return semaphore.state_estimate().waiters == 1; }));
  semaphore.close();
  waiter.join();
  EXPECT_EQ(result.status, WaitStatus::closed);
  EXPECT_EQ(result.index, 1U);
  EXPECT_EQ(result.error, ECANCELED);
}

TEST_F(WaitAnyOwnersTest, ABadHandleOrNumberTakesNothing)
{
  event.set();
  const std::array with_none = {event.handle(), rtlane_handle{0}};
  WaitResult result = wait_any(with_none);
  EXPECT_EQ(result.status, WaitStatus::failed);
  EXPECT_EQ(result.error, EBADF);
  EXPECT_STRNE(result.message(), "");

  EXPECT_EQ(wait_any({}).error, EINVAL);
  std::vector<rtlane_handle> many(RTLANE_WAIT_MAX + 1, event.handle());
  EXPECT_EQ(wait_any(many).error, EINVAL);
  // A size that 32 bits would make a good one of.
  const std::span<const rtlane_handle> huge(many.data(), (std::uint64_t{1} << 32) + 1);
  EXPECT_EQ(wait_any(huge).error, EINVAL);
  EXPECT_TRUE(event.try_wait()) << "it was taken all the same";
  many.resize(RTLANE_WAIT_MAX);
  event.set();
  EXPECT_EQ(wait_any(many).status, WaitStatus::ok);
}

}  // namespace
}  // namespace rtlane::test
