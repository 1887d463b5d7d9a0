#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "rt/iwin32.hpp"
#include "support/sanitizer.hpp"
#include "support/smaps.hpp"
#include "support/users.hpp"

namespace rtlane::test {
namespace {

class Iwin32Memory : public Iwin32 {
protected:
  void SetUp() override { unsetenv("RTLANE_LOCK"); }
  void TearDown() override { unsetenv("RTLANE_LOCK"); }
};

// A child that may lock nothing.
template <class Body>
Child start_without_locking(Body body)
{
  return Child::start([=] {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_MEMLOCK, &none);
    ASSERT_TRUE(geteuid() != 0 || become(kOtherUid));
    body();
  });
}

bool may_lock()
{
  return geteuid() == 0;
}

TEST_F(Iwin32Memory, LockedMemoryIsZeroedAlignedAndReallyLocked)
{
  constexpr std::size_t bytes = 3 * 4096 + 1;
  auto* memory = static_cast<unsigned char*>(RtAllocateLockedMemory(bytes));
  ASSERT_NE(memory, nullptr) << rtlane_error_message();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0u);
  for (std::size_t i = 0; i < bytes; ++i)
    ASSERT_EQ(memory[i], 0);
  EXPECT_GE(smaps_kb(memory, "Rss"), 16);
  EXPECT_GE(smaps_kb(memory, "Locked"), may_lock() ? 16 : 0);
  std::memset(memory, 0x5a, bytes);
  EXPECT_TRUE(RtFreeLockedMemory(memory));
  EXPECT_EQ(smaps_kb(memory, "Rss"), -1) << "it is still mapped";
}

TEST_F(Iwin32Memory, BlocksAreDistinctAlsoThoseOfNothing)
{
  std::vector<PVOID> blocks;
  for (ULONG bytes : {0u, 0u, 1u, 64u, 4095u, 4096u}) {
    auto* block = static_cast<unsigned char*>(RtAllocateLockedMemory(bytes));
    ASSERT_NE(block, nullptr);
    std::memset(block, static_cast<int>(blocks.size() + 1), bytes);
    blocks.push_back(block);
  }
  EXPECT_EQ(static_cast<unsigned char*>(blocks[4])[4094], 5);
  EXPECT_EQ(static_cast<unsigned char*>(blocks[5])[4095], 6);
  for (PVOID block : blocks)
    EXPECT_TRUE(RtFreeLockedMemory(block));
}

TEST_F(Iwin32Memory, WholePagesTakeNoMore)
{
  if (!may_lock())
    GTEST_SKIP() << "only what is locked is counted apart";
  const auto locked_kb = [] { return std::stol(status_of("/proc/self/status", "VmLck")); };
  const long before = locked_kb();
  PVOID block = RtAllocateLockedMemory(4 * 4096);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(locked_kb() - before, 16);
  EXPECT_TRUE(RtFreeLockedMemory(block));
}

TEST_F(Iwin32Memory, FreeingAnythingElseDoesNothingAndIsTrue)
{
  auto* block = static_cast<char*>(RtAllocateLockedMemory(4096));
  ASSERT_NE(block, nullptr);
  int own = 5;
  SetLastError(preset_error);
  EXPECT_TRUE(RtFreeLockedMemory(nullptr));
  EXPECT_TRUE(RtFreeLockedMemory(&own));
  EXPECT_TRUE(RtFreeLockedMemory(block + 64));
  EXPECT_EQ(GetLastError(), preset_error);
  block[4095] = 1;
  EXPECT_TRUE(RtFreeLockedMemory(block));
  EXPECT_TRUE(RtFreeLockedMemory(block));
}

