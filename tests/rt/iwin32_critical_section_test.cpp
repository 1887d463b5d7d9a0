#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "rt/iwin32.hpp"

namespace rtlane::test {
namespace {

class Iwin32CriticalSection : public Iwin32 {
protected:
  void SetUp() override { InitializeCriticalSection(&section_); }
  void TearDown() override { DeleteCriticalSection(&section_); }

  // Whether another thread can enter now.
  bool is_free()
  {
    bool entered = false;
    std::thread([&] {
      entered = TryEnterCriticalSection(&section_) != FALSE;
      if (entered)
        LeaveCriticalSection(&section_);
    }).join();
    return entered;
  }

  CRITICAL_SECTION section_;
};

TEST_F(Iwin32CriticalSection, IsFreeAfterAsManyLeavesAsEnters)
{
  EXPECT_TRUE(is_free());
  EnterCriticalSection(&section_);
  EnterCriticalSection(&section_);
  EXPECT_TRUE(TryEnterCriticalSection(&section_));
  LeaveCriticalSection(&section_);
  LeaveCriticalSection(&section_);
  EXPECT_FALSE(is_free());
  LeaveCriticalSection(&section_);
  EXPECT_TRUE(is_free());
}

TEST_F(Iwin32CriticalSection, AdmitsOneThreadAtATime)
{
  long counter = 0;  // plain: the section guards it
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5000; ++round) {
        EnterCriticalSection(&section_);
        const long seen = counter;
        if (round % 100 == 0)
          sched_yield();
        counter = seen + 1;
        LeaveCriticalSection(&section_);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(counter, 4 * 5000);
}

TEST_F(Iwin32CriticalSection, LeavingWithoutBeingInsideIsToldAndDoesNothing)
{
  SetLastError(preset_error);
  LeaveCriticalSection(&section_);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_NOT_OWNER});
  EnterCriticalSection(&section_);
  std::thread([&] { LeaveCriticalSection(&section_); }).join();
  EXPECT_FALSE(is_free());
  LeaveCriticalSection(&section_);
}

// glibc ends a process whose recursive mutex is part of a deadlock, also of one that a time-out resolves.
TEST_F(Iwin32CriticalSection, ADeadlockThatATimeOutResolvesIsNone)
{
  const Handle mutex(RtCreateMutex(nullptr, FALSE, nullptr));
  std::atomic<bool> owned{false};
  EnterCriticalSection(&section_);
  auto body = [&] {
    WaitForSingleObject(mutex.get(), INFINITE);
    owned = true;
    EnterCriticalSection(&section_);
    LeaveCriticalSection(&section_);
    RtReleaseMutex(mutex.get());
    return 6;
  };
  const Handle other = start_thread(body);
  while (!owned)
    Sleep(1);
  EXPECT_EQ(WaitForSingleObject(mutex.get(), 150), DWORD{WAIT_TIMEOUT});
  LeaveCriticalSection(&section_);
  EXPECT_EQ(WaitForSingleObject(other.get(), INFINITE), DWORD{WAIT_OBJECT_0});
  EXPECT_EQ(exit_code_of(other), 6u);
}

TEST_F(Iwin32CriticalSection, MayBeDeletedByWhoIsInside)
{
  CRITICAL_SECTION deleted;
  InitializeCriticalSection(&deleted);
  EnterCriticalSection(&deleted);
  EnterCriticalSection(&deleted);
  DeleteCriticalSection(&deleted);
  std::memset(&deleted, 0xAA, sizeof deleted);
  EnterCriticalSection(&section_);
  LeaveCriticalSection(&section_);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&deleted);
  EXPECT_EQ(std::count(bytes, bytes + sizeof deleted, 0xAA), static_cast<std::ptrdiff_t>(sizeof deleted));
}

TEST_F(Iwin32CriticalSection, GoesToTheNextWhenItsOwnerEndsInside)
{
  auto body = [&] {
    EnterCriticalSection(&section_);
    return 0;
  };
  const Handle thread = start_thread(body);
  ASSERT_EQ(WaitForSingleObject(thread.get(), INFINITE), WAIT_OBJECT_0);
  EnterCriticalSection(&section_);
  EXPECT_FALSE(is_free());
  LeaveCriticalSection(&section_);
  EXPECT_TRUE(is_free());
}

TEST_F(Iwin32CriticalSection, OneThatWasOverwrittenEndsTheProcessWithASentence)
{
  const auto enter_what_is_overwritten = [] {
    CRITICAL_SECTION section;
    std::memset(&section, 0xAA, sizeof section);
    EnterCriticalSection(&section);
  };
  EXPECT_DEATH(enter_what_is_overwritten(), "a lock of this process is damaged, or was never initialised");
}

TEST_F(Iwin32CriticalSection, LendsItsOwnerThePriorityOfWhoWaits)
{
  if (!may_be_real_time())
    GTEST_SKIP() << "SCHED_FIFO is refused here: run as root, or raise RLIMIT_RTPRIO";
  std::atomic<DWORD> waiter_id{0};
  EnterCriticalSection(&section_);
  auto body = [&] {
    RtSetThreadPriority(GetCurrentThread(), 40);
    waiter_id = GetCurrentThreadId();
    EnterCriticalSection(&section_);
    LeaveCriticalSection(&section_);
    return 0;
  };
  const Handle waiter = start_thread(body);
  // The kernel shows what it lends as "prio": below 100 is real-time.
  const auto priority = [] { return std::stol("0" + status_of_sched("prio")); };
  EXPECT_TRUE(eventually([&] { return waiter_id != 0 && priority() < 100; }));
  LeaveCriticalSection(&section_);
  EXPECT_EQ(WaitForSingleObject(waiter.get(), INFINITE), WAIT_OBJECT_0);
  EXPECT_GE(priority(), 100);
}

}  // namespace
}  // namespace rtlane::test
