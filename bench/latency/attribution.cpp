#include "attribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "output.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

// The explained causes, those of which a trip is acquitted.
constexpr bool is_others(Cause cause) noexcept
{
  return cause != Cause::clean && cause != Cause::inside;
}

constexpr Cause largest_of(const std::array<std::uint64_t, cause_count>& parts) noexcept
{
  return static_cast<Cause>(std::max_element(parts.begin(), parts.end()) - parts.begin());
}

// What of something held lies within a trip.
struct Part {
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t explained;
  std::uint64_t left = 0;  // scratch
};

// Takes from the parts of both sides what they can have in common at most, where `left` of each lies anywhere in it,
// and returns it. Both are in order, and each without overlaps.
std::uint64_t take_common(std::vector<Part>& near, std::vector<Part>& far)
{
  std::uint64_t sum = 0;
  std::size_t first = 0;
  for (Part& a : near) {
    while (first < far.size() && far[first].end <= a.begin)
      ++first;
    for (std::size_t i = first; i < far.size() && far[i].begin < a.end; ++i) {
      Part& b = far[i];
      const std::uint64_t shared = std::min({std::min(a.end, b.end) - std::max(a.begin, b.begin), a.left, b.left});
      a.left -= shared;
      b.left -= shared;
      sum += shared;
    }
  }
  return sum;
}

// Of a trip, for trips that are asked for in the order of their beginnings.
class Judge {
public:
  explicit Judge(const std::array<std::vector<Held>, 2>& held) : held_(held) {}

  [[nodiscard]] Blame blame_for(const Trip& trip)
  {
    Blame blame;
    const std::uint64_t end = trip.begin_ticks + trip.length_ticks;
    std::array<std::array<std::uint64_t, cause_count>, 2> by{};
    for (std::size_t side = 0; side < held_.size(); ++side) {
      parts_[side].clear();
      const std::vector<Held>& held = held_[side];
      std::size_t& next = next_[side];
      while (next < held.size() && held[next].end <= trip.begin_ticks)
        ++next;
      for (std::size_t i = next; i < held.size() && held[i].begin < end; ++i)
        add(held[i], trip.begin_ticks, end, parts_[side], by[side]);
    }
    if (parts_[0].empty() && parts_[1].empty())
      return blame;
    blame.explained_ticks = together([](const Part& part) { return part.explained; });
    blame.held_ticks = together([](const Part& part) { return part.end - part.begin; });
    blame.cause = Cause::inside;
    blame.cause_ticks = trip.length_ticks - blame.explained_ticks;
    constexpr std::size_t inside = index_of(Cause::inside);
    blame.side = by[1][inside] > by[0][inside] ? 1 : 0;
    blame.inside_ticks = by[blame.side][inside];
    for (std::size_t side = 0; side < by.size(); ++side) {
      for (std::size_t i = 0; i < cause_count; ++i) {
        blame.parts[i] += by[side][i];
        if (is_others(static_cast<Cause>(i)) && by[side][i] > blame.cause_ticks) {
          blame.cause = static_cast<Cause>(i);
          blame.side = side;
          blame.cause_ticks = by[side][i];
        }
      }
    }
    return blame;
  }

private:
  static void add(const Held& held, std::uint64_t begin, std::uint64_t end, std::vector<Part>& parts,
                  std::array<std::uint64_t, cause_count>& by)
  {
    Part part{std::max(held.begin, begin), std::min(held.end, end), 0};
    const std::uint64_t length = part.end - part.begin;
    const std::uint64_t beyond = held.length() - length;
    for (std::size_t i = 0; i < cause_count; ++i) {
      if (!is_others(static_cast<Cause>(i)) || held.parts[i] <= beyond)
        continue;
      by[i] += held.parts[i] - beyond;
      part.explained += held.parts[i] - beyond;
    }
    by[index_of(Cause::inside)] += length - part.explained;
    parts.push_back(part);
  }

  // The sum over both sides, what they may have in common once.
  template <class Amount>
  [[nodiscard]] std::uint64_t together(Amount&& amount)
  {
    std::uint64_t sum = 0;
    for (std::vector<Part>& parts : parts_) {
      for (Part& part : parts)
        sum += part.left = amount(part);
    }
    return sum - take_common(parts_[0], parts_[1]);
  }

  const std::array<std::vector<Held>, 2>& held_;
  std::array<std::size_t, 2> next_{};
  std::array<std::vector<Part>, 2> parts_;  // scratch
};

