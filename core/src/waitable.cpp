#include "waitable.hpp"

#include <time.h>

namespace rtlane::detail {
namespace {

// A thread that was ended inside a wait (TerminateThread) is counted for ever: then a close gives up waiting for it.
constexpr int kicks_max = 1000;
constexpr timespec between_kicks = {0, 1'000'000};

constexpr std::size_t parity(std::uint64_t closes) noexcept
{
  return closes & 1;
}

}  // namespace

Waitable::Attempt Waitable::sleep_alone(std::uint64_t mark, Deadline until) noexcept
{
  FutexSleep sleep;
  if (prepare(mark, sleep))
    futex_sleep(sleep, until);
  return {};
}

void Waitable::end_waits() noexcept
{
  const std::uint64_t before = closes_.fetch_add(1, std::memory_order_seq_cst);  // W1, pairs with W1
  std::atomic<std::uint32_t>& waiting = waiting_[parity(before)];
  // Once is not enough: others that the kick wakes may put the word back before a thread of ours gets to sleep on it.
  for (int kicks = 0; kicks < kicks_max; ++kicks) {
    // W1, pairs with W1; W3, pairs with W2
    if (waiting.load(std::memory_order_seq_cst) == 0)
      return;
    kick();
    ::nanosleep(&between_kicks, nullptr);
  }
}

void Waitable::forget_waits_in_fork_child() noexcept
{
  for (std::atomic<std::uint32_t>& waiting : waiting_)
    waiting.store(0, std::memory_order_relaxed);  // relaxed: one thread is left
}

Waitable::Scope::Scope(Waitable& waitable, std::uint64_t closes) noexcept : waitable_(waitable), closes_(closes)
{
  waitable_.waiting_[parity(closes_)].fetch_add(1, std::memory_order_seq_cst);  // W1, pairs with W1
}

Waitable::Scope::~Scope()
{
  waitable_.waiting_[parity(closes_)].fetch_sub(1, std::memory_order_release);  // W2, pairs with W3
}

bool Waitable::Scope::ended() const noexcept
{
  return waitable_.closes_.load(std::memory_order_seq_cst) != closes_;  // W1, pairs with W1
}

}  // namespace rtlane::detail
