// Mutexes where they meet threads, processes and the kernel.
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <new>
#include <string>
#include <thread>

#include "../../core/src/builder.hpp"
#include "../../core/src/mutex_state.hpp"
#include "../../core/src/object_name.hpp"
#include "../../core/src/process.hpp"
#include "../../core/src/shared_object.hpp"
#include "../../core/src/sync_object.hpp"
#include "core/sync_support.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/seccomp.hpp"
#include "support/shm.hpp"

namespace rtlane::test {
namespace {

class SyncMutex : public ::testing::Test {
protected:
  // The shared bytes behind a handle.
  static detail::MutexState& bytes_of(rtlane_handle handle)
  {
    const detail::HandleTable::Pin pin = detail::Process::instance().handles.pin(handle);
    return *static_cast<detail::MutexState*>(static_cast<detail::SharedObject*>(pin.target())->address(false));
  }

  // Takes and frees it in a thread of its own. Returns what the wait answered.
  static int take_elsewhere(rtlane_handle handle, std::int64_t timeout_ns = 0)
  {
    int result = 0;
    std::thread([&] {
      result = rtlane_wait(handle, timeout_ns);
      if (result >= 0) {
        EXPECT_EQ(rtlane_mutex_unlock(handle), 0);
      }
    }).join();
    return result;
  }

