// What a try comes down to, read off the board when it is over.
#pragma once

#include <rtlane/core/tick_clock.hpp>

#include <vector>

#include "board.hpp"
#include "one_try.hpp"

namespace rtlane::bench {

// The longest wait of the survivors, and whether it was one for the victim.
//
// Of a pair: the survivor's operations. Where somebody goes on sending beside the victim, also how old his messages got
// before they came: a consumer that is told "empty" at once while they lie behind an unfinished one waits too.
//
// A wait for the victim lasts from soon after it was stopped until it goes on. So it counts as one if it spans the end
// of the stop and has lasted for plan.delay_ns by then; a host that takes some milliseconds seldom does just that.
// After a kill nobody goes on, and the length alone counts. What the counters of who waited explain (no CPU, a page
// fault) is taken off; own_ns is what the survivors had of the stop without it, and the wait's share of that is what is
// judged.
void collect(const Board& board, const TryPlan& plan, const TickClock& clock, const std::vector<Part>& survivors,
             std::uint64_t own_ns, TryOutcome& outcome);

// Messages that were accepted and did not come. What the victim was about to send when it was killed may come or not.
void count_lost(const Board& board, TryOutcome& outcome);

}  // namespace rtlane::bench
