// What stands around the rows: the calls make no system call while nobody waits, and never allocate.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "conformance/conformance.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"

namespace rtlane::conformance {
namespace {

constexpr int rounds = 5000;

class Iwin32Quiet : public Conformance {
protected:
  static constexpr int allocated = 98;

  // Runs work(), which answers how often it was wrong, where each system call but write and exit_group kills and
  // allocations are counted.
  template <class Work>
  static int without_system_calls(Work&& work)
  {
    auto child = test::Child::start([&] {
      if (!test::forbid_calls())
        return 99;
      test::counting_allocations = true;
      const int wrong = work();
      test::counting_allocations = false;
      if (test::allocations != 0)
        return allocated;
      return wrong == 0 ? 0 : 1;
    });
    return child.wait();
  }
  void SetUp() override
  {
    Conformance::SetUp();
    if (test::built_with_sanitizer)
      GTEST_SKIP() << "a sanitizer makes system calls of its own";
    if (const std::string problem = test::seccomp_problem(); !problem.empty())
      GTEST_SKIP() << problem;
  }
};

TEST_F(Iwin32Quiet, TheFilterKills)
{
  EXPECT_EQ(without_system_calls([] { return static_cast<int>(syscall(SYS_getppid)) * 0; }), -SIGSYS);
}

TEST_F(Iwin32Quiet, TheCounterCounts)
{
  EXPECT_EQ(without_system_calls([] {
              void* volatile probe = std::malloc(1);
              std::free(probe);
              return 0;
            }),
            allocated);
}

TEST_F(Iwin32Quiet, EventsEnterTheKernelNever)
{
  const Object automatic = create_event("automatic", FALSE);
  const Object manual = create_event("manual", TRUE);
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                wrong += RtSetEvent(automatic.handle) ? 0 : 1;
                wrong += RtWaitForSingleObject(automatic.handle, INFINITE) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += WaitForSingleObject(automatic.handle, 0) == WAIT_TIMEOUT ? 0 : 1;
                wrong += SetEvent(automatic.handle) && ResetEvent(automatic.handle) ? 0 : 1;
                wrong += PulseEvent(automatic.handle) ? 0 : 1;
                wrong += WaitForSingleObject(automatic.handle, 0) == WAIT_TIMEOUT ? 0 : 1;
                wrong += SetEvent(manual.handle) && SetEvent(manual.handle) ? 0 : 1;
                wrong += WaitForSingleObject(manual.handle, 0) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += WaitForSingleObject(manual.handle, INFINITE) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += RtPulseEvent(manual.handle) && RtResetEvent(manual.handle) ? 0 : 1;
                wrong += WaitForSingleObject(manual.handle, 0) == WAIT_TIMEOUT ? 0 : 1;
              }
              return wrong;
            }),
            0);
}

TEST_F(Iwin32Quiet, SemaphoresEnterTheKernelNever)
{
  const Object semaphore = create_semaphore("semaphore", 0, 1000000);
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                LONG previous = -1;
                wrong += ReleaseSemaphore(semaphore.handle, 2, &previous) && previous == 0 ? 0 : 1;
                wrong += WaitForSingleObject(semaphore.handle, INFINITE) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += RtWaitForSingleObject(semaphore.handle, 0) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += WaitForSingleObject(semaphore.handle, 0) == WAIT_TIMEOUT ? 0 : 1;
                wrong += RtReleaseSemaphore(semaphore.handle, 1000001, nullptr) == FALSE ? 0 : 1;
              }
              return wrong;
            }),
            0);
}

TEST_F(Iwin32Quiet, MutexesEnterTheKernelNever)
{
  const Object mutex = create_mutex("mutex");
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                wrong += WaitForSingleObject(mutex.handle, INFINITE) == WAIT_OBJECT_0 ? 0 : 1;
                for (int depth = 0; depth < 3; ++depth)
                  wrong += RtWaitForSingleObject(mutex.handle, 0) == WAIT_OBJECT_0 ? 0 : 1;
                for (int depth = 0; depth < 4; ++depth)
                  wrong += depth % 2 == 0 ? RtReleaseMutex(mutex.handle) == FALSE : ReleaseMutex(mutex.handle) == FALSE;
                wrong += ReleaseMutex(mutex.handle) == FALSE ? 0 : 1;
              }
              return wrong;
            }),
            0);
}

