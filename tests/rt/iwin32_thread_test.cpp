#include <pthread.h>
#include <rtlane/core/sync.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "rt/iwin32.hpp"

namespace rtlane::test {
namespace {

class Iwin32Thread : public Iwin32 {};

constexpr DWORD refused_count = 0xFFFFFFFF;

std::size_t mappings_of_this_process()
{
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    ++count;
  return count;
}

TEST_F(Iwin32Thread, RunsItsRoutineAndTellsItsExitCode)
{
  static std::atomic<DWORD> id_inside;
  DWORD id = 0;
  auto body = [] {
    id_inside = GetCurrentThreadId();
    return 0xC0FFEE01u;
  };
  SetLastError(preset_error);
  const Handle thread = start_thread(body, 0, &id);
  ASSERT_NE(thread.get(), nullptr) << rtlane_error_message();
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 0xC0FFEE01u);
  EXPECT_EQ(id_inside, id);
  EXPECT_EQ(GetLastError(), preset_error);
  EXPECT_EQ(WaitForSingleObject(thread.get(), 0), WAIT_OBJECT_0);
}

TEST_F(Iwin32Thread, IsStillActiveAndNotSignaledWhileItRuns)
{
  std::atomic<bool> go{false};
  auto body = [&] {
    while (!go)
      sleep_us(100);
    return 5;
  };
  const Handle thread = start_thread(body);
  EXPECT_EQ(exit_code_of(thread), DWORD{STILL_ACTIVE});
  EXPECT_EQ(WaitForSingleObject(thread.get(), 20), WAIT_TIMEOUT);
  go = true;
  EXPECT_EQ(RtWaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 5u);
}

TEST_F(Iwin32Thread, WakesAllThatWaitForItsEnd)
{
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> go{false};
    auto body = [&] {
      while (!go)
        sleep_us(100);
      return 0;
    };
    const Handle thread = start_thread(body);
    const Handle event(RtCreateEventA(nullptr, TRUE, FALSE, nullptr));
    std::atomic<int> waiting{0};
    std::atomic<int> woken{0};
    std::vector<std::thread> waiters;
    for (int i = 0; i < 6; ++i) {
      waiters.emplace_back([&, i] {
        const std::array<HANDLE, 2> both = {event.get(), thread.get()};
        ++waiting;
        if (i % 2 == 0)
          woken += WaitForSingleObject(thread.get(), INFINITE) == WAIT_OBJECT_0 ? 1 : 0;
        else
          woken += WaitForMultipleObjects(2, both.data(), FALSE, INFINITE) == WAIT_OBJECT_0 + 1 ? 1 : 0;
      });
    }
    ASSERT_TRUE(eventually([&] { return waiting == 6; }));
    go = true;
    for (std::thread& waiter : waiters)
      waiter.join();
    EXPECT_EQ(woken, 6);
  }
}

TEST_F(Iwin32Thread, ItsMutexesArePassedOnBeforeItCountsAsEnded)
{
  const Handle mutex(RtCreateMutexA(nullptr, FALSE, nullptr));
  auto body = [&] { return WaitForSingleObject(mutex.get(), INFINITE); };
  for (Rounds rounds(300); rounds.next();) {
    const Handle thread = start_thread(body);
    // Who looks again and again sees it at once; who sleeps, when the kernel wakes.
    if (rounds.round() % 2 == 0)
      ASSERT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
    else
      while (WaitForSingleObject(thread.get(), 0) == WAIT_TIMEOUT) {
      }
    ASSERT_EQ(WaitForSingleObject(mutex.get(), 0), WAIT_ABANDONED) << rounds.round();
    ASSERT_EQ(exit_code_of(thread), WAIT_OBJECT_0);
    ASSERT_TRUE(ReleaseMutex(mutex.get()));
  }
}

TEST_F(Iwin32Thread, SuspendedItWaitsForAsManyResumesAsSuspends)
{
  std::atomic<bool> ran{false};
  auto body = [&] {
    ran = true;
    return 3;
  };
  const Handle thread = start_thread(body, CREATE_SUSPENDED);
  EXPECT_EQ(SuspendThread(thread.get()), 1u);
  EXPECT_EQ(RtSuspendThread(thread.get()), 2u);
  EXPECT_EQ(ResumeThread(thread.get()), 3u);
  EXPECT_EQ(RtResumeThread(thread.get()), 2u);
  EXPECT_EQ(WaitForSingleObject(thread.get(), 30), WAIT_TIMEOUT);
  EXPECT_FALSE(ran);
  EXPECT_EQ(ResumeThread(thread.get()), 1u);
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_TRUE(ran);
  EXPECT_EQ(ResumeThread(thread.get()), 0u);
}

