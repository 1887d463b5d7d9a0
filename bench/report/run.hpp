// A document of schema "rtlane.bench/1" as the report uses it: what is absent or null there is empty here. Times in ns.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"

namespace rtlane::bench::report {

// Counts too are doubles: they are only shown, and may be larger than any integer.
using Figure = std::optional<double>;

// What took the time of a sample, the most harmless first.
enum class Cause { clean, host, interrupt, preempted, stopped, fault, observer, inside };
inline constexpr std::array<const char*, 8> cause_names = {"clean",   "host",  "interrupt", "preempted",
                                                           "stopped", "fault", "observer",  "inside"};
inline const char* name_of(Cause cause)
{
  return cause_names[static_cast<std::size_t>(cause)];
}

struct Spread {
  Figure median, p10, p90;
};

struct FloorBin {
  Figure median, rounds;
};

struct Ratio {
  Spread spread;
  FloorBin below_250ns, from_250ns;
};

// Upper bounds and counts; bounds rise, and no count is 0.
struct Buckets {
  std::vector<std::pair<double, double>> buckets;
  double count = 0.0;
  double max_ns = 0.0;
};

struct Percentile {
  std::string key;     // "p99_9"
  double percent = 0;  // 99.9
  Figure ns;
  Figure low, high;  // 95 % confidence
  Figure needs;      // samples, where ns is empty
};

struct Distribution {
  Figure count, max;
  std::vector<Percentile> percentiles;  // rising
  const Percentile* find(const std::string& key) const
  {
    for (const Percentile& percentile : percentiles) {
      if (percentile.key == key)
        return &percentile;
    }
    return nullptr;
  }
};

struct Share {
  Figure ns, count, max_ns;
};

struct Attribution {
  Figure clean_count, clean_max_ns, channel_max_ns;
  std::map<Cause, Share> causes;  // without clean
  Figure inside_stalls, inside_expected;
};

struct WorstSample {
  double ns = 0.0;
  Figure at_s, cpu;
  Cause cause = Cause::clean;
  std::string sentence;
};

struct RoundMaximum {
  double at_s = 0.0;
  double ns = 0.0;
  Cause cause = Cause::clean;
};

struct Launch {
  Figure ratio, per_floor, max;
  std::vector<Percentile> percentiles;
};

struct Stall {
  Figure tries, stop_ns, longest_wait_ns, stuck, lost, doubled, torn;
  std::string victim, verdict, sentence;
};

struct Result {
  std::string name, kind, topology, mode;
  Figure bytes;
  bool in_process = false;
  bool blocks = false;
  std::string skipped, failed;  // why; else empty
  Figure rounds, dropped_rounds;
  std::optional<Ratio> ratio;
  std::optional<Distribution> rtt, send, receive, service, response;
  Figure rate_hz, late, lost;
  Figure throughput_msgs_per_s, per_floor;
  std::optional<Spread> per_floor_spread;
  std::optional<Attribution> attributed;
  std::vector<WorstSample> worst;
  std::vector<RoundMaximum> timeline;
  std::optional<Buckets> histogram, service_histogram;
  std::vector<Launch> launches;
  std::optional<Stall> stall;

  bool ours() const { return name.starts_with("rtlane/"); }
  // What its latency is told by: round trips, or in mode open responses.
  const std::optional<Distribution>& latency() const { return rtt ? rtt : response; }
};

struct Floor {
  Figure rounds, dropped_rounds;
  Spread rtt_ns;
  Figure below_250ns_rounds, from_250ns_rounds;
};

struct CpuNoise {
  Figure cpu, seconds, threshold_ns, gaps, lost_ns, max_ns, interrupts;
  std::map<Cause, Share> causes;
  std::optional<Buckets> histogram;
};

struct Run {
  std::string command, started;
  Figure duration_s;
  cli::Json environment;  // an object, or null
  std::optional<Floor> floor;
  std::vector<CpuNoise> noise;
  std::vector<Result> results;
};

}  // namespace rtlane::bench::report
