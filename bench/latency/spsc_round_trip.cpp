// rtlane-bench round-trip: what a message costs over two SpscRings, against the machine's own floor.
//
// Two processes on two CPUs. The floor is the raw cache-line round trip: two 8-byte counters 128 bytes
// apart, polled with plain acquire loads. On a shared machine CPUs move between near and distant cores
// within seconds, so nothing absolute can be compared: short rounds of floor, ring, floor are
// interleaved, a round whose two floors differ by more than 15 % is dropped and counted, and the result
// is the median over rounds of ring p50 / floor p50 of the same round.
//
// The echoing process never sleeps while a measurement runs; both sides give up after a time-out and say
// so. Rounds leave 5 % of the time free, so that other work on the two CPUs is not starved.
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/process.hpp"
#include "../support/segments.hpp"
#include "../support/statistics.hpp"
#include "command.hpp"
#include "output.hpp"
#include "report.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(Two processes on two CPUs, both polling. For each message size, short rounds of three parts: the floor (the raw
cache-line round trip of the same two CPUs), the rings, the floor again. The result is the median over rounds of
p50 of the rings / p50 of the floor of the same round; rounds whose two floors differ by more than 15 % are dropped and
counted. Every message is checked; a wrong or torn one ends the run.

The floor is a yardstick, not a bound: a ratio below 1 is possible. bench/README.md says why it is what it is.

JSON: {"schema": "rtlane.bench.round-trip/1", "cpus": [A, B], "results": [{"name", "bytes", "rounds",
"dropped_rounds", "ratio_to_floor": {"median", "p10", "p90", "below_250ns": {"median", "rounds"}, "from_250ns":
{"median", "rounds"}}, "floor_ns": {"p50"}, "rtt_ns": {"p50"}, "page_bytes"}]}. With the document on standard output,
the table goes to standard error.

Exit status: 0 measured; 1 it could not be (fewer than two CPUs, a process that does not answer, no round that
counts); 2 wrong usage.)";

template <std::size_t bytes>
struct Message {
  std::uint64_t number;
  std::uint64_t words[bytes / 8 - 1];
};

using Message16 = Message<16>;
using Message48 = Message<48>;
using Message64 = Message<64>;

RTLANE_TYPE(Message16, number, words);
RTLANE_TYPE(Message48, number, words);
RTLANE_TYPE(Message64, number, words);

struct Options {
  unsigned rounds = 400;
  unsigned round_ms = 20;
  std::uint64_t capacity = 1024;
  CpuPair cpus;
  std::vector<unsigned> bytes = {16, 48, 64};
};

template <class M>
void fill(M& message, std::uint64_t number)
{
  message.number = number;
  for (std::uint64_t& word : message.words)
    word = ~number;
}

template <class M>
bool is_whole(const M& message)
{
  return std::all_of(std::begin(message.words), std::end(message.words),
                     [&](std::uint64_t word) { return word == ~message.number; });
}

// ---- the echoing process

template <class M>
void echo(SegmentControl& control, const std::string& name)
{
  auto in = need(need(SpscRing<M>::open(name + "/there")).consumer());
  auto out = need(need(SpscRing<M>::open(name + "/back")).producer());
  serve_segments(control, [&](std::uint32_t, Patience& patience) {
    M message;
    do {
      while (in.try_pop(message) != Status::ok)
        patience.check("a message");
      if (out.try_push(message) != Status::ok)
        die("the ring back is full");
    } while (message.number != stop_number);
  });
}

// ---- the measuring process

template <class M>
class Rings {
public:
  Rings(typename SpscRing<M>::Producer out, typename SpscRing<M>::Consumer in)
      : out_(std::move(out)), in_(std::move(in))
  {}

  // One segment of round trips. Fills samples with ticks per trips_per_sample round trips and returns their median.
  std::uint64_t measure(Segments& segments, std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples)
  {
    segments.start(first_own_segment);
    samples.clear();
    M message;
    M answer;
    std::uint64_t before = ticks();
    const std::uint64_t end = before + duration_ticks;
    for (std::uint64_t number = 1;; ++number) {
      const bool last = before >= end;
      fill(message, last ? stop_number : number);
      if (out_.try_push(message) != Status::ok)
        die("the ring there is full");
      while (in_.try_pop(answer) != Status::ok)
        patience_.check("an answer");
      if (answer.number != message.number || !is_whole(answer))
        die(fmt::format("message {} came back as {}, or torn", message.number, answer.number));
      if (last)
        break;
      if (number % trips_per_sample == 0)
        sample(samples, before);
    }
    patience_.rest();
    return median(samples);
  }

private:
  typename SpscRing<M>::Producer out_;
  typename SpscRing<M>::Consumer in_;
  Patience patience_;
};

Json bin(const std::vector<double>& ratios)
{
  if (ratios.empty())
    return {{"median", nullptr}, {"rounds", 0}};
  return {{"median", quantile(ratios, 0.5)}, {"rounds", ratios.size()}};
}