  Watchdog watchdog_{60};
  TempNamespace place_;
};

// Also when the creation fails after the lock was taken: room for a page more or less shows each place.
TEST_F(SyncMutex, ACreationThatFailsLeavesNothingOwned)
{
  if (built_with_sanitizer)
    GTEST_SKIP() << "sanitizers need all of the address space";
  Child child = Child::start([&] {
    const Handle other = mutex(nullptr, false);
    mutex("warm", true).close();
    unsigned failures = 0;
    int result = -1;
    for (rlim_t pages = 0; result < 0 && pages < 100; ++pages) {
      rlim_t used = 0;
      std::ifstream("/proc/self/statm") >> used;
      rlimit limit = {(used + pages) * 4096, RLIM_INFINITY};
      ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
      rtlane_handle handle = 0;
      result = rtlane_mutex_create("owned", 1, nullptr, &handle);
      limit.rlim_cur = RLIM_INFINITY;
      ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
      failures += result < 0 ? 1 : 0;
      EXPECT_EQ(rtlane_wait(other, 0), 0);
      EXPECT_EQ(rtlane_mutex_unlock(other), 0);
    }
    EXPECT_EQ(result, 0) << rtlane_error_message();
    EXPECT_GT(failures, 1u);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(SyncMutex, CountsTheAcquisitionsOfItsOwner)
{
  const Handle object = mutex("mutex", true);
  EXPECT_EQ(rtlane_wait(object, 0), 0);
  EXPECT_EQ(rtlane_wait(object, RTLANE_FOREVER), 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(take_elsewhere(object), -ETIMEDOUT);
    EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  }
  EXPECT_EQ(rtlane_mutex_unlock(object), -EPERM);
  EXPECT_EQ(take_elsewhere(object), 0);
}

TEST_F(SyncMutex, RefusesOneAcquisitionTooMany)
{
  const Handle object = mutex("mutex", true);
  bytes_of(object).depth = UINT32_MAX;
  EXPECT_EQ(rtlane_wait(object, 0), -EOVERFLOW);
  bytes_of(object).depth = 1;
  EXPECT_EQ(rtlane_mutex_unlock(object), 0);
}

TEST_F(SyncMutex, BelongsToTheThreadThatTookIt)
{
  const Handle object = mutex("mutex", true);
  std::thread([&] { EXPECT_EQ(rtlane_mutex_unlock(object), -EPERM); }).join();
  Child child = Child::start([&] {
    EXPECT_EQ(rtlane_mutex_unlock(object), -EPERM);
    EXPECT_EQ(rtlane_wait(object, 0), -ETIMEDOUT);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(rtlane_mutex_unlock(object), 0);
}

TEST_F(SyncMutex, PassesOnFromAThreadThatEnds)
{
  const Handle object = mutex("mutex", false);
  std::thread([&] {
    EXPECT_EQ(rtlane_wait(object, 0), 0);
    EXPECT_EQ(rtlane_wait(object, 0), 0);
  }).join();
  EXPECT_EQ(state_of(object).abandoned, 1u);
  EXPECT_EQ(rtlane_wait(object, 0), RTLANE_WAIT_ABANDONED);
  EXPECT_EQ(rtlane_mutex_unlock(object), 0) << "the count of the dead owner is not inherited";
  EXPECT_EQ(rtlane_mutex_unlock(object), -EPERM);
  EXPECT_EQ(take_elsewhere(object), 0);
}

// Two threads that wait for each other's mutex: the kernel tells, glibc's recursive mutexes end the process then.
TEST_F(SyncMutex, ADeadlockIsATimeOut)
{
  const Handle first = mutex(nullptr, true);
  const Handle second = mutex(nullptr, false);
  std::atomic<bool> second_taken{false};
  std::thread other([&] {
    EXPECT_EQ(rtlane_wait(second, 0), 0);
    second_taken = true;
    EXPECT_EQ(rtlane_wait(first, 250 * ms), -ETIMEDOUT);
    EXPECT_EQ(rtlane_mutex_unlock(second), 0);
  });
  while (!second_taken)
    std::this_thread::yield();
  EXPECT_EQ(rtlane_wait(second, RTLANE_FOREVER), 0) << "goes on when the other gives up";
  other.join();
  EXPECT_EQ(rtlane_mutex_unlock(second), 0);
  EXPECT_EQ(rtlane_mutex_unlock(first), 0);
}

// The same between two processes of one thread each.
TEST_F(SyncMutex, ADeadlockOfProcessesEndsWhenOneGivesUp)
{
  const Handle first = mutex(nullptr, true);
  const Handle second = mutex(nullptr, false);
  const Handle taken = event(nullptr, false, false);
  Child other = Child::start([&] {
    EXPECT_EQ(rtlane_wait(second, 0), 0);
    rtlane_event_set(taken);
    EXPECT_EQ(rtlane_wait(first, 250 * ms), -ETIMEDOUT);
    EXPECT_EQ(rtlane_mutex_unlock(second), 0);
  });
  EXPECT_EQ(rtlane_wait(taken, RTLANE_FOREVER), 0);
  EXPECT_EQ(rtlane_wait(second, RTLANE_FOREVER), 0);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(rtlane_mutex_unlock(second), 0);
  EXPECT_EQ(rtlane_mutex_unlock(first), 0);
}

// Also when the other lock is one of the program's own, which the kernel knows and rtlane does not.
TEST_F(SyncMutex, ADeadlockWithAForeignLockEndsWhenOneGivesUp)
{
  struct Shared {
    pthread_mutex_t lock;
  };
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& foreign = *new (memory) Shared;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  ASSERT_EQ(pthread_mutex_init(&foreign.lock, &attributes), 0);
  pthread_mutexattr_destroy(&attributes);
  const Handle object = mutex(nullptr, false);
  const Handle taken = event(nullptr, false, false);
  ASSERT_EQ(pthread_mutex_lock(&foreign.lock), 0);
  Child other = Child::start([&] {
    EXPECT_EQ(rtlane_wait(object, 0), 0);
    rtlane_event_set(taken);
    timespec end = {};
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 1;
    EXPECT_EQ(pthread_mutex_timedlock(&foreign.lock, &end), ETIMEDOUT);
    EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  });
  EXPECT_EQ(rtlane_wait(taken, RTLANE_FOREVER), 0);
  usleep(200'000);  // until it sleeps
  EXPECT_EQ(rtlane_wait(object, RTLANE_FOREVER), 0);
  EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(pthread_mutex_unlock(&foreign.lock), 0);
  munmap(memory, sizeof(Shared));
}

TEST_F(SyncMutex, AnOwnerThatDoesNotExistIsAnError)
{
  const Handle object = mutex("mutex", false);
  Child ended = Child::start([] {});
  const pid_t nobody = ended.pid();
  ended.wait();
  bytes_of(object).lock.word = static_cast<uint32_t>(nobody);
  EXPECT_EQ(rtlane_wait(object, 0), -ETIMEDOUT);
  EXPECT_EQ(rtlane_wait(object, 50 * ms), -ENOTRECOVERABLE);
  EXPECT_STRNE(rtlane_error_message(), "");
  bytes_of(object).lock.word = 0;
}

// Another thread may close the handle, which nothing but a timer brings to a thread in the kernel's queue.
TEST_F(SyncMutex, AThreadThatIsAloneWaitsWithoutATimer)
{
  if (const std::string problem = seccomp_problem(); !problem.empty())
    GTEST_SKIP() << problem;
  if (__libc_single_threaded == 0)
    GTEST_SKIP() << "this process has had threads, in other tests: run this one by itself";
  const Handle object = mutex(nullptr, true);
  const Handle other = mutex(nullptr, true);
  for (const bool is_alone : {true, false}) {
    Child waiter = Child::start([&] {
      std::thread second;
      if (!is_alone)
        second = std::thread([&] { EXPECT_EQ(rtlane_wait(other, RTLANE_FOREVER), 0); });
      ASSERT_TRUE(refuse_call(SYS_futex, 1, FUTEX_LOCK_PI2, EPERM));
      EXPECT_EQ(rtlane_wait(object, RTLANE_FOREVER), is_alone ? 0 : -EPERM);
      if (!is_alone)
        second.join();
    });
    if (is_alone) {
      await_waiters(object, 1);
      EXPECT_EQ(rtlane_mutex_unlock(object), 0);
    } else {
      await_waiters(other, 1);
      EXPECT_EQ(rtlane_mutex_unlock(other), 0);
    }
    EXPECT_EQ(waiter.wait(), 0);
    if (is_alone) {
      EXPECT_EQ(rtlane_wait(object, 0), RTLANE_WAIT_ABANDONED);
    }
  }
}

// ---- handles and ownership

TEST_F(SyncMutex, StaysWhileAThreadOwnsItWithoutAHandle)
{
  Handle object = mutex("mutex", true);
  detail::MutexState& bytes = bytes_of(object);
  EXPECT_EQ(object.close(), 0);
  EXPECT_EQ(object_files(place_.path()).size(), 1u);
  EXPECT_TRUE(bytes.lock.is_mine()) << "the memory is gone";
  Child other = Child::start([] {
    rtlane_handle handle = 0;
    ASSERT_EQ(rtlane_mutex_open("mutex", nullptr, &handle), 0) << rtlane_error_message();
    EXPECT_EQ(rtlane_wait(handle, 0), -ETIMEDOUT);
  });
  EXPECT_EQ(other.wait(), 0);
  Handle again = mutex("mutex", true);
  EXPECT_EQ(rtlane_mutex_unlock(again), 0);
  EXPECT_EQ(rtlane_mutex_unlock(again), -EPERM) << "creating what exists took it";
  EXPECT_EQ(again.close(), 0);
  EXPECT_TRUE(object_files(place_.path()).empty());
}

TEST_F(SyncMutex, EndsAtTheNextSetUpCallAfterItsOwnerEnded)
{
  std::thread([] { mutex("mutex", true).close(); }).join();
  EXPECT_EQ(object_files(place_.path()).size(), 1u);
  const Shm other = Shm::create("other", 64);
  EXPECT_EQ(object_files(place_.path()).size(), 1u) << "only the other one";
  rtlane_handle handle = 0;
  EXPECT_EQ(rtlane_mutex_open("mutex", nullptr, &handle), -ENOENT);
}

TEST_F(SyncMutex, IsAbandonedByAProcessThatClosedItAndEnds)
{
  const Handle object = mutex("mutex", false);
  for (const bool orderly : {false, true}) {
    Child owner = Child::start([&] {
      rtlane_handle handle = 0;
      ASSERT_EQ(rtlane_mutex_open("mutex", nullptr, &handle), 0);
      ASSERT_EQ(rtlane_wait(handle, 0), 0);
      ASSERT_EQ(rtlane_close(handle), 0);
      ASSERT_EQ(rtlane_close(object), 0) << "inherited";
      if (orderly)
        std::exit(0);
    });
    EXPECT_EQ(owner.wait(), 0);
    EXPECT_EQ(rtlane_wait(object, 0), RTLANE_WAIT_ABANDONED);
    EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  }
}

// The creator is its first owner: nobody can come before, and an attempt to create that fails leaves no trace in the
// thread's list of owned mutexes.
TEST_F(SyncMutex, AFailedCreationOwnsNothing)
{
  const Handle there = mutex("mutex", false);
  detail::NamespaceDirectory directory;
  ASSERT_EQ(detail::NamespaceDirectory::open(detail::NamespaceDirectory::Missing::fail, directory), 0);
  detail::MutexContents contents(true);
  detail::BuildRequest request;
  request.kind = RTLANE_KIND_MUTEX;
  request.name = "mutex";
  request.file = detail::file_name_for("mutex").text;
  request.size_bytes = detail::sync_bytes;
  request.options.huge = RTLANE_NEVER;
  request.contents = &contents;
  for (int i = 0; i < 3; ++i) {
    detail::Built built;
    ASSERT_EQ(detail::build(directory, request, built), -EEXIST);
  }
  // Would walk through unmapped memory.
  EXPECT_EQ(take_elsewhere(there), 0);
  EXPECT_EQ(rtlane_wait(there, 0), 0);
  EXPECT_EQ(rtlane_mutex_unlock(there), 0);
}

// ---- namespaces of process numbers

TEST_F(SyncMutex, BelongsToOnePidNamespace)
{
  const Handle object = mutex("mutex", false);
  Child elsewhere = Child::start([&]() -> int {
    if (unshare(CLONE_NEWPID) != 0)
      return 77;
    Child inner = Child::start([&] {
      EXPECT_EQ(rtlane_wait(object, 0), -EXDEV);
      rtlane_handle handle = 0;
      EXPECT_EQ(rtlane_mutex_open("mutex", nullptr, &handle), -EXDEV);
      EXPECT_EQ(rtlane_mutex_create("mutex", 0, nullptr, &handle), -EXDEV);
      const Handle own = mutex("own", true);
      EXPECT_EQ(rtlane_mutex_unlock(own), 0);
    });
    return inner.wait();
  });
  const int status = elsewhere.wait();
  if (status == 77)
    GTEST_SKIP() << "this user may not make a PID namespace";
  EXPECT_EQ(status, 0);
}

// ---- waits for several

TEST_F(SyncMutex, AWaitForSeveralTakesItWhenItIsFreed)
{
  const Handle object = mutex(nullptr, true);
  const Handle other = event(nullptr, false, false);
  std::thread waiter([&] {
    const rtlane_handle both[] = {other, object};
    std::uint32_t index = 0;
    EXPECT_EQ(rtlane_wait_any(both, 2, RTLANE_FOREVER, &index), 0);
    EXPECT_EQ(index, 1u);
    EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  });
  await_waiters(object, 1);
  EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  waiter.join();
}

TEST_F(SyncMutex, AWaitForSeveralTakesItFromADeadOwner)
{
  const Handle object = mutex(nullptr, false);
  const Handle taken = event(nullptr, false, false);
  Child owner = Child::start([&] {
    EXPECT_EQ(rtlane_wait(object, RTLANE_FOREVER), 0);
    rtlane_event_set(taken);
    pause();
  });
  EXPECT_EQ(rtlane_wait(taken, RTLANE_FOREVER), 0);
  std::thread waiter([&] {
    const rtlane_handle both[] = {taken, object};
    std::uint32_t index = 0;
    EXPECT_EQ(rtlane_wait_any(both, 2, RTLANE_FOREVER, &index), RTLANE_WAIT_ABANDONED);
    EXPECT_EQ(index, 1u);
    EXPECT_EQ(rtlane_mutex_unlock(object), 0);
  });
  await_waiters(object, 1);
  owner.kill_now();
  waiter.join();
}

}  // namespace
}  // namespace rtlane::test
