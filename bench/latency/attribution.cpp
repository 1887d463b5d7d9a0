#include "attribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "output.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr Cause cause_of(rt::NoiseCause cause) noexcept
{
  switch (cause) {
    case rt::NoiseCause::preempted:
      return Cause::preempted;
    case rt::NoiseCause::stopped:
      return Cause::stopped;
    case rt::NoiseCause::fault:
      return Cause::fault;
    case rt::NoiseCause::interrupt:
      return Cause::interrupt;
    case rt::NoiseCause::host:
      break;
  }
  return Cause::host;
}

struct Interval {
  std::uint64_t begin;
  std::uint64_t end;
};

// One side's stalls, for trips that are asked for in order.
class StallCursor {
public:
  StallCursor(const SideRecord& side, const std::vector<Cause>& causes) : stalls_(side.stalls), causes_(causes) {}

  // Calls visit(cause, part) for what of each stall lies within the trip.
  template <class Visit>
  void within(const Interval& trip, Visit&& visit)
  {
    while (next_ < causes_.size() && at(next_).end <= trip.begin)
      ++next_;
    for (std::size_t i = next_; i < causes_.size() && at(i).begin < trip.end; ++i)
      visit(causes_[i], Interval{std::max(at(i).begin, trip.begin), std::min(at(i).end, trip.end)});
  }

private:
  [[nodiscard]] Interval at(std::size_t i) const
  {
    const Stall& stall = stalls_.entries[i];
    return {stall.begin_ticks, stall.begin_ticks + stall.length_ticks};
  }

  const decltype(SideRecord::stalls)& stalls_;
  const std::vector<Cause>& causes_;
  std::size_t next_ = 0;
};

