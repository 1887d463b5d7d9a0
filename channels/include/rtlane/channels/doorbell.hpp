// The doorbell of a channel: a futex word by which who waits says that it is about to sleep, and who has published
// wakes it. Only channels made with RTLANE_DOORBELL_IF_WAITING have one; on others nobody sleeps and ring() does
// nothing.
//
//   waiter  announce(): word |= waiting;  looks again;  nothing: sleeps while the word is what announce() answered
//   ringer  publishes;  looks at the word;  waiting: one system call adds 1 and wakes all who sleep on it. Adding 1
//           to an odd word clears the bit and counts the ring, so a waiter between look and sleep does not sleep.
//
// Nothing is missed while nobody dies: both sides touch the word by a read-modify-write, and these have one order. If
// the waiter's came first, the ringer sees `waiting`. If the ringer's came first, the waiter's look sees what was
// published before it (B1). With a plain load in the ringer's place the publication could still be in its store
// buffer, as in Dekker's algorithm; tests/model/doorbell.pml has both variants.
//
// A ringer that is killed between publication and ring leaves a sleeper who is not told. So nobody sleeps longer than
// doorbell_slice_ns without looking again: a kill there costs that much once. A waiter that is killed leaves the
// bit set: the next ring makes a system call for nobody. Wake-ups go to all sleepers, who look and sleep again: one
// given to a waiter that is killed before it runs would be lost.
//
// The word lies on a line of its own in the channel's memory. Who has mapped that read-only cannot say that it
// sleeps, and polls.
//
// Ordering
//   B1 word, release -> B1 word, acquire   what was published before a ring is seen by the look after an announcement
// Both are one read-modify-write that is acquire and release.
#pragma once

#include <rtlane/channels/channel.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rtlane::detail {

// The longest sleep without a look, ns.
inline constexpr std::int64_t doorbell_slice_ns = 100'000'000;

// Shared, 32 bits because the kernel compares so many: rings:31 | waiting:1. A hostile one costs system calls for
// nobody, or sleeps of a slice each.
using DoorbellWord = std::atomic<std::uint32_t>;
static_assert(DoorbellWord::is_always_lock_free && sizeof(DoorbellWord) == 4);

class Doorbell {
public:
  static constexpr std::uint32_t waiting = 1;

  Doorbell() = default;
  explicit Doorbell(DoorbellWord* word) noexcept : word_(word) {}
  explicit Doorbell(const rtlane_channel_layout& layout) noexcept
  {
    if (layout.doorbell_offset != 0 && layout.read_only == 0)
      word_ = reinterpret_cast<DoorbellWord*>(static_cast<std::byte*>(layout.base) + layout.doorbell_offset);
  }

  // Whether there is one that this process may use.
  [[nodiscard]] explicit operator bool() const noexcept { return word_ != nullptr; }

  // After a publication: wakes those who sleep. True when it entered the kernel for that. Wait-free: one
  // read-modify-write, and one system call when somebody has said that it sleeps.
  bool ring() const noexcept
  {
    // B1, pairs with B1: the look of a waiter that announces itself later sees the publication
    if (word_ == nullptr || (word_->fetch_add(0, std::memory_order_acq_rel) & waiting) == 0)
      return false;
    rtlane_doorbell_wake(reinterpret_cast<std::uint32_t*>(word_));
    return true;
  }

  // Before the last look: from here on a publication is seen by it or rings. Answers what to sleep on.
  [[nodiscard]] std::uint32_t announce() const noexcept
  {
    // B1, pairs with B1: sees what was published before a ring that did not see this
    return word_->fetch_or(waiting, std::memory_order_acq_rel) | waiting;
  }

  // Until it rings, until the time of CLOCK_MONOTONIC, or for nothing. Blocks. 0, or why it ended: -EAGAIN (it rang
  // before), -ETIMEDOUT, -EINTR.
  int sleep(std::uint32_t announced, std::int64_t until_ns) const noexcept
  {
    return rtlane_doorbell_sleep(reinterpret_cast<std::uint32_t*>(word_), announced, until_ns);
  }

private:
  DoorbellWord* word_ = nullptr;
};

}  // namespace rtlane::detail
