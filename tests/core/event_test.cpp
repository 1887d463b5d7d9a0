// The C++ owner Event, and the times that all owners share.
#include <gtest/gtest.h>
#include <rtlane/core/event.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <utility>
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

class EventTest : public testing::Test {
protected:
  Watchdog watchdog{60};
  TempNamespace directory;
};

TEST_F(EventTest, CreatesThenOpensTheSameEvent)
{
  auto made = Event::create("go", Event::Reset::manual, true);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->created());
  auto again = Event::create("go");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->created());
  EXPECT_NE(again->handle(), made->handle());
  auto opened = Event::open("go");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_FALSE(opened->created());
  EXPECT_EQ(again->try_wait().status, WaitStatus::ok) << "kind and state of what existed stay";
  EXPECT_EQ(opened->try_wait().status, WaitStatus::ok);
  EXPECT_TRUE(opened->reset());
  EXPECT_EQ(made->try_wait().status, WaitStatus::timed_out);
}

TEST_F(EventTest, AutomaticResetReleasesOneWaitForOneSet)
{
  auto event = Event::create("go");
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->try_wait().status, WaitStatus::timed_out);
  EXPECT_TRUE(event->set());
  EXPECT_TRUE(event->set());
  EXPECT_TRUE(event->wait());
  EXPECT_FALSE(event->try_wait()) << "two sets that nobody waited for are one";
}

TEST_F(EventTest, ManualResetReleasesEveryProcess)
{
  auto event = Event::create("go", Event::Reset::manual);
  ASSERT_TRUE(event) << event.error().message;
  std::vector<Child> waiters;
  waiters.reserve(3);
  for (int i = 0; i < 3; ++i)
    waiters.push_back(Child::start([] {
      auto mine = Event::open("go");
      ASSERT_TRUE(mine) << mine.error().message;
      EXPECT_EQ(mine->wait().status, WaitStatus::ok);
    }));
  ASSERT_TRUE(eventually([&] { return event->state_estimate().waiters == 3; }));
  EXPECT_TRUE(event->set());
  for (Child& waiter : waiters)
    EXPECT_EQ(waiter.wait(), 0);
  EXPECT_TRUE(event->try_wait()) << "it stays set";
}

TEST_F(EventTest, APulseReleasesWhoSleepsAndLeavesItReset)
{
  auto event = Event::create("go", Event::Reset::manual);
  ASSERT_TRUE(event) << event.error().message;
  Child waiter = Child::start([&] { EXPECT_TRUE(event->wait()); });
  ASSERT_TRUE(eventually([&] { return event->state_estimate().waiters == 1; }));
  EXPECT_TRUE(event->pulse());
  EXPECT_EQ(waiter.wait(), 0);
  EXPECT_FALSE(event->try_wait());
}

TEST_F(EventTest, TimedWaitsNeverEndEarly)
{
  auto event = Event::create("never");
  ASSERT_TRUE(event) << event.error().message;
  constexpr std::int64_t wait_ns = 20'000'000;
  const std::int64_t first = now_ns();
  EXPECT_EQ(event->wait_for(nanoseconds(wait_ns)).status, WaitStatus::timed_out);
  const std::int64_t second = now_ns();
  EXPECT_GE(second - first, wait_ns);
  EXPECT_EQ(event->wait_until(steady_clock::now() + nanoseconds(wait_ns)).status, WaitStatus::timed_out);
  const std::int64_t third = now_ns();
  EXPECT_GE(third - second, wait_ns);
  const system_clock::time_point deadline = system_clock::now() + nanoseconds(wait_ns);
  EXPECT_EQ(event->wait_until(deadline).status, WaitStatus::timed_out);
  EXPECT_GE(system_clock::now(), deadline);
}

TEST_F(EventTest, WhatIsOverOnlyLooks)
{
  auto event = Event::create("go");
  ASSERT_TRUE(event) << event.error().message;
  const auto looks = [&](WaitStatus expected) {
    const auto expect = [&](WaitResult result) {
      EXPECT_EQ(result.status, expected);
      EXPECT_EQ(result.error, 0);
      if (expected == WaitStatus::ok)
        event->set();
    };
    expect(event->wait_for(milliseconds(0)));
    expect(event->wait_for(milliseconds(-1)));
    expect(event->wait_for(nanoseconds::min()));
    expect(event->wait_until(steady_clock::now()));
    expect(event->wait_until(steady_clock::time_point()));
    expect(event->wait_until(steady_clock::time_point::min()));
    expect(event->wait_until(system_clock::time_point::min()));
  };
  looks(WaitStatus::timed_out);
  ASSERT_TRUE(event->set());
  looks(WaitStatus::ok);
}

TEST_F(EventTest, TheLargestTimesAreForEver)
{
  auto event = Event::create("go");
  ASSERT_TRUE(event) << event.error().message;
  const auto is_released = [&](auto wait) {
    Child waiter = Child::start([&] { EXPECT_EQ(wait().status, WaitStatus::ok); });
    EXPECT_TRUE(eventually([&] { return event->state_estimate().waiters == 1; })) << "it does not wait";
    event->set();
    EXPECT_EQ(waiter.wait(), 0);
  };
  is_released([&] { return event->wait_for(std::chrono::hours::max()); });
  is_released([&] { return event->wait_for(nanoseconds::max()); });
  is_released([&] { return event->wait_until(steady_clock::time_point::max()); });
  is_released([&] { return event->wait_until(system_clock::time_point::max()); });
}

// Runs at half the speed of the steady clock.
struct SlowClock {
  using duration = nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<SlowClock>;
  static constexpr bool is_steady = true;
  static time_point now() { return time_point(duration(now_ns() / 2)); }
};

