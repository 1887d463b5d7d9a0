#include "waitable.hpp"

#include <time.h>

#include <algorithm>

namespace rtlane::detail {
namespace {

// A thread that was ended inside a wait (TerminateThread) is counted for ever: then a close gives up waiting for it.
constexpr int kicks_max = 1000;
constexpr timespec between_kicks = {0, 1'000'000};

// A sleep and a wake-up cost several microseconds: what comes sooner is better waited for awake. It is a guess, and
// may be wrong 16 times at once and once a millisecond: that is 0.4 % of a CPU.
constexpr std::int64_t briefly_ns = 4000;
constexpr std::int64_t price_ns = 1'000'000;
constexpr std::int64_t credit_ns = 15 * price_ns;
constexpr int looks_per_clock = 4;

inline void relax_cpu() noexcept
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

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

Waitable::Attempt Waitable::try_briefly(std::uint64_t mark, Deadline until) noexcept
{
  std::int64_t now = monotonic_ns();
  const std::int64_t paid_until = paid_until_ns_.load(std::memory_order_relaxed);  // relaxed: a guess
  if (paid_until - now > credit_ns)
    return {};
  const std::int64_t end = std::min(until, now + briefly_ns);
  do {
    for (int looks = 0; looks < looks_per_clock; ++looks) {
      const Outlook now_seen = outlook(mark);
      if (now_seen == Outlook::sleep)
        return {};
      if (now_seen == Outlook::take) {
        if (const Attempt attempt = try_take(mark); attempt.taken != Taken::no) {
          if (paid_until != 0)
            paid_until_ns_.store(0, std::memory_order_relaxed);  // relaxed: a guess
          return attempt;
        }
      }
      relax_cpu();
    }
    now = monotonic_ns();
  } while (now < end);
  paid_until_ns_.store(std::max(paid_until, now) + price_ns, std::memory_order_relaxed);  // relaxed: a guess
  return {};
}

std::uint64_t Waitable::count_close() noexcept
{
  return closes_.fetch_add(1, std::memory_order_seq_cst);  // W1, pairs with W1 and W4
}

void Waitable::end_waits(std::uint64_t closes_before) noexcept
{
  std::atomic<std::uint32_t>& waiting = waiting_[parity(closes_before)];
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
