// Section H of the checklist, continued: the calls of rt that answer TRUE without action, and locked memory.
#include <rtlane/rt/iwin32_threads.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "conformance/conformance.hpp"

namespace rtlane::conformance {
namespace {

TEST_F(Conformance, H12_TheOtherCallsWithoutActionAnswerTrue)
{
  UCHAR bytes[16] = {};
  errno = 4095;
  for (const ULONG section : {ULONG{0}, ULONG{1}, ULONG{0xffffffff}})
    EXPECT_OUTCOME(RtLockKernel(section), TRUE, preset_error);
  for (const ULONG count : {ULONG{0}, ULONG{1}, ULONG{16}, ULONG{0xffffffff}}) {
    for (const PUCHAR port : {PUCHAR{nullptr}, PUCHAR{bytes}, static_cast<PUCHAR>(untouched)}) {
      EXPECT_OUTCOME(RtEnablePortIo(port, count), TRUE, preset_error);
      EXPECT_OUTCOME(RtDisablePortIo(port, count), TRUE, preset_error);
    }
  }
  EXPECT_EQ(errno, 4095);
}

TEST_F(Conformance, H13_LockedMemoryIsAllocatedAndFreed)
{
  for (const ULONG size_bytes : {ULONG{1}, ULONG{100}, ULONG{4096}, ULONG{3 << 20}}) {
    SetLastError(preset_error);
    void* const first = RtAllocateLockedMemory(size_bytes);
    void* const second = RtAllocateLockedMemory(size_bytes);
    ASSERT_NE(first, nullptr);
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(GetLastError(), preset_error);
    // Aligned as malloc's.
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % alignof(std::max_align_t), 0u);
    std::memset(first, 1, size_bytes);
    std::memset(second, 2, size_bytes);
    EXPECT_EQ(static_cast<unsigned char*>(first)[size_bytes - 1], 1);
    EXPECT_OUTCOME(RtFreeLockedMemory(first), TRUE, preset_error);
    EXPECT_EQ(static_cast<unsigned char*>(second)[0], 2);
    EXPECT_OUTCOME(RtFreeLockedMemory(second), TRUE, preset_error);
  }
  for (PVOID const never_allocated : {PVOID{nullptr}, PVOID{untouched}})
    EXPECT_OUTCOME(RtFreeLockedMemory(never_allocated), TRUE, preset_error);
}

}  // namespace
}  // namespace rtlane::conformance
