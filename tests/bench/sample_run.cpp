#include "sample_run.hpp"

#include <fmt/format.h>
#include <rtlane/channels/histogram.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "output.hpp"

namespace rtlane::test {
namespace {

using cli::Json;

struct Candidate {
  const char* name;
  const char* kind;
  double ratio;  // to the floor
  double spread;
  bool in_process;
  bool blocks;
  double per_floor;
};

constexpr Candidate candidates[] = {
    {"rtlane/spsc", "spsc", 0.92, 0.05, false, false, 11.2},
    {"rtlane/mpmc", "mpmc", 1.34, 0.09, false, false, 4.7},
    {"rigtorp/SPSCQueue", "spsc", 0.97, 0.06, true, false, 10.8},
    {"boost/spsc_queue", "spsc", 1.08, 0.07, true, false, 8.9},
    {"boost/queue", "mpmc", 3.9, 0.3, true, false, 0.9},
    {"moodycamel/readerwriterqueue", "spsc", 1.15, 0.08, true, false, 9.5},
    {"moodycamel/concurrentqueue", "mpmc", 2.6, 0.2, true, false, 2.9},
    {"atomic_queue/AtomicQueue", "mpmc", 1.41, 0.1, true, false, 4.1},
    {"ck/ring_spsc", "spsc", 1.04, 0.06, false, false, 9.1},
    {"xenium/vyukov_bounded_queue", "mpmc", 1.52, 0.12, true, false, 3.8},
    {"iceoryx/pubsub", "pubsub", 7.1, 0.7, false, false, 0.31},
    {"boost/message_queue", "queue", 24.0, 6.0, false, true, 0.21},
    {"linux/pipe", "pipe", 88.0, 20.0, false, true, 0.4},
    {"linux/unix_socket", "socket", 104.0, 25.0, false, true, 0.3},
    {"posix/mqueue", "queue", 91.0, 22.0, false, true, 0.25},
};

// Durations in whole nanoseconds, and the buckets of a Histogram that they fall into.
struct Tally {
  void record(double ns)
  {
    const auto whole = static_cast<std::uint64_t>(ns);
    samples.push_back(whole);
    ++buckets[Histogram::bucket_of(whole)];
  }
  // Once, after the last record.
  void sort() { std::sort(samples.begin(), samples.end()); }
  std::size_t count() const { return samples.size(); }
  std::uint64_t percentile_ns(double percent) const
  {
    const double rank = std::ceil(static_cast<double>(count()) * percent / 100.0);
    return samples[std::clamp(static_cast<std::size_t>(rank), std::size_t{1}, count()) - 1];
  }

  std::vector<std::uint64_t> samples;
  std::map<std::size_t, std::uint64_t> buckets;
};

class Maker {
public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  Json run()
  {
    Json document = {{"schema", "rtlane.bench/1"},
                     {"command", "all"},
                     {"started", "2026-11-25T20:00:00Z"},
                     {"duration_s", 312.4},
                     {"environment", environment()},
                     {"floor", floor()},
                     {"noise", Json::array({noise(0), noise(1)})},
                     {"results", Json::array()}};
    Json& results = document["results"];
    for (const double bytes : {16.0, 64.0}) {
      for (const Candidate& candidate : candidates)
        results.push_back(latency(candidate, bytes, "closed"));
    }
    results.push_back({{"name", "zeromq/pair"},
                       {"kind", "socket"},
                       {"bytes", 16},
                       {"mode", "closed"},
                       {"in_process", false},
                       {"blocks", true},
                       {"skipped", "libzmq3-dev is not installed: apt-get install libzmq3-dev"}});
    Json failed = latency(candidates[10], 1024, "closed");
    failed["name"] = "cyclonedds/pubsub";
    failed["failed"] = "the far process was killed by signal 11 in round 3";
    for (const char* key : {"timeline", "worst", "histogram", "attributed", "launches"})
      failed.erase(key);
    results.push_back(failed);
    for (const std::size_t i : {0, 1, 8, 12})
      results.push_back(latency(candidates[i], 16, "open"));
    for (const Candidate& candidate : candidates)
      results.push_back(saturated(candidate));
    for (const std::size_t i : {0, 1, 4, 7, 10, 11, 12}) {
      results.push_back(stalled(candidates[i], "stop"));
      results.push_back(stalled(candidates[i], "kill"));
    }
    return document;
  }

private:
  double uniform(double low, double high) { return std::uniform_real_distribution<>(low, high)(random_); }
  std::uint64_t integer(std::uint64_t low, std::uint64_t high)
  {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random_);
  }
  double around(double median, double sigma)
  {
    return median * std::exp(std::normal_distribution<>(0, sigma)(random_));
  }