TEST_F(Iwin32Thread, TheSuspendCountHasALimit)
{
  auto body = [] { return 0; };
  const Handle thread = start_thread(body, CREATE_SUSPENDED);
  for (DWORD count = 1; count < MAXIMUM_SUSPEND_COUNT; ++count)
    ASSERT_EQ(SuspendThread(thread.get()), count);
  EXPECT_REFUSED(SuspendThread(thread.get()), refused_count, ERROR_SIGNAL_REFUSED);
  for (DWORD count = MAXIMUM_SUSPEND_COUNT; count > 0; --count)
    ASSERT_EQ(ResumeThread(thread.get()), count);
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
}

TEST_F(Iwin32Thread, ARunningOneSuspendsItselfOnly)
{
  std::atomic<int> step{0};
  auto body = [&] {
    step = 1;
    const DWORD before = SuspendThread(GetCurrentThread());
    step = 2;
    return before;
  };
  const Handle thread = start_thread(body);
  ASSERT_TRUE(eventually([&] { return step == 1; }));
  sleep_us(30'000);
  EXPECT_EQ(step, 1);
  ASSERT_TRUE(eventually([&] { return ResumeThread(thread.get()) == 1; }));
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 0u);

  std::atomic<bool> go{false};
  auto busy = [&] {
    while (!go)
      sleep_us(100);
    return 0;
  };
  const Handle running = start_thread(busy);
  EXPECT_REFUSED(SuspendThread(running.get()), refused_count, ERROR_NOT_SUPPORTED);
  go = true;
  EXPECT_EQ(WaitForSingleObject(running.get(), INFINITE), WAIT_OBJECT_0);
}

// What may not be unwound.
void leave(DWORD code) noexcept
{
  ExitThread(code);
}

TEST_F(Iwin32Thread, ExitsFromAnyDepthWithoutUnwinding)
{
  static std::atomic<int> frames_destroyed;
  static std::atomic<int> thread_locals_destroyed;
  struct Frame {
    ~Frame() { ++frames_destroyed; }
  };
  struct Local {
    bool used = false;
    ~Local() { ++thread_locals_destroyed; }
  };
  frames_destroyed = 0;
  thread_locals_destroyed = 0;
  auto body = []() -> int {
    thread_local Local local;
    local.used = true;
    const Frame frame;
    leave(77);
    return 1;
  };
  const Handle thread = start_thread(body);
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 77u);
  EXPECT_EQ(frames_destroyed, 0);
  EXPECT_EQ(thread_locals_destroyed, 1);
}

TEST_F(Iwin32Thread, AThreadOfTheProgramsOwnExitsByUnwinding)
{
  static std::atomic<int> destroyed;
  destroyed = 0;
  pthread_t own;
  ASSERT_EQ(pthread_create(
                &own, nullptr,
                [](void*) -> void* {
                  const struct Frame {
                    ~Frame() { ++destroyed; }
                  } frame;
                  RtExitThread(1);
                },
                nullptr),
            0);
  void* answer = &own;
  EXPECT_EQ(pthread_join(own, &answer), 0);
  EXPECT_EQ(answer, nullptr);
  EXPECT_EQ(destroyed, 1);
}

