// A critical section: a robust mutex that lends priority, and how often its owner is inside.
#include <rtlane/rt/iwin32_threads.h>

#include <cerrno>
#include <cstdint>
#include <new>

#include "answer.hpp"
#include "pi_mutex.hpp"

namespace rtlane::rt::detail {
namespace {

struct Section {
  PiMutex mutex;
  std::uint32_t depth = 0;  // the owner's
};

static_assert(sizeof(CRITICAL_SECTION) >= sizeof(Section));
static_assert(alignof(CRITICAL_SECTION) >= alignof(Section));

Section& section_of(LPCRITICAL_SECTION section)
{
  return *reinterpret_cast<Section*>(section);
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

VOID InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  new (lpCriticalSection) Section;
}

VOID EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  Section& section = section_of(lpCriticalSection);
  if (section.mutex.is_mine()) {
    ++section.depth;
    return;
  }
  section.mutex.lock();
  section.depth = 1;
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  Section& section = section_of(lpCriticalSection);
  if (section.mutex.is_mine()) {
    ++section.depth;
    return TRUE;
  }
  if (!section.mutex.try_lock())
    return FALSE;
  section.depth = 1;
  return TRUE;
}

VOID LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  Section& section = section_of(lpCriticalSection);
  if (!section.mutex.is_mine()) {
    fail(EPERM, "the calling thread is not inside the critical section");
    set_last_error(ERROR_NOT_OWNER);
  } else if (--section.depth == 0) {
    section.mutex.unlock();
  }
}

VOID DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  Section& section = section_of(lpCriticalSection);
  // A lock that is owned is a link of the thread's list of robust locks: its memory must not go before.
  if (section.mutex.is_mine())
    section.mutex.unlock();
}
