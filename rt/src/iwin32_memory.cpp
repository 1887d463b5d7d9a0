// Memory of this process.
#include <rtlane/rt/iwin32_threads.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>

#include "answer.hpp"

namespace rtlane::rt::detail {
namespace {

// Address and bytes of what was given; inside Process::enter().
std::map<void*, std::size_t>& blocks()
{
  static std::map<void*, std::size_t>& given = *new std::map<void*, std::size_t>;
  return given;
}

constexpr char how_to_grant[] =
    "run as root, or raise RLIMIT_MEMLOCK ('ulimit -l', memlock in /etc/security/limits.conf)";

int allocate(std::size_t wanted, void*& memory)
{
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  if (const int error = rtlane::detail::environment_options(options); error != 0)
    return error;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // Also for 0 bytes an address of its own.
  const std::size_t bytes = (std::max<std::size_t>(wanted, 1) + page - 1) / page * page;
  // Entered before, so that nothing can fail once there is memory.
  std::map<void*, std::size_t> entry;
  entry[nullptr] = bytes;
  void* const made = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED)
    return fail(ENOMEM, "%zu bytes cannot be had: %s", bytes, std::strerror(errno));
  // The call itself: sanitizers make libc's a no-op.
  if (options.lock != RTLANE_NEVER && ::syscall(SYS_mlock, made, bytes) != 0) {
    const int error = fail(ENOMEM, "locking %zu bytes was refused: %s; %s", bytes, std::strerror(errno), how_to_grant);
    if (options.lock == RTLANE_REQUIRED) {
      ::munmap(made, bytes);
      return error;
    }
  }
  // What could not be locked, or shall not be, is faulted in all the same.
  ::madvise(made, bytes, 23 /* MADV_POPULATE_WRITE */);
  auto place = entry.extract(nullptr);
  place.key() = made;
  blocks().insert(std::move(place));
  memory = made;
  return 0;
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

PVOID RtAllocateLockedMemory(ULONG nNumberOfBytes) noexcept
{
  const ErrnoKeeper keeper;
  void* memory = nullptr;
  if (const int result = set_up_call([&] { return allocate(nNumberOfBytes, memory); }); result < 0)
    set_last_error(to_last_error(result));
  return memory;
}

BOOL RtFreeLockedMemory(PVOID pVirtualAddress) noexcept
{
  const ErrnoKeeper keeper;
  (void)set_up_call([&] {
    const auto block = blocks().find(pVirtualAddress);
    if (block != blocks().end()) {
      ::munmap(block->first, block->second);
      blocks().erase(block);
    }
    return 0;
  });
  return TRUE;
}

BOOL RtLockProcess(ULONG) noexcept
{
  const ErrnoKeeper keeper;
  return bool_answer(guarded_call([] {
    // MCL_CURRENT alone would take back what the program itself said about the future.
    return ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0
               ? 0
               : fail(EACCES, "locking the process's memory was refused: %s; %s", std::strerror(errno), how_to_grant);
  }));
}

// munlockall() would unlock the memory of objects too, and make their certificates untrue.
BOOL RtUnlockProcess(ULONG) noexcept
{
  return TRUE;
}

BOOL RtCommitLockHeap(HANDLE, ULONG, PEXCEPTIONROUTINE) noexcept
{
  return TRUE;
}

BOOL RtCommitLockProcessHeap(ULONG, PEXCEPTIONROUTINE) noexcept
{
  return TRUE;
}

BOOL RtCommitLockStack(ULONG) noexcept
{
  return TRUE;
}

BOOL RtLockKernel(ULONG) noexcept
{
  return TRUE;
}

BOOL RtUnlockKernel(ULONG) noexcept
{
  return TRUE;
}

BOOL RtEnablePortIo(PUCHAR, ULONG) noexcept
{
  return TRUE;
}

BOOL RtDisablePortIo(PUCHAR, ULONG) noexcept
{
  return TRUE;
}
