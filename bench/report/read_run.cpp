#include "read_run.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/ranges.h>

#include "../support/document_text.hpp"
#include "fields.hpp"

namespace rtlane::bench::report {
namespace {

constexpr char schema[] = "rtlane.bench/1";
constexpr std::size_t results_max = 2'000;

Cause cause_of(const Fields& field)
{
  const std::string name = field.as_string();
  const auto found = std::find(cause_names.begin(), cause_names.end(), name);
  if (found == cause_names.end())
    field.refuse(fmt::format("'{}' is none of the classes {}", name, fmt::join(cause_names, ", ")));
  return static_cast<Cause>(found - cause_names.begin());
}

Spread read_spread(const Fields& from, const char* median = "median")
{
  return {from.amount(median), from.amount("p10"), from.amount("p90")};
}

FloorBin read_bin(const Fields& from, const char* key)
{
  if (!from.has(key))
    return {};
  const Fields bin = from.at(key);
  return {bin.amount("median"), bin.amount("rounds")};
}

std::optional<Ratio> read_ratio(const Fields& result)
{
  if (!result.has("ratio_to_floor"))
    return std::nullopt;
  const Fields from = result.at("ratio_to_floor");
  return Ratio{read_spread(from), read_bin(from, "below_250ns"), read_bin(from, "from_250ns")};
}

// "p99_9" is 99.9; nothing for what is no percentile.
std::optional<double> percent_of(std::string_view key)
{
  if (key.size() < 2 || key[0] != 'p')
    return std::nullopt;
  std::string number(key.substr(1));
  std::replace(number.begin(), number.end(), '_', '.');
  double percent = 0.0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), percent);
  if (error != std::errc() || end != number.data() + number.size() || percent <= 0.0 || percent >= 100.0)
    return std::nullopt;
  return percent;
}

std::vector<Percentile> read_percentiles(const Fields& from)
{
  std::vector<Percentile> percentiles;
  for (const auto& [key, value] : from.object().items()) {
    const auto percent = percent_of(key);
    if (!percent)
      continue;
    Percentile percentile{key, *percent, from.amount(key), {}, {}, {}};
    // Documents that do not say from how many launches have intervals that supposed independent samples.
    if (from.amount("confidence_launches") && from.has("confidence_95") && from.at("confidence_95").has(key)) {
      const Fields bounds = from.at("confidence_95").at(key);
      percentile.low = bounds.element(0, 2).as_amount();
      percentile.high = bounds.element(1, 2).as_amount();
    }
    if (from.has("needs"))
      percentile.needs = from.at("needs").amount(key);
    percentiles.push_back(percentile);
  }
  std::sort(percentiles.begin(), percentiles.end(),
            [](const Percentile& a, const Percentile& b) { return a.percent < b.percent; });
  return percentiles;
}

std::optional<Distribution> read_distribution(const Fields& parent, const char* key)
{
  if (!parent.has(key))
    return std::nullopt;
  const Fields from = parent.at(key);
  return Distribution{from.amount("count"), from.amount("max"), read_percentiles(from)};
}

std::optional<Buckets> read_buckets(const Fields& parent, const char* key)
{
  if (!parent.has(key))
    return std::nullopt;
  const Fields from = parent.at(key);
  Buckets buckets;
  buckets.max_ns = from.at("max_ns").as_amount();
  double before = -1.0;
  from.at("buckets").for_each([&](const Fields& bucket) {
    const double bound = bucket.element(0, 2).as_amount();
    const double count = bucket.element(1, 2).as_amount();
    if (bound <= before)
      bucket.refuse("upper bounds of buckets have to rise");
    before = bound;
    if (count > 0.0)
      buckets.buckets.emplace_back(bound, count);
    buckets.count += count;
  });
  const double count = from.at("count").as_amount();
  if (std::abs(count - buckets.count) > 0.5 + count * 1e-9)
    from.refuse(fmt::format("count is {}, but the buckets hold {}", count, buckets.count));
  return buckets;
}

Attribution read_attribution(const Fields& from)
{
  Attribution attribution{from.amount("clean_count"),    from.amount("clean_max_ns"),
                          from.amount("channel_max_ns"), {},
                          from.amount("inside_stalls"),  from.amount("inside_expected")};
  for (std::size_t i = 1; i < cause_names.size(); ++i) {
    const std::string name = cause_names[i];
    if (from.has(name + "_ns") || from.has(name + "_count"))
      attribution.causes[static_cast<Cause>(i)] = {from.amount(name + "_ns"), from.amount(name + "_count"), {}};
  }
  return attribution;
}

Stall read_stall(const Fields& from)
{
  Stall stall{from.amount("tries"),   from.amount("stop_ns"), from.amount("longest_wait_ns"),
              from.amount("stuck"),   from.amount("lost"),    from.amount("doubled"),
              from.amount("torn"),    from.string("victim"),  from.string("verdict"),
              from.string("sentence")};
  if (!stall.verdict.empty() && stall.verdict != "unaffected" && stall.verdict != "delayed" && stall.verdict != "stuck")
    from.at("verdict").refuse(fmt::format("'{}' is none of unaffected, delayed, stuck", stall.verdict));
  return stall;
}

Launch read_launch(const Fields& from)
{
  Launch launch{from.amount("ratio_to_floor"), from.amount("per_floor"), {}, {}};
  for (const char* key : {"rtt_ns", "response_ns"}) {
    if (const auto latency = read_distribution(from, key)) {
      launch.max = latency->max;
      launch.percentiles = latency->percentiles;
      break;
    }
  }
  return launch;
}

