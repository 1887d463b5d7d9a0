// The C++ owner Mutex.
#include <gtest/gtest.h>
#include <sched.h>
#include <rtlane/core/mutex.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
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
using std::chrono::steady_clock;
using std::chrono::system_clock;

class MutexTest : public testing::Test {
protected:
  Watchdog watchdog{60};
  TempNamespace directory;
};

// Whether another thread gets it at once; that thread gives it back.
bool is_free_for_others(Mutex& mutex)
{
  bool got = false;
  std::thread([&] {
    got = mutex.try_lock();
    if (got)
      mutex.unlock();
  }).join();
  return got;
}

// A process that is killed while it owns the mutex.
void abandon(Mutex& mutex)
{
  Child owner = Child::start([&] {
    mutex.lock();
    raise(SIGKILL);
  });
  ASSERT_EQ(owner.wait(), -SIGKILL);
}

TEST_F(MutexTest, TheLocksOfTheStandardTakeIt)
{
  auto mutex = Mutex::create("guard");
  auto other = Mutex::create("other");
  ASSERT_TRUE(mutex) << mutex.error().message;
  ASSERT_TRUE(other) << other.error().message;
  {
    const std::scoped_lock lock(*mutex, *other);
    EXPECT_FALSE(is_free_for_others(*mutex));
    EXPECT_FALSE(is_free_for_others(*other));
  }
  EXPECT_TRUE(is_free_for_others(*mutex));
  EXPECT_TRUE(is_free_for_others(*other));
  {
    std::unique_lock lock(*mutex, milliseconds(1));
    EXPECT_TRUE(lock.owns_lock());
    lock.unlock();
    EXPECT_TRUE(lock.try_lock_until(steady_clock::now() + milliseconds(1)));
    EXPECT_FALSE(is_free_for_others(*mutex));
  }
  EXPECT_TRUE(is_free_for_others(*mutex));
}

TEST_F(MutexTest, OnlyOneProcessIsInsideAtATime)
{
  constexpr int each = 20'000;
  SharedPage<std::uint64_t> count;  // plain: the mutex is what keeps its increments apart
  std::vector<Child> writers;
  writers.reserve(3);
  for (int i = 0; i < 3; ++i)
    writers.push_back(Child::start([&] {
      auto mutex = Mutex::create("guard");
      ASSERT_TRUE(mutex) << mutex.error().message;
      for (int n = 0; n < each; ++n) {
        const std::scoped_lock lock(*mutex);
        const std::uint64_t read = *const_cast<volatile std::uint64_t*>(&*count);
        *const_cast<volatile std::uint64_t*>(&*count) = read + 1;
      }
    }));
  for (Child& writer : writers)
    EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(*count, 3U * each);
}

TEST_F(MutexTest, ItsOwnerMayLockItAgainAndUnlocksItAsOften)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  auto second = Mutex::open("guard");
  ASSERT_TRUE(second) << second.error().message;
  mutex->lock();
  EXPECT_TRUE(second->try_lock()) << "another handle, the same mutex";
  EXPECT_EQ(mutex->wait().status, WaitStatus::ok);
  EXPECT_TRUE(mutex->unlock());
  EXPECT_TRUE(mutex->unlock());
  EXPECT_FALSE(is_free_for_others(*second));
  EXPECT_TRUE(second->unlock());
  EXPECT_TRUE(is_free_for_others(*mutex));
}

TEST_F(MutexTest, WhoDoesNotOwnItCannotUnlockIt)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  EXPECT_FALSE(mutex->unlock());
  EXPECT_STRNE(rtlane_error_message(), "");
  mutex->lock();
  std::thread([&] { EXPECT_FALSE(mutex->unlock()); }).join();
  EXPECT_FALSE(is_free_for_others(*mutex));
  EXPECT_TRUE(mutex->unlock());
}

TEST_F(MutexTest, CanBeCreatedOwned)
{
  auto mutex = Mutex::create_owned("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  EXPECT_TRUE(mutex->created());
  EXPECT_FALSE(is_free_for_others(*mutex));
  std::thread([&] {
    auto again = Mutex::create_owned("guard");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_FALSE(again->created());
    EXPECT_FALSE(again->unlock()) << "what existed is not owned";
  }).join();
  EXPECT_TRUE(mutex->unlock());
  EXPECT_TRUE(is_free_for_others(*mutex));
}

TEST_F(MutexTest, AnAbandonedMutexIsTakenAndRemembered)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  ASSERT_NO_FATAL_FAILURE(abandon(*mutex));
  EXPECT_FALSE(mutex->abandoned()) << "nobody has met it yet";
  {
    const std::unique_lock lock(*mutex);
    EXPECT_TRUE(mutex->abandoned());
    EXPECT_FALSE(is_free_for_others(*mutex));
  }
  {
    const std::unique_lock lock(*mutex);
    EXPECT_TRUE(mutex->abandoned()) << "until somebody says that all is well again";
    mutex->clear_abandoned();
    EXPECT_FALSE(mutex->abandoned());
  }
  const std::unique_lock lock(*mutex);
  EXPECT_FALSE(mutex->abandoned());
}

TEST_F(MutexTest, ExactlyOneWaitIsToldOfOneAbandonment)
{
  auto mutex = Mutex::create("guard");
  auto other = Mutex::open("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  ASSERT_TRUE(other) << other.error().message;
  ASSERT_NO_FATAL_FAILURE(abandon(*mutex));
  EXPECT_EQ(mutex->wait().status, WaitStatus::abandoned);
  EXPECT_TRUE(mutex->abandoned());
  EXPECT_EQ(mutex->wait().status, WaitStatus::ok) << "its owner again";
  EXPECT_TRUE(mutex->unlock());
  EXPECT_TRUE(mutex->unlock());
  EXPECT_EQ(other->wait().status, WaitStatus::ok);
  EXPECT_FALSE(other->abandoned());
  EXPECT_TRUE(other->unlock());
}

TEST_F(MutexTest, AThreadThatEndsAbandonsItToo)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  std::thread([&] { mutex->lock(); }).join();
  EXPECT_TRUE(mutex->try_lock_for(std::chrono::seconds(10)));
  EXPECT_TRUE(mutex->abandoned());
  EXPECT_TRUE(mutex->unlock());
}

