#include "sync_object.hpp"

#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstddef>
#include <cstring>
#include <new>

#include "error.hpp"
#include "event_state.hpp"
#include "mutex_state.hpp"
#include "pages.hpp"
#include "semaphore_state.hpp"

namespace rtlane::detail {

static_assert(sizeof(EventState) <= sync_bytes && sizeof(MutexState) <= sync_bytes &&
              sizeof(SemaphoreState) <= sync_bytes);

std::unique_ptr<Waitable> make_waitable(rtlane_kind kind, void* payload)
{
  switch (kind) {
    case RTLANE_KIND_EVENT:
      return std::make_unique<EventWaitable>(*static_cast<EventState*>(payload));
    case RTLANE_KIND_SEMAPHORE:
      return std::make_unique<SemaphoreWaitable>(*static_cast<SemaphoreState*>(payload));
    case RTLANE_KIND_MUTEX:
      RobustLock::introduce_this_thread();
      return std::make_unique<MutexWaitable>(*static_cast<MutexState*>(payload));
    case RTLANE_KIND_SHARED_MEMORY:
      break;
  }
  return nullptr;
}

int check_namespace(rtlane_kind kind, const void* payload) noexcept
{
  if (kind != RTLANE_KIND_MUTEX ||
      static_cast<const MutexState*>(payload)->pid_namespace == pid_namespace_of_this_process())
    return 0;
  return fail(
      EXDEV, "the mutex was created in another PID namespace, where thread ids mean other threads: use it in one only");
}

namespace {

// payload may be a copy; the kernel knows the sleepers of the words at `words`.
rtlane_sync_state read_state(rtlane_kind kind, const void* payload, const void* words) noexcept
{
  const auto sleepers = [&](const FutexWord& word) {
    const auto offset = reinterpret_cast<const std::byte*>(&word) - static_cast<const std::byte*>(payload);
    return futex_sleepers(*reinterpret_cast<const FutexWord*>(static_cast<const std::byte*>(words) + offset));
  };
  rtlane_sync_state answer = {};
  switch (kind) {
    case RTLANE_KIND_EVENT: {
      const auto& state = *static_cast<const EventState*>(payload);
      answer.signaled = state.word.load(std::memory_order_relaxed) & EventState::signaled;  // relaxed: for people
      answer.manual_reset = state.manual_reset;
      answer.waiters = sleepers(state.word);
      break;
    }
    case RTLANE_KIND_SEMAPHORE: {
      const auto& state = *static_cast<const SemaphoreState*>(payload);
      answer.count = state.count();
      answer.signaled = answer.count != 0 ? 1 : 0;
      answer.maximum = state.maximum;
      answer.waiters = sleepers(state.released);
      break;
    }
    case RTLANE_KIND_MUTEX: {
      const auto& state = *static_cast<const MutexState*>(payload);
      answer.owner_tid = state.lock.owner();
      answer.abandoned = state.lock.owner_died() ? 1 : 0;
      answer.signaled = state.is_free() ? 1 : 0;
      answer.waiters = sleepers(state.gate) + (state.lock.has_waiters() ? 1 : 0);
      break;
    }
    default:
      return answer;
  }
  answer.kind = kind;
  return answer;
}

}  // namespace

rtlane_sync_state read_sync_state(rtlane_kind kind, const void* payload) noexcept
{
  return read_state(kind, payload, payload);
}

rtlane_sync_state read_sync_state(int control_fd, const ObjectHeader& header) noexcept
{
  if (header.kind == RTLANE_KIND_SHARED_MEMORY || header.payload_offset == 0)
    return {};
  // A copy: of a file that somebody cuts meanwhile a mapping must not be read.
  alignas(MutexState) std::byte copy[sync_bytes];
  Mapping words;
  if (::pread(control_fd, copy, sizeof copy, static_cast<off_t>(header.payload_offset)) != sizeof copy ||
      Mapping::map_file(control_fd, header.payload_offset, sync_bytes, 0, false, words) != 0)
    return {};
  return read_state(static_cast<rtlane_kind>(header.kind), copy, words.address());
}

int EventContents::make(void* payload)
{
  (new (payload) EventState)->initialise(manual_reset_, initially_set_);
  return 0;
}

int SemaphoreContents::make(void* payload)
{
  if (maximum_ == 0 || maximum_ > RTLANE_SEMAPHORE_MAX || initial_ > maximum_)
    return fail(EINVAL,
                "a new semaphore with count %" PRIu32 " and maximum %" PRIu32 ": the maximum must be 1 to %" PRId32
                " and the count not more than it",
                initial_, maximum_, RTLANE_SEMAPHORE_MAX);
  (new (payload) SemaphoreState)->initialise(initial_, maximum_);
  return 0;
}

int MutexContents::make(void* payload)
{
  auto& state = *new (payload) MutexState;
  state.initialise();
  // The creator must be its owner before anybody can see it.
  if (initially_owned_ && MutexWaitable(state).try_take(0).taken != Waitable::Taken::yes)
    return fail(EIO, "cannot lock a new mutex");
  return 0;
}

void MutexContents::discard(void* payload) noexcept
{
  if (initially_owned_)
    static_cast<MutexState*>(payload)->unlock();
}

}  // namespace rtlane::detail
