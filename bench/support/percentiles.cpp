#include "percentiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace rtlane::bench {

using cli::Json;

std::string needs_text(const Percentile& percentile, std::uint64_t count, std::optional<double> rate_hz)
{
  const std::uint64_t needed = samples_needed(percentile);
  if (count >= needed)
    return fmt::format("{} has the samples that it needs", percentile.label);
  std::string text = fmt::format("{} needs {} samples, and {} are there", percentile.label, needed, count);
  if (rate_hz && *rate_hz > 0)
    text += fmt::format(": run {:.0f} s more at {:g}/s",
                        std::max(1.0, std::ceil(static_cast<double>(needed - count) / *rate_hz)), *rate_hz);
  return text;
}

namespace {

// Beyond that many the normal distribution is as good as the binomial one.
constexpr std::uint64_t exact_below = 400;

// Of a binomial distribution, by summing it up from 0.
class Binomial {
public:
  Binomial(std::uint64_t trials, double chance)
      : trials_(static_cast<double>(trials)),
        odds_(chance / (1 - chance)),
        term_(std::exp(trials_ * std::log1p(-chance))),
        sum_(term_)
  {}

  // The largest k, at least -1, for which P(at most k) is at most `part`. Call it with growing parts.
  std::int64_t at_most(double part)
  {
    while (sum_ <= part)
      advance();
    return successes_ - 1;
  }

private:
  void advance()
  {
    const auto k = static_cast<double>(successes_);
    term_ *= (trials_ - k) / (k + 1) * odds_;
    sum_ += term_;
    ++successes_;
  }

  double trials_;
  double odds_;
  double term_;  // P(exactly successes_)
  double sum_;   // P(at most successes_)
  std::int64_t successes_ = 0;
};

}  // namespace

std::optional<Ranks> percentile_ranks(const Percentile& percentile, std::uint64_t count)
{
  if (count < samples_needed(percentile))
    return std::nullopt;
  const std::uint64_t beyond = count / percentile.one_in;
  const double chance = 1 / static_cast<double>(percentile.one_in);
  const auto n = static_cast<double>(count);
  Ranks ranks;
  ranks.at = count - beyond;
  if (beyond < exact_below) {
    // The k-th largest sample is above the percentile when at least k samples are; so many lie beyond it by chance.
    Binomial samples(count, chance);
    const std::int64_t few = samples.at_most(0.025);       // so few or fewer lie beyond it: 2.5 %
    const std::int64_t many = samples.at_most(0.975) + 2;  // so many or more lie beyond it: 2.5 %
    ranks.upper = count - static_cast<std::uint64_t>(std::max<std::int64_t>(few, 0));
    ranks.lower = count + 1 - std::min(static_cast<std::uint64_t>(many), count);
    return ranks;
  }
  const double half = 1.96 * std::sqrt(n * chance * (1 - chance));
  const double middle = n * (1 - chance);
  ranks.lower = static_cast<std::uint64_t>(std::max(1.0, std::floor(middle - half)));
  ranks.upper = static_cast<std::uint64_t>(std::min(n, std::ceil(middle + half) + 1));
  return ranks;
}

void Units::end_of_one(const Histogram& so_far)
{
  // One without a sample, of a candidate that had failed, says nothing.
  if (const std::uint64_t counted = so_far.count(); counted == std::exchange(counted_, counted))
    return;
  if (++told_ % in_each_ != 0)
    return;
  ends_.push_back(so_far);
  if (ends_.size() < most)
    return;
  for (std::size_t i = 0; i < ends_.size() / 2; ++i)
    ends_[i] = ends_[2 * i + 1];
  ends_.resize(ends_.size() / 2);
  in_each_ *= 2;
}

namespace {

// Student's t that 2.5 % exceed.
double t_975(std::size_t degrees)
{
  constexpr std::array table = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093};
  static_assert(table.size() >= Units::most - 1);
  return table[degrees - 1];
}

// Of one unit: how many samples it has, how many of them lie above a bucket, and how many in it.
struct Split {
  double count = 0;
  double above = 0;
  double within = 0;
};

