#include "robust_lock.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace rtlane::detail {
namespace {

constexpr std::int64_t deadlock_rest_ns = 10'000'000;
constexpr std::uintptr_t priority_inheriting = 1;
constexpr long word_from_next =
    static_cast<long>(offsetof(RobustLock, word)) - static_cast<long>(offsetof(RobustLock, next));

// The calling thread as the kernel knows it.
struct Self {
  std::int32_t id = 0;  // 0 = not asked yet
  robust_list_head* list = nullptr;
};
constinit thread_local Self self;

// A word of the list: what holds it may be glibc's.
std::uintptr_t& word_at(std::uintptr_t address) noexcept
{
  return *reinterpret_cast<std::uintptr_t*>(address);
}

// Tells the entry that `next` points to who comes before it. The list ends with its head, which nobody enters backward.
void set_previous(std::uintptr_t next, std::uintptr_t previous) noexcept
{
  const std::uintptr_t entry = next & ~priority_inheriting;
  if (entry != reinterpret_cast<std::uintptr_t>(self.list))
    word_at(entry - sizeof(std::uintptr_t)) = previous;
}

// Between its beginning and its end a kill finds the lock, linked or not.
class Pending {
public:
  explicit Pending(RobustLock& lock) noexcept
  {
    self.list->list_op_pending =
        reinterpret_cast<robust_list*>(reinterpret_cast<std::uintptr_t>(&lock.next) | priority_inheriting);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // before anything is done to it
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending()
  {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // after all that
    self.list->list_op_pending = nullptr;
  }
};

void link(RobustLock& lock) noexcept
{
  const auto head = reinterpret_cast<std::uintptr_t>(self.list);
  const auto first = reinterpret_cast<std::uintptr_t>(self.list->list.next);
  lock.previous = head;
  lock.next = first;
  const auto entry = reinterpret_cast<std::uintptr_t>(&lock.next);
  set_previous(first, entry);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // a kill must not find it without its next
  self.list->list.next = reinterpret_cast<robust_list*>(entry | priority_inheriting);
}

void unlink(RobustLock& lock) noexcept
{
  set_previous(lock.next, lock.previous);
  word_at(lock.previous) = lock.next;
  lock.previous = lock.next = 0;
}

void ask_who_this_is() noexcept
{
  robust_list_head* list = nullptr;
  std::size_t bytes = 0;
  const bool is_known = ::syscall(SYS_get_robust_list, 0, &list, &bytes) == 0 && bytes == sizeof *list;
  self.list = is_known && list != nullptr && list->futex_offset == word_from_next ? list : nullptr;
  self.id = ::gettid();
}

// Returns 0 or an errno.
int futex_pi(FutexWord& word, int operation, const timespec* end) noexcept
{
  return ::syscall(SYS_futex, &word, operation, 0, end, nullptr, 0) == 0 ? 0 : errno;
}

// ThreadSanitizer does not see what the kernel orders.
void tell_acquired([[maybe_unused]] RobustLock& lock) noexcept
{
#if defined(__SANITIZE_THREAD__)
  __tsan_acquire(&lock);
#endif
}

void tell_released([[maybe_unused]] RobustLock& lock) noexcept
{
#if defined(__SANITIZE_THREAD__)
  __tsan_release(&lock);
#endif
}

}  // namespace

void RobustLock::introduce_this_thread() noexcept
{
  if (self.id != 0)
    return;
  // In a fork child the only thread has another id. Now, rather than in a later call that promises no system call.
  static const int watched = ::pthread_atfork(nullptr, nullptr, [] {
    if (self.id != 0)
      ask_who_this_is();
  });
  static_cast<void>(watched);
  ask_who_this_is();
}

void RobustLock::rest_in_deadlock(Deadline until) noexcept
{
  const timespec end = to_timespec(std::min(until, monotonic_ns() + deadlock_rest_ns));
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr);
}

void RobustLock::initialise() noexcept
{
  introduce_this_thread();
  word.store(0, std::memory_order_relaxed);  // relaxed: nobody else has it yet
  previous = next = 0;
}

bool RobustLock::is_mine() const noexcept
{
  // A thread whose id is not known yet has never locked one.
  return self.id != 0 && owner() == self.id;
}

std::int32_t RobustLock::owner() const noexcept
{
  // relaxed: locking it, or the gate of a mutex, orders
  return static_cast<std::int32_t>(word.load(std::memory_order_relaxed) & FUTEX_TID_MASK);
}

bool RobustLock::owner_died() const noexcept
{
  return (word.load(std::memory_order_relaxed) & FUTEX_OWNER_DIED) != 0;  // relaxed: as in owner()
}

bool RobustLock::has_waiters() const noexcept
{
  return (word.load(std::memory_order_relaxed) & FUTEX_WAITERS) != 0;  // relaxed: as in owner()
}

bool RobustLock::looks_takeable() const noexcept
{
  const std::uint32_t now = word.load(std::memory_order_relaxed);  // relaxed: as in owner()
  return (now & FUTEX_TID_MASK) == 0 || (now & FUTEX_OWNER_DIED) != 0;
}

// The word is this thread's. Returns 0 or EOWNERDEAD.
int RobustLock::taken() noexcept
{
  tell_acquired(*this);
  link(*this);
  if (!owner_died())
    return 0;
  word.fetch_and(~std::uint32_t{FUTEX_OWNER_DIED}, std::memory_order_relaxed);  // relaxed: it is this thread's already
  return EOWNERDEAD;
}

int RobustLock::try_lock() noexcept
{
  introduce_this_thread();
  if (self.list == nullptr)
    return ENOSYS;
  const Pending pending(*this);
  std::uint32_t seen = 0;
  if (!word.compare_exchange_strong(seen, static_cast<std::uint32_t>(self.id), std::memory_order_acquire,
                                    std::memory_order_relaxed)) {  // L2, pairs with L1; relaxed: nothing was taken
    if ((seen & FUTEX_OWNER_DIED) == 0)
      return EBUSY;
    if (const int error = futex_pi(word, FUTEX_TRYLOCK_PI, nullptr); error != 0)
      return error == EAGAIN ? EBUSY : error;
  }
  return taken();
}

int RobustLock::lock(Deadline until) noexcept
{
  introduce_this_thread();
  if (self.list == nullptr)
    return ENOSYS;
  const Pending pending(*this);
  const timespec end = to_timespec(until);
  const int error = until == never ? futex_pi(word, FUTEX_LOCK_PI, nullptr) : futex_pi(word, FUTEX_LOCK_PI2, &end);
  if (error != 0)
    return error == EAGAIN || error == EINTR ? EBUSY : error;
  return taken();
}

int RobustLock::unlock() noexcept
{
  const Pending pending(*this);
  unlink(*this);
  tell_released(*this);
  auto owned = static_cast<std::uint32_t>(self.id);
  if (word.compare_exchange_strong(owned, 0, std::memory_order_release,
                                   std::memory_order_relaxed))  // L1, pairs with L2; relaxed: the kernel decides
    return 0;
  return futex_pi(word, FUTEX_UNLOCK_PI, nullptr);
}

}  // namespace rtlane::detail
