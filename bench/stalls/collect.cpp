#include "collect.hpp"

#include <algorithm>
#include <span>

namespace rtlane::bench {
namespace {

class Collector {
public:
  Collector(const Board& board, const TryPlan& plan, const TickClock& clock, std::uint64_t own_ns, TryOutcome& outcome)
      : board_(board),
        plan_(plan),
        clock_(clock),
        own_ns_(own_ns),
        outcome_(outcome),
        now_(ticks()),
        // relaxed: written by this thread
        begin_(board.window_begin.load(std::memory_order_relaxed)),
        end_(board.window_end.load(std::memory_order_relaxed))
  {
    if (end_ == 0)
      end_ = now_;
  }

  void add_operations(Part part)
  {
    const PartState& state = board_.parts[static_cast<std::size_t>(part)];
    // relaxed: it has finished, or is stuck
    add(begin_, begin_ + state.longest_ticks.load(std::memory_order_relaxed), 0);
    for (const Wait& wait : waits_of(state))
      add(wait.begin_ticks, wait.begin_ticks + wait.length_ticks, wait.excused_ticks);
    if (const std::uint64_t since = state.inside_since.load(std::memory_order_relaxed);
        since != 0 && since < now_ && outcome_.stuck)
      add(since, now_, 0);
  }

  void add_ages()
  {
    const PartState& consumer = board_.parts[static_cast<std::size_t>(Part::consumer)];
    const PartState& producer = board_.parts[static_cast<std::size_t>(Part::other_producer)];
    const Stream& stream = board_.streams[static_cast<std::size_t>(Part::other_producer)];
    // relaxed: their writers have finished, or are stuck
    const std::uint64_t sent = stream.sent.load(std::memory_order_relaxed);
    for (std::uint64_t number = 1; number <= std::min(sent + 1, Ages::numbers_max); ++number) {
      const std::uint64_t tried = board_.ages.tried_ticks[number].load(std::memory_order_relaxed);
      std::uint64_t came = board_.ages.came_ticks[number].load(std::memory_order_relaxed);
      if (came == 0 && outcome_.stuck)
        came = now_;
      if (tried == 0 || tried >= end_ || came <= begin_ || came <= tried)
        continue;
      std::uint64_t excused = 0;
      if (clock_.ns(came - tried) > wait_threshold_ns) {
        for (const Wait& pause : pauses_of(consumer))
          excused += overlap(pause, tried, came);
        for (const PartState* const part : {&consumer, &producer}) {
          for (const Wait& wait : waits_of(*part))
            excused += std::min(overlap(wait, tried, came), wait.excused_ticks);
        }
      }
      add(tried, came, excused);
    }
  }

private:
  static std::span<const Wait> waits_of(const PartState& part)
  {
    return std::span(part.waits).first(part.wait_count.load(std::memory_order_acquire));  // W2, pairs with W1
  }
  static std::span<const Wait> pauses_of(const PartState& part)
  {
    return std::span(part.pauses).first(part.pause_count.load(std::memory_order_acquire));  // W2, pairs with W1
  }

  static std::uint64_t overlap(const Wait& wait, std::uint64_t begin, std::uint64_t end)
  {
    const std::uint64_t from = std::max(wait.begin_ticks, begin);
    const std::uint64_t to = std::min(wait.begin_ticks + wait.length_ticks, end);
    return to > from ? to - from : 0;
  }

  void add(std::uint64_t begin, std::uint64_t end, std::uint64_t excused)
  {
    const std::uint64_t length = end - begin;
    const std::uint64_t ns = clock_.ns(length - std::min(length, excused));
    outcome_.longest_wait_ns = std::max(outcome_.longest_wait_ns, ns);
    outcome_.delayed = outcome_.delayed || is_delay(begin, end, ns);
  }

  [[nodiscard]] bool is_delay(std::uint64_t begin, std::uint64_t end, std::uint64_t ns) const
  {
    if (plan_.blow == Blow::kill)
      return ns >= plan_.delay_ns;
    const double least_share = static_cast<double>(plan_.delay_ns) / static_cast<double>(plan_.stop_ns);
    return begin + clock_.ticks_of_ns(plan_.delay_ns) <= end_ && end >= end_ &&
           static_cast<double>(ns) >= least_share * static_cast<double>(own_ns_);
  }

  const Board& board_;
  const TryPlan& plan_;
  const TickClock& clock_;
  const std::uint64_t own_ns_;
  TryOutcome& outcome_;
  const std::uint64_t now_;
  const std::uint64_t begin_;
  std::uint64_t end_;
};

}  // namespace

void collect(const Board& board, const TryPlan& plan, const TickClock& clock, const std::vector<Part>& survivors,
             std::uint64_t own_ns, TryOutcome& outcome)
{
  Collector collector(board, plan, clock, own_ns, outcome);
  outcome.undecided = plan.blow != Blow::kill && own_ns < plan.stop_ns / 10;
  const bool crowd = plan.victim == Victim::one_of_two_producers;
  for (const Part part : survivors) {
    // A consumer that sleeps until there is a message waits for nobody else.
    if (!(crowd && plan.blocks && part == Part::consumer))
      collector.add_operations(part);
  }
  if (crowd)
    collector.add_ages();

  // relaxed throughout: their writers have finished, or are stuck or dead
  outcome.torn = board.torn.load(std::memory_order_relaxed);
  for (const Stream& stream : board.streams) {
    const std::uint64_t last = std::min(stream.sent.load(std::memory_order_relaxed) + 1, Stream::numbers_max);
    for (std::uint64_t number = 1; number <= last; ++number) {
      if (const std::uint8_t times = stream.times[number].load(std::memory_order_relaxed); times > 1)
        outcome.doubled += times - 1U;
    }
  }
}

void count_lost(const Board& board, TryOutcome& outcome)
{
  for (const Stream& stream : board.streams) {
    // relaxed throughout: as above
    const std::uint64_t last = stream.sent.load(std::memory_order_relaxed);
    for (std::uint64_t number = 1; number <= last; ++number)
      outcome.lost += stream.times[number].load(std::memory_order_relaxed) == 0 ? 1 : 0;
  }
}

}  // namespace rtlane::bench
