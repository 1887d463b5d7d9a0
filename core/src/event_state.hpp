// An event: the bytes that all its processes share, and what is done to them.
//
// The word is three flags and, with manual reset, a count:
//
//   signaled   a wait may take it: auto-reset takes the flag off, manual reset leaves it
//   waiters    somebody sleeps on the word, or is about to: whoever signals has to wake
//   pulsed     auto-reset: one of those that began to wait before the last pulse may take this flag off
//   count      manual reset: of the sets and pulses that met waiters. A wait is over also when it moved since the wait
//              began: so a set releases those that wait now even when a reset follows before they run
//
//              no waiters (manual reset: or set)     waiters
//   set        CAS signaled on                       auto-reset: FUTEX_WAKE_OP stores `signaled` (waiters goes off) and
//                                                    wakes all who sleep. Manual reset: CAS count + 1, then
//                                                    FUTEX_WAKE_OP puts signaled on and wakes
//   reset      CAS signaled off, and with manual reset waiters, since nobody sleeps while it is set
//   pulse      CAS signaled and pulsed off           auto-reset: FUTEX_WAKE_OP stores `pulsed`. Manual reset: CAS count
//                                                    + 1, then FUTEX_WAKE_OP takes signaled and waiters off
//
// Who is about to sleep finds another value and looks again. That value may come back with auto-reset, when somebody
// else took the signal: then there is nothing to miss. With manual reset there would be, and the count, which has 29
// bits, does not come back.
//
// `generation` counts the pulses of an auto-reset event that met waiters, and tells who may take `pulsed`: so a pulse
// whose sleepers were all killed releases nobody who came later, and the event is never left set.
//
// Kills: nothing happens between two instructions of an operation that another process would have to finish. A signal
// that is killed after it moved a count may or may not have released those that wait.
//
// The kernel's store is invisible to the C++ memory model, so an operation that lets the kernel signal does a
// release on the word itself first.
//
// Ordering
//   E1 word, release        ->  E2 word, acquire        what was written before a set is seen after its wait
//   E3 generation, release  ->  E4 generation, acquire  the same for those that take a pulse
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "futex.hpp"
#include "waitable.hpp"

namespace rtlane::detail {

struct EventState {
  FutexWord word;
  std::uint32_t manual_reset;  // never changes
  std::atomic<std::uint64_t> generation;

  static constexpr std::uint32_t signaled = 1;
  static constexpr std::uint32_t waiters = 2;
  static constexpr std::uint32_t pulsed = 4;
  static constexpr std::uint32_t one_count = 8;

  void initialise(bool with_manual_reset, bool initially_set) noexcept;

  // Lock-free; one system call when there are waiters.
  void set() noexcept;
  void reset() noexcept;
  void pulse() noexcept;
};

static_assert(offsetof(EventState, word) == 0);
static_assert(offsetof(EventState, manual_reset) == 4);
static_assert(offsetof(EventState, generation) == 8);
static_assert(sizeof(EventState) == 16);

// Waits for an event, in shared memory or in that of this process.
class EventWaitable final : public Waitable {
public:
  explicit EventWaitable(EventState& state) noexcept : state_(state) {}

  [[nodiscard]] std::uint64_t begin() const noexcept override;
  [[nodiscard]] Attempt try_take(std::uint64_t mark) noexcept override;
  [[nodiscard]] Outlook outlook(std::uint64_t mark) const noexcept override;
  [[nodiscard]] bool prepare(std::uint64_t mark, FutexSleep& sleep) noexcept override;
  void kick() noexcept override;

private:
  // Whether a wait that began at `mark` may take what the word shows.
  [[nodiscard]] bool is_released(std::uint32_t word, std::uint64_t mark) const noexcept;

  EventState& state_;
};

}  // namespace rtlane::detail
