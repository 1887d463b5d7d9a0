// rtlane-bench hand-over: what it costs to let another process run, against what the system itself offers for it.
//
// Two processes on two CPUs that sleep until it is their turn. A sleep and a wake-up cost what the kernel and the host
// make of them at that moment, so all candidates take turns in short segments of one round, and only medians of the
// same round are compared. The order is another one in each round: on a machine that is busy the scheduler favours who
// follows a segment that slept over who follows one that polled.
//
// Every wait of a segment is without a time-out, as most users' are: a time-out costs time of its own. An alarm ends
// what hangs.
#include <rtlane/core/tick_clock.hpp>

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/process.hpp"
#include "../support/segments.hpp"
#include "../support/shared_room.hpp"
#include "../support/statistics.hpp"
#include "hand_over_candidates.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(Two processes on two CPUs, each asleep until the other lets it run. A round measures every candidate once, in an order
that changes from round to round; a ratio is the median over rounds of p50 of rtlane's / p50 of the peer in the same
round. "The best" peer of a candidate is the one with the largest ratio: rtlane is at most that much slower than any.

Batons (events, semaphores and their peers: sem_t, eventfd, a pthread mutex with a condition variable), one each way; the
sample is a round trip, that is two hand-overs. Asleep: each process keeps the baton for 10 us, so that the other one is
asleep when it comes; that time is taken off. At once: it is passed on without delay, so that who waits is often still
on the way to sleep.
Locks (mutexes, against a pthread mutex that is robust and priority-inheriting as rtlane's are): both processes lock,
hold for 2 us (long-lock: for 10 us, longer than anybody looks before he blocks), and unlock; the sample is the time
from unlocking to having the lock again, without the time for which the other held it: two hand-overs as well.
Alone: the same calls by one process while nobody waits: set and wait, release and wait, lock and unlock.

JSON: {"schema": "rtlane.bench.hand-over/1", "cpus": [A, B], "rounds", "seed": of the order in each round, "hold_ns":
{"asleep", "lock", "long_lock"}, "floor_ns": {"p50"}, "results": [{"name", "kind": "asleep", "at-once", "lock" or "long-lock", "rtt_ns": {"p50"},
"sleeps_per_hand_over", "preemptions", "alone_ns": {"p50"}, and for those of rtlane "ratio_to_best": {"peer", "median",
"p10", "p90"}, "ratio_to": [{"peer", "hand_over": {"median", "p10", "p90"}, "alone": {"median", "p10", "p90"}}]}]};
alone for the kinds at-once and lock. sleeps_per_hand_over counts voluntary context switches, preemptions the involuntary
ones, both of the two processes. With the document on standard output, the text goes to standard error.

Exit status: 0 measured; 1 it could not be (fewer than two CPUs, a hand-over that does not come within 10 s); 2 wrong
usage.)";

constexpr unsigned warm_up_rounds = 3;
constexpr unsigned hang_s = 10;
constexpr std::size_t room_bytes = 64 * 1024;

constexpr std::uint32_t order_seed = 1;

struct Options {
  unsigned rounds = 200;
  unsigned round_ms = 70;
  CpuPair cpus;
};

// ---- what ends a hand-over that does not come

char hang_text[200];
char loss_text[200];

void end_of_hope(int signal)
{
  const char* const text = signal == SIGALRM ? hang_text : loss_text;
  // Nothing is to be done where it cannot be said.
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0)
    _exit(cli::finding);
  _exit(cli::finding);
}

void set_up_watch()
{
  struct sigaction action = {};
  action.sa_handler = end_of_hope;
  action.sa_flags = SA_NOCLDSTOP;
  sigaction(SIGALRM, &action, nullptr);
  sigaction(SIGCHLD, &action, nullptr);
}

// The alarm is for `what`, from now on.
void watch(const char* what)
{
  alarm(0);
  *fmt::format_to_n(hang_text, sizeof hang_text - 1,
                    "rtlane-bench: {}: no hand-over for {} s: is the other process starved or stopped?\n", what, hang_s)
       .out = '\0';
  *fmt::format_to_n(loss_text, sizeof loss_text - 1, "rtlane-bench: {}: the other process has ended\n", what).out =
      '\0';
  alarm(hang_s);
}

void end_watch()
{
  alarm(0);
  signal(SIGCHLD, SIG_DFL);
}

// ---- measuring

// Context switches of a process so far.
struct Switches {
  std::uint64_t sleeps;
  std::uint64_t preemptions;

  static Switches now()
  {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return {static_cast<std::uint64_t>(used.ru_nvcsw), static_cast<std::uint64_t>(used.ru_nivcsw)};
  }
  Switches since(const Switches& before) const { return {sleeps - before.sleeps, preemptions - before.preemptions}; }
};

