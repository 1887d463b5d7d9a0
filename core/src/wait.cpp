#include "wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <optional>

#include "error.hpp"
#include "process.hpp"
#include "waitable.hpp"

namespace rtlane::detail {
namespace {

static_assert(RTLANE_WAIT_MAX <= futex_sleeps_max);

// Where the kernel cannot sleep on several words, or a filter of system calls (of a container) does not let it.
constexpr std::int64_t poll_ns = 1'000'000;

// One handle of a wait: keeps what it stands for from ending, and knows how things were when the wait began.
class Waited {
public:
  // Returns 0, or -EBADF with a sentence.
  int begin(rtlane_handle handle) noexcept
  {
    pin_.emplace(Process::instance().handles.pin(handle));
    if (!*pin_)
      return -EBADF;
    waitable_ = pin_->target()->waitable();
    if (waitable_ == nullptr)
      return fail(EBADF, "0x%08" PRIx32 " is the handle of something that cannot be waited for", handle);
    closes_ = waitable_->closes();
    // From here on a close of the last handle is seen.
    if (!pin_->is_open())
      return fail(EBADF, "0x%08" PRIx32 " was closed meanwhile", handle);
    mark_ = waitable_->begin();
    return 0;
  }

  // Before the first sleep.
  void announce() noexcept
  {
    if (!scope_)
      scope_.emplace(*waitable_, closes_);
  }

  [[nodiscard]] bool ended() const noexcept { return scope_->ended(); }
  [[nodiscard]] Waitable::Attempt try_take() noexcept { return waitable_->try_take(mark_); }
  [[nodiscard]] Waitable::Attempt try_briefly(Deadline until) noexcept { return waitable_->try_briefly(mark_, until); }
  [[nodiscard]] bool prepare(FutexSleep& sleep) noexcept { return waitable_->prepare(mark_, sleep); }
  [[nodiscard]] Waitable::Attempt sleep_alone(Deadline until) noexcept { return waitable_->sleep_alone(mark_, until); }
  [[nodiscard]] std::int64_t slice_ns() const noexcept { return waitable_->slice_ns(); }

private:
  std::optional<HandleTable::Pin> pin_;
  Waitable* waitable_ = nullptr;
  std::uint64_t closes_ = 0;
  std::uint64_t mark_ = 0;
  std::optional<Waitable::Scope> scope_;  // ends before the pin
};

int answer(const Waitable::Attempt& attempt) noexcept
{
  switch (attempt.taken) {
    case Waitable::Taken::abandoned:
      return RTLANE_WAIT_ABANDONED;
    case Waitable::Taken::failed:
      return attempt.error;
    default:
      return 0;
  }
}

int timed_out() noexcept
{
  return fail(ETIMEDOUT, "nothing came within the time");
}

int ended() noexcept
{
  return fail(ECANCELED, "this process closed its last handle to the object during the wait");
}

bool is_over(Deadline deadline) noexcept
{
  return deadline <= 0 || (deadline != never && monotonic_ns() >= deadline);
}

}  // namespace

int wait_one(rtlane_handle handle, Deadline deadline) noexcept
{
  Waited waited;
  if (const int error = waited.begin(handle); error != 0)
    return error;
  Waitable::Attempt attempt = waited.try_take();
  if (attempt.taken == Waitable::Taken::no && !is_over(deadline))
    attempt = waited.try_briefly(deadline);
  while (attempt.taken == Waitable::Taken::no) {
    if (is_over(deadline))
      return timed_out();
    waited.announce();
    if (waited.ended())
      return ended();
    attempt = waited.sleep_alone(deadline);
    if (attempt.taken == Waitable::Taken::no)
      attempt = waited.try_take();
  }
  return answer(attempt);
}

int wait_any(const rtlane_handle* handles, std::uint32_t count, Deadline deadline, std::uint32_t& index) noexcept
{
  if (handles == nullptr || count == 0 || count > RTLANE_WAIT_MAX)
    return fail(EINVAL, "%" PRIu32 " handles%s: a wait takes 1 to %d", count, handles == nullptr ? " at NULL" : "",
                RTLANE_WAIT_MAX);
  std::array<Waited, RTLANE_WAIT_MAX> waited;
  std::array<FutexSleep, RTLANE_WAIT_MAX> sleeps;
  std::int64_t slice_ns = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const int error = waited[i].begin(handles[i]); error != 0)
      return error;
    if (const std::int64_t ns = waited[i].slice_ns(); ns != 0)
      slice_ns = slice_ns == 0 ? ns : std::min(slice_ns, ns);
  }
  for (;;) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (const Waitable::Attempt attempt = waited[i].try_take(); attempt.taken != Waitable::Taken::no) {
        if (attempt.taken != Waitable::Taken::failed)
          index = i;
        return answer(attempt);
      }
    }
    if (is_over(deadline))
      return timed_out();
    bool asleep = true;
    for (std::uint32_t i = 0; i < count && asleep; ++i) {
      waited[i].announce();
      if (waited[i].ended()) {
        index = i;
        return ended();
      }
      asleep = waited[i].prepare(sleeps[i]);
    }
    if (!asleep)
      continue;
    const Deadline until = slice_ns == 0 ? deadline : std::min(deadline, monotonic_ns() + slice_ns);
    const int woken = futex_sleep_any(sleeps.data(), count, until);
    if (woken != 0 && woken != -EAGAIN && woken != -EINTR && woken != -ETIMEDOUT)
      futex_sleep(sleeps[0], std::min(until, monotonic_ns() + poll_ns));
  }
}

}  // namespace rtlane::detail