void read_tails(const Fields& from, Result& result)
{
  if (from.has("attributed"))
    result.attributed = read_attribution(from.at("attributed"));
  from.for_each("worst", [&](const Fields& sample) {
    result.worst.push_back({sample.at("ns").as_amount(), sample.amount("at_s"), sample.amount("cpu"),
                            cause_of(sample.at("class")), sample.string("sentence")});
  });
  std::stable_sort(result.worst.begin(), result.worst.end(),
                   [](const WorstSample& a, const WorstSample& b) { return a.ns > b.ns; });
  from.for_each("timeline", [&](const Fields& round) {
    result.timeline.push_back(
        {round.element(0, 3).as_amount(), round.element(1, 3).as_amount(), cause_of(round.element(2, 3))});
  });
  result.histogram = read_buckets(from, "histogram");
  result.service_histogram = read_buckets(from, "service_histogram");
}

Result read_result(const Fields& from)
{
  static constexpr std::array modes = {"closed", "open", "saturated", "stop", "kill"};
  Result result;
  result.name = from.at("name").as_string();
  result.kind = from.string("kind");
  result.topology = from.string("topology");
  result.mode = from.string("mode");
  if (!result.mode.empty() && std::find(modes.begin(), modes.end(), result.mode) == modes.end())
    from.at("mode").refuse(fmt::format("'{}' is none of the modes {}", result.mode, fmt::join(modes, ", ")));
  result.bytes = from.amount("bytes");
  result.in_process = from.flag("in_process");
  result.blocks = from.flag("blocks");
  result.skipped = from.string("skipped");
  result.failed = from.string("failed");
  result.rounds = from.amount("rounds");
  result.dropped_rounds = from.amount("dropped_rounds");
  result.ratio = read_ratio(from);
  result.rtt = read_distribution(from, "rtt_ns");
  if (from.has("operation_ns")) {
    result.send = read_distribution(from.at("operation_ns"), "send");
    result.receive = read_distribution(from.at("operation_ns"), "receive");
  }
  result.service = read_distribution(from, "service_ns");
  result.response = read_distribution(from, "response_ns");
  result.rate_hz = from.amount("rate_hz");
  result.late = from.amount("late");
  result.lost = from.amount("lost");
  result.throughput_msgs_per_s = from.amount("throughput_msgs_per_s");
  result.per_floor = from.amount("per_floor");
  if (from.has("per_floor_spread"))
    result.per_floor_spread = read_spread(from.at("per_floor_spread"));
  read_tails(from, result);
  from.for_each("launches", [&](const Fields& launch) { result.launches.push_back(read_launch(launch)); });
  if (from.has("stall"))
    result.stall = read_stall(from.at("stall"));
  return result;
}

CpuNoise read_noise(const Fields& from)
{
  CpuNoise noise{from.amount("cpu"),
                 from.amount("seconds"),
                 from.amount("threshold_ns"),
                 from.amount("gaps"),
                 from.amount("lost_ns"),
                 from.amount("max_ns"),
                 from.amount("interrupts"),
                 {},
                 read_buckets(from, "histogram")};
  if (from.has("classes")) {
    const Fields classes = from.at("classes");
    for (std::size_t i = 1; i < cause_names.size(); ++i) {
      if (!classes.has(cause_names[i]))
        continue;
      const Fields share = classes.at(cause_names[i]);
      noise.causes[static_cast<Cause>(i)] = {share.amount("ns"), share.amount("count"), share.amount("max_ns")};
    }
  }
  return noise;
}

Floor read_floor(const Fields& from)
{
  Floor floor{from.amount("rounds"), from.amount("dropped_rounds"), {}, {}, {}};
  if (from.has("rtt_ns"))
    floor.rtt_ns = read_spread(from.at("rtt_ns"), "p50");
  floor.below_250ns_rounds = read_bin(from, "below_250ns").rounds;
  floor.from_250ns_rounds = read_bin(from, "from_250ns").rounds;
  return floor;
}

Run read_document(const cli::Json& json)
{
  const Fields from(json, "");
  if (!json.is_object() || !json.contains("schema"))
    from.refuse(
        fmt::format("this is no document of rtlane-bench: an object with \"schema\": \"{}\" is expected", schema));
  if (const Fields found = from.at("schema"); found.as_string() != schema)
    found.refuse(fmt::format("'{}' is not {}, which is all that this version reads", found.as_string(), schema));
  Run run;
  run.command = from.string("command");
  run.started = from.string("started");
  run.duration_s = from.amount("duration_s");
  if (from.has("environment")) {
    const Fields environment = from.at("environment");
    run.environment = environment.object();
    environment.for_each("refused", [](const Fields& sentence) { (void)sentence.as_string(); });
  }
  if (from.has("floor"))
    run.floor = read_floor(from.at("floor"));
  from.for_each("noise", [&](const Fields& cpu) { run.noise.push_back(read_noise(cpu)); });
  if (from.has("results") && from.at("results").json().size() > results_max)
    from.at("results").refuse(fmt::format("more than {} results", results_max));
  from.for_each("results", [&](const Fields& result) { run.results.push_back(read_result(result)); });
  return run;
}

}  // namespace

expected<Run> read_run(const std::string& text)
{
  const auto json = parse_document_text(text);
  if (!json)
    return unexpected(json.error());
  try {
    return read_document(*json);
  } catch (const BadDocument& bad) {
    return unexpected(Error{EINVAL, bad.what()});
  }
}

}  // namespace rtlane::bench::report