template <class M>
Json measure(const Options& options, double per_ns)
{
  const std::string name = fmt::format("bench/round-trip/{}", getpid());
  auto memory = need(SharedMemory::create(name, sizeof(SegmentControl)));
  auto& control = *static_cast<SegmentControl*>(memory.data());
  auto there = need(SpscRing<M>::create(name + "/there", options.capacity));
  auto back = need(SpscRing<M>::create(name + "/back", options.capacity));
  Rings<M> rings(need(there.producer()), need(back.consumer()));

  const pid_t child = start_far_process(options.cpus.far, [&] { echo<M>(control, name); });
  pin(options.cpus.near);

  Segments segments(control);
  std::vector<std::uint64_t> samples;
  samples.reserve(1 << 20);
  const auto part_ticks = static_cast<std::uint64_t>(options.round_ms * 1e6 * per_ns / 3);
  std::vector<double> ratios, below, from, floors_ns, rings_ns;
  std::uint64_t dropped = 0;
  for (unsigned round = 0; round < options.rounds + 5; ++round) {
    const auto before = static_cast<double>(segments.floor(part_ticks, samples));
    const auto ring = static_cast<double>(rings.measure(segments, part_ticks, samples));
    const auto after = static_cast<double>(segments.floor(part_ticks, samples));
    const timespec rest{0, static_cast<long>(options.round_ms) * 50'000};
    nanosleep(&rest, nullptr);
    if (round < 5)
      continue;  // warm-up
    if (std::max(before, after) > 1.15 * std::min(before, after)) {
      ++dropped;
      continue;
    }
    const double floor = (before + after) / 2;
    ratios.push_back(ring / floor);
    floors_ns.push_back(floor / per_ns / trips_per_sample);
    rings_ns.push_back(ring / per_ns / trips_per_sample);
    (floors_ns.back() < 250 ? below : from).push_back(ring / floor);
  }
  segments.start(quit_segment);
  join_far_process(child);
  if (ratios.empty())
    die(fmt::format("all {} rounds were dropped: the floor moved by more than 15 % within each", dropped));
  Json ratio = spread(ratios);
  ratio["below_250ns"] = bin(below);
  ratio["from_250ns"] = bin(from);
  return {{"name", "rtlane/SpscRing/round_trip"},
          {"bytes", sizeof(M)},
          {"rounds", ratios.size()},
          {"dropped_rounds", dropped},
          {"ratio_to_floor", ratio},
          {"floor_ns", {{"p50", quantile(floors_ns, 0.5)}}},
          {"rtt_ns", {{"p50", quantile(rings_ns, 0.5)}}},
          {"page_bytes", there.certificate().page_bytes}};
}

std::string cell(const Json& value)
{
  return value.is_null() ? "-" : fmt::format("{:.3f}", value.get<double>());
}

std::string row(const std::vector<std::string>& cells)
{
  return fmt::format("{:>6} {:>7} {:>8} {:>7} {:>7} {:>7} {:>14} {:>14} {:>10} {:>10}\n", cells[0], cells[1], cells[2],
                     cells[3], cells[4], cells[5], cells[6], cells[7], cells[8], cells[9]);
}

std::string result_row(const Json& result)
{
  const Json& ratio = result["ratio_to_floor"];
  const auto number = [](const Json& value) { return fmt::format("{}", value.get<std::uint64_t>()); };
  const auto binned = [&](const Json& value) {
    return fmt::format("{:>7}{:>7}", cell(value["median"]), "(" + number(value["rounds"]) + ")");
  };
  return row({number(result["bytes"]), number(result["rounds"]), number(result["dropped_rounds"]),
              cell(ratio["median"]), cell(ratio["p10"]), cell(ratio["p90"]), binned(ratio["below_250ns"]),
              binned(ratio["from_250ns"]), fmt::format("{:.0f}", result["floor_ns"]["p50"].get<double>()),
              fmt::format("{:.0f}", result["rtt_ns"]["p50"].get<double>())});
}

}  // namespace

int round_trip(int argc, char** argv)
{
  CLI::App app(
      "Round trip of a message over two SpscRings between two processes, as a ratio to the raw cache-line round trip.",
      "rtlane-bench round-trip");
  app.footer(manual);
  Options options;
  app.add_option("--rounds", options.rounds, "Rounds per message size")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--round-ms", options.round_ms, "Length of a round: floor, ring, floor")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--capacity", options.capacity, "Slots of each ring")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--bytes", options.bytes, "Message sizes, of 16, 48, 64")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::IsMember({16, 48, 64}));
  add_cpu_options(app, options.cpus, "echoing");
  cli::Report report;
  report.add_option(app);
  if (const auto status = cli::parse(app, argc, argv))
    return *status;
  if (const auto status = choose_cpus(app, options.cpus, "both sides poll"))
    return *status;
  if (const auto opened = report.open(); !opened)
    return cli::fail(app, opened.error().message, cli::usage);

  const double per_ns = TickClock::calibrate().ticks_per_ns();
  Json document = {{"schema", "rtlane.bench.round-trip/1"},
                   {"cpus", {options.cpus.near, options.cpus.far}},
                   {"results", Json::array()}};
  // At once: a run takes long enough to be watched.
  const auto show = [&](const std::string& text) {
    cli::say(report.text(), text);
    cli::flush_out();
  };
  show(row(
      {"bytes", "rounds", "dropped", "ratio", "p10", "p90", "floor <250 ns", "floor >=250 ns", "floor ns", "ring ns"}));
  for (const unsigned bytes : options.bytes) {
    const Json result = bytes == 16   ? measure<Message16>(options, per_ns)
                        : bytes == 48 ? measure<Message48>(options, per_ns)
                                      : measure<Message64>(options, per_ns);
    document["results"].push_back(result);
    show(result_row(result));
  }
  const bool written = report.write(document);
  show("ratio: median over rounds of ring p50 / floor p50 of the same round; ns figures mean nothing alone\n");
  return written ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
