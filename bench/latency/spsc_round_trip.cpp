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
#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/shared_memory.hpp>

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "../support/tick.hpp"

namespace {

using rtlane::SpscRing;
using rtlane::Status;
using rtlane::bench::ticks;

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
  unsigned cpu_near = 0;
  unsigned cpu_far = 1;
  std::vector<unsigned> bytes = {16, 48, 64};
  std::string json_file;
};

constexpr std::uint64_t stop_number = UINT64_MAX;

// Round trips per sample. The tick counter of some machines steps by 10 ns, which is coarse for one.
constexpr std::uint64_t trips_per_sample = 16;

// What the two processes share besides the rings. Each word is on a line of its own.
struct Control {
  alignas(rtlane::cache_line_bytes) std::atomic<std::uint64_t> ping;
  alignas(rtlane::cache_line_bytes) std::atomic<std::uint64_t> pong;
  alignas(rtlane::cache_line_bytes) std::atomic<std::uint32_t> order;  // number of the segment to serve
  alignas(rtlane::cache_line_bytes) std::atomic<std::uint32_t> serving;
  alignas(rtlane::cache_line_bytes) std::atomic<std::uint32_t> kind;
};

enum Kind : std::uint32_t { floor_segment, ring_segment, quit };

[[noreturn]] void die(const std::string& sentence)
{
  fmt::print(stderr, "rtlane-bench: {}\n", sentence);
  std::fflush(nullptr);
  std::_Exit(1);
}

// Ends a spin-wait that never ends: looks at the clock once in a while.
class Patience {
public:
  void check(const char* what)
  {
    if ((++polls_ & 0xfffff) != 0)
      return;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (since_ == 0)
      since_ = now.tv_sec;
    if (now.tv_sec - since_ > 10)
      die(fmt::format("waited 10 s for {}: is the other process on the same CPU, or starved?", what));
  }
  void rest() { since_ = 0; }

private:
  std::uint64_t polls_ = 0;
  time_t since_ = 0;
};

void pin(unsigned cpu)
{
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    die(fmt::format("cannot run on CPU {}: {}", cpu, std::strerror(errno)));
}

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

template <class T>
T need(rtlane::expected<T> result)
{
  if (!result)
    die(result.error().message);
  return std::move(*result);
}

// ---- the echoing process

template <class M>
void echo(Control& control, const std::string& name)
{
  auto in = need(need(SpscRing<M>::open(name + "/there")).consumer());
  auto out = need(need(SpscRing<M>::open(name + "/back")).producer());
  Patience patience;
  for (std::uint32_t segment = 1;; ++segment) {
    while (control.order.load(std::memory_order_acquire) != segment)  // O2, pairs with O1
      patience.check("the next segment");
    patience.rest();
    // relaxed: ordered by O2
    const std::uint32_t kind = control.kind.load(std::memory_order_relaxed);
    control.serving.store(segment, std::memory_order_release);  // S1, pairs with S2
    if (kind == quit)
      return;
    if (kind == floor_segment) {
      for (std::uint64_t expected = 1;; ++expected) {
        std::uint64_t seen;
        while ((seen = control.ping.load(std::memory_order_acquire)) != expected &&
               seen != stop_number)  // F2, pairs with F1
          patience.check("a ping");
        control.pong.store(seen, std::memory_order_release);  // F3, pairs with F4
        if (seen == stop_number)
          break;
      }
    } else {
      M message;
      do {
        while (in.try_pop(message) != Status::ok)
          patience.check("a message");
        if (out.try_push(message) != Status::ok)
          die("the ring back is full");
      } while (message.number != stop_number);
    }
    patience.rest();
  }
}

// ---- the measuring process

class Segments {
public:
  explicit Segments(Control& control) : control_(control) {}

  void start(Kind kind)
  {
    control_.ping.store(0, std::memory_order_relaxed);                    // relaxed: ordered by O1
    control_.pong.store(0, std::memory_order_relaxed);                    // relaxed: ordered by O1
    control_.kind.store(kind, std::memory_order_relaxed);                 // relaxed: ordered by O1
    control_.order.store(++segment_, std::memory_order_release);          // O1, pairs with O2
    while (control_.serving.load(std::memory_order_acquire) != segment_)  // S2, pairs with S1
      patience_.check("the other process to serve");
    patience_.rest();
  }

