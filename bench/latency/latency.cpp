// rtlane-bench latency: how long a message takes, and who is to blame for the worst.
#include <rtlane/channels/histogram.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/percentiles.hpp"
#include "../support/statistics.hpp"
#include "attribution.hpp"
#include "one_way.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "run_options.hpp"
#include "runs.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(Two sides on two CPUs, both polling where the channel lets them, in processes of their own (peers that cannot cross
processes: in two threads of one; they are marked). Short rounds: each candidate once, between two segments of the floor,
which is the raw cache-line round trip of the same two CPUs at the same moment.

Closed loop (the default): a message there and back, the next one when it is back. Two segments each turn: one timed in
groups of 16 round trips, for ratio_to_floor (the median over rounds of p50 / floor); and one in which every round trip is
timed and both sides watch for stalls, for the distribution. Closed loops hide queueing: while one message is held up
none is due.
Open loop (--mode open --rate HZ): messages are due on a schedule that nothing holds up. service is from sending to
receiving; response is from when it was due, so one long stall shows in every message that it delayed. Both sides watch
for stalls here too.
Before either, 64 messages go there and back that are not timed.

one_way_ns cuts the round trips of the closed loop in two where the far side had the message: the tick counters of one
machine run at one rate, and environment.tick.offset_ns bounds how far those of the two CPUs are apart. `there` may be
too long by so much and `back` too short by the same; without an invariant counter, or with more than 200 ns, it is not
there.

Causes: a stall is a distance of --threshold-ns or more between two readings of the tick counter. Counters of the thread
are read right after it, and explain no more of it than what they counted: preempted (waiting for a CPU), stopped (by a
signal; between two operations also asleep), fault (what page faults take here). Of the rest, what lies between two
operations is interrupt, when the CPU got about as many in that segment as there were short stalls; else host. What lies
inside an operation is `inside` and on the channel's account. Reading the counters is observer. A message is clean when
none of these touches it; else its class is that of the largest part, where what nothing explains is `inside`.
channel max is the largest time of a message that nothing proves to be another's; clean max the largest without all that
lies in a stall. Who sleeps in the kernel while he waits (blocks) is not watched.
inside_expected is how many stalls inside operations are the host's, by how many there were inside those of the floor, a
load or a store, in the same rounds and per time spent in them.

Raw figures stand beside attributed ones, and nothing is trimmed. A percentile is stated when at least 10 samples lie
beyond it, and else how many samples it needs; from 5 launches (--launches) on the document has the 95 % confidence
interval of each up to p99, from how much the launches differ.

JSON: schema rtlane.bench/1, described in bench/README.md.

Exit status: 0 measured; 1 it could not be, or a candidate failed; 2 wrong usage.)";

struct Options : RunOptions {
  std::string mode = "closed";
  double rate_hz = 10'000;
};

// ---- what is kept of a candidate

// Who sleeps in the kernel while he waits is not watched.
void tell(const Attribution& attribution, Json& result)
{
  if (result["blocks"] == true)
    return;
  result["attributed"] = attribution.attributed_json();
  result["worst"] = attribution.worst_json();
  result["timeline"] = attribution.timeline_json();
}

// Closed loop. Of the whole run, and the same of each launch.
class Closed {
public:
  Closed(const Options& options, const TickClock& clock) : attribution_(clock, {options.cpus.near, options.cpus.far}) {}

  static bool measure(Rounds& rounds, Turn& turn, const TickClock& clock, std::initializer_list<Closed*> all)
  {
    if (!turn.pair.run(rounds.segment(SegmentKind::ratio)))
      return false;
    const double trip_ns = median_trip_ns(rounds.room(), clock);
    if (!turn.pair.run(rounds.segment(SegmentKind::closed)))
      return false;
    for (Closed* const one : all) {
      one->trip_ns_ = trip_ns;
      if (!turn.counts)
        continue;
      one->one_way_.add(rounds.room(), clock);
      one->add(rounds.room(), turn.at_s, clock);
    }
    return true;
  }

  void add_floor(const SampleRoom& room) { attribution_.add_floor(room); }

  void keep(const Turn& turn)
  {
    if (turn.floor_ns != 0)
      ratios_.add(trip_ns_ / turn.floor_ns, turn.floor_ns);
  }

