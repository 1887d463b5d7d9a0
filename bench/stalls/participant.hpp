// A participant of a try: sends or receives until it is told to end, and writes on the board what befalls it.
#pragma once

#include <rtlane/core/tick_clock.hpp>

#include <cstdint>

#include "../peers/any_link.hpp"
#include "board.hpp"

namespace rtlane::bench {

struct Role {
  Part part;
  bool receives;
  bool victim;  // its own waits are not recorded
  int cpu;
  std::uint64_t messages_max;   // a producer ends after so many,
  std::uint64_t messages_fast;  // and after so many it sleeps before each, so that it does not end too soon
};

// In the thread that takes part: attaches, waits for the order, works, and detaches when it is told to leave.
void take_part(AnyLink& link, Board& board, const Role& role, const TickClock& clock);

// Of threads, which cannot be stopped alone from outside: who gets the signal stands in its handler, at whatever
// instruction it was, until board.let_go. For the process that the threads are in.
void halt_threads_on_signal(Board& board);
int halt_signal();

}  // namespace rtlane::bench