Split split(const Histogram& unit, std::size_t bucket)
{
  Split parts;
  unit.for_each_bucket([&](std::size_t i, std::uint64_t records) {
    const auto many = static_cast<double>(records);
    parts.count += many;
    parts.above += i > bucket ? many : 0;
    parts.within += i == bucket ? many : 0;
  });
  return parts;
}

// The parts of all samples between which that truly lies which is beyond a percentile.
std::array<double, 2> parts_beyond(double chance, const std::vector<Split>& splits, double t)
{
  Split sum;
  for (const Split& one : splits) {
    sum.count += one.count;
    sum.above += one.above;
    sum.within += one.within;
  }
  // The percentile lies somewhere within its bucket, at the same place for all.
  const double share = sum.within > 0 ? std::clamp((chance * sum.count - sum.above) / sum.within, 0.0, 1.0) : 0;
  double squares = 0;
  for (const Split& one : splits)
    squares += std::pow(one.above + share * one.within - chance * one.count, 2);
  const auto size = static_cast<double>(splits.size());
  const double error = std::sqrt(squares * size / (size - 1)) / sum.count;
  const double reach = t * error / (chance * (1 - chance));
  const double odds = chance / (1 - chance);
  const auto part = [&](double shift) { return 1 / (1 + 1 / (odds * std::exp(shift))); };
  return {part(-reach), part(reach)};
}

// How far the mean of logarithms of such values may be off.
double reach_of_mean(const std::vector<double>& logarithms, double t)
{
  const auto size = static_cast<double>(logarithms.size());
  const double mean = std::accumulate(logarithms.begin(), logarithms.end(), 0.0) / size;
  double squares = 0;
  for (const double value : logarithms)
    squares += std::pow(value - mean, 2);
  return t * std::sqrt(squares / (size - 1) / size);
}

}  // namespace

std::optional<Histogram::Bounds> interval_ns(const Percentile& percentile, const Histogram& all, const Units& units)
{
  const std::uint64_t count = all.count();
  const auto ranks = percentile_ranks(percentile, count);
  if (!ranks || percentile.one_in > interval_one_in_max || units.size() < Units::least ||
      count / percentile.one_in < samples_beyond * units.size())
    return std::nullopt;
  const Histogram::Bounds stated = all.rank_ns(ranks->at);
  std::vector<Split> splits;
  std::vector<double> logarithms;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const Histogram unit = units.at(i);
    splits.push_back(split(unit, Histogram::bucket_of(stated.lower)));
    const std::uint64_t samples = unit.count();
    const double its_own = static_cast<double>(unit.rank_ns(samples - samples / percentile.one_in).upper);
    logarithms.push_back(std::log(std::max(its_own, 1.0)));
  }
  const double t = t_975(units.size() - 1);
  const auto [least, most] = parts_beyond(1 / static_cast<double>(percentile.one_in), splits, t);
  const auto n = static_cast<double>(count);
  const double lower = std::max(1.0, std::floor(n * (1 - most)));
  const double upper = std::ceil(n * (1 - least)) + 1;
  if (upper > n)
    return std::nullopt;
  const double factor = std::exp(reach_of_mean(logarithms, t));
  const auto below = static_cast<std::uint64_t>(static_cast<double>(stated.lower) / factor);
  const auto above = static_cast<std::uint64_t>(std::ceil(static_cast<double>(stated.upper) * factor));
  return Histogram::Bounds{
      std::min(below, all.rank_ns(std::min(ranks->lower, static_cast<std::uint64_t>(lower))).lower),
      std::max(above, all.rank_ns(std::max(ranks->upper, static_cast<std::uint64_t>(upper))).upper)};
}

Json percentiles_json(const Histogram& histogram)
{
  const std::uint64_t count = histogram.count();
  Json json = {{"count", count}};
  Json needs = Json::object();
  for (const Percentile& percentile : percentiles) {
    const auto ranks = percentile_ranks(percentile, count);
    json[percentile.key] = ranks ? Json(histogram.rank_ns(ranks->at).upper) : Json(nullptr);
    if (!ranks)
      needs[percentile.key] = samples_needed(percentile);
  }
  json["max"] = count == 0 ? Json(nullptr) : Json(histogram.max_ns());
  json["needs"] = needs;
  return json;
}

