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
    // With manual reset waiters is still on when the event is set, but nobody sleeps then.
    const bool waited_for = (now & (waiters | signaled)) == waiters;
    // Also of a set that finds the event set: a wait that this signal releases sees what came before both.
    const std::uint32_t then = !waited_for ? now | signaled : now + (manual_reset != 0 ? one_count : 0);
    if (!word.compare_exchange_weak(now, then, std::memory_order_release,  // E1, pairs with E2
                                    std::memory_order_relaxed))            // relaxed: tried again
      continue;
    if (waited_for)
      futex_change_and_wake(word, manual_reset != 0 ? FUTEX_OP_OR : FUTEX_OP_SET, signaled);
    return;
  }
}

void EventState::reset() noexcept
{
  std::uint32_t now = word.load(std::memory_order_relaxed);  // relaxed: a reset publishes nothing
  while ((now & signaled) != 0 &&
         !word.compare_exchange_weak(now, now & ~(manual_reset != 0 ? signaled | waiters : signaled),
                                     std::memory_order_relaxed)) {  // relaxed: as above
  }
}

void EventState::pulse() noexcept
{
  std::uint32_t now = word.load(std::memory_order_relaxed);  // relaxed: the exchanges below order
  for (;;) {
    const bool waited_for = (now & (waiters | signaled)) == waiters;
    const std::uint32_t then =
        !waited_for ? now & ~(signaled | waiters | pulsed) : now + (manual_reset != 0 ? one_count : 0);
    if (!word.compare_exchange_weak(now, then, std::memory_order_release,  // E1, pairs with E2
                                    std::memory_order_relaxed))            // relaxed: tried again
      continue;
    if (!waited_for)
      return;
    if (manual_reset != 0) {
      futex_change_and_wake(word, FUTEX_OP_ANDN, signaled | waiters);
    } else {
      generation.fetch_add(1, std::memory_order_release);  // E3, pairs with E4
      futex_change_and_wake(word, FUTEX_OP_SET, pulsed);
    }
    return;
  }
}

std::uint64_t EventWaitable::begin() const noexcept
{
  if (state_.manual_reset != 0)
    return state_.word.load(std::memory_order_acquire) / EventState::one_count;  // E2, pairs with E1
  return state_.generation.load(std::memory_order_acquire);                      // E4, pairs with E3
}

bool EventWaitable::is_released(std::uint32_t word, std::uint64_t mark) const noexcept
{
  if ((word & EventState::signaled) != 0)
    return true;
  if (state_.manual_reset != 0)
    return word / EventState::one_count != mark;
  return (word & EventState::pulsed) != 0 &&
         state_.generation.load(std::memory_order_acquire) != mark;  // E4, pairs with E3
}

Waitable::Attempt EventWaitable::try_take(std::uint64_t mark) noexcept
{
  std::uint32_t now = state_.word.load(std::memory_order_acquire);  // E2, pairs with E1
  while (is_released(now, mark)) {
    if (state_.manual_reset != 0)
      return {Taken::yes};
    // A pulse first: it is for those that waited then, a signal for anybody.
    const bool by_pulse = (now & EventState::signaled) == 0 || is_released(now & ~EventState::signaled, mark);
    const std::uint32_t flag = by_pulse ? EventState::pulsed : EventState::signaled;
    if (state_.word.compare_exchange_weak(now, now & ~flag, std::memory_order_acquire,  // E2, pairs with E1
                                          std::memory_order_acquire))                   // E2, pairs with E1
      return {Taken::yes};
  }
  return {};
}

Waitable::Outlook EventWaitable::outlook(std::uint64_t mark) const noexcept
{
  // relaxed: taking it orders
  return is_released(state_.word.load(std::memory_order_relaxed), mark) ? Outlook::take : Outlook::wait;
}

bool EventWaitable::prepare(std::uint64_t mark, FutexSleep& sleep) noexcept
{
  std::uint32_t now = state_.word.load(std::memory_order_relaxed);  // relaxed: taking it orders
  if (is_released(now, mark))
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
