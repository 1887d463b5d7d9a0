// Section G of the checklist: waits for one object. Those for several are in wait_many_test.cpp.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"

namespace rtlane::conformance {
namespace {

using Wait = DWORD (*)(HANDLE handle, DWORD timeout_ms);

DWORD wait_many(HANDLE handle, DWORD timeout_ms)
{
  return WaitForMultipleObjects(1, &handle, FALSE, timeout_ms);
}
DWORD wait_many_rt(HANDLE handle, DWORD timeout_ms)
{
  return RtWaitForMultipleObjects(1, &handle, FALSE, timeout_ms);
}

// RTX's forms, in units of 100 ns.
DWORD wait_ex(HANDLE handle, DWORD timeout_ms)
{
  LARGE_INTEGER timeout = {};
  timeout.QuadPart = LONGLONG{timeout_ms} * 10000;
  return RtWaitForSingleObjectEx(handle, timeout_ms == INFINITE ? nullptr : &timeout);
}
DWORD wait_many_ex(HANDLE handle, DWORD timeout_ms)
{
  LARGE_INTEGER timeout = {};
  timeout.QuadPart = LONGLONG{timeout_ms} * 10000;
  return RtWaitForMultipleObjectsEx(1, &handle, FALSE, timeout_ms == INFINITE ? nullptr : &timeout);
}

constexpr Wait waits[] = {RtWaitForSingleObject, WaitForSingleObject, wait_ex, wait_many, wait_many_rt, wait_many_ex};

// Three objects that nobody can take: a reset event, a mutex of another process, a semaphore without units.
class Waits : public Conformance {
protected:
  void SetUp() override
  {
    Conformance::SetUp();
    event_ = create_event("event", FALSE);
    mutex_ = create_mutex("mutex");
    semaphore_ = create_semaphore("semaphore", 0, 10);
    unavailable_ = {event_.handle, mutex_.handle, semaphore_.handle};
    owner_.emplace();
    owner_mutex_ = owner_->open(Kind::mutex, "mutex").handle;
    take_mutex_back();
  }
  void TearDown() override
  {
    owner_.reset();
    for (Object* object : {&event_, &mutex_, &semaphore_})
      object->close();
    Conformance::TearDown();
  }

  // Makes it available for one wait.
  void signal(HANDLE handle)
  {
    if (handle == event_.handle)
      EXPECT_DONE(SetEvent(handle));
    else if (handle == semaphore_.handle)
      EXPECT_DONE(ReleaseSemaphore(handle, 1, nullptr));
    else
      expect_answer(owner_->release(owner_mutex_), TRUE);
  }
  void take_mutex_back() { expect_answer(owner_->wait(owner_mutex_, 0), WAIT_OBJECT_0); }