  void end_of_launch()
  {
    trip_units_.end_of_one(attribution_.trips());
    send_units_.end_of_one(sends_);
    receive_units_.end_of_one(receives_);
    one_way_.end_of_launch();
  }

  [[nodiscard]] Json launch_json() const
  {
    Json rtt = percentiles_json(attribution_.trips());
    rtt.erase("needs");
    return {{"ratio_to_floor", ratios_.json()["median"]}, {"rtt_ns", std::move(rtt)}};
  }

  void finish(Json& result, const RunPlace& place) const
  {
    result["rounds"] = ratios_.count();
    if (place.ticks_agree())
      result["one_way_ns"] = one_way_.json();
    result["ratio_to_floor"] = ratios_.json();
    result["rtt_ns"] = percentiles_json(attribution_.trips(), trip_units_);
    result["operation_ns"] = {{"send", percentiles_json(sends_, send_units_)},
                              {"receive", percentiles_json(receives_, receive_units_)}};
    tell(attribution_, result);
    result["histogram"] = histogram_json(attribution_.trips());
  }

private:
  void add(const SampleRoom& room, double at_s, const TickClock& clock)
  {
    const auto trips = std::span(room.trips.entries).first(room.trips.kept());
    for (const Trip& trip : trips) {
      sends_.record(clock.ns(trip.send_ticks));
      receives_.record(clock.ns(trip.receive_ticks));
    }
    attribution_.add(room, trips, at_s);
  }

  double trip_ns_ = 0;
  FloorRatios ratios_;
  Histogram sends_;
  Histogram receives_;
  Attribution attribution_;
  OneWay one_way_;
  Units trip_units_, send_units_, receive_units_;
};

// Open loop.
class Open {
public:
  Open(const Options& options, const TickClock& clock)
      : clock_(clock), rate_hz_(options.rate_hz), attribution_(clock, {options.cpus.near, options.cpus.far})
  {}

  static bool measure(Rounds& rounds, Turn& turn, const TickClock& clock, std::initializer_list<Open*> all)
  {
    SegmentPlan plan = rounds.segment(SegmentKind::open);
    plan.interval_ticks = static_cast<std::uint64_t>(clock.frequency_hz() / (*all.begin())->rate_hz_);
    SampleRoom& room = rounds.room();
    std::fill(room.came_ticks.begin(), room.came_ticks.end(), 0);
    if (!turn.pair.run(plan))
      return false;
    for (Open* const one : all) {
      if (turn.counts)
        one->add(room, plan.interval_ticks, turn.at_s);
    }
    return true;
  }

  void add_floor(const SampleRoom& room) { attribution_.add_floor(room); }

  void keep(const Turn&) { ++rounds_; }

  void end_of_launch()
  {
    service_units_.end_of_one(service_);
    response_units_.end_of_one(attribution_.trips());
  }

  [[nodiscard]] Json launch_json() const
  {
    Json response = percentiles_json(attribution_.trips());
    response.erase("needs");
    return {{"response_ns", std::move(response)}};
  }

  void finish(Json& result, const RunPlace&) const
  {
    result["rounds"] = rounds_;
    result["rate_hz"] = rate_hz_;
    result["service_ns"] = percentiles_json(service_, service_units_);
    result["response_ns"] = percentiles_json(attribution_.trips(), response_units_);
    result["late"] = late_;
    result["lost"] = lost_;
    tell(attribution_, result);
    result["histogram"] = histogram_json(attribution_.trips());
    result["service_histogram"] = histogram_json(service_);
  }

private:
  void add(const SampleRoom& room, std::uint64_t interval_ticks, double at_s)
  {
    std::vector<Trip> trips;  // of responses
    trips.reserve(room.sent);
    for (std::uint64_t i = 0; i < room.sent; ++i) {
      late_ += room.sent_ticks[i] - room.due_ticks[i] > interval_ticks ? 1 : 0;
      if (room.came_ticks[i] == 0) {
        ++lost_;
        continue;
      }
      service_.record(clock_.ns(since(room.sent_ticks[i], room.came_ticks[i])));
      trips.push_back({room.due_ticks[i], since(room.due_ticks[i], room.came_ticks[i]), 0, 0});
    }
    attribution_.add(room, trips, at_s);
  }