TEST_F(Iwin32Quiet, AMutexOfAnotherIsLookedAtWithoutTheKernel)
{
  const Object mutex = create_mutex("mutex", TRUE);
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                wrong += WaitForSingleObject(mutex.handle, 0) == WAIT_TIMEOUT ? 0 : 1;
                wrong += ReleaseMutex(mutex.handle) == FALSE ? 0 : 1;
              }
              return wrong;
            }),
            0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Iwin32Quiet, WaitsForSeveralEnterTheKernelNever)
{
  const Object event = create_event("event", FALSE);
  const Object semaphore = create_semaphore("semaphore", 0, 10);
  const Object mutex = create_mutex("mutex");
  const HANDLE handles[] = {event.handle, semaphore.handle, mutex.handle};
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                wrong += WaitForMultipleObjects(2, handles, FALSE, 0) == WAIT_TIMEOUT ? 0 : 1;
                wrong += WaitForMultipleObjects(3, handles, FALSE, INFINITE) == WAIT_OBJECT_0 + 2 ? 0 : 1;
                wrong += ReleaseMutex(mutex.handle) ? 0 : 1;
                wrong += ReleaseSemaphore(semaphore.handle, 1, nullptr) ? 0 : 1;
                wrong += SetEvent(event.handle) ? 0 : 1;
                wrong += RtWaitForMultipleObjects(3, handles, FALSE, INFINITE) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += RtWaitForMultipleObjects(3, handles, FALSE, 0) == WAIT_OBJECT_0 + 1 ? 0 : 1;
              }
              return wrong;
            }),
            0);
}

// With a time to wait the clock is asked, which is a system call on some machines; there is nothing to see then.
TEST_F(Iwin32Quiet, AWaitWithATimeThatNeedNotSleepEntersTheKernelNever)
{
  const auto ask_the_clock = [] {
    timespec now = {};
    return clock_gettime(CLOCK_MONOTONIC, &now);
  };
  if (without_system_calls(ask_the_clock) != 0)
    GTEST_SKIP() << "reading the clock is a system call on this machine";
  const Object event = create_event("event", FALSE);
  const Object mutex = create_mutex("mutex");
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                wrong += SetEvent(event.handle) ? 0 : 1;
                wrong += WaitForSingleObject(event.handle, 1000) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += WaitForSingleObject(mutex.handle, 1000) == WAIT_OBJECT_0 ? 0 : 1;
                wrong += ReleaseMutex(mutex.handle) ? 0 : 1;
              }
              return wrong;
            }),
            0);
}

// Refusals and the last error neither.
TEST_F(Iwin32Quiet, RefusalsEnterTheKernelNever)
{
  const Memory memory = create("memory", 64);
  const Object event = create_event("event", FALSE);
  EXPECT_EQ(without_system_calls([&] {
              int wrong = 0;
              for (int i = 0; i < rounds; ++i) {
                wrong += SetEvent(memory.handle) == FALSE && GetLastError() == ERROR_INVALID_HANDLE ? 0 : 1;
                wrong += WaitForSingleObject(memory.handle, INFINITE) == WAIT_FAILED ? 0 : 1;
                wrong += ReleaseMutex(event.handle) == FALSE && ReleaseSemaphore(nullptr, 1, nullptr) == FALSE ? 0 : 1;
                wrong += WaitForMultipleObjects(1, &event.handle, TRUE, INFINITE) == WAIT_FAILED ? 0 : 1;
                SetLastError(static_cast<DWORD>(i));
                wrong += RtGetLastError() == static_cast<DWORD>(i) ? 0 : 1;
              }
              return wrong;
            }),
            0);
}

}  // namespace
}  // namespace rtlane::conformance
