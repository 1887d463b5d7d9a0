// Waiting by handles: arguments, order, time, closing meanwhile, fork.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "core/sync_support.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"
#include "support/shm.hpp"

namespace rtlane::test {
namespace {

class SyncWait : public ::testing::Test {
protected:
  Watchdog watchdog_{60};
  TempNamespace place_;
};

TEST_F(SyncWait, RefusesWhatCannotBeWaitedForAndSaysSo)
{
  const Shm memory = Shm::create("memory", 64);
  const Handle good = event(nullptr, false, true);
  std::uint32_t index = 77;
  for (const rtlane_handle bad : {rtlane_handle{0}, rtlane_handle{0x10000 + 0xfff0}, memory.handle}) {
    EXPECT_EQ(rtlane_wait(bad, 0), -EBADF);
    EXPECT_STRNE(rtlane_error_message(), "");
    const rtlane_handle both[] = {good, bad};
    EXPECT_EQ(rtlane_wait_any(both, 2, 0, &index), -EBADF);
  }
  EXPECT_EQ(rtlane_wait_any(nullptr, 1, 0, &index), -EINVAL);
  std::vector<rtlane_handle> many(RTLANE_WAIT_MAX + 1, good);
  EXPECT_EQ(rtlane_wait_any(many.data(), 0, 0, &index), -EINVAL);
  EXPECT_EQ(rtlane_wait_any(many.data(), RTLANE_WAIT_MAX + 1, 0, &index), -EINVAL);
  EXPECT_EQ(index, 77u) << "written on failure";
  EXPECT_EQ(rtlane_wait_any(many.data(), RTLANE_WAIT_MAX, 0, nullptr), 0) << "nothing was taken before";
}

TEST_F(SyncWait, RefusesTheOperationsOfAnotherKind)
{
  const Handle an_event = event("event", false, false);
  const Handle a_mutex = mutex("mutex", true);
  const Handle a_semaphore = semaphore("semaphore", 1, 1);
  const Shm memory = Shm::create("memory", 64);
  for (const rtlane_handle other : {rtlane_handle{a_mutex}, rtlane_handle{a_semaphore}, memory.handle}) {
    EXPECT_EQ(rtlane_event_set(other), -EBADF);
    EXPECT_EQ(rtlane_event_reset(other), -EBADF);
    EXPECT_EQ(rtlane_event_pulse(other), -EBADF);
  }
  EXPECT_EQ(rtlane_mutex_unlock(an_event), -EBADF);
  EXPECT_EQ(rtlane_semaphore_release(a_mutex, 1, nullptr), -EBADF);
  rtlane_sync_state state;
  EXPECT_EQ(rtlane_sync_get_state(memory.handle, &state), -EBADF);
  EXPECT_EQ(rtlane_sync_get_state(an_event, nullptr), -EINVAL);
  rtlane_handle handle = 5;
  EXPECT_EQ(rtlane_event_open("mutex", nullptr, &handle), -EPROTOTYPE);
  EXPECT_EQ(rtlane_shm_open("event", nullptr, &handle, nullptr), -EPROTOTYPE);
  EXPECT_EQ(handle, 5u);
  EXPECT_EQ(rtlane_mutex_unlock(a_mutex), 0);
}

TEST_F(SyncWait, ReadOnlyObjectsAreRefused)
{
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  options.read_only = 1;
  rtlane_handle handle = 5;
  EXPECT_EQ(rtlane_event_create("event", 0, 0, &options, &handle), -EINVAL);
  const Handle there = event("event", false, false);
  EXPECT_EQ(rtlane_event_open("event", &options, &handle), -EINVAL);
  EXPECT_EQ(handle, 5u);
}

TEST_F(SyncWait, OptionsOfCreationCount)
{
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  options.huge = RTLANE_REQUIRED;  // of no meaning for one page
  options.mode = 0640;
  options.exclusive = 1;
  rtlane_handle handle = 0;
  ASSERT_EQ(rtlane_semaphore_create("semaphore", 0, 1, &options, &handle), 0) << rtlane_error_message();
  const Handle first(handle);
  EXPECT_EQ(rtlane_semaphore_create("semaphore", 0, 1, &options, &handle), -EEXIST);
  rtlane_shm_certificate certificate = {};
  certificate.struct_size = sizeof certificate;
  ASSERT_EQ(rtlane_shm_info(first, &certificate), 0);
  EXPECT_EQ(certificate.mode, 0640u);
  EXPECT_EQ(certificate.kind, static_cast<std::uint32_t>(RTLANE_KIND_SEMAPHORE));
  EXPECT_EQ(certificate.page_bytes, 4096u);
}

TEST_F(SyncWait, TakesTheFirstInOrderAndLeavesTheRest)
{
  const Handle first = semaphore(nullptr, 0, 5);
  const Handle second = event(nullptr, false, true);
  const Handle third = semaphore(nullptr, 2, 5);
  const rtlane_handle all[] = {first, second, third};
  std::uint32_t index = 0;
  EXPECT_EQ(rtlane_wait_any(all, 3, 0, &index), 0);
  EXPECT_EQ(index, 1u);
  EXPECT_EQ(rtlane_wait_any(all, 3, 0, &index), 0);
  EXPECT_EQ(index, 2u);
  EXPECT_EQ(state_of(third).count, 1u);
  EXPECT_EQ(rtlane_semaphore_release(first, 1, nullptr), 0);
  EXPECT_EQ(rtlane_wait_any(all, 3, 0, &index), 0);
  EXPECT_EQ(index, 0u);
  EXPECT_EQ(state_of(third).count, 1u);
}

TEST_F(SyncWait, NeverEndsBeforeItsTime)
{
  const Handle an_event = event(nullptr, false, false);
  const Handle a_mutex = mutex(nullptr, true);
  std::thread other([&] {
    for (const rtlane_handle handle : {rtlane_handle{an_event}, rtlane_handle{a_mutex}}) {
      const std::int64_t before = now_ns();
      EXPECT_EQ(rtlane_wait(handle, 30 * ms), -ETIMEDOUT);
      EXPECT_GE(now_ns() - before, 30 * ms);
      const std::int64_t deadline = now_ns() + 150 * ms;  // longer than a slice of a mutex's wait
      EXPECT_EQ(rtlane_wait_until(handle, deadline), -ETIMEDOUT);
      EXPECT_GE(now_ns(), deadline);
    }
    const rtlane_handle both[] = {an_event, a_mutex};
    const std::int64_t deadline = now_ns() + 35 * ms;
    EXPECT_EQ(rtlane_wait_any_until(both, 2, deadline, nullptr), -ETIMEDOUT);
    EXPECT_GE(now_ns(), deadline);
  });
  other.join();
}

TEST_F(SyncWait, TimesInThePastOnlyLook)
{
  const Handle an_event = event(nullptr, true, false);
  EXPECT_EQ(rtlane_wait_until(an_event, -5), -ETIMEDOUT);
  EXPECT_EQ(rtlane_wait_until(an_event, 0), -ETIMEDOUT);
  EXPECT_EQ(rtlane_wait_until(an_event, now_ns() - 1), -ETIMEDOUT);
  rtlane_event_set(an_event);
  EXPECT_EQ(rtlane_wait_until(an_event, -5), 0);
  EXPECT_EQ(rtlane_wait_until(an_event, INT64_MAX), 0);
  EXPECT_EQ(rtlane_wait(an_event, INT64_MAX), 0) << "the sum with the time of day must not overflow";
  EXPECT_EQ(rtlane_wait(an_event, INT64_MIN), 0);
}

// ---- closing the last handle of the process

class SyncWaitClose : public SyncWait, public ::testing::WithParamInterface<int> {
protected:
  // An object that cannot be taken.
  Handle make() const
  {
    switch (GetParam()) {
      case 0:
        return event("object", false, false);
      case 1:
        return event("object", true, false);
      case 2:
        return semaphore("object", 0, 1);
      default:
        return mutex("object", true);
    }
  }
  bool is_mutex() const { return GetParam() == 3; }
};

TEST_P(SyncWaitClose, EndsTheWaitsOfTheProcess)
{
  Handle object = make();
  const Handle other = event(nullptr, false, false);
  // Of those that wait for a mutex alone it is only known whether there are any.
  const std::uint32_t alone = is_mutex() ? 1 : 3;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < alone; ++i)
    threads.emplace_back(
        [waited = rtlane_handle{object}] { EXPECT_EQ(rtlane_wait(waited, RTLANE_FOREVER), -ECANCELED); });
  threads.emplace_back([&, waited = rtlane_handle{object}] {
    const rtlane_handle both[] = {other, waited};
    std::uint32_t index = 77;
    EXPECT_EQ(rtlane_wait_any(both, 2, RTLANE_FOREVER, &index), -ECANCELED);
    EXPECT_EQ(index, 1u);
  });
  await_waiters(object, alone + 1);
  EXPECT_EQ(object.close(), 0);
  for (std::thread& thread : threads)
    thread.join();
}

// Those that anybody can give away; of mutexes the conformance rows C13 and G16 say the same.
class SyncWaitCloseGivable : public SyncWaitClose {};

TEST_P(SyncWaitCloseGivable, OfOneOfTwoHandlesEndsNothing)
{
  Handle first = make();
  rtlane_handle second = 0;
  ASSERT_GE(GetParam() == 2 ? rtlane_semaphore_open("object", nullptr, &second)
                            : rtlane_event_open("object", nullptr, &second),
            0);
  const Handle kept(second);
  std::atomic<int> result{1};
  std::thread waiter([&, waited = rtlane_handle{first}] { result = rtlane_wait(waited, RTLANE_FOREVER); });
  await_waiters(kept, 1);
  EXPECT_EQ(first.close(), 0);
  EXPECT_EQ(state_of(kept).waiters, 1u);
  GetParam() == 2 ? rtlane_semaphore_release(kept, 1, nullptr) : rtlane_event_set(kept);
  waiter.join();
  EXPECT_EQ(result, 0);
}

// Also when a thread was about to wait, or has just been told.
TEST_F(SyncWait, TheNameIsFreeWhenTheLastCloseReturns)
{
  std::atomic<rtlane_handle> next{0};
  std::atomic<bool> quit{false};
  std::thread waiter([&] {
    while (!quit) {
      if (const rtlane_handle handle = next.exchange(0); handle != 0)
        static_cast<void>(rtlane_wait(handle, RTLANE_FOREVER));
    }
  });
  for (int round = 0; round < 200; ++round) {
    Handle object = event("object", false, false);
    next = object;
    while (next != 0) {
    }
    for (int turns = round * 137 % 30000; turns > 0; --turns)
      asm volatile("");
    EXPECT_EQ(object.close(), 0);
    rtlane_handle again = 0;
    EXPECT_EQ(rtlane_event_open("object", nullptr, &again), -ENOENT);
  }
  quit = true;
  waiter.join();
}

// In whichever order: also when nobody waits through the one that is closed last.
TEST_P(SyncWaitCloseGivable, OfBothOfTwoHandlesEndsTheWaits)
{
  for (const bool waited_first : {true, false}) {
    Handle first = make();
    Handle second = make();
    std::atomic<int> result{1};
    std::thread waiter([&, waited = rtlane_handle{first}] { result = rtlane_wait(waited, RTLANE_FOREVER); });
    await_waiters(second, 1);
    EXPECT_EQ((waited_first ? first : second).close(), 0);
    EXPECT_EQ((waited_first ? second : first).close(), 0);
    waiter.join();
    EXPECT_EQ(result, -ECANCELED);
  }
}

TEST_P(SyncWaitCloseGivable, LeavesTheWaitsOfOtherProcessesAlone)
{
  Handle object = make();
  Child other = Child::start([&] { EXPECT_EQ(rtlane_wait(object, RTLANE_FOREVER), 0); });
  await_waiters(object, 1);
  std::atomic<int> result{1};
  std::thread waiter([&, waited = rtlane_handle{object}] { result = rtlane_wait(waited, RTLANE_FOREVER); });
  await_waiters(object, 2);
  EXPECT_EQ(object.close(), 0);
  waiter.join();
  EXPECT_EQ(result, -ECANCELED);
  const Handle again = make();
  await_waiters(again, 1);
  GetParam() == 2 ? rtlane_semaphore_release(again, 1, nullptr) : rtlane_event_set(again);
  EXPECT_EQ(other.wait(), 0);
}

// Who opens the object anew while the waits of before are being ended waits on.
TEST_P(SyncWaitCloseGivable, DoesNotEndWaitsThatBeginLater)
{
  for (int round = 0; round < 20; ++round) {
    Handle object = make();
    std::atomic<int> early{1};
    std::thread waiter([&, waited = rtlane_handle{object}] { early = rtlane_wait(waited, RTLANE_FOREVER); });
    await_waiters(object, 1);
    std::thread closer([&] { object.close(); });
    const Handle again = make();
    EXPECT_EQ(rtlane_wait(again, 0), -ETIMEDOUT);
    closer.join();
    if (early == 1)
      GetParam() == 2 ? rtlane_semaphore_release(again, 1, nullptr) : rtlane_event_set(again);
    waiter.join();
    rtlane_wait(again, 0);
  }
}

std::string name_of_kind(const ::testing::TestParamInfo<int>& kind)
{
  return kind.param == 0 ? "AutoReset" : kind.param == 1 ? "ManualReset" : kind.param == 2 ? "Semaphore" : "Mutex";
}

INSTANTIATE_TEST_SUITE_P(Kinds, SyncWaitClose, ::testing::Values(0, 1, 2, 3), name_of_kind);
INSTANTIATE_TEST_SUITE_P(Kinds, SyncWaitCloseGivable, ::testing::Values(0, 1, 2), name_of_kind);

TEST_F(SyncWait, SleepsAlsoWhereFutexWaitvIsRefused)
{
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
#ifndef SYS_futex_waitv
  constexpr long SYS_futex_waitv = 449;
#endif
  const Handle first = event(nullptr, false, false);
  const Handle second = event(nullptr, false, false);
  for (const int error : {ENOSYS, EPERM}) {
    Child child = Child::start([&] {
      ASSERT_TRUE(refuse_call(SYS_futex_waitv, 0, 0, error));
      const rtlane_handle both[] = {first, second};
      EXPECT_EQ(rtlane_wait_any(both, 2, 500 * ms, nullptr), -ETIMEDOUT);
      struct rusage used = {};
      getrusage(RUSAGE_SELF, &used);
      // Who sleeps goes off the CPU of his own accord, some 500 times; who spins never does.
      EXPECT_GT(used.ru_nvcsw, 5) << "spins; the answer is " << error;
      EXPECT_EQ(rtlane_event_set(second), 0);
      EXPECT_EQ(rtlane_wait_any(both, 2, RTLANE_FOREVER, nullptr), 0);
    });
    EXPECT_EQ(child.wait(), 0);
  }
}

TEST_F(SyncWait, AForkChildSharesTheObjects)
{
  const Handle there = event("there", false, false);
  const Handle back = semaphore("back", 0, 10);
  Child child = Child::start([&] {
    EXPECT_EQ(rtlane_wait(there, RTLANE_FOREVER), 0);
    EXPECT_EQ(rtlane_semaphore_release(back, 3, nullptr), 0);
  });
  EXPECT_EQ(rtlane_event_set(there), 0);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(rtlane_wait(back, RTLANE_FOREVER), 0);
  EXPECT_EQ(child.wait(), 0);
}

// A thread of the parent's that waits is not in the child.
TEST_F(SyncWait, AForkChildClosesWithoutTheParentsWaiters)
{
  if (built_with_thread_sanitizer)
    GTEST_SKIP() << "ThreadSanitizer starts no threads in a fork child of several";
  Handle object = event("object", false, false);
  std::thread waiter([&] { EXPECT_EQ(rtlane_wait(object, RTLANE_FOREVER), 0); });
  await_waiters(object, 1);
  Child child = Child::start([&] {
    std::thread own([waited = rtlane_handle{object}] { EXPECT_EQ(rtlane_wait(waited, RTLANE_FOREVER), -ECANCELED); });
    await_waiters(object, 2);
    EXPECT_EQ(object.close(), 0);
    own.join();
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(rtlane_event_set(object), 0);
  waiter.join();
}

}  // namespace
}  // namespace rtlane::test
