#include "rounds.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "../support/process.hpp"

namespace rtlane::bench {
namespace {

constexpr double floors_differ = 1.15;
// Real-time threads that never sleep meet the kernel's throttle, which takes 50 ms of each second when it likes.
constexpr double rest_share = 0.06;

}  // namespace

double median_trip_ns(SampleRoom& room, const TickClock& clock)
{
  const auto groups = std::span(room.groups.entries).first(room.groups.kept());
  if (groups.empty())
    die("a segment ended without a sample: its CPUs are too busy");
  const auto middle = groups.begin() + static_cast<std::ptrdiff_t>(groups.size() / 2);
  std::nth_element(groups.begin(), middle, groups.end());
  return static_cast<double>(*middle) / clock.ticks_per_ns() / trips_per_group;
}

Rounds::Rounds(const Candidates& candidates, const Placement& placement, const RoundPlan& plan)
    : candidates_(candidates),
      placement_(placement),
      plan_(plan),
      shared_(sizeof(SampleRoom) + cache_line_bytes),
      room_(shared_.make<SampleRoom>()),
      floor_(floor_candidate(), placement_, room_),
      dropped_(candidates.size()),
      random_(plan.seed)
{
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    progress_.show(fmt::format("starting {}", candidates_[i].info.name), i, candidates_.size());
    pairs_.push_back(candidates_[i].make == nullptr ? nullptr
                                                    : std::make_unique<Pair>(candidates_[i], placement_, room_));
  }
}

SegmentPlan Rounds::segment(SegmentKind kind) const
{
  constexpr std::uint64_t stop_again_ns = 2'000'000;
  SegmentPlan plan{};
  plan.kind = kind;
  plan.duration_ticks = placement_.clock.ticks_of_ns(plan_.segment_ms * std::uint64_t{1'000'000});
  plan.stop_again_ticks = placement_.clock.ticks_of_ns(stop_again_ns);
  return plan;
}

void Rounds::run_floor(const SegmentPlan& plan)
{
  if (!floor_.run(plan))
    die(fmt::format("the floor cannot be measured: {}", floor_.failure()));
}

double Rounds::floor_ns()
{
  SegmentPlan plan = segment(SegmentKind::ratio);
  plan.duration_ticks = placement_.clock.ticks_of_ns(plan_.floor_ms * std::uint64_t{1'000'000});
  run_floor(plan);
  floors_ns_.push_back(median_trip_ns(room_, placement_.clock));
  return floors_ns_.back();
}

void Rounds::run(const std::string& what, const Measure& measure, const Keep& keep, const Watch& watch)
{
  std::vector<std::size_t> order(candidates_.size());
  std::iota(order.begin(), order.end(), 0);
  const unsigned total = plan_.rounds + plan_.warm_up_rounds;
  for (unsigned round = 0; round < total; ++round) {
    progress_.show(what, round, total);
    std::shuffle(order.begin(), order.end(), random_);
    if (watch && round >= plan_.warm_up_rounds) {
      run_floor(segment(SegmentKind::closed));
      watch(room_);
    }
    double before = floor_ns();
    for (const std::size_t i : order) {
      if (pairs_[i] == nullptr || pairs_[i]->failed())
        continue;
      const auto begin = std::chrono::steady_clock::now();
      Turn turn{i, *pairs_[i], std::chrono::duration<double>(begin - start_).count(), round >= plan_.warm_up_rounds, 0};
      const bool measured = measure(turn);
      const double after = floor_ns();
      const bool agree = std::max(before, after) <= floors_differ * std::min(before, after);
      if (measured && turn.counts) {
        turn.floor_ns = agree ? (before + after) / 2 : 0;
        dropped_[i] += agree ? 0 : 1;
        keep(turn);
      }
      before = after;
      const std::chrono::duration<double, std::nano> busy = std::chrono::steady_clock::now() - begin;
      const auto rest_ns = static_cast<long>(busy.count() * rest_share);
      const timespec rest{rest_ns / 1'000'000'000, rest_ns % 1'000'000'000};
      ::nanosleep(&rest, nullptr);
    }
  }
}

}  // namespace rtlane::bench
