// The iwin32 border of events, mutexes, semaphores and waits. All behaviour is that of core/sync.h.
#include <rtlane/core/iwin32.h>
#include <rtlane/core/sync.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "error.hpp"
#include "iwin32_border.hpp"

namespace rtlane::detail {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ns_per_tick = 100;

// Does create(name, &options, &handle) with the name in UTF-8, whichever form it has.
template <class Create>
HANDLE create_object(const char* name, int name_error, Create&& create) noexcept
{
  rtlane_handle handle = 0;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  int result = name_error != 0 ? name_error : refuse_backslash(name);
  if (result == 0)
    result = environment_options(options);
  if (result == 0)
    result = create(name, &options, &handle);
  return create_answer(result, handle);
}

template <class Create>
HANDLE create_object(LPCSTR name, Create&& create) noexcept
{
  const ErrnoKeeper keeper;
  return create_object(name, 0, create);
}

template <class Create>
HANDLE create_object(LPCWSTR wide, Create&& create) noexcept
{
  const ErrnoKeeper keeper;
  Utf8Name name;
  const int error = name.convert(wide);
  return create_object(name.get(), error, create);
}

using Open = int (*)(const char*, const rtlane_shm_options*, rtlane_handle*) noexcept;

HANDLE open_object(const char* name, int name_error, Open open) noexcept
{
  rtlane_handle handle = 0;
  rtlane_shm_options options = RTLANE_SHM_OPTIONS_INIT;
  int result = name_error != 0 ? name_error : check_open_name(name);
  if (result == 0)
    result = environment_options(options);
  if (result == 0)
    result = open(name, &options, &handle);
  return open_answer(result, handle);
}

HANDLE open_object(LPCSTR name, Open open) noexcept
{
  const ErrnoKeeper keeper;
  return open_object(name, 0, open);
}

HANDLE open_object(LPCWSTR wide, Open open) noexcept
{
  const ErrnoKeeper keeper;
  Utf8Name name;
  const int error = name.convert(wide);
  return open_object(name.get(), error, open);
}

template <class Name>
HANDLE create_event(BOOL manual_reset, BOOL initially_set, Name name) noexcept
{
  return create_object(name, [=](const char* text, const rtlane_shm_options* options, rtlane_handle* handle) {
    return rtlane_event_create(text, manual_reset, initially_set, options, handle);
  });
}

template <class Name>
HANDLE create_mutex(BOOL initially_owned, Name name) noexcept
{
  return create_object(name, [=](const char* text, const rtlane_shm_options* options, rtlane_handle* handle) {
    return rtlane_mutex_create(text, initially_owned, options, handle);
  });
}

template <class Name>
HANDLE create_semaphore(LONG initial, LONG maximum, Name name) noexcept
{
  return create_object(name, [=](const char* text, const rtlane_shm_options* options, rtlane_handle* handle) {
    return rtlane_semaphore_create(text, static_cast<std::uint32_t>(initial), static_cast<std::uint32_t>(maximum),
                                   options, handle);
  });
}

using Signal = int (*)(rtlane_handle) noexcept;

BOOL signal_object(HANDLE handle, Signal signal) noexcept
{
  const ErrnoKeeper keeper;
  return bool_answer(signal(from_pointer(handle)));
}

BOOL release_mutex(HANDLE handle) noexcept
{
  const ErrnoKeeper keeper;
  const int result = rtlane_mutex_unlock(from_pointer(handle));
  if (result != -EPERM)
    return bool_answer(result);
  set_last_error(ERROR_NOT_OWNER);
  return FALSE;
}

BOOL release_semaphore(HANDLE handle, LONG count, LPLONG previous) noexcept
{
  const ErrnoKeeper keeper;
  std::uint32_t before = 0;
  // Nothing below 1 can be released: 0 is refused, and the rest is far above every maximum.
  const int result =
      rtlane_semaphore_release(from_pointer(handle), count < 0 ? 0 : static_cast<std::uint32_t>(count), &before);
  if (result == 0 && previous != nullptr)
    *previous = static_cast<LONG>(before);
  return bool_answer(result);
}

std::int64_t timeout_of_milliseconds(DWORD milliseconds) noexcept
{
  return milliseconds == INFINITE ? RTLANE_FOREVER : milliseconds * ns_per_ms;
}

// Returns 0, or -EINVAL with a sentence.
int timeout_of_ticks(const LARGE_INTEGER* ticks, std::int64_t& timeout_ns) noexcept
{
  if (ticks != nullptr && ticks->QuadPart < 0)
    return fail(EINVAL, "the time-out is negative: it must be 0 or more units of 100 ns, or NULL for no end");
  const bool forever = ticks == nullptr || ticks->QuadPart > INT64_MAX / ns_per_tick;
  timeout_ns = forever ? RTLANE_FOREVER : ticks->QuadPart * ns_per_tick;
  return 0;
}

DWORD wait_answer(int result, std::uint32_t index) noexcept
{
  switch (result) {
    case 0:
      return WAIT_OBJECT_0 + index;
    case RTLANE_WAIT_ABANDONED:
      return WAIT_ABANDONED_0 + index;
    case -ECANCELED:  // tells it from an abandoned mutex, which is owned
      set_last_error(ERROR_INVALID_HANDLE);
      return WAIT_ABANDONED_0 + index;
    case -ETIMEDOUT:
      return WAIT_TIMEOUT;
    default:
      set_last_error(to_last_error(result));
      return WAIT_FAILED;
  }
}

DWORD wait_for_one(HANDLE handle, std::int64_t timeout_ns) noexcept
{
  const ErrnoKeeper keeper;
  return wait_answer(rtlane_wait(from_pointer(handle), timeout_ns), 0);
}

DWORD wait_for_several(DWORD count, const HANDLE* handles, BOOL all, std::int64_t timeout_ns) noexcept
{
  const ErrnoKeeper keeper;
  if (all != FALSE)
    return wait_answer(fail(EINVAL, "bWaitAll is TRUE: only waits for any of the objects are possible"), 0);
  std::array<rtlane_handle, RTLANE_WAIT_MAX> values{};
  // A wrong count is the callee's to refuse.
  for (DWORD i = 0; handles != nullptr && count <= values.size() && i < count; ++i)
    values[i] = from_pointer(handles[i]);
  std::uint32_t index = 0;
  const int result = rtlane_wait_any(handles != nullptr ? values.data() : nullptr, count, timeout_ns, &index);
  return wait_answer(result, index);
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

static_assert(MAXIMUM_WAIT_OBJECTS == RTLANE_WAIT_MAX);

HANDLE RtCreateEventA(LPSECURITY_ATTRIBUTES, BOOL bManualReset, BOOL bInitialState, LPCSTR lpName) noexcept
{
  return create_event(bManualReset, bInitialState, lpName);
}

HANDLE RtOpenEventA(DWORD, BOOL, LPCSTR lpName) noexcept
{
  return open_object(lpName, rtlane_event_open);
}

HANDLE RtCreateEventW(LPSECURITY_ATTRIBUTES, BOOL bManualReset, BOOL bInitialState, LPCWSTR lpName) noexcept
{
  return create_event(bManualReset, bInitialState, lpName);
}

HANDLE RtOpenEventW(DWORD, BOOL, LPCWSTR lpName) noexcept
{
  return open_object(lpName, rtlane_event_open);
}

BOOL RtSetEvent(HANDLE hEvent) noexcept
{
  return signal_object(hEvent, rtlane_event_set);
}

BOOL RtResetEvent(HANDLE hEvent) noexcept
{
  return signal_object(hEvent, rtlane_event_reset);
}

BOOL RtPulseEvent(HANDLE hEvent) noexcept
{
  return signal_object(hEvent, rtlane_event_pulse);
}

HANDLE CreateEventA(LPSECURITY_ATTRIBUTES, BOOL bManualReset, BOOL bInitialState, LPCSTR lpName) noexcept
{
  return create_event(bManualReset, bInitialState, lpName);
}

HANDLE OpenEventA(DWORD, BOOL, LPCSTR lpName) noexcept
{
  return open_object(lpName, rtlane_event_open);
}

HANDLE CreateEventW(LPSECURITY_ATTRIBUTES, BOOL bManualReset, BOOL bInitialState, LPCWSTR lpName) noexcept
{
  return create_event(bManualReset, bInitialState, lpName);
}

HANDLE OpenEventW(DWORD, BOOL, LPCWSTR lpName) noexcept
{
  return open_object(lpName, rtlane_event_open);
}

BOOL SetEvent(HANDLE hEvent) noexcept
{
  return signal_object(hEvent, rtlane_event_set);
}

BOOL ResetEvent(HANDLE hEvent) noexcept
{
  return signal_object(hEvent, rtlane_event_reset);
}

BOOL PulseEvent(HANDLE hEvent) noexcept
{
  return signal_object(hEvent, rtlane_event_pulse);
}

HANDLE RtCreateMutexA(LPSECURITY_ATTRIBUTES, BOOL bInitialOwner, LPCSTR lpName) noexcept
{
  return create_mutex(bInitialOwner, lpName);
}

HANDLE RtOpenMutexA(DWORD, BOOL, LPCSTR lpName) noexcept
{
  return open_object(lpName, rtlane_mutex_open);
}

HANDLE RtCreateMutexW(LPSECURITY_ATTRIBUTES, BOOL bInitialOwner, LPCWSTR lpName) noexcept
{
  return create_mutex(bInitialOwner, lpName);
}

HANDLE RtOpenMutexW(DWORD, BOOL, LPCWSTR lpName) noexcept
{
  return open_object(lpName, rtlane_mutex_open);
}

BOOL RtReleaseMutex(HANDLE hMutex) noexcept
{
  return release_mutex(hMutex);
}

HANDLE CreateMutexA(LPSECURITY_ATTRIBUTES, BOOL bInitialOwner, LPCSTR lpName) noexcept
{
  return create_mutex(bInitialOwner, lpName);
}

HANDLE OpenMutexA(DWORD, BOOL, LPCSTR lpName) noexcept
{
  return open_object(lpName, rtlane_mutex_open);
}

HANDLE CreateMutexW(LPSECURITY_ATTRIBUTES, BOOL bInitialOwner, LPCWSTR lpName) noexcept
{
  return create_mutex(bInitialOwner, lpName);
}

HANDLE OpenMutexW(DWORD, BOOL, LPCWSTR lpName) noexcept
{
  return open_object(lpName, rtlane_mutex_open);
}

BOOL ReleaseMutex(HANDLE hMutex) noexcept
{
  return release_mutex(hMutex);
}

HANDLE RtCreateSemaphoreA(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount, LPCSTR lpName) noexcept
{
  return create_semaphore(lInitialCount, lMaximumCount, lpName);
}

HANDLE RtOpenSemaphoreA(DWORD, BOOL, LPCSTR lpName) noexcept
{
  return open_object(lpName, rtlane_semaphore_open);
}

HANDLE RtCreateSemaphoreW(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount, LPCWSTR lpName) noexcept
{
  return create_semaphore(lInitialCount, lMaximumCount, lpName);
}

HANDLE RtOpenSemaphoreW(DWORD, BOOL, LPCWSTR lpName) noexcept
{
  return open_object(lpName, rtlane_semaphore_open);
}

BOOL RtReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount) noexcept
{
  return release_semaphore(hSemaphore, lReleaseCount, lpPreviousCount);
}

HANDLE CreateSemaphoreA(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount, LPCSTR lpName) noexcept
{
  return create_semaphore(lInitialCount, lMaximumCount, lpName);
}

HANDLE OpenSemaphoreA(DWORD, BOOL, LPCSTR lpName) noexcept
{
  return open_object(lpName, rtlane_semaphore_open);
}

HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES, LONG lInitialCount, LONG lMaximumCount, LPCWSTR lpName) noexcept
{
  return create_semaphore(lInitialCount, lMaximumCount, lpName);
}