  static Json environment()
  {
    return {{"version", "0.1.0"},
            {"compiler", "g++ 12.2.0"},
            {"flags", "-O2 -DNDEBUG"},
            {"build", "release"},
            {"kernel", "6.18.4"},
            {"command_line", "console=ttyS0 reboot=k panic=1 isolcpus=1 nohz_full=1"},
            {"cpu_model", "AMD EPYC"},
            {"hypervisor", "KVM"},
            {"cpu_count", 2},
            {"load_average", {0.6, 1.2, 1.8}},
            {"cpus", {0, 1}},
            {"topology", "unknown (guest)"},
            {"policy", "SCHED_FIFO 50"},
            {"memory_locked", true},
            {"refused", {"/dev/cpu_dma_latency: Permission denied; run as root to keep CPUs out of deep sleep"}},
            {"tick",
             {{"source", "tsc"},
              {"invariant", true},
              {"hz", 2445434000},
              {"smallest_step_ns", 0.4},
              {"overhead_ns", 11.9},
              {"drift_ppm", -0.1},
              {"offset_ns", {-20, 25}}}}};
  }

  static Json floor()
  {
    return {{"rounds", 400},
            {"dropped_rounds", 3},
            {"rtt_ns", {{"p10", 100.2}, {"p50", 114.0}, {"p90", 130.6}}},
            {"below_250ns", {{"rounds", 300}}},
            {"from_250ns", {{"rounds", 97}}}};
  }

  static Json buckets_of(const Tally& tally)
  {
    Json buckets = Json::array();
    for (const auto& [bucket, count] : tally.buckets)
      buckets.push_back({Histogram::upper_bound_ns(bucket), count});
    return {{"count", tally.count()}, {"max_ns", tally.samples.back()}, {"buckets", buckets}};
  }

  static Json distribution_of(const Tally& tally)
  {
    const double count = static_cast<double>(tally.count());
    Json distribution = {{"count", tally.count()}};
    Json confidence = Json::object();
    Json needs = Json::object();
    for (const auto& [key, percent] :
         {std::pair{"p50", 50.0}, {"p90", 90.0}, {"p99", 99.0}, {"p99_9", 99.9}, {"p99_99", 99.99}}) {
      const double beyond = count * (1.0 - percent / 100.0);
      if (beyond < 9.999) {
        distribution[key] = nullptr;
        needs[key] = std::llround(10.0 / (1.0 - percent / 100.0));
        continue;
      }
      const double reach = 196.0 * std::sqrt(percent / 100.0 * beyond) / count;
      distribution[key] = tally.percentile_ns(percent);
      confidence[key] = {tally.percentile_ns(std::max(0.0, percent - reach)),
                         tally.percentile_ns(std::min(100.0, percent + reach))};
    }
    distribution["max"] = tally.samples.back();
    distribution["confidence_95"] = confidence;
    distribution["confidence_launches"] = 5;
    if (!needs.empty())
      distribution["needs"] = needs;
    return distribution;
  }

  // Most are close to the median, some take a few times as long.
  double sample(double median)
  {
    const double draw = uniform(0, 1);
    if (draw < 0.98)
      return around(median, 0.06);
    return draw < 0.999 ? around(median * 1.7, 0.2) : around(median * 5, 0.6);
  }

  struct Gap {
    const char* cause;
    double ns;
  };
  Gap gap()
  {
    const double draw = uniform(0, 1);
    if (draw < 0.45)
      return {"host", around(60e3, 1.5)};
    if (draw < 0.85)
      return {"interrupt", around(6e3, 0.6)};
    if (draw < 0.93)
      return {"preempted", around(400e3, 0.8)};
    if (draw < 0.95)
      return {"stopped", around(2e6, 0.4)};
    if (draw < 0.97)
      return {"fault", around(1.5e3, 0.3)};
    return draw < 0.98 ? Gap{"observer", around(3.5e3, 0.2)} : Gap{"inside", around(2.5e3, 0.4)};
  }