Json percentiles_json(const Histogram& histogram, const Units& launches)
{
  Json json = percentiles_json(histogram);
  Json confidence = Json::object();
  Json none = Json::object();
  for (const Percentile& percentile : percentiles) {
    if (json[percentile.key].is_null())
      continue;
    const std::size_t units = launches.size();
    if (const auto interval = interval_ns(percentile, histogram, launches))
      confidence[percentile.key] = {interval->lower, interval->upper};
    else if (percentile.one_in > interval_one_in_max)
      none[percentile.key] = "single stalls make it, for which no interval was seen to hold: see how launches differ";
    else if (units < Units::least)
      none[percentile.key] = fmt::format("needs {} launches, and {} are there", Units::least, launches.told());
    else if (const std::uint64_t needed = units * samples_needed(percentile); histogram.count() < needed)
      none[percentile.key] =
          fmt::format("needs {} samples in {} launches, and {} are there", needed, launches.told(), histogram.count());
    else
      none[percentile.key] = "the launches differ too much: it may lie beyond all samples";
  }
  json["confidence_95"] = confidence;
  json["confidence_launches"] = launches.told();
  json["no_confidence"] = none;
  return json;
}

Json histogram_json(const Histogram& histogram)
{
  Json buckets = Json::array();
  std::uint64_t count = 0;
  histogram.for_each_bucket([&](std::size_t bucket, std::uint64_t records) {
    buckets.push_back({Histogram::upper_bound_ns(bucket), records});
    count += records;
  });
  return {{"count", count}, {"max_ns", histogram.max_ns()}, {"buckets", std::move(buckets)}};
}

namespace {

constexpr std::uint64_t exact_numbers = std::uint64_t{1} << 53;

// A whole number from 0 that a double holds exactly; one written as 3.0 too.
std::optional<std::uint64_t> whole_number(const Json& json)
{
  if (json.is_number_unsigned() && json.get<std::uint64_t>() < exact_numbers)
    return json.get<std::uint64_t>();
  if (!json.is_number_float())
    return std::nullopt;
  const auto value = json.get<double>();
  if (value < 0 || value >= static_cast<double>(exact_numbers) || std::trunc(value) != value)
    return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

std::optional<std::uint64_t> whole_number(const Json& json, const char* key)
{
  const auto found = json.find(key);
  return found == json.end() ? std::nullopt : whole_number(*found);
}

// [upper_bound_ns, count]
std::optional<Histogram::Bucket> bucket_of(const Json& pair)
{
  if (!pair.is_array() || pair.size() != 2)
    return std::nullopt;
  const auto bound = whole_number(pair[0]);
  const auto records = whole_number(pair[1]);
  if (!bound || !records)
    return std::nullopt;
  return Histogram::Bucket{*bound, *records};
}

}  // namespace

expected<Histogram> histogram_from_json(const Json& json)
{
  const auto wrong = [](std::string sentence) { return unexpected(Error{EINVAL, std::move(sentence)}); };
  if (!json.is_object())
    return wrong("is no object");
  const auto count = whole_number(json, "count");
  const auto max_ns = whole_number(json, "max_ns");
  const auto list = json.find("buckets");
  if (!count || !max_ns)
    return wrong(fmt::format("has no {} that is a whole number from 0 to 2^53 - 1", count ? "max_ns" : "count"));
  if (list == json.end() || !list->is_array())
    return wrong("has no list of buckets");
  std::vector<Histogram::Bucket> buckets;
  std::uint64_t sum = 0;
  for (const Json& pair : *list) {
    const auto bucket = bucket_of(pair);
    if (!bucket)
      return wrong(fmt::format("has a bucket {} that is no pair of whole numbers from 0 to 2^53 - 1", buckets.size()));
    buckets.push_back(*bucket);
    sum += bucket->count;
    if (sum >= exact_numbers)
      return wrong("counts 2^53 records or more");
  }
  if (sum != *count)
    return wrong(fmt::format("has buckets of {} records, but a count of {}", sum, *count));
  Histogram histogram;
  if (!histogram.restore(buckets, *max_ns))
    return wrong(
        "has buckets or a maximum that no rtlane histogram can have: bounds have to ascend and to be those of "
        "channels/histogram.hpp, counts be above 0, and max_ns lie in the last bucket");
  return histogram;
}

}  // namespace rtlane::bench