TEST_F(Iwin32Thread, AThreadOfTheProgramsOwnTellsItsExitCode)
{
  static Handle handle;
  pthread_t own;
  ASSERT_EQ(pthread_create(
                &own, nullptr,
                [](void*) -> void* {
                  handle = Handle(OpenThread(0, FALSE, GetCurrentThreadId()));
                  ExitThread(77);
                },
                nullptr),
            0);
  EXPECT_EQ(pthread_join(own, nullptr), 0);
  EXPECT_EQ(WaitForSingleObject(handle.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(handle), 77u);
  handle.close();
}

TEST_F(Iwin32Thread, GoesOnWhenItsHandleIsClosed)
{
  std::atomic<int> step{0};
  auto body = [&] {
    while (step != 1)
      sleep_us(100);
    step = 2;
    return 0;
  };
  Handle thread = start_thread(body);
  EXPECT_TRUE(thread.close());
  step = 1;
  EXPECT_TRUE(eventually([&] { return step == 2; }));
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Thread, ClosingItsLastHandleEndsTheWaitForIt)
{
  std::atomic<bool> go{false};
  auto body = [&] {
    while (!go)
      sleep_us(100);
    return 0;
  };
  Handle thread = start_thread(body);
  std::atomic<bool> waiting{false};
  std::atomic<DWORD> answer{0};
  std::atomic<DWORD> error{0};
  std::thread waiter([&, handle = thread.get()] {
    waiting = true;
    answer = WaitForSingleObject(handle, INFINITE);
    error = GetLastError();
  });
  ASSERT_TRUE(eventually([&] { return waiting.load(); }));
  sleep_us(20'000);
  EXPECT_TRUE(thread.close());
  waiter.join();
  EXPECT_TRUE(answer == WAIT_ABANDONED_0 || answer == WAIT_FAILED) << answer;
  EXPECT_EQ(error, DWORD{ERROR_INVALID_HANDLE});
  go = true;
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Thread, IsFoundByItsIdWhileItRuns)
{
  std::atomic<bool> go{false};
  auto body = [&] {
    while (!go)
      sleep_us(100);
    return 11;
  };
  DWORD id = 0;
  Handle made = start_thread(body, 0, &id);
  const Handle opened(OpenThread(THREAD_ALL_ACCESS, FALSE, id));
  ASSERT_NE(opened.get(), nullptr) << rtlane_error_message();
  EXPECT_NE(opened.get(), made.get());
  EXPECT_TRUE(made.close());
  EXPECT_EQ(WaitForSingleObject(opened.get(), 0), WAIT_TIMEOUT);
  go = true;
  EXPECT_EQ(WaitForSingleObject(opened.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(opened), 11u);
  EXPECT_REFUSED(OpenThread(THREAD_ALL_ACCESS, FALSE, id), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(OpenThread(0, FALSE, 0), nullptr, ERROR_INVALID_PARAMETER);
  // Another process's.
  EXPECT_REFUSED(OpenThread(0, FALSE, 1), nullptr, ERROR_INVALID_PARAMETER);
}

TEST_F(Iwin32Thread, AThreadOfTheProgramsOwnOpensItself)
{
  EXPECT_EQ(GetCurrentThreadId(), static_cast<DWORD>(gettid()));
  Handle opened;
  std::atomic<bool> go{false};
  std::atomic<bool> open{false};
  std::thread own([&] {
    opened = Handle(OpenThread(0, FALSE, GetCurrentThreadId()));
    open = true;
    while (!go)
      sleep_us(100);
  });
  ASSERT_TRUE(eventually([&] { return open.load(); }));
  ASSERT_NE(opened.get(), nullptr);
  EXPECT_EQ(WaitForSingleObject(opened.get(), 20), WAIT_TIMEOUT);
  EXPECT_EQ(exit_code_of(opened), DWORD{STILL_ACTIVE});
  go = true;
  EXPECT_EQ(WaitForSingleObject(opened.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(opened), 0u);
  own.join();
  const Handle main_thread(OpenThread(0, FALSE, GetCurrentThreadId()));
  EXPECT_NE(main_thread.get(), nullptr);
  EXPECT_EQ(exit_code_of(main_thread), DWORD{STILL_ACTIVE});
}

TEST_F(Iwin32Thread, HasTheStackItAskedForAndNeverLessThanItNeeds)
{
  static std::atomic<std::size_t> stack_bytes;
  const auto body = [](LPVOID) -> DWORD {
    pthread_attr_t attributes;
    std::size_t bytes = 0;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &bytes);
    pthread_attr_destroy(&attributes);
    stack_bytes = bytes;
    return 0;
  };
  const auto run = [&](SIZE_T wanted) {
    const Handle thread(CreateThread(nullptr, wanted, body, nullptr, 0, nullptr));
    EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0) << rtlane_error_message();
    return stack_bytes.load();
  };
  EXPECT_GE(run(1), std::size_t{64} << 10);
  EXPECT_GE(run((std::size_t{3} << 20) + 1), (std::size_t{3} << 20) + 4096);
  EXPECT_GT(run(0), std::size_t{64} << 10);
  EXPECT_REFUSED(CreateThread(nullptr, SIZE_MAX, body, nullptr, 0, nullptr), nullptr, ERROR_NOT_ENOUGH_MEMORY);
}

// glibc takes thread_local variables from the stack that was asked for.
TEST_F(Iwin32Thread, ItsStackIsNotUsedUpByThreadLocalVariables)
{
  constexpr std::size_t large = 100'000;
  static thread_local volatile char variable[large];
  variable[0] = 1;
  const auto body = [](LPVOID) -> DWORD {
    volatile char local[48 << 10];
    local[0] = 5;
    variable[large - 1] = local[0];
    return static_cast<DWORD>(variable[large - 1]);
  };
  const Handle thread(CreateThread(nullptr, 8192, body, nullptr, 0, nullptr));
  ASSERT_NE(thread.get(), nullptr) << rtlane_error_message();
  EXPECT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(thread), 5u);
  const Handle parent(OpenProcess(0, FALSE, static_cast<DWORD>(getppid())));
  EXPECT_NE(parent.get(), nullptr) << rtlane_error_message();
}

TEST_F(Iwin32Thread, NonsenseIsRefused)
{
  const auto body = [](LPVOID) -> DWORD { return 0; };
  DWORD id = 77;
  EXPECT_REFUSED(CreateThread(nullptr, 0, nullptr, nullptr, 0, &id), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(RtCreateThread(nullptr, 0, body, nullptr, 1, &id), nullptr, ERROR_INVALID_PARAMETER);
  EXPECT_EQ(id, 77u);
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  EXPECT_REFUSED(ResumeThread(event.get()), refused_count, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(ResumeThread(nullptr), refused_count, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(GetExitCodeThread(event.get(), &id), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(GetExitCodeThread(GetCurrentThread(), nullptr), FALSE, ERROR_INVALID_PARAMETER);
  EXPECT_REFUSED(TerminateThread(event.get(), 0), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(SetThreadPriority(event.get(), 0), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_REFUSED(SetEvent(GetCurrentThread()), FALSE, ERROR_INVALID_HANDLE);
  EXPECT_EQ(threads_of_this_process(), 1u);
}

TEST_F(Iwin32Thread, AFullHandleTableStartsNoThread)
{
  setenv("RTLANE_MAX_HANDLES", "1", 1);
  const Handle event(RtCreateEventA(nullptr, FALSE, FALSE, nullptr));
  const auto body = [](LPVOID) -> DWORD { return 0; };
  EXPECT_REFUSED(CreateThread(nullptr, 0, body, nullptr, 0, nullptr), nullptr, ERROR_NO_SYSTEM_RESOURCES);
  EXPECT_EQ(threads_of_this_process(), 1u);
  unsetenv("RTLANE_MAX_HANDLES");
}

TEST_F(Iwin32Thread, EndedThreadsLeaveNothing)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "sanitizers keep memory of threads that have ended";
  auto body = [] { return 0; };
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const Handle thread(CreateThread(
          nullptr, 1 << 20, [](LPVOID) -> DWORD { return 0; }, &body, 0, nullptr));
      ASSERT_NE(thread.get(), nullptr) << rtlane_error_message();
      ASSERT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
    }
  };
  run(10);
  const std::size_t before = mappings_of_this_process();
  run(300);
  EXPECT_LE(mappings_of_this_process(), before + 20);
  EXPECT_TRUE(eventually([] { return threads_of_this_process() == 1; }));
}

TEST_F(Iwin32Thread, InAForkChildTheOthersHaveEndedAndItselfGoesOn)
{
  SKIP_FORK_OF_THREADS();
  std::atomic<bool> go{false};
  auto body = [&] {
    while (!go)
      sleep_us(100);
    return 8;
  };
  const Handle other = start_thread(body);
  const Handle me(OpenThread(0, FALSE, GetCurrentThreadId()));
  Child child = Child::start([&] {
    EXPECT_EQ(WaitForSingleObject(other.get(), 0), WAIT_OBJECT_0);
    EXPECT_EQ(exit_code_of(other), 0u);
    EXPECT_EQ(WaitForSingleObject(me.get(), 0), WAIT_TIMEOUT);
    EXPECT_EQ(exit_code_of(me), DWORD{STILL_ACTIVE});
    const Handle again(OpenThread(0, FALSE, GetCurrentThreadId()));
    EXPECT_NE(again.get(), nullptr);
    EXPECT_TRUE(SetThreadPriority(me.get(), THREAD_PRIORITY_LOWEST)) << rtlane_error_message();
    auto more = [] { return 4; };
    const Handle made = start_thread(more);
    EXPECT_EQ(WaitForSingleObject(made.get(), INFINITE), WAIT_OBJECT_0);
    EXPECT_EQ(exit_code_of(made), 4u);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(WaitForSingleObject(other.get(), 0), WAIT_TIMEOUT);
  go = true;
  EXPECT_EQ(WaitForSingleObject(other.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_EQ(exit_code_of(other), 8u);
}

}  // namespace
}  // namespace rtlane::test