  static std::string sentence_of(const Gap& gap, double total, int cpu, double clean)
  {
    const auto text = [](double ns) { return cli::duration_text(static_cast<std::uint64_t>(ns)); };
    if (std::string(gap.cause) == "inside")
      return fmt::format("max {}: {} inside the operation on cpu {}, which nothing proves to be another's", text(total),
                         text(gap.ns), cpu);
    return fmt::format("max {}: {} took {} on cpu {}; channel at most {}", text(total), gap.cause, text(gap.ns), cpu,
                       text(clean));
  }

  Json latency(const Candidate& candidate, double bytes, const std::string& mode)
  {
    const double ratio = candidate.ratio * (1 + bytes / 1024);
    const double median = 114 * ratio;
    const int rounds = 397;
    const int samples_per_round = candidate.blocks ? 30 : 260;  // 100,000, and a tenth of them
    Tally all;
    Tally service;
    Tally inside;
    std::map<std::string, std::pair<double, int>> causes;
    Json worst = Json::array();
    Json timeline = Json::array();
    double clean_max = 0;
    std::uint64_t clean_count = 0;
    for (int round = 0; round < rounds; ++round) {
      double round_max = 0;
      const char* round_cause = "clean";
      for (int i = 0; i < samples_per_round; ++i) {
        const double clean = sample(median);
        const bool hit = uniform(0, 1) < 0.6 / samples_per_round;
        const Gap taken = hit ? gap() : Gap{"clean", 0};
        const double total = clean + taken.ns;
        const int cpu = static_cast<int>(integer(0, 1));
        inside.record(clean * 0.3);
        service.record(total);
        all.record(total);
        // Open: those that were due meanwhile wait too.
        for (double behind = total - 20e3; mode == "open" && hit && behind > 0; behind -= 20e3)
          all.record(behind);
        if (hit) {
          causes[taken.cause].first += taken.ns;
          ++causes[taken.cause].second;
          worst.push_back({{"ns", total},
                           {"at_s", 0.3 * round + 0.02},
                           {"class", taken.cause},
                           {"cpu", cpu},
                           {"sentence", sentence_of(taken, total, cpu, clean)}});
        } else {
          clean_max = std::max(clean_max, clean);
          ++clean_count;
        }
        if (total > round_max) {
          round_max = total;
          round_cause = taken.cause;
        }
      }
      timeline.push_back({0.3 * round + 0.02, round_max, round_cause});
    }
    for (Tally* tally : {&all, &service, &inside})
      tally->sort();
    std::sort(worst.begin(), worst.end(), [](const Json& a, const Json& b) { return a["ns"] > b["ns"]; });
    if (worst.size() > 10)
      worst.erase(worst.begin() + 10, worst.end());
    Json attributed = {{"clean_count", clean_count}, {"clean_max_ns", clean_max}, {"channel_max_ns", 6 * clean_max}};
    for (const char* cause : {"host", "interrupt", "preempted", "stopped", "fault", "observer", "inside"}) {
      attributed[std::string(cause) + "_ns"] = causes[cause].first;
      attributed[std::string(cause) + "_count"] = causes[cause].second;
    }
    attributed["inside_stalls"] = causes["inside"].second;
    attributed["inside_expected"] = 5.1;

    Json result = head(candidate, bytes, mode);
    result["rounds"] = rounds;
    result["dropped_rounds"] = 3;
    const Json spread = {{"median", ratio},
                         {"p10", ratio - candidate.spread * 1.3},
                         {"p90", ratio + candidate.spread * 2},
                         {"below_250ns", {{"median", ratio * 0.98}, {"rounds", 300}}},
                         {"from_250ns", {{"median", ratio * 1.06}, {"rounds", 97}}}};
    if (mode == "open") {
      result["service_ns"] = distribution_of(service);
      result["response_ns"] = distribution_of(all);
      result["rate_hz"] = 50000;
      result["late"] = 312;
      result["lost"] = 0;
    } else {
      result["ratio_to_floor"] = spread;
      result["rtt_ns"] = distribution_of(all);
    }
    result["operation_ns"] = {{"send", distribution_of(inside)}, {"receive", distribution_of(inside)}};
    result["attributed"] = attributed;
    result["worst"] = worst;
    result["timeline"] = timeline;
    result["histogram"] = buckets_of(all);
    if (mode == "open")
      result["service_histogram"] = buckets_of(service);
    result["launches"] = Json::array();
    for (int i = 0; i < 5; ++i)
      result["launches"].push_back({{"ratio_to_floor", around(ratio, 0.02)},
                                    {"rtt_ns",
                                     {{"p50", around(median, 0.02)},
                                      {"p90", around(median * 1.1, 0.02)},
                                      {"p99", around(median * 1.8, 0.05)},
                                      {"p99_9", around(median * 4, 0.1)},
                                      {"p99_99", nullptr},
                                      {"max", around(3e5, 1)}}}});
    return result;
  }