HANDLE OpenSemaphoreW(DWORD, BOOL, LPCWSTR lpName) noexcept
{
  return open_object(lpName, rtlane_semaphore_open);
}

BOOL ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount) noexcept
{
  return release_semaphore(hSemaphore, lReleaseCount, lpPreviousCount);
}

DWORD RtWaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) noexcept
{
  return wait_for_one(hHandle, timeout_of_milliseconds(dwMilliseconds));
}

DWORD RtWaitForMultipleObjects(DWORD nCount, CONST HANDLE* lpHandles, BOOL bWaitAll, DWORD dwMilliseconds) noexcept
{
  return wait_for_several(nCount, lpHandles, bWaitAll, timeout_of_milliseconds(dwMilliseconds));
}

DWORD WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) noexcept
{
  return wait_for_one(hHandle, timeout_of_milliseconds(dwMilliseconds));
}

DWORD WaitForMultipleObjects(DWORD nCount, CONST HANDLE* lpHandles, BOOL bWaitAll, DWORD dwMilliseconds) noexcept
{
  return wait_for_several(nCount, lpHandles, bWaitAll, timeout_of_milliseconds(dwMilliseconds));
}

DWORD RtWaitForSingleObjectEx(HANDLE hHandle, PLARGE_INTEGER pTimeout) noexcept
{
  std::int64_t timeout_ns = 0;
  if (const int error = timeout_of_ticks(pTimeout, timeout_ns); error != 0)
    return wait_answer(error, 0);
  return wait_for_one(hHandle, timeout_ns);
}

DWORD RtWaitForMultipleObjectsEx(DWORD nCount, CONST HANDLE* lpHandles, BOOL bWaitAll, PLARGE_INTEGER pTimeout) noexcept
{
  std::int64_t timeout_ns = 0;
  if (const int error = timeout_of_ticks(pTimeout, timeout_ns); error != 0)
    return wait_answer(error, 0);
  return wait_for_several(nCount, lpHandles, bWaitAll, timeout_ns);
}
