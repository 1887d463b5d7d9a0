#include "event_state.hpp"

namespace rtlane::detail {

void EventState::initialise(bool with_manual_reset, bool initially_set) noexcept
{
  word.store(initially_set ? signaled : 0, std::memory_order_relaxed);  // relaxed: nobody else has it yet
  generation.store(0, std::memory_order_relaxed);                       // relaxed: as above
  manual_reset = with_manual_reset ? 1 : 0;
}

void EventState::set() noexcept
{
  std::uint32_t now = word.load(std::memory_order_relaxed);  // relaxed: the exchanges below order
  for (;;) {
    // Also of a set that finds the event set: a wait that this signal releases sees what came before both.
    const std::uint32_t then = (now & waiters) != 0 ? now : now | signaled;
    if (!word.compare_exchange_weak(now, then, std::memory_order_release,  // E1, pairs with E2
                                    std::memory_order_relaxed))            // relaxed: tried again
      continue;
    if ((now & waiters) == 0)
      return;
    if (manual_reset != 0)
      generation.fetch_add(1, std::memory_order_release);  // E3, pairs with E4
    futex_change_and_wake(word, FUTEX_OP_SET, signaled);
    return;
  }
}

void EventState::reset() noexcept
{
  word.fetch_and(~signaled, std::memory_order_relaxed);  // relaxed: a reset publishes nothing
}

void EventState::pulse() noexcept
{
  std::uint32_t now = word.load(std::memory_order_relaxed);  // relaxed: the exchanges below order
  for (;;) {
    const std::uint32_t then = (now & waiters) != 0 ? now : 0;
    if (!word.compare_exchange_weak(now, then, std::memory_order_release,  // E1, pairs with E2
                                    std::memory_order_relaxed))            // relaxed: tried again
      continue;
    if ((now & waiters) == 0)
      return;
    generation.fetch_add(1, std::memory_order_release);  // E3, pairs with E4
    futex_change_and_wake(word, FUTEX_OP_SET, manual_reset != 0 ? 0 : pulsed);
    return;
  }
}

std::uint64_t EventWaitable::begin() const noexcept
{
  return state_.generation.load(std::memory_order_acquire);  // E4, pairs with E3
}

Waitable::Attempt EventWaitable::try_take(std::uint64_t mark) noexcept
{
  std::uint32_t now = state_.word.load(std::memory_order_acquire);  // E2, pairs with E1
  if (state_.manual_reset != 0) {
    const bool released = (now & EventState::signaled) != 0 ||
                          state_.generation.load(std::memory_order_acquire) != mark;  // E4, pairs with E3
    return {released ? Taken::yes : Taken::no};
  }
  for (;;) {
    std::uint32_t flag = 0;
    if ((now & EventState::signaled) != 0)
      flag = EventState::signaled;
    else if ((now & EventState::pulsed) != 0 &&
             state_.generation.load(std::memory_order_acquire) != mark)  // E4, pairs with E3
      flag = EventState::pulsed;
    else
      return {};
    if (state_.word.compare_exchange_weak(now, now & ~flag, std::memory_order_acquire,  // E2, pairs with E1
                                          std::memory_order_acquire))                   // E2, pairs with E1
      return {Taken::yes};
  }
}

Waitable::Outlook EventWaitable::outlook(std::uint64_t mark) const noexcept
{
  // relaxed: taking it orders
  const std::uint32_t now = state_.word.load(std::memory_order_relaxed);
  const bool is_there = (now & EventState::signaled) != 0 ||
                        state_.generation.load(std::memory_order_relaxed) != mark;  // relaxed: as above
  return is_there ? Outlook::take : Outlook::wait;
}

bool EventWaitable::prepare(std::uint64_t mark, FutexSleep& sleep) noexcept
{
  std::uint32_t now = state_.word.load(std::memory_order_relaxed);  // relaxed: what it shows is not relied upon
  if ((now & EventState::signaled) != 0)
    return false;
  // relaxed: taking it orders
  if (state_.generation.load(std::memory_order_relaxed) != mark &&
      (state_.manual_reset != 0 || (now & EventState::pulsed) != 0))
    return false;
  if ((now & EventState::waiters) == 0 &&
      !state_.word.compare_exchange_strong(now, now | EventState::waiters,
                                           std::memory_order_relaxed))  // relaxed: it publishes nothing
    return false;
  sleep = {&state_.word, now | EventState::waiters};
  return true;
}

void EventWaitable::kick() noexcept
{
  futex_change_and_wake(state_.word, FUTEX_OP_ANDN, EventState::waiters);
}

}  // namespace rtlane::detail