std::string sentence_for(const Trip& trip, const Blame& blame, const TickClock& clock, int cpu)
{
  const std::string length = cli::duration_text(clock.ns(trip.length_ticks));
  const std::string took = cli::duration_text(clock.ns(blame.cause_ticks));
  const auto with_rest = [&](const std::string& what) {
    return fmt::format("{}: {}; channel at most {}", length, what,
                       cli::duration_text(clock.ns(trip.length_ticks - blame.explained_ticks)));
  };
  switch (blame.cause) {
    case Cause::clean:
      return fmt::format("{}: nothing held up either side; the channel's own, caches and the memory bus included",
                         length);
    case Cause::host:
      return with_rest(fmt::format("the host{} took {} on cpu {}",
                                   clock.ns(blame.cause_ticks) < rt::longest_interrupt_ns ? ", or an interrupt," : "",
                                   took, cpu));
    case Cause::interrupt:
      return with_rest(fmt::format("an interrupt, to judge by how many there were, took {} on cpu {}", took, cpu));
    case Cause::preempted:
      return with_rest(fmt::format("another thread had cpu {} for {}", cpu, took));
    case Cause::stopped:
      return with_rest(fmt::format("the thread on cpu {} was stopped or slept for {}", cpu, took));
    case Cause::fault:
      return with_rest(fmt::format("page faults on cpu {} took {}", cpu, took));
    case Cause::observer:
      return with_rest(fmt::format("this benchmark read counters on cpu {} for {}", cpu, took));
    case Cause::inside:
      break;
  }
  std::string others;
  for (std::size_t i = 0; i < cause_count; ++i) {
    if (is_others(static_cast<Cause>(i)) && blame.parts[i] != 0)
      others += fmt::format("{}{} {}", others.empty() ? "; others: " : ", ", cause_names[i],
                            cli::duration_text(clock.ns(blame.parts[i])));
  }
  const std::uint64_t in_no_stall = trip.length_ticks - blame.held_ticks;
  const std::uint64_t inside = blame.cause_ticks - std::min(in_no_stall, blame.cause_ticks);
  if (inside < in_no_stall)
    return fmt::format("{}: {} of it neither side was held up: the channel's own{}", length,
                       cli::duration_text(clock.ns(in_no_stall)), others);
  const std::string where = inside > blame.inside_ticks ? fmt::format("operations of the channel, most on cpu {},", cpu)
                                                        : fmt::format("an operation of the channel on cpu {},", cpu);
  return fmt::format("{}: {} passed inside {} and nothing proves that it was not the channel{}", length,
                     cli::duration_text(clock.ns(inside)), where, others);
}

constexpr bool is_unexplained_outside(const Stall& stall) noexcept
{
  return stall.inside == 0 && rt::classify(stall.parts) == rt::GapClass::unexplained;
}

}  // namespace

std::vector<Held> held_of(const SideRecord& side, const TickClock& clock)
{
  const auto stalls = std::span(side.stalls.entries).first(side.stalls.kept());
  const auto short_ones = std::count_if(stalls.begin(), stalls.end(), [&](const Stall& stall) {
    return stall.length_ticks != 0 && is_unexplained_outside(stall) &&
           clock.ns(stall.length_ticks) < rt::longest_interrupt_ns;
  });
  const bool short_are_interrupts =
      short_ones != 0 && rt::short_gaps_are_interrupts(static_cast<std::uint64_t>(short_ones), side.interrupts);
  std::vector<Held> all;
  all.reserve(2 * stalls.size());
  for (const Stall& stall : stalls) {
    Held held{stall.begin_ticks, stall.begin_ticks + stall.length_ticks, {}};
    std::uint64_t left = held.length();
    const auto take = [&](Cause cause, std::uint64_t part) {
      part = std::min(part, left);
      held.parts[index_of(cause)] += part;
      left -= part;
    };
    take(Cause::preempted, clock.ticks_of_ns(stall.parts[rt::GapClass::preempted]));
    take(Cause::fault, clock.ticks_of_ns(stall.parts[rt::GapClass::fault]));
    if (stall.inside == 0 || stall.continued != 0)
      take(Cause::stopped, clock.ticks_of_ns(stall.parts[rt::GapClass::stopped]));
    take(Cause::observer, stall.reading_ticks);
    if (stall.inside != 0)
      take(Cause::inside, left);
    else if (short_are_interrupts && clock.ns(left) < rt::longest_interrupt_ns)
      take(Cause::interrupt, left);
    else
      take(Cause::host, left);
    if (held.length() != 0)
      all.push_back(held);
    if (stall.observer_ticks != 0) {
      all.push_back({held.end, held.end + stall.observer_ticks, {}});
      all.back().parts[index_of(Cause::observer)] = stall.observer_ticks;
    }
  }
  return all;
}

void Attribution::Inside::add(const SideRecord& side, const std::vector<Held>& held)
{
  ticks += side.inside_ticks;
  stalls += static_cast<std::uint64_t>(
      std::count_if(held.begin(), held.end(), [](const Held& one) { return largest_of(one.parts) == Cause::inside; }));
}

