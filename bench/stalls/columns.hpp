// The stall and kill columns of one candidate: for each victim many tries with nobody stopped, with a stop, with a
// kill.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "../latency/pair.hpp"
#include "../peers/any_link.hpp"
#include "one_try.hpp"

namespace rtlane::bench {

struct StallPlan {
  unsigned tries = 40;
  std::uint64_t stop_ns = 20'000'000;
  std::uint64_t stuck_ns = 200'000'000;
  std::uint64_t seed = 1;
  double column_s_max = 20;  // after which a column has as many tries as it has
};

// All tries of a victim and a blow. In shared memory: it outlives who measures.
struct Column {
  Victim victim;
  Blow blow;
  std::uint32_t tries;
  std::uint32_t inside;   // the blow fell while the victim was in an operation
  std::uint32_t delayed;  // somebody waited for it
  std::uint32_t stuck;
  std::uint32_t successors;  // who came in its place got on
  std::uint32_t refused;     // or ended with a sentence
  std::uint64_t longest_wait_ns;
  std::uint64_t lost;
  std::uint64_t lost_most;  // in one try
  std::uint64_t doubled;
  std::uint64_t torn;
  std::array<char, 300> note;  // the first thing that a participant said who gave up

  void add(const TryOutcome& outcome);
};

struct StallFigures {
  std::string failure;  // empty: all was measured
  std::vector<Column> columns;

  [[nodiscard]] const Column* find(Victim victim, Blow blow) const;
};

// Whose end is looked at: one of two producers only where there can be two.
std::vector<Victim> victims_of(const LinkInfo& info);

// From which on a wait counts as one for the victim.
std::uint64_t delay_ns(const StallPlan& plan, Blow blow, bool blocks, Victim victim);
// How long a victim is stopped. Where a call may sleep by design, a stop has to be longer than that to show.
std::uint64_t stop_ns(const StallPlan& plan, bool blocks, Victim victim);

// In processes of their own, which are given up when they hang. `show` is told how many tries of how many are done.
StallFigures measure_columns(const AnyLinkMaker& maker, const StallPlan& plan, const Placement& place,
                             const std::function<void(std::size_t, std::size_t)>& show);

}  // namespace rtlane::bench
