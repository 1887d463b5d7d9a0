#include <rtlane/rt/iwin32_threads.h>

#include <cerrno>

#include "answer.hpp"
#include "pi_mutex.hpp"

namespace rtlane::rt::detail {
namespace {

static_assert(sizeof(CRITICAL_SECTION) >= sizeof(pthread_mutex_t));
static_assert(alignof(CRITICAL_SECTION) >= alignof(pthread_mutex_t));

pthread_mutex_t& mutex_of(LPCRITICAL_SECTION section)
{
  return *reinterpret_cast<pthread_mutex_t*>(section);
}

}  // namespace
}  // namespace rtlane::rt::detail

using namespace rtlane::rt::detail;

VOID InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  initialise_pi_mutex(mutex_of(lpCriticalSection), PTHREAD_MUTEX_RECURSIVE);
}

VOID EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  take_over(mutex_of(lpCriticalSection), ::pthread_mutex_lock(&mutex_of(lpCriticalSection)));
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  return take_over(mutex_of(lpCriticalSection), ::pthread_mutex_trylock(&mutex_of(lpCriticalSection))) == 0;
}

VOID LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  if (::pthread_mutex_unlock(&mutex_of(lpCriticalSection)) != 0) {
    fail(EPERM, "the calling thread is not inside the critical section");
    set_last_error(ERROR_NOT_OWNER);
  }
}

VOID DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection) noexcept
{
  ::pthread_mutex_destroy(&mutex_of(lpCriticalSection));
}
