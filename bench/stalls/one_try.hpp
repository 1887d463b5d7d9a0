// One try: a link with its participants, one of which is stopped or killed at a random instant, and what the others saw
// of it.
#pragma once

#include <rtlane/core/tick_clock.hpp>

#include <cstdint>
#include <string>

#include "../peers/any_link.hpp"
#include "../support/process.hpp"
#include "board.hpp"

namespace rtlane::bench {

enum class Victim : std::uint32_t { producer, consumer, one_of_two_producers };
enum class Blow : std::uint32_t { none, stop, kill };

// How long a call may sleep by design while the victim does nothing: not where somebody else sends. Twice, since a bell
// may have rung for what was taken already.
constexpr std::uint64_t patience_ns(bool blocks, Victim victim) noexcept
{
  return blocks && victim != Victim::one_of_two_producers ? 2 * link_patience_ms * std::uint64_t{1'000'000} : 0;
}

struct TryPlan {
  Victim victim;
  Blow blow;
  bool threads;             // the participants are threads of one process
  bool blocks;              // the link may sleep for link_patience_ms in a call
  CpuPair cpus;             // of the survivor, and of the victim
  int other_cpu;            // of the other producer
  std::uint64_t before_ns;  // how long they work before the blow
  std::uint64_t stop_ns;    // how long the victim is stopped, or nobody
  std::uint64_t stuck_ns;   // who makes no headway for so long is stuck
  std::uint64_t delay_ns;   // from which on a wait counts as one for the victim
};

enum class Successor : std::uint32_t { none, went_on, refused };

struct TryOutcome {
  std::string failure;     // empty: it was measured
  bool no_ends = false;    // the failure is that its ends did not find each other
  std::string note;        // what a participant said that gave up, of what comes after the blow
  bool undecided = false;  // the survivors had next to no CPU during the stop
  bool inside = false;     // the victim was in an operation
  bool delayed = false;
  bool stuck = false;
  std::uint64_t longest_wait_ns = 0;
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t torn = 0;
  Successor successor = Successor::none;
};

// Starts its participants and ends them. Takes the stop, and longer by what the machine is busy with; a link that hangs
// is given up after seconds.
TryOutcome run_try(const AnyLinkMaker& maker, Board& board, const TryPlan& plan, const TickClock& clock);

}  // namespace rtlane::bench
