// The lock beneath mutexes: the list that the kernel reads, which it shares with the C library's robust mutexes.
#include "../../core/src/robust_lock.hpp"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_page.hpp"
#include "support/watchdog.hpp"

namespace rtlane::detail {
namespace {

using test::Child;
using test::SharedPage;

constexpr std::int64_t ms = 1'000'000;

class RobustLockTest : public ::testing::Test {
protected:
  test::Watchdog watchdog_{100};
};

void initialise_as_glibc(pthread_mutex_t& mutex, int protocol)
{
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setprotocol(&attributes, protocol);
  ASSERT_EQ(pthread_mutex_init(&mutex, &attributes), 0);
  pthread_mutexattr_destroy(&attributes);
}

// Locks of both kinds side by side, by number.
struct Locks {
  static constexpr std::size_t count = 24;

  void initialise()
  {
    for (std::size_t i = 0; i < count; ++i) {
      if (is_own(i))
        own[i].initialise();
      else
        initialise_as_glibc(glibc[i], i % 3 == 1 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
    }
  }
  static bool is_own(std::size_t i) { return i % 3 == 0; }
  int try_lock(std::size_t i) { return is_own(i) ? own[i].try_lock() : pthread_mutex_trylock(&glibc[i]); }
  int unlock(std::size_t i) { return is_own(i) ? own[i].unlock() : pthread_mutex_unlock(&glibc[i]); }
  // What points to its entry in the list: bit 0 says that it is priority-inheriting.
  std::uintptr_t pointer(std::size_t i) const
  {
    return is_own(i) ? reinterpret_cast<std::uintptr_t>(&own[i].next) | 1
                     : reinterpret_cast<std::uintptr_t>(&glibc[i].__data.__list.__next) | (i % 3 == 1 ? 1 : 0);
  }

  std::array<RobustLock, count> own;
  std::array<pthread_mutex_t, count> glibc;
};

// What the kernel would find if this thread ended now; each entry's way back leads to the one before it.
std::multiset<std::uintptr_t> list_of_this_thread()
{
  robust_list_head* head = nullptr;
  std::size_t bytes = 0;
  EXPECT_EQ(syscall(SYS_get_robust_list, 0, &head, &bytes), 0);
  EXPECT_EQ(head->list_op_pending, nullptr);
  std::multiset<std::uintptr_t> pointers;
  const auto end = reinterpret_cast<std::uintptr_t>(head);
  std::uintptr_t before = end;
  for (auto at = reinterpret_cast<std::uintptr_t>(head->list.next); at != end && pointers.size() <= Locks::count;) {
    pointers.insert(at);
    const auto* const entry = reinterpret_cast<const std::uintptr_t*>(at & ~std::uintptr_t{1});
    EXPECT_EQ(entry[-1], before);
    before = reinterpret_cast<std::uintptr_t>(entry);
    at = *entry;
  }
  return pointers;
}

// Takes and gives back at random; returns which it has at the end.
std::vector<bool> take_at_random(Locks& locks, std::uint32_t seed, int steps)
{
  std::minstd_rand random(seed);
  std::vector<bool> owned(Locks::count);
  std::multiset<std::uintptr_t> expected;
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    const std::size_t i = random() % Locks::count;
    EXPECT_EQ(owned[i] ? locks.unlock(i) : locks.try_lock(i), 0);
    if (owned[i])
      expected.erase(locks.pointer(i));
    else
      expected.insert(locks.pointer(i));
    owned[i] = !owned[i];
    EXPECT_EQ(list_of_this_thread(), expected) << "step " << step << ", lock " << i;
  }
  return owned;
}

constexpr std::uint32_t seeds = 5;

TEST_F(RobustLockTest, StandsInOneListWithRobustMutexesOfGlibc)
{
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    const SharedPage<Locks> locks;
    locks->initialise();
    const std::vector<bool> owned = take_at_random(*locks, seed, 3000);
    for (std::size_t i = 0; i < Locks::count; ++i) {
      if (owned[i]) {
        EXPECT_EQ(locks->unlock(i), 0);
      }
    }
    EXPECT_TRUE(list_of_this_thread().empty());
  }
}

TEST_F(RobustLockTest, EveryOneOfAKilledProcessIsPassedOn)
{
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    const SharedPage<Locks> locks;
    locks->initialise();
    Child child = Child::start([&] {
      take_at_random(*locks, seed, 300);
      if (!HasFailure())
        raise(SIGKILL);
    });
    EXPECT_EQ(child.wait(), -SIGKILL);
    const SharedPage<Locks> again;  // the same walk tells which it had
    again->initialise();
    const std::vector<bool> owned = take_at_random(*again, seed, 300);
    for (std::size_t i = 0; i < Locks::count; ++i) {
      EXPECT_EQ(locks->try_lock(i), owned[i] ? EOWNERDEAD : 0) << i;
      EXPECT_EQ(locks->unlock(i), 0);
      if (owned[i]) {
        EXPECT_EQ(again->unlock(i), 0);
      }
    }
  }
}