  Object event_;
  Object mutex_;
  Object semaphore_;
  std::array<HANDLE, 3> unavailable_ = {};

private:
  std::optional<Peer> owner_;
  HANDLE owner_mutex_ = nullptr;
};

TEST_F(Waits, G01_AWaitOfZeroReturnsAtOnce)
{
  for (const Wait wait : waits) {
    for (const HANDLE handle : unavailable_)
      EXPECT_WAIT(wait(handle, 0), WAIT_TIMEOUT);
  }
  for (const HANDLE handle : unavailable_)
    signal(handle);
  for (const HANDLE handle : unavailable_)
    EXPECT_WAIT(WaitForSingleObject(handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex_.handle));
}

// Sleeping would be a system call.
TEST_F(Waits, G01_AWaitOfZeroDoesNotSleep)
{
  if (const std::string problem = test::seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  if (test::built_with_sanitizer)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  auto child = test::Child::start([this] {
    bool right = true;
    if (!test::forbid_calls())
      return 1;
    for (const Wait wait : waits) {
      for (const HANDLE handle : unavailable_)
        right = wait(handle, 0) == WAIT_TIMEOUT && right;
    }
    return right ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Waits, G02_AWaitTimesOutNeverBeforeItsTime)
{
  for (const Wait wait : waits) {
    for (const HANDLE handle : unavailable_) {
      for (const DWORD timeout_ms : {1, 1, 1, 2, 5, 30, 130}) {
        const std::int64_t before_ns = test::now_ns();
        EXPECT_WAIT(wait(handle, timeout_ms), WAIT_TIMEOUT);
        EXPECT_GE(test::now_ns() - before_ns, std::int64_t{timeout_ms} * 1000000) << timeout_ms << " ms";
      }
    }
  }
}

TEST_F(Waits, G02_TheExFormsCountUnitsOf100ns)
{
  for (const HANDLE handle : unavailable_) {
    for (const LONGLONG units : {LONGLONG{1}, LONGLONG{2500}, LONGLONG{150001}}) {
      LARGE_INTEGER timeout = {};
      timeout.QuadPart = units;
      std::int64_t before_ns = test::now_ns();
      EXPECT_WAIT(RtWaitForSingleObjectEx(handle, &timeout), WAIT_TIMEOUT);
      EXPECT_GE(test::now_ns() - before_ns, units * 100);
      before_ns = test::now_ns();
      EXPECT_WAIT(RtWaitForMultipleObjectsEx(1, &handle, FALSE, &timeout), WAIT_TIMEOUT);
      EXPECT_GE(test::now_ns() - before_ns, units * 100);
      EXPECT_EQ(timeout.QuadPart, units);
    }
    for (const LONGLONG units : {LONGLONG{-1}, INT64_MIN}) {
      LARGE_INTEGER timeout = {};
      timeout.QuadPart = units;
      EXPECT_WAIT_FAILED(RtWaitForSingleObjectEx(handle, &timeout), ERROR_INVALID_PARAMETER);
      EXPECT_WAIT_FAILED(RtWaitForMultipleObjectsEx(1, &handle, FALSE, &timeout), ERROR_INVALID_PARAMETER);
    }
    // More nanoseconds than there are.
    LARGE_INTEGER ages = {};
    ages.QuadPart = INT64_MAX;
    signal(handle);
    EXPECT_WAIT(RtWaitForSingleObjectEx(handle, &ages), WAIT_OBJECT_0);
  }
  EXPECT_DONE(ReleaseMutex(mutex_.handle));
}

// The clock of every sleep, as the kernel is told it: steps of the time of day do not matter then. (To make such a step
// would upset the machine, and no kind of container has a time of day of its own.)
TEST_F(Waits, G02_TheTimeOfDayIsNotInvolved)
{
  Thread thread;
  for (const bool any : {false, true}) {
    for (const HANDLE handle : unavailable_) {
      if (any)
        thread.start_wait(std::vector<HANDLE>{handle}, 60000);
      else
        thread.start_wait(handle, 60000);
      std::optional<Worker::SystemCall> call;
      EXPECT_TRUE(soon([&] { return (call = thread.sleeping_call()).has_value(); }));
      if (call) {
        if (call->number == SYS_futex) {
          EXPECT_EQ(call->arguments[1] & FUTEX_CLOCK_REALTIME, 0u);
          EXPECT_NE(call->arguments[1] & FUTEX_CMD_MASK, unsigned{FUTEX_LOCK_PI}) << "counts by the time of day";
        } else if (call->number == SYS_clock_nanosleep) {
          EXPECT_EQ(call->arguments[0], unsigned{CLOCK_MONOTONIC});
        } else {
          EXPECT_EQ(call->arguments[4], unsigned{CLOCK_MONOTONIC});
        }
      }
      signal(handle);
      expect_answer(thread.finish(), WAIT_OBJECT_0);
      if (handle == mutex_.handle)
        expect_answer(thread.release(handle), TRUE);
    }
    if (!any)
      take_mutex_back();
  }
}

TEST_F(Waits, G03_AnInfiniteWaitEndsOnlyWithASignal)
{
  for (const HANDLE handle : unavailable_) {
    Thread thread;
    thread.start_wait(handle, INFINITE);
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    // Longer than any slice in which the library may wait.
    test::sleep_us(250000);
    EXPECT_FALSE(thread.answered());
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    signal(handle);
    expect_answer(thread.finish(), WAIT_OBJECT_0);
  }
}

TEST_F(Waits, G04_TheLongestTimeIsFiniteAndDoesNotOverflow)
{
  constexpr DWORD longest = 0xfffffffd;
  for (const bool any : {false, true}) {
    // Of a mutex the kernel is told the next look only.
    for (const HANDLE handle : {event_.handle, semaphore_.handle}) {
      Thread thread;
      const std::int64_t before_ns = test::now_ns();
      if (any)
        thread.start_wait(std::vector<HANDLE>{handle}, longest);
      else
        thread.start_wait(handle, longest);
      std::optional<Worker::SystemCall> call;
      EXPECT_TRUE(soon([&] { return (call = thread.sleeping_call()).has_value(); }));
      if (call && call->number != SYS_clock_nanosleep) {
        // It lies on the stack of the thread that sleeps: asked of the kernel, as of another process.
        timespec end = {};
        const iovec here = {&end, sizeof end};
        const iovec there = {reinterpret_cast<void*>(call->arguments[3]), sizeof end};
        EXPECT_NE(there.iov_base, nullptr) << "that is for ever";
        if (there.iov_base != nullptr) {
          ASSERT_EQ(process_vm_readv(getpid(), &here, 1, &there, 1, 0), static_cast<ssize_t>(sizeof end));
          const std::int64_t end_ns = end.tv_sec * INT64_C(1000000000) + end.tv_nsec;
          EXPECT_GE(end_ns, before_ns + std::int64_t{longest} * 1000000);
          EXPECT_LE(end_ns, test::now_ns() + std::int64_t{longest} * 1000000);
        }
      }
      test::sleep_us(50000);
      EXPECT_FALSE(thread.answered());
      signal(handle);
      expect_answer(thread.finish(), WAIT_OBJECT_0);
    }
  }
  Thread thread;
  thread.start_wait(mutex_.handle, longest);
  test::sleep_us(250000);
  EXPECT_FALSE(thread.answered());
  signal(mutex_.handle);
  expect_answer(thread.finish(), WAIT_OBJECT_0);
}

TEST_F(Waits, G05_AWaitForWhatIsNoHandleFails)
{
  Object closed = create_event("closed", TRUE, TRUE);
  const HANDLE stale = closed.handle;
  EXPECT_TRUE(closed.close());
  const Object set = create_event("set", TRUE, TRUE);
  const auto good = reinterpret_cast<std::uintptr_t>(set.handle);
  for (const Wait wait : waits) {
    for (const DWORD timeout_ms : {DWORD{0}, DWORD{10}, DWORD{INFINITE}}) {
      for (const HANDLE handle :
           {HANDLE{nullptr}, stale, INVALID_HANDLE_VALUE, HANDLE{untouched}, reinterpret_cast<HANDLE>(good | 1),
            reinterpret_cast<HANDLE>(good | 2), reinterpret_cast<HANDLE>(good | std::uintptr_t{1} << 32)}) {
        EXPECT_WAIT_FAILED(wait(handle, timeout_ms), ERROR_INVALID_HANDLE);
        EXPECT_STRNE(rtlane_error_message(), "");
      }
    }
  }
  EXPECT_WAIT(WaitForSingleObject(set.handle, INFINITE), WAIT_OBJECT_0);
}

TEST_F(Waits, G06_AWaitForSharedMemoryFails)
{
  const Memory memory = create("memory", 64);
  for (const Wait wait : waits) {
    for (const DWORD timeout_ms : {DWORD{0}, DWORD{10}, DWORD{INFINITE}}) {
      EXPECT_WAIT_FAILED(wait(memory.handle, timeout_ms), ERROR_INVALID_HANDLE);
      EXPECT_STRNE(rtlane_error_message(), "");
    }
  }
}

// Deviation: seen where it happens, inside the process that closes its last handle; see also C13.
TEST_F(Waits, G16_AnObjectThatGoesDuringAWaitIsAbandoned0)
{
  Peer other;
  for (const Kind kind : {Kind::event, Kind::mutex, Kind::semaphore}) {
    const char* const name = kind == Kind::event ? "event" : kind == Kind::mutex ? "mutex" : "semaphore";
    Object handle = open(kind, name);
    const HANDLE theirs = other.open(kind, name).handle;
    Object& ours = kind == Kind::event ? event_ : kind == Kind::mutex ? mutex_ : semaphore_;
    Thread threads[2];
    threads[0].start_wait(handle.handle, INFINITE);
    threads[1].start_wait(ours.handle, 600000);
    other.start_wait(theirs, INFINITE);
    for (const Worker* worker :
         {static_cast<Worker*>(&threads[0]), static_cast<Worker*>(&threads[1]), static_cast<Worker*>(&other)})
      EXPECT_TRUE(soon([&] { return worker->sleeps(); }));
    EXPECT_TRUE(handle.close());
    test::sleep_us(150000);
    EXPECT_FALSE(threads[0].answered() || threads[1].answered()) << "another handle is open";
    EXPECT_TRUE(ours.close());
    for (Thread& thread : threads)
      expect_answer(thread.finish(), WAIT_ABANDONED_0, ERROR_INVALID_HANDLE);
    // Another process's wait goes on.
    EXPECT_FALSE(other.answered());
    ours = open(kind, name);
    ASSERT_MADE(ours, preset_error);
    signal(ours.handle);
    expect_answer(other.finish(), WAIT_OBJECT_0);
  }
}

std::atomic<int> signals_handled{0};

// Interrupts the thread every 2 ms, until it has answered or so many times.
int interrupt(const Thread& thread, int times)
{
  const int before = signals_handled;
  EXPECT_TRUE(soon([&] {
    syscall(SYS_tgkill, getpid(), thread.tid(), SIGUSR1);
    test::sleep_us(2000);
    return thread.answered() || signals_handled - before >= times;
  }));
  return signals_handled - before;
}

TEST_F(Waits, G19_ASignalNeitherEndsNorProlongsAWait)
{
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) { ++signals_handled; };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  int interrupted = 0;
  for (const bool any : {false, true}) {
    for (const HANDLE handle : unavailable_) {
      Thread thread;
      const auto start = [&](DWORD timeout_ms) {
        if (any)
          thread.start_wait(std::vector<HANDLE>{handle}, timeout_ms);
        else
          thread.start_wait(handle, timeout_ms);
      };
      // Shorter and longer than a slice. Were the time counted anew with each signal, it would never be over.
      for (const DWORD timeout_ms : {40, 150}) {
        const std::int64_t before_ns = test::now_ns();
        start(timeout_ms);
        interrupted += interrupt(thread, INT32_MAX);
        EXPECT_TRUE(thread.answered());
        EXPECT_GE(test::now_ns() - before_ns, std::int64_t{timeout_ms} * 1000000);
        expect_answer(thread.finish(), WAIT_TIMEOUT);
      }
      start(INFINITE);
      EXPECT_GE(interrupt(thread, 50), 50);
      EXPECT_FALSE(thread.answered());
      signal(handle);
      expect_answer(thread.finish(), WAIT_OBJECT_0);
      if (handle == mutex_.handle)
        expect_answer(thread.release(handle), TRUE);
    }
    if (!any)
      take_mutex_back();
  }
  EXPECT_GT(interrupted, 12) << "of 12 waits";
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace rtlane::conformance
