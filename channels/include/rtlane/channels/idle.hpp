// How the waiting calls of channels (..._until) spend the time between two looks. Such a call is blocking: it ends when
// it got what it waits for, or with a final answer (closed, corrupt), or at its deadline. A deadline is a time of
// CLOCK_MONOTONIC in ns (deadline_after() makes one); one in the past means a single look, wait_forever no end.
//
//   strategy      between two looks              system calls                      for
//   idle::spin    nothing                        none (the clock's, see below)     a CPU of its own, least latency
//   idle::pause   the CPU's pause instruction    none                              the same, sparing its sibling thread
//   idle::yield   sched_yield()                  one per look                      threads of one priority on a CPU
//   idle::park    sleeps on the channel's bell   one per sleep, the ringer's ring  everything that need not be awake
//
// The clock is read once in a burst of looks_in_burst looks (one for yield), which is a look and one vdso call in so
// many looks; a deadline is therefore overrun by up to one burst, some microseconds. Without vdso the clock is a
// system call. With wait_forever it is never read.
//
// Polling strategies on a CPU that the peer needs: spin and pause keep it for as long as their time slice lasts, under
// SCHED_FIFO for ever, and yield only lets threads of the same priority in. There only park makes progress.
//
// Park looks for a burst with pauses first, then sleeps until the peer calls ring() after its publications. It needs a
// channel with a doorbell (RTLANE_DOORBELL_IF_WAITING) and a writable mapping, else it does as yield does. What is not
// rung for (the peer forgot, or was killed just before) is found at most 100 ms late. See doorbell.hpp.
//
// None of them asks whether the peer lives: a killed peer is waited for until the deadline.
#pragma once

#include <rtlane/channels/doorbell.hpp>
#include <rtlane/channels/status.hpp>

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <concepts>
#include <cstdint>

namespace rtlane {

inline constexpr std::int64_t wait_forever = INT64_MAX;

// Now, ns of CLOCK_MONOTONIC. Wait-free; no system call where there is a vdso.
[[nodiscard]] inline std::int64_t monotonic_now_ns() noexcept
{
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The deadline `ns` from now; at most wait_forever. ns <= 0: a deadline in the past.
[[nodiscard]] inline std::int64_t deadline_after(std::int64_t ns) noexcept
{
  if (ns <= 0)
    return 0;
  const std::int64_t now = monotonic_now_ns();
  return ns > wait_forever - now ? wait_forever : now + ns;
}

namespace idle {

struct Spin {
  static constexpr int looks_in_burst = 64;
  static void between_looks() noexcept {}
};

struct Pause {
  static constexpr int looks_in_burst = 64;
  static void between_looks() noexcept
  {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");  // yield is a no-op on most of them
#endif
  }
};

struct Yield {
  static constexpr int looks_in_burst = 1;
  static void between_looks() noexcept { sched_yield(); }
};

struct Park {};

inline constexpr Spin spin{};
inline constexpr Pause pause{};
inline constexpr Yield yield{};
inline constexpr Park park{};

template <class Strategy>
concept Polling = requires
{
  {
    Strategy::looks_in_burst
    } -> std::convertible_to<int>;
  {
    Strategy::between_looks()
  }
  noexcept;
};

template <class Strategy>
concept Any = Polling<Strategy> || std::same_as<Strategy, Park>;

}  // namespace idle

namespace detail {

// Not the last word: the peer may change it.
constexpr bool worth_waiting(Status status) noexcept
{
  return status == Status::empty || status == Status::full || status == Status::busy;
}

// looks_in_burst further looks, fewer when one is final.
template <idle::Polling Strategy, class Look>
Status look_in_burst(const Look& look, Status seen) noexcept
{
  for (int i = 0; i < Strategy::looks_in_burst && worth_waiting(seen); ++i) {
    Strategy::between_looks();
    seen = look();
  }
  return seen;
}

// Calls look() until its answer is final, or the deadline is reached: then the last answer. At least one look.
template <idle::Polling Strategy, class Look>
Status wait_until(Strategy, const Doorbell&, std::int64_t deadline_ns, const Look& look) noexcept
{
  Status seen = look();
  while (worth_waiting(seen) && (deadline_ns == wait_forever || monotonic_now_ns() < deadline_ns))
    seen = look_in_burst<Strategy>(look, seen);
  return seen;
}

template <class Look>
Status wait_until(idle::Park, const Doorbell& bell, std::int64_t deadline_ns, const Look& look) noexcept
{
  if (!bell)
    return wait_until(idle::yield, bell, deadline_ns, look);
  Status seen = look();
  if (!worth_waiting(seen) || deadline_ns <= 0)
    return seen;
  seen = look_in_burst<idle::Pause>(look, seen);
  while (worth_waiting(seen)) {
    const std::uint32_t announced = bell.announce();
    seen = look();
    const std::int64_t now = monotonic_now_ns();
    if (!worth_waiting(seen) || now >= deadline_ns)
      return seen;
    bell.sleep(announced, std::min(deadline_ns, now + doorbell_slice_ns));
    seen = look();
  }
  return seen;
}

}  // namespace detail

}  // namespace rtlane