TEST_F(RobustLockTest, IsPassedOnByAThreadThatEnds)
{
  RobustLock lock;
  lock.initialise();
  for (const bool is_awaited : {false, true}) {
    std::atomic<bool> taken{false};
    std::thread owner([&] {
      EXPECT_EQ(lock.try_lock(), 0);
      taken = true;
      while (is_awaited && !lock.has_waiters())
        std::this_thread::yield();
    });
    while (!taken)
      std::this_thread::yield();
    if (!is_awaited)
      owner.join();
    EXPECT_EQ(lock.lock(never), EOWNERDEAD);
    if (is_awaited)
      owner.join();
    EXPECT_TRUE(lock.is_mine());
    EXPECT_FALSE(lock.owner_died()) << "the next one would be told as well";
    EXPECT_EQ(lock.unlock(), 0);
    EXPECT_EQ(lock.try_lock(), 0);
    EXPECT_EQ(lock.unlock(), 0);
  }
}

TEST_F(RobustLockTest, GuardsWhatIsPlain)
{
  RobustLock lock;
  lock.initialise();
  long counter = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 2000; ++round) {
        int error = lock.try_lock();
        while (error == EBUSY)
          error = lock.lock(thread % 2 == 0 ? never : monotonic_ns() + 1000 * ms);
        EXPECT_EQ(error, 0);
        const long seen = counter;
        if (round % 100 == 0)
          std::this_thread::yield();
        counter = seen + 1;
        EXPECT_EQ(lock.unlock(), 0);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counter, 4 * 2000);
}

TEST_F(RobustLockTest, WaitsUntilTheDeadlineAndNotLess)
{
  RobustLock lock;
  lock.initialise();
  EXPECT_EQ(lock.try_lock(), 0);
  std::thread([&] {
    EXPECT_EQ(lock.try_lock(), EBUSY);
    EXPECT_EQ(lock.lock(1), ETIMEDOUT);
    const std::int64_t end = monotonic_ns() + 20 * ms;
    EXPECT_EQ(lock.lock(end), ETIMEDOUT);
    EXPECT_GE(monotonic_ns(), end);
    EXPECT_TRUE(list_of_this_thread().empty());
  }).join();
  EXPECT_EQ(lock.unlock(), 0);
}

TEST_F(RobustLockTest, TellsACircleAndAnOwnerThatDoesNotExist)
{
  RobustLock first;
  RobustLock second;
  first.initialise();
  second.initialise();
  EXPECT_EQ(first.try_lock(), 0);
  std::atomic<bool> taken{false};
  std::thread other([&] {
    EXPECT_EQ(second.try_lock(), 0);
    taken = true;
    EXPECT_EQ(first.lock(never), 0);
    EXPECT_EQ(first.unlock(), 0);
    EXPECT_EQ(second.unlock(), 0);
  });
  while (!taken || !first.has_waiters())
    std::this_thread::yield();
  // It is in the kernel, perhaps not yet in its queue.
  int error = ETIMEDOUT;
  while (error == ETIMEDOUT)
    error = second.lock(monotonic_ns() + 5 * ms);
  EXPECT_EQ(error, EDEADLK);
  EXPECT_EQ(first.unlock(), 0);
  other.join();

  Child ended = Child::start([] {});
  const auto nobody = static_cast<std::uint32_t>(ended.pid());
  ended.wait();
  first.word = nobody;
  EXPECT_EQ(first.try_lock(), EBUSY);
  EXPECT_EQ(first.lock(never), ESRCH);
  EXPECT_TRUE(list_of_this_thread().empty());
}

TEST_F(RobustLockTest, AForkChildIsNotItsParent)
{
  const SharedPage<RobustLock> lock;
  lock->initialise();
  EXPECT_EQ(lock->try_lock(), 0);
  Child child = Child::start([&] {
    EXPECT_FALSE(lock->is_mine());
    EXPECT_TRUE(list_of_this_thread().empty());
    EXPECT_EQ(lock->lock(monotonic_ns() + ms), ETIMEDOUT);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(lock->is_mine());
  EXPECT_EQ(lock->unlock(), 0);
}

}  // namespace
}  // namespace rtlane::detail
