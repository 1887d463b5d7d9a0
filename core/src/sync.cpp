#include <rtlane/core/sync.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <memory>
#include <utility>

#include "event_state.hpp"
#include "mutex_state.hpp"
#include "object_calls.hpp"
#include "semaphore_state.hpp"
#include "sync_object.hpp"
#include "wait.hpp"

namespace rtlane::detail {
namespace {

int check_sync_request(const rtlane_handle* handle, const rtlane_shm_options* given, rtlane_shm_options& options)
{
  if (const int error = check_request(handle, given, options); error != 0)
    return error;
  if (options.read_only != 0)
    return fail(EINVAL, "option read_only is set: waiting and signalling write into the object");
  // One small page, whatever the caller wishes for large memory.
  options.huge = RTLANE_NEVER;
  options.page_bytes = 0;
  return 0;
}

int create_sync(rtlane_kind kind, const char* name, const rtlane_shm_options* given, Contents& contents,
                rtlane_handle* handle) noexcept
{
  return set_up_call([&] {
    rtlane_shm_options options;
    if (const int error = check_sync_request(handle, given, options); error != 0)
      return error;
    std::shared_ptr<SharedObject> object;
    bool existed = false;
    if (const int error =
            SharedObject::create(kind, name != nullptr ? name : "", sync_bytes, options, object, existed, &contents);
        error != 0)
      return error;
    give(std::move(object), false, handle, nullptr);
    return existed ? 1 : 0;
  });
}

int open_sync(rtlane_kind kind, const char* name, const rtlane_shm_options* given, rtlane_handle* handle) noexcept
{
  return set_up_call([&] {
    rtlane_shm_options options;
    if (const int error = check_sync_request(handle, given, options); error != 0)
      return error;
    std::shared_ptr<SharedObject> object;
    if (const int error = SharedObject::open(kind, name != nullptr ? name : "", options, object); error != 0)
      return error;
    give(std::move(object), false, handle, nullptr);
    return 0;
  });
}

template <class State>
constexpr rtlane_kind kind_of = RTLANE_KIND_SHARED_MEMORY;
template <>
constexpr rtlane_kind kind_of<EventState> = RTLANE_KIND_EVENT;
template <>
constexpr rtlane_kind kind_of<MutexState> = RTLANE_KIND_MUTEX;
template <>
constexpr rtlane_kind kind_of<SemaphoreState> = RTLANE_KIND_SEMAPHORE;

// Does work(state) while the handle cannot end. Returns what it answers, or -EBADF with a sentence.
template <class State, class Work>
int with_state(rtlane_handle handle, Work&& work) noexcept
{
  const HandleTable::Pin pin = Process::instance().handles.pin(handle);
  if (!pin)
    return -EBADF;
  if (pin.target()->kind() != kind_of<State>)
    return fail(EBADF, "0x%08" PRIx32 " is the handle of %s, not of %s", handle, kind_text(pin.target()->kind()),
                kind_text(kind_of<State>));
  return work(*static_cast<State*>(static_cast<const SharedObject*>(pin.target())->address(false)));
}

}  // namespace
}  // namespace rtlane::detail

using namespace rtlane::detail;

int rtlane_event_create(const char* name, int manual_reset, int initially_set, const rtlane_shm_options* options,
                        rtlane_handle* handle) noexcept
{
  EventContents contents(manual_reset != 0, initially_set != 0);
  return create_sync(RTLANE_KIND_EVENT, name, options, contents, handle);
}

int rtlane_mutex_create(const char* name, int initially_owned, const rtlane_shm_options* options,
                        rtlane_handle* handle) noexcept
{
  MutexContents contents(initially_owned != 0);
  return create_sync(RTLANE_KIND_MUTEX, name, options, contents, handle);
}

int rtlane_semaphore_create(const char* name, uint32_t initial, uint32_t maximum, const rtlane_shm_options* options,
                            rtlane_handle* handle) noexcept
{
  SemaphoreContents contents(initial, maximum);
  return create_sync(RTLANE_KIND_SEMAPHORE, name, options, contents, handle);
}

int rtlane_event_open(const char* name, const rtlane_shm_options* options, rtlane_handle* handle) noexcept
{
  return open_sync(RTLANE_KIND_EVENT, name, options, handle);
}

int rtlane_mutex_open(const char* name, const rtlane_shm_options* options, rtlane_handle* handle) noexcept
{
  return open_sync(RTLANE_KIND_MUTEX, name, options, handle);
}

int rtlane_semaphore_open(const char* name, const rtlane_shm_options* options, rtlane_handle* handle) noexcept
{
  return open_sync(RTLANE_KIND_SEMAPHORE, name, options, handle);
}

int rtlane_event_set(rtlane_handle event) noexcept
{
  return with_state<EventState>(event, [](EventState& state) {
    state.set();
    return 0;
  });
}

int rtlane_event_reset(rtlane_handle event) noexcept
{
  return with_state<EventState>(event, [](EventState& state) {
    state.reset();
    return 0;
  });
}

int rtlane_event_pulse(rtlane_handle event) noexcept
{
  return with_state<EventState>(event, [](EventState& state) {
    state.pulse();
    return 0;
  });
}

int rtlane_mutex_unlock(rtlane_handle mutex) noexcept
{
  return with_state<MutexState>(mutex, [](MutexState& state) {
    return state.unlock() == 0 ? 0 : fail(EPERM, "the calling thread does not own the mutex");
  });
}

int rtlane_semaphore_release(rtlane_handle semaphore, uint32_t count, uint32_t* previous) noexcept
{
  return with_state<SemaphoreState>(semaphore, [&](SemaphoreState& state) {
    if (count == 0)
      return fail(EINVAL, "count is 0: a release adds at least 1");
    std::uint32_t before = 0;
    if (state.release(count, before) != 0)
      return fail(EOVERFLOW, "%" PRIu32 " more would pass the semaphore's maximum of %" PRIu32, count, state.maximum);
    if (previous != nullptr)
      *previous = before;
    return 0;
  });
}

int rtlane_wait(rtlane_handle handle, int64_t timeout_ns) noexcept
{
  return rtlane_wait_until(handle, deadline_after(timeout_ns));
}

int rtlane_wait_until(rtlane_handle handle, int64_t deadline_ns) noexcept
{
  return wait_one(handle, deadline_ns);
}

int rtlane_wait_any(const rtlane_handle* handles, uint32_t count, int64_t timeout_ns, uint32_t* index) noexcept
{
  return rtlane_wait_any_until(handles, count, deadline_after(timeout_ns), index);
}

int rtlane_wait_any_until(const rtlane_handle* handles, uint32_t count, int64_t deadline_ns, uint32_t* index) noexcept
{
  std::uint32_t first = 0;
  return wait_any(handles, count, deadline_ns, index != nullptr ? *index : first);
}

int rtlane_sync_get_state(rtlane_handle handle, rtlane_sync_state* state) noexcept
{
  const NoCancellation not_now;
  if (state == nullptr)
    return fail(EINVAL, "state is NULL");
  const HandleTable::Pin pin = Process::instance().handles.pin(handle);
  if (!pin)
    return -EBADF;
  const auto* const object = dynamic_cast<const SharedObject*>(pin.target());
  const rtlane_sync_state now =
      object != nullptr ? read_sync_state(object->kind(), object->address(false)) : rtlane_sync_state{};
  if (now.kind == 0)
    return fail(EBADF, "0x%08" PRIx32 " is no handle of an event, a mutex or a semaphore", handle);
  *state = now;
  return 0;
}
