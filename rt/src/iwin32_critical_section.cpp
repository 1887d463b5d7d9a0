// A critical section: a robust mutex that lends priority, and how often its owner is inside.
//
// Not libc's recursive mutex: of that kind glibc ends the process by an assertion when the kernel sees a deadlock, also
// one that a wait with a time-out is about to resolve. Of a normal one it sleeps then until the time given, so
// sleeping goes in slices. Recursion is counted here.
#include <rtlane/rt/iwin32_threads.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "answer.hpp"
#include "futex.hpp"
#include "mutex_state.hpp"
#include "pi_mutex.hpp"

namespace rtlane::rt::detail {
namespace {

struct Section {
  pthread_mutex_t mutex;
  std::uint32_t depth;  // the owner's
};

static_assert(sizeof(CRITICAL_SECTION) >= sizeof(Section));
static_assert(alignof(CRITICAL_SECTION) >= alignof(Section));

constexpr std::int64_t slice_ns = 100'000'000;

// The calling thread's id, once a section told it, and in which fork child that was: asking the kernel would be a
// system call.
struct Identity {
  std::uint64_t fork_count = 0;
  int tid = 0;
};
constinit thread_local Identity identity;

Section& section_of(LPCRITICAL_SECTION section)
{
  return *reinterpret_cast<Section*>(section);
}

bool is_mine(const Section& section) noexcept
{
  // relaxed: what this thread wrote, or what is not its own
  const auto word = static_cast<std::uint32_t>(__atomic_load_n(&section.mutex.__data.__lock, __ATOMIC_RELAXED));
  return identity.tid != 0 && static_cast<int>(word & FUTEX_TID_MASK) == identity.tid &&
         identity.fork_count == Process::instance().fork_count();
}

void begin(Section& section) noexcept
{
  section.depth = 1;
  identity = {Process::instance().fork_count(), section.mutex.__data.__owner};
}

bool try_enter(Section& section) noexcept
{
  if (is_mine(section)) {
    ++section.depth;
    return true;
  }
  if (take_over(section.mutex, ::pthread_mutex_trylock(&section.mutex)) != 0)
    return false;
  begin(section);
  return true;
}

void enter(Section& section) noexcept
{
  if (try_enter(section))
    return;
  int result = 0;
  do {
    const timespec end = rtlane::detail::to_timespec(rtlane::detail::monotonic_ns() + slice_ns);
    result = take_over(section.mutex, rtlane::detail::lock_until(section.mutex, end));
  } while (result == ETIMEDOUT);
  begin(section);
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

VOID InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  initialise_pi_mutex(section_of(lpCriticalSection).mutex);
  section_of(lpCriticalSection).depth = 0;
}

VOID EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  enter(section_of(lpCriticalSection));
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  return try_enter(section_of(lpCriticalSection)) ? TRUE : FALSE;
}

VOID LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  Section& section = section_of(lpCriticalSection);
  if (!is_mine(section)) {
    fail(EPERM, "the calling thread is not inside the critical section");
    set_last_error(ERROR_NOT_OWNER);
  } else if (--section.depth == 0) {
    ::pthread_mutex_unlock(&section.mutex);
  }
}

VOID DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  Section& section = section_of(lpCriticalSection);
  // A mutex that is owned is a link of the thread's list of robust mutexes: its memory must not go before.
  if (is_mine(section))
    ::pthread_mutex_unlock(&section.mutex);
  ::pthread_mutex_destroy(&section.mutex);
}
