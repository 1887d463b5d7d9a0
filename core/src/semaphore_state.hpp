// A semaphore: the bytes that all its processes share, and what is done to them.
//
// Three counters that only grow; the count is released - acquired:
//
//   reserved  units for which release() has found room below the maximum
//   released  units that were given; in the futex word, whose lowest bit says that somebody sleeps or is about to
//   acquired  units that were taken
//
//   release  CAS reserved, then add to `released`: by CAS when there are no waiters, else by FUTEX_WAKE_OP, which adds
//   and
//            wakes all who sleep. When it woke nobody, a second one takes the waiters bit off, and wakes who slept
//            meanwhile.
//   take     CAS acquired, when it is not what `released` says.
//
// Kills: a release that is killed between its two steps has reserved room that nobody will use: the semaphore is short
// of what it was about to add. Nothing else can be half done.
//
// reserved and acquired have 64 bits, so a CAS that was stopped for long never mistakes a later state for its own.
// The word counts modulo 2^31, which is enough to tell 0 .. 2^31 - 1 units apart.
//
// Ordering
//   S1 released, release  ->  S2 released, acquire   what was written before a release is seen after its take
//   S3 acquired, release  ->  S4 acquired, acquire   a unit is released again after it was taken
//   S5 reserved, release  ->  S6 reserved, acquire   acquired is read after the reservation that it is compared with
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "futex.hpp"
#include "waitable.hpp"

namespace rtlane::detail {

struct SemaphoreState {
  FutexWord released;     // units modulo 2^31 << 1 | waiters
  std::uint32_t maximum;  // never changes
  std::atomic<std::uint64_t> reserved;
  std::byte padding[112];
  std::atomic<std::uint64_t> acquired;

  static constexpr std::uint32_t waiters = 1;

  void initialise(std::uint32_t initial, std::uint32_t the_maximum) noexcept;

  // Adds count units. Returns 0, or -EOVERFLOW beyond the maximum. previous is written on success. Lock-free; system
  // calls when there are waiters.
  int release(std::uint32_t count, std::uint32_t& previous) noexcept;

  // Lock-free.
  bool take() noexcept;

  [[nodiscard]] std::uint32_t count() const noexcept;

private:
  friend class SemaphoreWaitable;

  // Reads the two counters at one moment. Returns the units that can be taken.
  std::uint32_t available(std::uint32_t& word, std::uint64_t& taken) const noexcept;
  void give(std::uint32_t count) noexcept;
};

static_assert(offsetof(SemaphoreState, released) == 0);
static_assert(offsetof(SemaphoreState, maximum) == 4);
static_assert(offsetof(SemaphoreState, reserved) == 8);
static_assert(offsetof(SemaphoreState, acquired) == 128, "takers write another line than releasers");

class SemaphoreWaitable final : public Waitable {
public:
  explicit SemaphoreWaitable(SemaphoreState& state) noexcept : state_(state) {}

  [[nodiscard]] std::uint64_t begin() const noexcept override { return 0; }
  [[nodiscard]] Attempt try_take(std::uint64_t mark) noexcept override;
  [[nodiscard]] Outlook outlook(std::uint64_t mark) const noexcept override;
  [[nodiscard]] bool prepare(std::uint64_t mark, FutexSleep& sleep) noexcept override;
  void kick() noexcept override;

private:
  SemaphoreState& state_;
};

}  // namespace rtlane::detail
