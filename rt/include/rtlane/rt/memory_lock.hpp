// Keeps the process's memory in RAM, so that a real-time thread takes no page faults, and says what it got.
//
//   rtlane::rt::MemoryLockConfig config;
//   config.heap_bytes = 16 << 20;
//   config.stack_bytes = 256 << 10;
//   const auto grant = rtlane::rt::lock_memory(config);
//   for (const auto& refusal : grant.refused) warn(refusal);
//
// The order is fixed: malloc's habits, lock, heap, stack, and last everything is read back from the kernel. Nothing
// here is fatal; who needs a property checks the grant. Set-up call, blocking; call it in the main thread, once, before
// other threads are started: their stacks are locked and faulted in as a whole then (8 MiB each by default, so set
// their size), and what they allocate comes from arenas of their own, which no heap_bytes fill.
//
// With a limit on locked memory everything that the process maps later counts too: what goes over it is refused by
// mmap(), and malloc() answers a null pointer.
#pragma once

#include <rtlane/rt/thread.hpp>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace rtlane::rt {

struct MemoryLockConfig {
  bool lock = true;            // all that is mapped now or later (MCL_CURRENT | MCL_FUTURE)
  bool on_fault = false;       // each page when it is touched first, not all at once (MCL_ONFAULT)
  bool keep_heap = true;       // malloc() gives nothing back and takes no mappings of their own for large blocks
  std::size_t heap_bytes = 0;  // of heap to fault in; needs keep_heap. Over its cgroup's memory.max a process is killed
  std::size_t stack_bytes = 0;  // of stack below the caller to fault in
};

// Read back from the kernel, not what was asked for.
struct MemoryLockGrant {
  std::uint64_t locked_bytes = 0;    // VmLck; without the pages of hugetlb, which are locked anyway
  std::uint64_t mapped_bytes = 0;    // VmSize
  std::size_t heap_bytes = 0;        // can be allocated without a page fault
  std::size_t stack_bytes = 0;       // was faulted in
  std::vector<std::string> refused;  // a sentence for each thing not granted: what, why, what to do
};

namespace detail {

// A value of /proc/self/status that is given in kB; 0 when it is not there.
inline std::uint64_t status_bytes(const std::string& key)
{
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0)
      return std::stoull(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

inline std::string why_no_lock(int error)
{
  constexpr unsigned cap_ipc_lock = 14;
  const std::string what = "locking the process's memory was refused: ";
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  if ((error != ENOMEM && error != EPERM) || limit.rlim_cur == RLIM_INFINITY || has_capability(cap_ipc_lock))
    return what + std::strerror(error);
  return what + "RLIMIT_MEMLOCK is " + std::to_string(limit.rlim_cur / 1024) + " KiB, the process has mapped " +
         std::to_string(status_bytes("VmSize") / 1024) +
         " KiB, and CAP_IPC_LOCK is missing; run as root, or add '@realtime - memlock unlimited' to "
         "/etc/security/limits.d/99-realtime.conf and log in again";
}

inline long minor_faults_so_far()
{
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

// Page faults that a block of that size takes; -1 = there is no such block. It goes back to malloc().
inline long faults_of_heap_block(std::size_t bytes)
{
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const long before = minor_faults_so_far();
  auto* const block = static_cast<volatile char*>(std::malloc(bytes));
  if (block == nullptr)
    return -1;
  for (std::size_t i = 0; i < bytes; i += page)
    block[i] = 1;
  block[bytes - 1] = 1;
  std::free(const_cast<char*>(block));
  return minor_faults_so_far() - before;
}

inline void fault_in_heap(std::size_t bytes, MemoryLockGrant& grant)
{
  const std::string what = std::to_string(bytes) + " bytes of heap ";
  if (faults_of_heap_block(bytes) < 0) {
    grant.refused.push_back(what + "cannot be had: " + std::strerror(ENOMEM) +
                            "; ask for less, or raise RLIMIT_AS, RLIMIT_MEMLOCK or the cgroup's memory.max");
    return;
  }
  // What came back to malloc() has to be there still.
  if (const long faults = faults_of_heap_block(bytes); faults > 0)
    grant.refused.push_back(what + "do not stay: allocating them again took " + std::to_string(faults) +
                            " page faults; set keep_heap, and use an allocator that keeps what is freed");
  else
    grant.heap_bytes = bytes;
}

// Between this frame and the end of the thread's stack; 0 when it is not known.
inline std::size_t stack_room_bytes()
{
  std::size_t room = 0;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0)
    return 0;
  void* lowest = nullptr;
  std::size_t size = 0;
  const auto here = reinterpret_cast<std::uintptr_t>(&attributes);
  if (pthread_attr_getstack(&attributes, &lowest, &size) == 0 && here > reinterpret_cast<std::uintptr_t>(lowest))
    room = here - reinterpret_cast<std::uintptr_t>(lowest);
  pthread_attr_destroy(&attributes);
  return room;
}

inline void fault_in_stack(std::size_t bytes, MemoryLockGrant& grant)
{
  // touch_stack() needs some more than it touches, and a sanitizer's frames are larger.
  const std::size_t room = stack_room_bytes();
  constexpr std::size_t reserve = 64 << 10;
  if (room / 3 * 2 < reserve || bytes > room / 3 * 2 - reserve) {
    grant.refused.push_back(std::to_string(bytes) + " bytes of stack cannot be touched: the thread has " +
                            std::to_string(room) +
                            " left; ask for less, or give it more ('ulimit -s' for the main thread, "
                            "pthread_attr_setstacksize for others)");
    return;
  }
  touch_stack(bytes);
  grant.stack_bytes = bytes;
}

inline bool keep_heap()
{
#if defined(__GLIBC__)
  return mallopt(M_TRIM_THRESHOLD, -1) == 1 && mallopt(M_MMAP_MAX, 0) == 1;
#else
  return false;
#endif
}

}  // namespace detail

inline MemoryLockGrant lock_memory(const MemoryLockConfig& config)
{
  MemoryLockGrant grant;
  if (config.keep_heap && !detail::keep_heap())
    grant.refused.push_back(
        "malloc() does not promise to keep what is freed: this is not glibc's, or a sanitizer's; allocate before the "
        "real-time part begins");

  bool locked = false;
  if (config.lock) {
    const int flags = MCL_CURRENT | MCL_FUTURE | (config.on_fault ? MCL_ONFAULT : 0);
    locked = mlockall(flags) == 0;
    if (!locked)
      grant.refused.push_back(detail::why_no_lock(errno));
  }
  if (config.heap_bytes > 0)
    detail::fault_in_heap(config.heap_bytes, grant);
  if (config.stack_bytes > 0)
    detail::fault_in_stack(config.stack_bytes, grant);

  grant.locked_bytes = detail::status_bytes("VmLck");
  grant.mapped_bytes = detail::status_bytes("VmSize");
  if (locked && grant.locked_bytes == 0)
    grant.refused.push_back(
        "locking the process's memory was granted but VmLck of /proc/self/status is 0: nothing is locked, as under a "
        "sanitizer; run a build without");
  return grant;
}

}  // namespace rtlane::rt
