#include <gmock/gmock.h>
#include <pthread.h>

#include <atomic>
#include <csignal>

#include "rt/iwin32.hpp"
#include "support/sanitizer.hpp"

namespace rtlane::test {
namespace {

// The sanitizers' libraries are not told that such a thread has ended, and wait for it.
class Iwin32Terminate : public Iwin32 {
protected:
  void SetUp() override
  {
    if (built_with_sanitizer)
      GTEST_SKIP() << "a sanitizer does not notice that a thread was ended from outside";
  }
};

enum class Place { in_a_loop, in_a_sleep, in_a_wait, in_a_wait_for_several, suspended };

class Iwin32TerminatePlace : public Iwin32Terminate, public testing::WithParamInterface<Place> {};

TEST_P(Iwin32TerminatePlace, EndsAThreadAndPassesItsMutexesOn)
{
  const Handle mutex(RtCreateMutexA(nullptr, FALSE, nullptr));
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  static std::atomic<int> destroyed;
  destroyed = 0;
  struct Frame {
    ~Frame() { ++destroyed; }
  };
  std::atomic<bool> there{false};
  auto body = [&] {
    const Frame frame;
    WaitForSingleObject(mutex.get(), INFINITE);
    there = true;
    const HANDLE both[] = {event.get(), event.get()};
    switch (GetParam()) {
      case Place::in_a_sleep:
        Sleep(INFINITE);
        break;
      case Place::in_a_wait:
        WaitForSingleObject(event.get(), INFINITE);
        break;
      case Place::in_a_wait_for_several:
        WaitForMultipleObjects(2, both, FALSE, INFINITE);
        break;
      case Place::suspended:
        SuspendThread(GetCurrentThread());
        break;
      case Place::in_a_loop:
        for (;;)
          asm volatile("");
    }
    return 1;
  };
  const Handle thread = start_thread(body);
  ASSERT_TRUE(eventually([&] { return there.load(); }));
  sleep_us(5'000);
  ASSERT_TRUE(TerminateThread(thread.get(), 0xDEAD)) << rtlane_error_message();
  EXPECT_EQ(WaitForSingleObject(thread.get(), 0), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 0xDEADu);
  EXPECT_EQ(WaitForSingleObject(mutex.get(), 0), WAIT_ABANDONED);
  EXPECT_TRUE(ReleaseMutex(mutex.get()));
  EXPECT_EQ(destroyed, 0);
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
  EXPECT_REFUSED(TerminateThread(thread.get(), 1), FALSE, ERROR_ACCESS_DENIED);
  EXPECT_EQ(exit_code_of(thread), 0xDEADu);
}

INSTANTIATE_TEST_SUITE_P(Places, Iwin32TerminatePlace,
                         testing::Values(Place::in_a_loop, Place::in_a_sleep, Place::in_a_wait,
                                         Place::in_a_wait_for_several, Place::suspended));

TEST_F(Iwin32Terminate, EndsAThreadThatHasNotStarted)
{
  std::atomic<bool> ran{false};
  auto body = [&] {
    ran = true;
    return 0;
  };
  const Handle thread = start_thread(body, CREATE_SUSPENDED);
  EXPECT_TRUE(RtTerminateThread(thread.get(), 3));
  EXPECT_EQ(WaitForSingleObject(thread.get(), 0), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 3u);
  EXPECT_FALSE(ran);
}

TEST_F(Iwin32Terminate, AThreadMayEndItself)
{
  auto body = []() -> int {
    TerminateThread(GetCurrentThread(), 21);
    return 1;
  };
  const Handle thread = start_thread(body);
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 21u);
}

TEST_F(Iwin32Terminate, IsRefusedForAThreadThatBlocksTheSignal)
{
  std::atomic<bool> there{false};
  std::atomic<bool> go{false};
  auto body = [&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    there = true;
    while (!go)
      sleep_us(100);
    return 6;
  };
  const Handle thread = start_thread(body);
  ASSERT_TRUE(eventually([&] { return there.load(); }));
  EXPECT_REFUSED(TerminateThread(thread.get(), 1), FALSE, ERROR_NOT_SUPPORTED);
  EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("signal"));
  go = true;
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 6u);
}

TEST_F(Iwin32Terminate, LeavesSignalsThatTheProgramUsesAlone)
{
  Child child = Child::start([] {
    static std::atomic<int> seen;
    struct sigaction action = {};
    action.sa_handler = [](int) { ++seen; };
    sigaction(SIGRTMAX, &action, nullptr);
    auto body = [] {
      Sleep(INFINITE);
      return 0;
    };
    const Handle thread = start_thread(body);
    EXPECT_TRUE(TerminateThread(thread.get(), 1)) << rtlane_error_message();
    EXPECT_EQ(seen, 0);
    raise(SIGRTMAX);
    EXPECT_EQ(seen, 1);
    // The signal taken instead ends nobody by itself.
    raise(SIGRTMAX - 1);
  });
  EXPECT_EQ(child.wait(), 0);
}

// A thread that was ended while it had, or waited for, the lock of all set-up calls would stop the process.
TEST_F(Iwin32Terminate, NobodyIsEndedInsideASetUpCall)
{
  Child child = Child::start([] {
    static std::atomic<int> rounds;
    auto body = []() -> int {
      for (;;) {
        CloseHandle(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
        ++rounds;
      }
    };
    for (Rounds repeat(60); repeat.next();) {
      rounds = 0;
      Handle threads[3];
      for (Handle& thread : threads)
        thread = start_thread(body);
      ASSERT_TRUE(eventually([] { return rounds > 3; }));
      for (const Handle& thread : threads)
        ASSERT_TRUE(TerminateThread(thread.get(), 1)) << rtlane_error_message();
      const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
      ASSERT_NE(event.get(), nullptr) << rtlane_error_message();
    }
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Terminate, ATimersThreadMayBeEnded)
{
  static std::atomic<DWORD> id;
  id = 0;
  const HANDLE timer = RtCreateTimer(
      nullptr, 0,
      [](PVOID) {
        id = GetCurrentThreadId();
        Sleep(INFINITE);
      },
      nullptr, 0, CLOCK_1);
  LARGE_INTEGER now = units(0);
  ASSERT_TRUE(RtSetTimerRelative(timer, &now, &now));
  ASSERT_TRUE(eventually([] { return id != 0; }));
  const Handle thread(OpenThread(0, FALSE, id));
  ASSERT_TRUE(TerminateThread(thread.get(), 1)) << rtlane_error_message();
  EXPECT_TRUE(RtDeleteTimer(timer));
}

}  // namespace
}  // namespace rtlane::test
