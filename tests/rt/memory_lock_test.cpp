#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <rtlane/rt/memory_lock.hpp>

#include <algorithm>
#include <string>
#include <thread>

#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/smaps.hpp"

namespace rtlane::rt {
namespace {

// Each in a process of its own: what is locked stays so, and malloc() does not forget what it was told.
template <class Body>
void in_child(Body&& body)
{
  EXPECT_EQ(test::Child::start(body).wait(), 0);
}

bool says(const MemoryLockGrant& grant, const std::string& text)
{
  return std::any_of(grant.refused.begin(), grant.refused.end(),
                     [&](const std::string& sentence) { return sentence.find(text) != std::string::npos; });
}

std::string all(const MemoryLockGrant& grant)
{
  std::string text;
  for (const std::string& sentence : grant.refused)
    text += sentence + "\n";
  return text;
}

constexpr int not_permitted = 77;

#define RTLANE_LOCKED_OR_SKIPPED(child)                                           \
  if (const int status = (child).wait(); status == not_permitted)                 \
    GTEST_SKIP() << "this user may not lock so much: ulimit -l, or CAP_IPC_LOCK"; \
  else                                                                            \
    EXPECT_EQ(status, 0)

// An ordinary user with so much to lock; false when this user may not become one.
bool become_ordinary(rlim_t memlock_bytes)
{
  const rlimit limit{memlock_bytes, memlock_bytes};
  return setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && (geteuid() != 0 || setuid(65534) == 0);
}

// Shared, so that the kernel does not make one of two that are neighbours.
class FreshMapping {
public:
  explicit FreshMapping(std::size_t page_count)
      : bytes_(page_count * static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        memory_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
  {}
  FreshMapping(const FreshMapping&) = delete;
  FreshMapping& operator=(const FreshMapping&) = delete;
  ~FreshMapping() { munmap(memory_, bytes_); }

  bool exists() const { return memory_ != MAP_FAILED; }
  void* data() const { return memory_; }
  long bytes() const { return static_cast<long>(bytes_); }
  long locked_bytes() const { return test::smaps_kb(memory_, "Locked") * 1024; }
  long resident_bytes() const { return test::smaps_kb(memory_, "Rss") * 1024; }

private:
  std::size_t bytes_;
  void* memory_;
};

#define RTLANE_NEED_REAL_LOCKS    \
  if (test::built_with_sanitizer) \
  GTEST_SKIP() << "under a sanitizer locking memory does nothing"

TEST(MemoryLock, LocksWhatThereIsAndWhatComes)
{
  RTLANE_NEED_REAL_LOCKS;
  test::Child child = test::Child::start([] {
    const FreshMapping before(64);
    const MemoryLockGrant grant = lock_memory({});
    if (says(grant, "RLIMIT_MEMLOCK"))
      return not_permitted;
    EXPECT_TRUE(grant.refused.empty()) << all(grant);
    EXPECT_GT(grant.locked_bytes, 0u);
    EXPECT_LE(grant.locked_bytes, grant.mapped_bytes);
    const FreshMapping after(64);
    EXPECT_EQ(before.locked_bytes(), before.bytes());
    EXPECT_EQ(after.resident_bytes(), after.bytes());
    EXPECT_GE(detail::status_bytes("VmLck"), grant.locked_bytes + static_cast<std::uint64_t>(after.bytes()));
    return 0;
  });
  RTLANE_LOCKED_OR_SKIPPED(child);
}

TEST(MemoryLock, OnFaultLocksPagesWhenTheyAreTouched)
{
  RTLANE_NEED_REAL_LOCKS;
  test::Child child = test::Child::start([] {
    MemoryLockConfig config;
    config.on_fault = true;
    const MemoryLockGrant grant = lock_memory(config);
    if (says(grant, "RLIMIT_MEMLOCK"))
      return not_permitted;
    EXPECT_TRUE(grant.refused.empty()) << all(grant);
    EXPECT_GT(grant.locked_bytes, 0u);
    const FreshMapping after(64);
    EXPECT_EQ(after.resident_bytes(), 0);
    static_cast<volatile char*>(after.data())[0] = 1;
    EXPECT_GT(after.resident_bytes(), 0);
    EXPECT_EQ(after.locked_bytes(), after.resident_bytes());
    return 0;
  });
  RTLANE_LOCKED_OR_SKIPPED(child);
}

TEST(MemoryLock, IsLeftAloneWhenItIsNotAskedFor)
{
  in_child([] {
    MemoryLockConfig config;
    config.lock = false;
    config.keep_heap = false;
    const MemoryLockGrant grant = lock_memory(config);
    EXPECT_TRUE(grant.refused.empty()) << all(grant);
    EXPECT_EQ(grant.locked_bytes, 0u);
    EXPECT_GT(grant.mapped_bytes, 0u);
  });
}

// Without the lock, so that what is seen is malloc()'s doing.
TEST(MemoryLock, TheHeapThatWasFaultedInStays)
{
  if (test::built_with_sanitizer)
    GTEST_SKIP() << "a sanitizer brings its own malloc";
  in_child([] {
    constexpr std::size_t bytes = 8 << 20;
    MemoryLockConfig config;
    config.lock = false;
    config.heap_bytes = bytes;
    const MemoryLockGrant grant = lock_memory(config);
    EXPECT_TRUE(grant.refused.empty()) << all(grant);
    EXPECT_EQ(grant.heap_bytes, bytes);
    const long before = detail::minor_faults_so_far();
    for (int i = 0; i < 10; ++i) {
      auto* const block = static_cast<volatile char*>(std::malloc(bytes - 4096));
      for (std::size_t at = 0; at < bytes - 4096; at += 4096)
        block[at] = 1;
      std::free(const_cast<char*>(block));
    }
    EXPECT_LT(detail::minor_faults_so_far() - before, 20);  // a system of 4 KiB pages would take 20480
  });
}

TEST(MemoryLock, AHeapThatDoesNotStayIsSaid)
{
  if (test::built_with_sanitizer)
    GTEST_SKIP() << "a sanitizer brings its own malloc";
  in_child([] {
    MemoryLockConfig config;
    config.lock = false;
    config.keep_heap = false;
    config.heap_bytes = 8 << 20;
    const MemoryLockGrant grant = lock_memory(config);
    EXPECT_EQ(grant.heap_bytes, 0u);
    EXPECT_TRUE(says(grant, "bytes of heap do not stay")) << all(grant);
    EXPECT_TRUE(says(grant, "set keep_heap")) << all(grant);
  });
}

TEST(MemoryLock, AHeapThatCannotBeHadIsSaid)
{
  if (test::built_with_sanitizer)
    GTEST_SKIP() << "a sanitizer's address space cannot be limited";
  in_child([] {
    const rlimit limit{1 << 30, 1 << 30};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    MemoryLockConfig config;
    config.lock = false;
    config.heap_bytes = std::size_t{4} << 30;
    const MemoryLockGrant grant = lock_memory(config);
    EXPECT_EQ(grant.heap_bytes, 0u);
    EXPECT_TRUE(says(grant, "4294967296 bytes of heap cannot be had")) << all(grant);
    EXPECT_TRUE(says(grant, "RLIMIT_AS")) << all(grant);
  });
}

TEST(MemoryLock, TheStackThatWasFaultedInTakesNoFaults)
{
  std::thread([] {
    constexpr std::size_t bytes = 512 << 10;
    MemoryLockConfig config;
    config.lock = false;
    config.keep_heap = false;
    config.stack_bytes = bytes;
    const long fresh = detail::minor_faults_so_far();
    const MemoryLockGrant grant = lock_memory(config);
    const long taken = detail::minor_faults_so_far() - fresh;
    EXPECT_EQ(grant.stack_bytes, bytes);
    EXPECT_TRUE(grant.refused.empty()) << all(grant);
    const long before = detail::minor_faults_so_far();
    detail::touch_stack(bytes - 4096);
    const long again = detail::minor_faults_so_far() - before;
    EXPECT_GT(taken, again);
    EXPECT_LT(again, 4);
  }).join();
}

TEST(MemoryLock, AStackThatIsTooSmallIsSaidAndNotOverrun)
{
  std::thread([] {
    MemoryLockConfig config;
    config.lock = false;
    config.keep_heap = false;
    config.stack_bytes = std::size_t{1} << 40;
    const MemoryLockGrant grant = lock_memory(config);
    EXPECT_EQ(grant.stack_bytes, 0u);
    EXPECT_TRUE(says(grant, "bytes of stack cannot be touched")) << all(grant);
    EXPECT_TRUE(says(grant, "pthread_attr_setstacksize")) << all(grant);
  }).join();
}

TEST(MemoryLock, WithoutPermissionTheSentenceSaysWhatIsMissingAndWhatToDo)
{
  RTLANE_NEED_REAL_LOCKS;
  for (const rlim_t memlock_bytes : {rlim_t{0}, rlim_t{65536}}) {
    test::Child child = test::Child::start([&] {
      if (!become_ordinary(memlock_bytes))
        return not_permitted;
      MemoryLockConfig config;
      config.stack_bytes = 64 << 10;
      const MemoryLockGrant grant = lock_memory(config);
      EXPECT_EQ(grant.locked_bytes, 0u);
      EXPECT_EQ(grant.refused.size(), 1u) << all(grant);
      EXPECT_TRUE(says(grant, "RLIMIT_MEMLOCK is " + std::to_string(memlock_bytes / 1024) + " KiB")) << all(grant);
      EXPECT_TRUE(says(grant, "CAP_IPC_LOCK is missing")) << all(grant);
      EXPECT_TRUE(says(grant, "limits.d")) << all(grant);
      EXPECT_EQ(grant.stack_bytes, config.stack_bytes) << "the rest is done";
      return 0;
    });
    const int status = child.wait();
    if (status == not_permitted)
      GTEST_SKIP() << "this user may not become another one";
    EXPECT_EQ(status, 0);
  }
}

// What mlockall() answers is not what is believed.
TEST(MemoryLock, ALockThatIsNoneIsSaid)
{
  if (!test::built_with_sanitizer)
    GTEST_SKIP() << "only under a sanitizer does a granted lock do nothing";
  in_child([] {
    const MemoryLockGrant grant = lock_memory({});
    EXPECT_EQ(grant.locked_bytes, 0u);
    EXPECT_TRUE(says(grant, "VmLck")) << all(grant);
  });
}

}  // namespace
}  // namespace rtlane::rt