TEST_F(EventTest, ADeadlineIsJudgedByItsOwnClock)
{
  auto event = Event::create("never");
  ASSERT_TRUE(event) << event.error().message;
  const SlowClock::time_point deadline = SlowClock::now() + milliseconds(20);
  EXPECT_EQ(event->wait_until(deadline).status, WaitStatus::timed_out);
  EXPECT_GE(SlowClock::now(), deadline);
}

TEST_F(EventTest, TheSteadyClockIsClockMonotonic)
{
  const std::int64_t before = now_ns();
  const std::int64_t between = nanoseconds(steady_clock::now().time_since_epoch()).count();
  const std::int64_t after = now_ns();
  EXPECT_LE(before, between);
  EXPECT_LE(between, after);
}

TEST_F(EventTest, TimesAreRoundedUpAndDoNotOverflow)
{
  using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  using Doubles = std::chrono::duration<double>;
  EXPECT_EQ(detail::positive_ns(Picoseconds(1)), 1);
  EXPECT_EQ(detail::positive_ns(Picoseconds(2001)), 3);
  EXPECT_EQ(detail::positive_ns(Doubles(1.5e-9)), 2);
  EXPECT_EQ(detail::positive_ns(milliseconds(7)), 7'000'000);
  EXPECT_EQ(detail::positive_ns(milliseconds(-7)), 0);
  EXPECT_EQ(detail::positive_ns(Doubles(std::numeric_limits<double>::quiet_NaN())), 0);
  EXPECT_EQ(detail::positive_ns(Doubles(std::numeric_limits<double>::infinity())), INT64_MAX);
  EXPECT_EQ(detail::positive_ns(std::chrono::hours::max()), INT64_MAX);
}

TEST_F(EventTest, ClosingTheLastHandleEndsTheWaitsOfThisProcess)
{
  auto event = Event::create("go");
  ASSERT_TRUE(event) << event.error().message;
  WaitResult result;
  std::thread waiter([&] { result = event->wait(); });
  EXPECT_TRUE(eventually([&] { return event->state_estimate().waiters == 1; }));
  event->close();
  waiter.join();
  EXPECT_EQ(result.status, WaitStatus::closed);
  EXPECT_EQ(result.error, ECANCELED);
  EXPECT_FALSE(result);
  EXPECT_FALSE(*event);
}

TEST_F(EventTest, WithoutAHandleEverythingIsRefusedWithASentence)
{
  Event none;
  EXPECT_FALSE(none);
  const WaitResult result = none.wait();
  EXPECT_EQ(result.status, WaitStatus::failed);
  EXPECT_EQ(result.error, EBADF);
  EXPECT_STRNE(result.message(), "");
  EXPECT_EQ(none.wait_for(milliseconds(1)).error, EBADF);
  EXPECT_EQ(none.wait_until(system_clock::time_point::max()).error, EBADF);
  EXPECT_FALSE(none.set());
  EXPECT_FALSE(none.reset());
  EXPECT_FALSE(none.pulse());
  EXPECT_EQ(none.state_estimate().kind, 0U);
  none.close();
}

TEST_F(EventTest, MovesItsHandleAndIsGoneWithItsLastOwner)
{
  {
    auto made = Event::create("go");
    ASSERT_TRUE(made) << made.error().message;
    const rtlane_handle handle = made->handle();
    Event moved = std::move(*made);
    EXPECT_EQ(moved.handle(), handle);
    EXPECT_TRUE(moved.created());
    EXPECT_FALSE(*made);
    EXPECT_TRUE(Event::open("go"));
    auto next = Event::create("next");
    ASSERT_TRUE(next) << next.error().message;
    moved = std::move(*next);
    EXPECT_FALSE(Event::open("go")) << "assignment closes what was owned";
    EXPECT_FALSE(*next);
    EXPECT_TRUE(Event::open("next"));
    moved = Event();
    EXPECT_FALSE(Event::open("next"));
    EXPECT_FALSE(moved.created());
  }
  EXPECT_TRUE(object_files(directory.path()).empty());
}

TEST_F(EventTest, ExplainsWhyItWasNotCreatedOrOpened)
{
  const auto missing = Event::open("go");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_NE(missing.error().message.find("go"), std::string::npos) << missing.error().message;

  const std::string with_nul("go\0on", 5);
  EXPECT_EQ(Event::create(with_nul).error().code, EINVAL);
  EXPECT_EQ(Event::open(with_nul).error().code, EINVAL);
  EXPECT_TRUE(object_files(directory.path()).empty());

  const auto memory = SharedMemory::create("memory", 100);
  ASSERT_TRUE(memory);
  EXPECT_EQ(Event::create("memory").error().code, EPROTOTYPE);
  EXPECT_EQ(Event::open("memory").error().code, EPROTOTYPE);

  const auto made = Event::create("go");
  ASSERT_TRUE(made);
  EXPECT_EQ(Event::create("go", Event::Reset::automatic, false, {.exclusive = true}).error().code, EEXIST);
  EXPECT_EQ(Event::create("other", Event::Reset::automatic, false, {.mode = 01000}).error().code, EINVAL);
}

TEST_F(EventTest, OptionsReachTheObject)
{
  const auto made = Event::create("go", Event::Reset::automatic, false, {.mode = 0640});
  ASSERT_TRUE(made) << made.error().message;
  rtlane_shm_certificate facts = {};
  facts.struct_size = sizeof facts;
  ASSERT_EQ(rtlane_shm_info(made->handle(), &facts), 0) << rtlane_error_message();
  EXPECT_EQ(facts.mode, 0640U);
  EXPECT_EQ(facts.kind, static_cast<std::uint32_t>(RTLANE_KIND_EVENT));
}

}  // namespace
}  // namespace rtlane::test