  // Counters of two CPUs may differ by some nanoseconds.
  static std::uint64_t since(std::uint64_t begin, std::uint64_t end) { return end > begin ? end - begin : 0; }

  const TickClock& clock_;
  double rate_hz_;
  unsigned rounds_ = 0;
  Histogram service_;
  Attribution attribution_;
  Units service_units_, response_units_;
  std::uint64_t late_ = 0;
  std::uint64_t lost_ = 0;
};

// ---- the run

// All candidates of one message size; adds to the document's results.
template <class Kept>
void run_size(const Options& options, const RunPlace& place, std::size_t bytes, Json& results, FloorRecord& floor)
{
  const Candidates candidates = options.candidates(bytes);
  const TickClock& clock = place.placement.clock;
  const auto make = [&] {
    std::vector<std::unique_ptr<Kept>> kept;
    for (std::size_t i = 0; i < candidates.size(); ++i)
      kept.push_back(std::make_unique<Kept>(options, clock));
    return kept;
  };
  std::vector<Json> all;
  for (const Candidate& candidate : candidates)
    all.push_back(new_result(candidate, place, options.mode.c_str()));
  const std::vector<std::unique_ptr<Kept>> total = make();
  for_each_launch(
      candidates, options, place, fmt::format("latency, {} bytes, {}", bytes, options.mode), all, floor,
      [&](Rounds& rounds, const std::string& what) {
        const std::vector<std::unique_ptr<Kept>> launch = make();
        rounds.run(
            what,
            [&](Turn& turn) {
              return Kept::measure(rounds, turn, clock, {total[turn.candidate].get(), launch[turn.candidate].get()});
            },
            [&](const Turn& turn) {
              total[turn.candidate]->keep(turn);
              launch[turn.candidate]->keep(turn);
            },
            [&](const SampleRoom& room) {
              for (std::size_t i = 0; i < candidates.size(); ++i)
                total[i]->add_floor(room);
            });
        for (std::size_t i = 0; i < candidates.size(); ++i) {
          if (all[i].contains("skipped"))
            continue;
          all[i]["launches"].push_back(launch[i]->launch_json());
          total[i]->end_of_launch();
        }
      });
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!all[i].contains("skipped"))
      total[i]->finish(all[i], place);
    results.push_back(std::move(all[i]));
  }
}

}  // namespace

Json measure_latency(const RunOptions& run_options, const std::string& mode, double rate_hz, const RunPlace& place)
{
  Options options;
  static_cast<RunOptions&>(options) = run_options;
  options.mode = mode;
  options.rate_hz = rate_hz;
  const auto start = std::chrono::steady_clock::now();
  Json document = new_document("latency", options.plan.seed, place);
  Json results = Json::array();
  FloorRecord floor;
  for (const std::size_t bytes : options.bytes) {
    if (mode == "open")
      run_size<Open>(options, place, bytes, results, floor);
    else
      run_size<Closed>(options, place, bytes, results, floor);
  }
  document["duration_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  document["environment"]["tick"]["drift_ppm"] = place.placement.clock.drift_ppm();
  if (!floor.rounds_ns.empty())
    document["floor"] = floor.json();
  document["results"] = std::move(results);
  return document;
}

int latency(int argc, char** argv)
{
  cli::Command command(
      "Round trip or one-way latency of rtlane's channels and of peers, worst case first, and what caused it.",
      "rtlane-bench latency", manual);
  Options options;
  options.bytes = {16, 64};
  options.add_to(command);
  command.option("--mode", options.mode, "closed or open").shows_default().one_of({"closed", "open"});
  command.option("--rate", options.rate_hz, "Messages a second, for --mode open").shows_default().in_range(1.0, 1e7);
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto status = options.settle(command))
    return *status;
  if (options.mode == "open") {
    if (const auto status = options.check_rate(command, options.rate_hz))
      return *status;
  }
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);

  const Json document = measure_latency(options, options.mode, options.rate_hz, RunPlace(options));
  const bool written = report.write(document);
  cli::say(report.text(), latency_text(document));
  const Json& results = document["results"];
  const bool failed =
      std::any_of(results.begin(), results.end(), [](const Json& one) { return one.contains("failed"); });
  return written && !failed ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
