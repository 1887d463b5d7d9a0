#include <atomic>
#include <thread>
#include <vector>

#include "rt/iwin32.hpp"
#include "support/sanitizer.hpp"

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
  if (built_with_thread_sanitizer)
    GTEST_SKIP() << "ThreadSanitizer reports what is tested here";
  SetLastError(preset_error);
  LeaveCriticalSection(&section_);
  EXPECT_EQ(GetLastError(), DWORD{ERROR_NOT_OWNER});
  EnterCriticalSection(&section_);
  std::thread([&] { LeaveCriticalSection(&section_); }).join();
  EXPECT_FALSE(is_free());
  LeaveCriticalSection(&section_);
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