// std::lock takes the first, cannot have the second, gives the first back and takes it again later: only the first
// time it is told.
TEST_F(MutexTest, AnAbandonmentThatStdLockMetOnItsWayIsNotLost)
{
  auto first = Mutex::create("first");
  auto second = Mutex::create("second");
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  ASSERT_NO_FATAL_FAILURE(abandon(*first));
  std::atomic<bool> holds = false;
  std::thread holder([&] {
    const std::scoped_lock lock(*second);
    holds = true;
    EXPECT_TRUE(eventually([&] { return second->state_estimate().waiters != 0; }));
  });
  EXPECT_TRUE(eventually([&] { return holds.load(); }));
  std::lock(*first, *second);
  holder.join();
  EXPECT_TRUE(first->abandoned());
  EXPECT_FALSE(second->abandoned());
  EXPECT_TRUE(first->unlock());
  EXPECT_TRUE(second->unlock());
}

TEST_F(MutexTest, TimedLocksNeverEndEarly)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  mutex->lock();
  std::thread([&] {
    constexpr std::int64_t wait_ns = 20'000'000;
    const std::int64_t start = now_ns();
    EXPECT_FALSE(mutex->try_lock_for(nanoseconds(wait_ns)));
    EXPECT_GE(now_ns() - start, wait_ns);
    const steady_clock::time_point deadline = steady_clock::now() + nanoseconds(wait_ns);
    EXPECT_FALSE(mutex->try_lock_until(deadline));
    EXPECT_GE(steady_clock::now(), deadline);
    const system_clock::time_point system_deadline = system_clock::now() + nanoseconds(wait_ns);
    EXPECT_FALSE(mutex->try_lock_until(system_deadline));
    EXPECT_GE(system_clock::now(), system_deadline);
    EXPECT_FALSE(mutex->try_lock_for(milliseconds(-1)));
    EXPECT_EQ(mutex->wait_for(milliseconds(1)).status, WaitStatus::timed_out);
  }).join();
  EXPECT_TRUE(mutex->unlock());
}

TEST_F(MutexTest, WhatTheStandardHasNoAnswerForIsThrown)
{
  Mutex none;
  EXPECT_EQ(thrown_by([&] { none.lock(); }), EBADF);
  EXPECT_EQ(thrown_by([&] { EXPECT_FALSE(none.try_lock()); }), EBADF);
  EXPECT_EQ(thrown_by([&] { const std::scoped_lock lock(none); }), EBADF);
  EXPECT_EQ(thrown_by([&] { EXPECT_FALSE(none.try_lock_for(milliseconds(1))); }), EBADF);
  EXPECT_FALSE(none.unlock());
  EXPECT_EQ(none.wait().error, EBADF);
}

TEST_F(MutexTest, ClosingTheLastHandleEndsTheLocksOfThisProcess)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  // Of another process, so that it is no handle of this one that keeps the mutex.
  SharedPage<std::atomic<bool>> owned;
  Child owner = Child::start([&] {
    auto mine = Mutex::open("guard");
    const std::scoped_lock lock(*mine);
    *owned = true;
    pause();
  });
  ASSERT_TRUE(eventually([&] { return owned->load(); }));
  int thrown = 0;
  std::thread waiter([&] { thrown = thrown_by([&] { mutex->lock(); }); });
  EXPECT_TRUE(eventually([&] { return mutex->state_estimate().waiters != 0; }));
  mutex->close();
  waiter.join();
  EXPECT_EQ(thrown, ECANCELED);
}

TEST_F(MutexTest, MovesItsHandleAndWhatItKnows)
{
  auto made = Mutex::create("guard");
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_NO_FATAL_FAILURE(abandon(*made));
  made->lock();
  Mutex moved = std::move(*made);
  EXPECT_FALSE(*made);
  EXPECT_TRUE(moved.created());
  EXPECT_TRUE(moved.abandoned());
  EXPECT_TRUE(moved.unlock()) << "a thread owns the mutex, not the object";
  moved = Mutex();
  EXPECT_FALSE(moved.abandoned());
  EXPECT_TRUE(object_files(directory.path()).empty());
}

TEST_F(MutexTest, AnotherPidNamespaceIsRefused)
{
  auto mutex = Mutex::create("guard");
  ASSERT_TRUE(mutex) << mutex.error().message;
  constexpr int refused_here = 77;
  Child outside = Child::start([&] {
    if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
      return refused_here;
    Child inside = Child::start([&] {  // the namespace is the next child's
      EXPECT_EQ(mutex->try_wait().error, EXDEV) << "an inherited handle";
      EXPECT_EQ(thrown_by([&] { mutex->lock(); }), EXDEV);
      // Also while it is open in this process already.
      for (const bool inherited : {true, false}) {
        if (!inherited)
          mutex->close();
        const auto opened = Mutex::open("guard");
        ASSERT_FALSE(opened) << inherited;
        EXPECT_EQ(opened.error().code, EXDEV);
        const auto created = Mutex::create("guard");
        ASSERT_FALSE(created) << inherited;
        EXPECT_EQ(created.error().code, EXDEV);
      }
    });
    return inside.wait();
  });
  const int status = outside.wait();
  if (status == refused_here)
    GTEST_SKIP() << "a PID namespace is refused here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace rtlane::test