// A candidate and what was measured of it; an element of the vectors for each round.
struct Entry {
  Candidate& candidate;
  std::vector<double> hand_over;
  std::vector<double> alone;
  Switches switches{};
  std::uint64_t samples = 0;

  [[nodiscard]] bool is_ours() const { return std::string_view(candidate.name()).starts_with("rtlane/"); }
  [[nodiscard]] bool is_peer_of(const Entry& ours) const
  {
    return !is_ours() && candidate.kind() == ours.candidate.kind();
  }
};

const char* kind_text(CandidateKind kind)
{
  switch (kind) {
    case CandidateKind::asleep:
      return "asleep";
    case CandidateKind::at_once:
      return "at-once";
    case CandidateKind::lock:
      return "lock";
    default:
      return "long-lock";
  }
}

class HandOver {
public:
  HandOver(const Options& options, double per_ns)
      : options_(options),
        per_ns_(per_ns),
        room_(room_bytes),
        control_(room_.make<SegmentControl>()),
        far_switches_(room_.make<Switches>()),
        candidates_(make_candidates(room_, per_ns)),
        segments_(control_)
  {
    for (const auto& candidate : candidates_)
      entries_.push_back({*candidate, {}, {}});
    samples_.reserve(1 << 16);
  }

  void run()
  {
    watch("before the first segment");
    set_up_watch();
    const pid_t far_process = start_far_process(options_.cpus.far, [&] { serve(); });
    pin(options_.cpus.near);
    std::vector<std::size_t> order(entries_.size());
    std::iota(order.begin(), order.end(), 0);
    std::minstd_rand random(order_seed);  // the same orders in every run
    const double part_ns = options_.round_ms * 1e6 / static_cast<double>(entries_.size() + 1);
    for (unsigned round = 0; round < options_.rounds + warm_up_rounds; ++round) {
      const bool counts = round >= warm_up_rounds;
      watch("the floor");
      const std::uint64_t floor = segments_.floor(ticks_of(part_ns / 2), samples_);
      if (counts)
        floors_ns_.push_back(static_cast<double>(floor) / per_ns_ / trips_per_sample);
      std::shuffle(order.begin(), order.end(), random);
      for (const std::size_t index : order)
        measure(index, part_ns, counts);
      const timespec rest{0, static_cast<long>(options_.round_ms) * 50'000};
      nanosleep(&rest, nullptr);
    }
    end_watch();
    segments_.start(quit_segment);
    join_far_process(far_process);
  }

  [[nodiscard]] Json document() const
  {
    Json results = Json::array();
    for (const Entry& entry : entries_)
      results.push_back(result(entry));
    return {{"schema", "rtlane.bench.hand-over/1"},
            {"cpus", {options_.cpus.near, options_.cpus.far}},
            {"rounds", options_.rounds},
            {"seed", order_seed},
            {"hold_ns", {{"asleep", long_hold_ns}, {"lock", lock_hold_ns}, {"long_lock", long_hold_ns}}},
            {"floor_ns", {{"p50", quantile(floors_ns_, 0.5)}}},
            {"results", std::move(results)}};
  }

private:
  [[nodiscard]] std::uint64_t ticks_of(double ns) const { return static_cast<std::uint64_t>(ns * per_ns_); }

  // The other process.
  void serve()
  {
    serve_segments(control_, [&](std::uint32_t kind, Patience&) {
      const Switches before = Switches::now();
      entries_[kind - first_own_segment].candidate.serve();
      far_switches_ = Switches::now().since(before);
    });
  }

  void measure(std::size_t index, double part_ns, bool counts)
  {
    Entry& entry = entries_[index];
    watch(entry.candidate.name());
    entry.candidate.prepare();
    segments_.start(first_own_segment + static_cast<std::uint32_t>(index));
    const Switches before = Switches::now();
    samples_.clear();
    entry.candidate.measure(ticks_of(part_ns), samples_);
    const Switches near_switches = Switches::now().since(before);
    segments_.await_end();
    const auto hand_over = static_cast<double>(median(samples_)) / per_ns_;
    const std::size_t count = samples_.size();
    samples_.clear();
    entry.candidate.measure_alone(ticks_of(part_ns / 10), samples_);
    if (!counts)
      return;
    entry.hand_over.push_back(hand_over);
    if (!samples_.empty())
      entry.alone.push_back(static_cast<double>(median(samples_)) / per_ns_ / trips_per_sample);
    entry.samples += count;
    entry.switches.sleeps += near_switches.sleeps + far_switches_.sleeps;
    entry.switches.preemptions += near_switches.preemptions + far_switches_.preemptions;
  }

  static std::vector<double> ratios(const std::vector<double>& ours, const std::vector<double>& theirs)
  {
    std::vector<double> all;
    for (std::size_t round = 0; round < ours.size(); ++round)
      all.push_back(ours[round] / theirs[round]);
    return all;
  }

  [[nodiscard]] Json result(const Entry& entry) const
  {
    Json all = {
        {"name", entry.candidate.name()},
        {"kind", kind_text(entry.candidate.kind())},
        {"rtt_ns", {{"p50", quantile(entry.hand_over, 0.5)}}},
        {"sleeps_per_hand_over", static_cast<double>(entry.switches.sleeps) / (2 * static_cast<double>(entry.samples))},
        {"preemptions", entry.switches.preemptions}};
    if (!entry.alone.empty())
      all["alone_ns"] = {{"p50", quantile(entry.alone, 0.5)}};
    if (!entry.is_ours())
      return all;
    Json best;
    Json to = Json::array();
    for (const Entry& peer : entries_) {
      if (!peer.is_peer_of(entry))
        continue;
      const Json hand_over = spread(ratios(entry.hand_over, peer.hand_over));
      to.push_back({{"peer", peer.candidate.name()}, {"hand_over", hand_over}});
      if (!entry.alone.empty())
        to.back()["alone"] = spread(ratios(entry.alone, peer.alone));
      if (best.is_null() || hand_over["median"] > best["median"]) {
        best = {{"peer", peer.candidate.name()}};
        best.update(hand_over);
      }
    }
    all["ratio_to_best"] = std::move(best);
    all["ratio_to"] = std::move(to);
    return all;
  }

  Options options_;
  double per_ns_;
  SharedRoom room_;
  SegmentControl& control_;
  Switches& far_switches_;  // in the segment that has just ended; ordered by D1
  std::vector<std::unique_ptr<Candidate>> candidates_;
  std::vector<Entry> entries_;
  Segments segments_;
  std::vector<std::uint64_t> samples_;
  std::vector<double> floors_ns_;
};

// ---- the text

std::string number(const Json& value, int digits)
{
  return fmt::format("{:.{}f}", value.get<double>(), digits);
}

std::string text_of(const Json& document)
{
  std::vector<std::vector<std::string>> ratios = {{"kind", "candidate", "against", "hand-over", "p10", "p90", "alone"}};
  std::vector<std::vector<std::string>> figures = {
      {"kind", "candidate", "round trip ns", "sleeps/hand-over", "preemptions", "alone ns"}};
  for (const Json& result : document["results"]) {
    const auto kind = result["kind"].get<std::string>();
    const auto name = result["name"].get<std::string>();
    const bool alone = result.contains("alone_ns");
    figures.push_back({kind, name, number(result["rtt_ns"]["p50"], 0), number(result["sleeps_per_hand_over"], 2),
                       result["preemptions"].dump(), alone ? number(result["alone_ns"]["p50"], 0) : "-"});
    if (!result.contains("ratio_to"))
      continue;
    const auto add = [&](const std::string& peer, const Json& ratio, const std::string& ratio_alone) {
      ratios.push_back({kind, name, peer, number(ratio["median"], 3), number(ratio["p10"], 3), number(ratio["p90"], 3),
                        ratio_alone});
    };
    add("the best", result["ratio_to_best"], "");
    for (const Json& peer : result["ratio_to"])
      add(peer["peer"].get<std::string>(), peer["hand_over"], alone ? number(peer["alone"]["median"], 2) : "-");
  }
  return fmt::format(
      "{}\n{}\n"
      "hand-over: median over {} rounds (seed {}) of p50 / p50 of the peer in the same round, the best being the peer\n"
      "with the largest; alone: the same for calls that meet nobody. ns figures mean nothing alone: a cache line there "
      "and "
      "back\n"
      "takes {} ns at the moment.\n",
      cli::table_text(ratios), cli::table_text(figures), document["rounds"].dump(), document["seed"].dump(),
      number(document["floor_ns"]["p50"], 0));
}

}  // namespace

int hand_over(int argc, char** argv)
{
  cli::Command command(
      "Hand-over between two sleeping processes: rtlane's events, semaphores and mutexes, as ratios to what the system "
      "offers.",
      "rtlane-bench hand-over", manual);
  Options options;
  command.option("--rounds", options.rounds, "Rounds").shows_default().in_range(1, 1000000);
  command.option("--round-ms", options.round_ms, "Length of a round, in which every candidate is measured")
      .shows_default()
      .in_range(1, 1000);
  add_cpu_options(command, options.cpus, "other");
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto status = choose_cpus(command, options.cpus, "the processes run in turns on CPUs of their own"))
    return *status;
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);

  HandOver benchmark(options, TickClock::calibrate().ticks_per_ns());
  benchmark.run();
  const Json document = benchmark.document();
  const bool written = report.write(document);
  cli::say(report.text(), text_of(document));
  return written ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
