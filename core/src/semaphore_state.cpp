#include "semaphore_state.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace rtlane::detail {
namespace {

constexpr std::uint32_t units_mask = UINT32_MAX >> 1;

// The operand of FUTEX_WAKE_OP has 12 bits with sign; a unit is 2 in the word.
constexpr std::uint32_t units_of_one_step = 1023;

}  // namespace

void SemaphoreState::initialise(std::uint32_t initial, std::uint32_t the_maximum) noexcept
{
  released.store(initial << 1, std::memory_order_relaxed);  // relaxed: nobody else has it yet
  reserved.store(initial, std::memory_order_relaxed);       // relaxed: as above
  acquired.store(0, std::memory_order_relaxed);             // relaxed: as above
  maximum = the_maximum;
}

std::uint32_t SemaphoreState::available(std::uint32_t& word, std::uint64_t& taken) const noexcept
{
  taken = acquired.load(std::memory_order_acquire);  // S4, pairs with S3
  for (;;) {
    word = released.load(std::memory_order_acquire);                             // S2, pairs with S1
    const std::uint64_t taken_after = acquired.load(std::memory_order_acquire);  // S4, pairs with S3
    if (taken_after == taken)
      return ((word >> 1) - static_cast<std::uint32_t>(taken)) & units_mask;
    taken = taken_after;
  }
}

bool SemaphoreState::take() noexcept
{
  std::uint32_t word = 0;
  std::uint64_t taken = 0;
  while (available(word, taken) != 0) {
    if (acquired.compare_exchange_weak(taken, taken + 1, std::memory_order_release,  // S3, pairs with S4
                                       std::memory_order_relaxed))                   // relaxed: tried again
      return true;
  }
  return false;
}

std::uint32_t SemaphoreState::count() const noexcept
{
  std::uint32_t word = 0;
  std::uint64_t taken = 0;
  return available(word, taken);
}

int SemaphoreState::release(std::uint32_t count, std::uint32_t& previous) noexcept
{
  std::uint64_t room_used = reserved.load(std::memory_order_acquire);  // S6, pairs with S5
  std::uint64_t taken = 0;
  do {
    taken = acquired.load(std::memory_order_acquire);  // S4, pairs with S3
    // More taken than reserved: the reservation that was read is an old one, and the exchange will say so.
    if (taken <= room_used && (count > maximum || room_used - taken > maximum - count))
      return -EOVERFLOW;
  } while (!reserved.compare_exchange_weak(room_used, room_used + count,
                                           std::memory_order_acq_rel,    // S5, pairs with S6
                                           std::memory_order_acquire));  // S6, pairs with S5
  previous = static_cast<std::uint32_t>(room_used - taken);
  give(count);
  return 0;
}

void SemaphoreState::give(std::uint32_t count) noexcept
{
  std::uint32_t now = released.load(std::memory_order_relaxed);  // relaxed: the exchange below orders
  for (;;) {
    // With waiters the kernel adds; its store is invisible to the memory model, so this one publishes.
    const bool waited_for = (now & waiters) != 0;
    const std::uint32_t then = waited_for ? now : now + (count << 1);
    if (!released.compare_exchange_weak(now, then, std::memory_order_release,  // S1, pairs with S2
                                        std::memory_order_relaxed))            // relaxed: tried again
      continue;
    if (!waited_for)
      return;
    break;
  }
  int woken = 0;
  while (count != 0) {
    std::uint32_t step = 0;
    if (count <= units_of_one_step) {
      step = count;
      woken += futex_change_and_wake(released, FUTEX_OP_ADD, step << 1);
    } else {
      const auto power = static_cast<unsigned>(std::bit_width(count)) - 1;
      step = std::uint32_t{1} << power;
      woken += futex_change_and_wake(released, FUTEX_OP_ADD | FUTEX_OP_OPARG_SHIFT, power + 1);
    }
    count -= step;
  }
  if (woken == 0)
    futex_change_and_wake(released, FUTEX_OP_ANDN, waiters);
}

Waitable::Attempt SemaphoreWaitable::try_take(std::uint64_t) noexcept
{
  return {state_.take() ? Taken::yes : Taken::no};
}

Waitable::Outlook SemaphoreWaitable::outlook(std::uint64_t) const noexcept
{
  return state_.count() != 0 ? Outlook::take : Outlook::wait;
}

bool SemaphoreWaitable::prepare(std::uint64_t, FutexSleep& sleep) noexcept
{
  std::uint32_t word = 0;
  std::uint64_t taken = 0;
  if (state_.available(word, taken) != 0)
    return false;
  if ((word & SemaphoreState::waiters) == 0 &&
      !state_.released.compare_exchange_strong(word, word | SemaphoreState::waiters,
                                               std::memory_order_relaxed))  // relaxed: it publishes nothing
    return false;
  sleep = {&state_.released, word | SemaphoreState::waiters};
  return true;
}

void SemaphoreWaitable::kick() noexcept
{
  futex_change_and_wake(state_.released, FUTEX_OP_ANDN, SemaphoreState::waiters);
}

}  // namespace rtlane::detail