TEST_F(Iwin32Memory, WhatCannotBeLockedIsGivenOrRefusedAsTheEnvironmentSays)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may become somebody who may not";
  Child child = start_without_locking([] {
    auto* memory = static_cast<char*>(RtAllocateLockedMemory(8192));
    ASSERT_NE(memory, nullptr);
    EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("RLIMIT_MEMLOCK"));
    EXPECT_EQ(smaps_kb(memory, "Locked"), 0);
    EXPECT_GE(smaps_kb(memory, "Rss"), 8);
    EXPECT_TRUE(RtFreeLockedMemory(memory));
    setenv("RTLANE_LOCK", "required", 1);
    EXPECT_REFUSED(RtAllocateLockedMemory(8192), nullptr, ERROR_NOT_ENOUGH_MEMORY);
    setenv("RTLANE_LOCK", "nonsense", 1);
    EXPECT_REFUSED(RtAllocateLockedMemory(8192), nullptr, ERROR_INVALID_PARAMETER);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Memory, LockingTheProcessLocksWhatItHasAndWillHave)
{
  if (!may_lock())
    GTEST_SKIP() << "only root may lock whatever it likes";
  if (built_with_sanitizer)
    GTEST_SKIP() << "sanitizers make mlockall() do nothing";
  Child child = Child::start([] {
    const long before = std::stol("0" + status_of("/proc/self/status", "VmLck"));
    ASSERT_TRUE(RtLockProcess(RT_PLOCK_ALL)) << rtlane_error_message();
    const long locked = std::stol("0" + status_of("/proc/self/status", "VmLck"));
    EXPECT_GT(locked, before + 100);
    void* later = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_GE(smaps_kb(later, "Locked"), 1024);
    EXPECT_TRUE(RtUnlockProcess(RT_PLOCK_ALL));
    EXPECT_GE(std::stol("0" + status_of("/proc/self/status", "VmLck")), locked) << "INtime and RTX unlock nothing";
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Iwin32Memory, LockingTheProcessMayBeRefused)
{
  if (geteuid() != 0)
    GTEST_SKIP() << "only root may become somebody who may not";
  if (built_with_sanitizer)
    GTEST_SKIP() << "sanitizers make mlockall() do nothing";
  Child child = start_without_locking([] {
    EXPECT_REFUSED(RtLockProcess(RT_PLOCK_ALL), FALSE, ERROR_ACCESS_DENIED);
    EXPECT_THAT(rtlane_error_message(), testing::HasSubstr("RLIMIT_MEMLOCK"));
  });
  EXPECT_EQ(child.wait(), 0);
}

// Row H12, and what INtime's pages say of the heap and the stack.
TEST_F(Iwin32Memory, WhatIntimeKeepsWithoutEffectIsTrue)
{
  const std::string before = status_of("/proc/self/status", "VmLck");
  SetLastError(preset_error);
  EXPECT_EQ(RtCommitLockHeap(nullptr, 1 << 20, nullptr), TRUE);
  EXPECT_EQ(RtCommitLockProcessHeap(1 << 20, nullptr), TRUE);
  EXPECT_EQ(RtCommitLockStack(1 << 20), TRUE);
  EXPECT_EQ(RtLockKernel(RT_KLOCK_ALL), TRUE);
  EXPECT_EQ(RtUnlockKernel(RT_KLOCK_ALL), TRUE);
  EXPECT_EQ(RtEnablePortIo(nullptr, 1), TRUE);
  EXPECT_EQ(RtDisablePortIo(nullptr, 1), TRUE);
  EXPECT_EQ(RtUnlockProcess(RT_PLOCK_ALL), TRUE);
  EXPECT_EQ(RtIsInRtss(), FALSE);
  EXPECT_EQ(GetLastError(), preset_error);
  EXPECT_EQ(status_of("/proc/self/status", "VmLck"), before);
}

TEST_F(Iwin32Memory, ThreadsAllocateAndFreeAtOnce)
{
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 200; ++round) {
        auto* block = static_cast<volatile int*>(RtAllocateLockedMemory(4096));
        if (block == nullptr || block[0] != 0) {
          ++wrong;
          continue;
        }
        block[0] = i + 1;
        sched_yield();
        wrong += block[0] != i + 1 ? 1 : 0;
        RtFreeLockedMemory(const_cast<int*>(block));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace rtlane::test