  static Json head(const Candidate& candidate, double bytes, const std::string& mode)
  {
    return {{"name", candidate.name},        {"kind", candidate.kind}, {"bytes", static_cast<int>(bytes)},
            {"topology", "unknown (guest)"}, {"mode", mode},           {"in_process", candidate.in_process},
            {"blocks", candidate.blocks}};
  }

  Json saturated(const Candidate& candidate)
  {
    Json result = head(candidate, 16, "saturated");
    const double per_floor = around(candidate.per_floor, 0.02);
    result["rounds"] = 398;
    result["dropped_rounds"] = 2;
    result["throughput_msgs_per_s"] = per_floor / 114e-9;
    result["per_floor"] = per_floor;
    result["per_floor_spread"] = {{"median", per_floor}, {"p10", per_floor * 0.86}, {"p90", per_floor * 1.09}};
    result["launches"] = Json::array({{{"per_floor", per_floor}}});
    return result;
  }

  Json stalled(const Candidate& candidate, const std::string& mode)
  {
    Json result = head(candidate, 16, mode);
    const bool mpmc = std::string(candidate.kind) == "mpmc";
    const bool ours = std::string(candidate.name).starts_with("rtlane/");
    const bool stuck = mpmc && !ours;
    const bool delayed = !stuck && !mpmc;
    const double wait = stuck ? 5e9 : delayed ? 50.2e6 : around(1200, 0.2);
    const char* victim = mpmc ? "producer" : "consumer";
    const std::string verdict = stuck ? "stuck" : delayed ? "delayed" : "unaffected";
    result["stall"] = {
        {"tries", 40},
        {"victim", victim},
        {"stop_ns", mode == "stop" ? 50000000 : 0},
        {"longest_wait_ns", wait},
        {"stuck", stuck ? 7 : 0},
        {"lost", mode == "kill" ? 1 : 0},
        {"doubled", 0},
        {"torn", 0},
        {"verdict", verdict},
        {"sentence", stuck ? fmt::format("7 of 40 times the others waited for the {} without end", victim)
                           : fmt::format("while the {} was away the others waited at most {}", victim,
                                         cli::duration_text(static_cast<std::uint64_t>(wait)))}};
    return result;
  }

  Json noise(int cpu)
  {
    Tally gaps;
    std::map<std::string, Json> classes;
    double lost = 0;
    for (int i = 0; i < 5000; ++i) {
      const Gap taken = gap();
      if (std::string(taken.cause) == "inside" || std::string(taken.cause) == "observer" || taken.ns < 300)
        continue;
      const double ns = std::string(taken.cause) == "host" ? taken.ns / 40 + 300 : taken.ns / 10 + 300;
      gaps.record(ns);
      lost += ns;
      Json& share = classes[taken.cause];
      if (share.is_null())
        share = {{"count", 0}, {"ns", 0.0}, {"max_ns", 0.0}};
      share["count"] = share["count"].get<int>() + 1;
      share["ns"] = share["ns"].get<double>() + ns;
      share["max_ns"] = std::max(share["max_ns"].get<double>(), ns);
    }
    gaps.sort();
    Json by_class = Json::object();
    for (const char* cause : {"preempted", "stopped", "fault", "interrupt", "host"})
      by_class[cause] = classes[cause];
    return {{"cpu", cpu},           {"seconds", 2.0},    {"threshold_ns", 300},
            {"gaps", gaps.count()}, {"lost_ns", lost},   {"max_ns", gaps.samples.back()},
            {"classes", by_class},  {"interrupts", 520}, {"histogram", buckets_of(gaps)}};
  }

  std::mt19937_64 random_;
};

}  // namespace

cli::Json sample_run(std::uint64_t seed)
{
  return Maker(seed).run();
}

}  // namespace rtlane::test