// The time that at least one of them covers.
std::uint64_t covered_ticks(std::vector<Interval>& parts)
{
  std::sort(parts.begin(), parts.end(), [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  std::uint64_t sum = 0;
  std::uint64_t covered_until = 0;
  for (const Interval& part : parts) {
    const std::uint64_t begin = std::max(part.begin, covered_until);
    if (part.end > begin)
      sum += part.end - begin;
    covered_until = std::max(covered_until, part.end);
  }
  return sum;
}

// `explained` is scratch.
Blame blame_for(const Trip& trip, std::array<StallCursor, 2>& cursors, std::vector<Interval>& explained)
{
  Blame blame;
  explained.clear();
  for (std::size_t side = 0; side < cursors.size(); ++side) {
    std::array<std::uint64_t, cause_count> by{};
    cursors[side].within({trip.begin_ticks, trip.begin_ticks + trip.length_ticks},
                         [&](Cause cause, const Interval& part) {
                           by[index_of(cause)] += part.end - part.begin;
                           if (cause != Cause::inside)
                             explained.push_back(part);
                         });
    for (std::size_t i = 0; i < cause_count; ++i) {
      if (by[i] > blame.cause_ticks) {
        blame.cause = static_cast<Cause>(i);
        blame.side = side;
        blame.cause_ticks = by[i];
      }
    }
  }
  if (!explained.empty())
    blame.explained_ticks = covered_ticks(explained);
  return blame;
}

std::string sentence_for(std::uint64_t ns, const Blame& blame, std::uint64_t cause_ns, std::uint64_t channel_ns,
                         int cpu)
{
  const std::string most = fmt::format("at most {}", cli::duration_text(channel_ns));
  const std::string length = cli::duration_text(ns);
  const std::string took = cli::duration_text(cause_ns);
  switch (blame.cause) {
    case Cause::clean:
      return fmt::format("{}: nothing held up either side; the channel's own, caches and the memory bus included",
                         length);
    case Cause::host:
      return fmt::format("{}: the host{} took {} on cpu {}; channel {}", length,
                         cause_ns < rt::longest_interrupt_ns ? ", or an interrupt," : "", took, cpu, most);
    case Cause::interrupt:
      return fmt::format("{}: an interrupt, to judge by how many there were, took {} on cpu {}; channel {}", length,
                         took, cpu, most);
    case Cause::preempted:
      return fmt::format("{}: another thread had cpu {} for {}; channel {}", length, cpu, took, most);
    case Cause::stopped:
      return fmt::format("{}: the thread on cpu {} was stopped or slept for {}; channel {}", length, cpu, took, most);
    case Cause::fault:
      return fmt::format("{}: a page fault on cpu {} took {}; channel {}", length, cpu, took, most);
    case Cause::inside:
      return fmt::format(
          "{}: {} passed inside an operation of the channel on cpu {}, and nothing proves that it was not "
          "the channel",
          length, took, cpu);
  }
  return length;
}

}  // namespace

std::vector<Cause> causes_of(const SideRecord& side, const TickClock& clock)
{
  const auto stalls = std::span(side.stalls.entries).first(side.stalls.kept());
  const auto short_ones = std::count_if(stalls.begin(), stalls.end(), [&](const Stall& stall) {
    return stall.evidence == rt::GapClass::unexplained && stall.inside == 0 &&
           clock.ns(stall.length_ticks) < rt::longest_interrupt_ns;
  });
  const bool short_are_interrupts =
      rt::short_gaps_are_interrupts(static_cast<std::uint64_t>(short_ones), side.interrupts);
  std::vector<Cause> causes;
  causes.reserve(stalls.size());
  for (const Stall& stall : stalls) {
    const bool is_channels = stall.inside != 0 && stall.evidence == rt::GapClass::unexplained;
    causes.push_back(is_channels ? Cause::inside
                                 : cause_of(rt::cause_of(stall.evidence, clock.ns(stall.length_ticks),
                                                         short_ones != 0 && short_are_interrupts)));
  }
  return causes;
}

void Attribution::add(const SampleRoom& room, double at_s)
{
  const std::array<std::vector<Cause>, 2> causes = {causes_of(room.sides[0], *clock_),
                                                    causes_of(room.sides[1], *clock_)};
  std::array<StallCursor, 2> cursors = {StallCursor(room.sides[0], causes[0]), StallCursor(room.sides[1], causes[1])};
  for (std::size_t side = 0; side < causes.size(); ++side) {
    inside_ticks_ += room.sides[side].inside_ticks;
    outside_ticks_ += room.sides[side].outside_ticks;
    inside_stalls_ += static_cast<std::uint64_t>(std::count(causes[side].begin(), causes[side].end(), Cause::inside));
    for (std::size_t i = 0; i < causes[side].size(); ++i) {
      if (causes[side][i] == Cause::host || causes[side][i] == Cause::interrupt)
        outside_stalls_ns_.push_back(clock_->ns(room.sides[side].stalls.entries[i].length_ticks));
    }
  }
  std::vector<Interval> explained;
  const Trip* longest = nullptr;
  Blame why_longest;
  for (const Trip& trip : std::span(room.trips.entries).first(room.trips.kept())) {
    const Blame blame = blame_for(trip, cursors, explained);
    count(trip, blame);
    keep_worst(trip, blame, at_s);
    if (longest == nullptr || trip.length_ticks > longest->length_ticks) {
      longest = &trip;
      why_longest = blame;
    }
  }
  if (longest != nullptr)
    timeline_.push_back({at_s, clock_->ns(longest->length_ticks), name_of(why_longest.cause)});
}

void Attribution::count(const Trip& trip, const Blame& blame)
{
  round_trips_.record(clock_->ns(trip.length_ticks));
  sends_.record(clock_->ns(trip.send_ticks));
  receives_.record(clock_->ns(trip.receive_ticks));
  Total& total = totals_[index_of(blame.cause)];
  ++total.count;
  total.ticks += blame.cause_ticks;
  if (blame.cause == Cause::clean)
    clean_max_ticks_ = std::max(clean_max_ticks_, trip.length_ticks);
}

void Attribution::keep_worst(const Trip& trip, const Blame& blame, double at_s)
{
  const std::uint64_t ns = clock_->ns(trip.length_ticks);
  if (worst_.size() == worst_kept && ns <= worst_.back().ns)
    return;
  if (worst_.size() == worst_kept)
    worst_.pop_back();
  const int cpu = cpus_[blame.side];
  const std::uint64_t cause_ns = clock_->ns(blame.cause_ticks);
  WorstSample sample{
      ns,       at_s, blame.cause,
      cause_ns, cpu,  sentence_for(ns, blame, cause_ns, clock_->ns(trip.length_ticks - blame.explained_ticks), cpu)};
  const auto place =
      std::find_if(worst_.begin(), worst_.end(), [&](const WorstSample& other) { return other.ns < ns; });
  worst_.insert(place, std::move(sample));
}

Json Attribution::attributed_json() const
{
  Json json = {{"clean_count", totals_[index_of(Cause::clean)].count}, {"clean_max_ns", clock_->ns(clean_max_ticks_)}};
  for (std::size_t i = index_of(Cause::clean) + 1; i < cause_count; ++i) {
    json[fmt::format("{}_ns", cause_names[i])] = clock_->ns(totals_[i].ticks);
    json[fmt::format("{}_count", cause_names[i])] = totals_[i].count;
  }
  json["inside_stalls"] = inside_stalls_;
  json["inside_expected"] = outside_ticks_ == 0
                                ? 0.0
                                : static_cast<double>(outside_stalls_ns_.size()) * static_cast<double>(inside_ticks_) /
                                      static_cast<double>(outside_ticks_);
  return json;
}

Json Attribution::worst_json() const
{
  Json all = Json::array();
  for (const WorstSample& sample : worst_) {
    std::string sentence = sample.sentence;
    if (sample.cause == Cause::inside) {
      const auto as_long = std::count_if(outside_stalls_ns_.begin(), outside_stalls_ns_.end(),
                                         [&](std::uint64_t ns) { return ns >= sample.cause_ns; });
      sentence += fmt::format("; between operations, where it is not, {} stalls of this run were as long", as_long);
    }
    all.push_back({{"ns", sample.ns},
                   {"at_s", sample.at_s},
                   {"class", name_of(sample.cause)},
                   {"cpu", sample.cpu},
                   {"sentence", sentence}});
  }
  return all;
}

}  // namespace rtlane::bench