void Attribution::add(const SampleRoom& room, std::span<const Trip> trips, double at_s)
{
  const std::array<std::vector<Held>, 2> held = {held_of(room.sides[0], *clock_), held_of(room.sides[1], *clock_)};
  for (std::size_t side = 0; side < held.size(); ++side) {
    inside_[side].add(room.sides[side], held[side]);
    for (const Held& one : held[side]) {
      const Cause cause = largest_of(one.parts);
      if (cause == Cause::host || cause == Cause::interrupt)
        outside_stalls_ns_.push_back(clock_->ns(one.length()));
    }
  }
  Judge judge(held);
  const Trip* longest = nullptr;
  Cause why_longest = Cause::clean;
  for (const Trip& trip : trips) {
    const Blame blame = judge.blame_for(trip);
    count(trip, blame);
    keep_worst(trip, blame, at_s);
    if (longest == nullptr || trip.length_ticks > longest->length_ticks) {
      longest = &trip;
      why_longest = blame.cause;
    }
  }
  if (longest != nullptr)
    timeline_.push_back({at_s, clock_->ns(longest->length_ticks), name_of(why_longest)});
}

void Attribution::add_floor(const SampleRoom& room)
{
  for (std::size_t side = 0; side < inside_floor_.size(); ++side)
    inside_floor_[side].add(room.sides[side], held_of(room.sides[side], *clock_));
}

void Attribution::count(const Trip& trip, const Blame& blame)
{
  trips_.record(clock_->ns(trip.length_ticks));
  Total& total = totals_[index_of(blame.cause)];
  ++total.count;
  total.ticks += blame.cause_ticks;
  clean_max_ticks_ = std::max(clean_max_ticks_, trip.length_ticks - blame.held_ticks);
  const std::uint64_t channel_ticks = trip.length_ticks - blame.explained_ticks;
  channel_max_ticks_ = std::max(channel_max_ticks_, channel_ticks);
  if (blame.cause != Cause::clean)
    unexplained_ticks_ += channel_ticks;
}

void Attribution::keep_worst(const Trip& trip, const Blame& blame, double at_s)
{
  const std::uint64_t ns = clock_->ns(trip.length_ticks);
  if (worst_.size() == worst_kept && ns <= worst_.back().ns)
    return;
  if (worst_.size() == worst_kept)
    worst_.pop_back();
  const int cpu = cpus_[blame.side];
  WorstSample sample{ns,
                     at_s,
                     blame.cause,
                     clock_->ns(blame.inside_ticks),
                     clock_->ns(trip.length_ticks - blame.explained_ticks),
                     cpu,
                     sentence_for(trip, blame, *clock_, cpu)};
  const auto place =
      std::find_if(worst_.begin(), worst_.end(), [&](const WorstSample& other) { return other.ns < ns; });
  worst_.insert(place, std::move(sample));
}

Json Attribution::inside_expected_json() const
{
  double expected = 0;
  for (std::size_t side = 0; side < inside_.size(); ++side) {
    if (inside_floor_[side].ticks == 0)
      return nullptr;
    expected += static_cast<double>(inside_floor_[side].stalls) * static_cast<double>(inside_[side].ticks) /
                static_cast<double>(inside_floor_[side].ticks);
  }
  return expected;
}

Json Attribution::attributed_json() const
{
  Json json = {{"clean_count", totals_[index_of(Cause::clean)].count},
               {"clean_max_ns", clock_->ns(clean_max_ticks_)},
               {"channel_max_ns", clock_->ns(channel_max_ticks_)},
               {"unexplained_ns", clock_->ns(unexplained_ticks_)}};
  for (std::size_t i = index_of(Cause::clean) + 1; i < cause_count; ++i) {
    json[fmt::format("{}_ns", cause_names[i])] = clock_->ns(totals_[i].ticks);
    json[fmt::format("{}_count", cause_names[i])] = totals_[i].count;
  }
  json["inside_stalls"] = inside_[0].stalls + inside_[1].stalls;
  json["inside_expected"] = inside_expected_json();
  json["inside_floor_stalls"] = inside_floor_[0].stalls + inside_floor_[1].stalls;
  return json;
}

Json Attribution::worst_json() const
{
  Json all = Json::array();
  for (const WorstSample& sample : worst_) {
    std::string sentence = sample.sentence;
    if (sample.cause == Cause::inside && sample.inside_ns != 0) {
      const auto as_long = std::count_if(outside_stalls_ns_.begin(), outside_stalls_ns_.end(),
                                         [&](std::uint64_t ns) { return ns >= sample.inside_ns; });
      sentence += fmt::format("; between operations, where it is not, {} stalls of this run were as long", as_long);
    }
    all.push_back({{"ns", sample.ns},
                   {"at_s", sample.at_s},
                   {"class", name_of(sample.cause)},
                   {"cpu", sample.cpu},
                   {"channel_ns", sample.channel_ns},
                   {"sentence", sentence}});
  }
  return all;
}

}  // namespace rtlane::bench