  std::uint64_t floor(std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples)
  {
    start(floor_segment);
    samples.clear();
    std::uint64_t before = ticks();
    const std::uint64_t end = before + duration_ticks;
    for (std::uint64_t number = 1;; ++number) {
      const bool last = before >= end;
      const std::uint64_t sent = last ? stop_number : number;
      control_.ping.store(sent, std::memory_order_release);          // F1, pairs with F2
      while (control_.pong.load(std::memory_order_acquire) != sent)  // F4, pairs with F3
        patience_.check("a pong");
      if (last)
        break;
      if (number % trips_per_sample == 0)
        sample(samples, before);
    }
    patience_.rest();
    return median(samples);
  }

  template <class M>
  std::uint64_t ring(typename SpscRing<M>::Producer& out, typename SpscRing<M>::Consumer& in,
                     std::uint64_t duration_ticks, std::vector<std::uint64_t>& samples)
  {
    start(ring_segment);
    samples.clear();
    M message;
    M answer;
    std::uint64_t before = ticks();
    const std::uint64_t end = before + duration_ticks;
    for (std::uint64_t number = 1;; ++number) {
      const bool last = before >= end;
      fill(message, last ? stop_number : number);
      if (out.try_push(message) != Status::ok)
        die("the ring there is full");
      while (in.try_pop(answer) != Status::ok)
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

  static std::uint64_t median(std::vector<std::uint64_t>& samples)
  {
    if (samples.empty())
      die("a segment ended without one round trip: give more --round-ms");
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
  }

private:
  static void sample(std::vector<std::uint64_t>& samples, std::uint64_t& before)
  {
    const std::uint64_t after = ticks();
    samples.push_back(after - before);
    before = after;
  }

  Control& control_;
  std::uint32_t segment_ = 0;
  Patience patience_;
};

double quantile(std::vector<double> values, double q)
{
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

nlohmann::json bin(const std::vector<double>& ratios)
{
  if (ratios.empty())
    return {{"median", nullptr}, {"rounds", 0}};
  return {{"median", quantile(ratios, 0.5)}, {"rounds", ratios.size()}};
}

template <class M>
nlohmann::json measure(const Options& options, double per_ns)
{
  const std::string name = fmt::format("bench/round-trip/{}", getpid());
  auto memory = need(rtlane::SharedMemory::create(name, sizeof(Control)));
  auto& control = *static_cast<Control*>(memory.data());
  auto there = need(SpscRing<M>::create(name + "/there", options.capacity));
  auto back = need(SpscRing<M>::create(name + "/back", options.capacity));
  auto out = need(there.producer());
  auto in = need(back.consumer());

  const pid_t child = fork();
  if (child < 0)
    die("cannot fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(options.cpu_far);
    echo<M>(control, name);
    std::_Exit(0);
  }
  pin(options.cpu_near);

  Segments segments(control);
  std::vector<std::uint64_t> samples;
  samples.reserve(1 << 20);
  const auto part_ticks = static_cast<std::uint64_t>(options.round_ms * 1e6 * per_ns / 3);
  std::vector<double> ratios, below, from, floors_ns, rings_ns;
  std::uint64_t dropped = 0;
  for (unsigned round = 0; round < options.rounds + 5; ++round) {
    const auto before = static_cast<double>(segments.floor(part_ticks, samples));
    const auto ring = static_cast<double>(segments.ring<M>(out, in, part_ticks, samples));
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
  segments.start(quit);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0)
    die("the echoing process failed");
  if (ratios.empty())
    die(fmt::format("all {} rounds were dropped: the floor moved by more than 15 % within each", dropped));
  return {{"name", "rtlane/SpscRing/round_trip"},
          {"bytes", sizeof(M)},
          {"rounds", ratios.size()},
          {"dropped_rounds", dropped},
          {"ratio_to_floor",
           {{"median", quantile(ratios, 0.5)},
            {"p10", quantile(ratios, 0.1)},
            {"p90", quantile(ratios, 0.9)},
            {"below_250ns", bin(below)},
            {"from_250ns", bin(from)}}},
          {"floor_ns", {{"p50", quantile(floors_ns, 0.5)}}},
          {"rtt_ns", {{"p50", quantile(rings_ns, 0.5)}}},
          {"page_bytes", there.certificate().page_bytes}};
}

std::string cell(const nlohmann::json& value)
{
  return value.is_null() ? "-" : fmt::format("{:.3f}", value.get<double>());
}

}  // namespace

int main(int argc, char** argv)
{
  Options options;
  CLI::App app(
      "Benchmarks of rtlane. Without a subcommand: round-trip with its defaults.\n"
      "Every figure is a ratio to the machine's own floor, measured in the same 20 ms.",
      "rtlane-bench");
  CLI::App* round_trip = app.add_subcommand(
      "round-trip",
      "Round trip of a message over two SpscRings between two processes on two CPUs, as a ratio to the raw cache-line "
      "round trip. The median over rounds counts; rounds whose floor moved by more than 15 % are dropped and counted.");
  round_trip->add_option("--rounds", options.rounds, "rounds per message size")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  round_trip->add_option("--round-ms", options.round_ms, "length of a round: floor, ring, floor")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  round_trip->add_option("--capacity", options.capacity, "slots of each ring")->capture_default_str();
  round_trip->add_option("--bytes", options.bytes, "message sizes: 16, 48, 64")
      ->capture_default_str()
      ->check(CLI::IsMember({16, 48, 64}));
  round_trip->add_option("--cpu-a", options.cpu_near, "CPU of the measuring process")->capture_default_str();
  round_trip->add_option("--cpu-b", options.cpu_far, "CPU of the echoing process")->capture_default_str();
  round_trip->add_option("--json", options.json_file, "also write the results here");
  CLI11_PARSE(app, argc, argv);
  if (options.cpu_near == options.cpu_far)
    die("--cpu-a and --cpu-b must differ: both sides spin");

  const double per_ns = rtlane::bench::ticks_per_ns();
  nlohmann::json results = nlohmann::json::array();
  fmt::print("{:>6} {:>7} {:>8} {:>7} {:>7} {:>7} {:>14} {:>14} {:>10} {:>10}\n", "bytes", "rounds", "dropped", "ratio",
             "p10", "p90", "floor <250 ns", "floor >=250 ns", "floor ns", "ring ns");
  for (const unsigned bytes : options.bytes) {
    const nlohmann::json result = bytes == 16   ? measure<Message16>(options, per_ns)
                                  : bytes == 48 ? measure<Message48>(options, per_ns)
                                                : measure<Message64>(options, per_ns);
    const auto& ratio = result["ratio_to_floor"];
    fmt::print("{:>6} {:>7} {:>8} {:>7} {:>7} {:>7} {:>7}{:>7} {:>7}{:>7} {:>10.0f} {:>10.0f}\n", bytes,
               result["rounds"].get<unsigned>(), result["dropped_rounds"].get<unsigned>(), cell(ratio["median"]),
               cell(ratio["p10"]), cell(ratio["p90"]), cell(ratio["below_250ns"]["median"]),
               fmt::format("({})", ratio["below_250ns"]["rounds"].get<unsigned>()), cell(ratio["from_250ns"]["median"]),
               fmt::format("({})", ratio["from_250ns"]["rounds"].get<unsigned>()),
               result["floor_ns"]["p50"].get<double>(), result["rtt_ns"]["p50"].get<double>());
    std::fflush(stdout);
    results.push_back(result);
  }
  fmt::print("ratio: median over rounds of ring p50 / floor p50 of the same round; ns figures mean nothing alone\n");
  if (!options.json_file.empty()) {
    const nlohmann::json document = {{"schema", "rtlane.bench.round-trip/1"}, {"results", results}};
    std::FILE* file = std::fopen(options.json_file.c_str(), "w");
    if (file == nullptr)
      die(fmt::format("cannot write {}: {}", options.json_file, std::strerror(errno)));
    fmt::print(file, "{}\n", document.dump(2));
    std::fclose(file);
  }
  return 0;
}
