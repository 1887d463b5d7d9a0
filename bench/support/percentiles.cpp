#include "percentiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
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

namespace {

// at(rank) answers {lower, upper} of the record of that rank.
template <class At>
Json percentiles_of(std::uint64_t count, const Json& max, At&& at)
{
  Json json = {{"count", count}};
  Json confidence = Json::object();
  Json needs = Json::object();
  for (const Percentile& percentile : percentiles) {
    const auto ranks = percentile_ranks(percentile, count);
    json[percentile.key] = ranks ? Json(at(ranks->at).second) : Json(nullptr);
    if (ranks)
      confidence[percentile.key] = {at(ranks->lower).first, at(ranks->upper).second};
    else
      needs[percentile.key] = samples_needed(percentile);
  }
  json["max"] = max;
  json["confidence_95"] = confidence;
  json["needs"] = needs;
  return json;
}

}  // namespace

Json percentiles_json(const Histogram& histogram)
{
  const std::uint64_t count = histogram.count();
  return percentiles_of(count, count == 0 ? Json(nullptr) : Json(histogram.max_ns()), [&](std::uint64_t rank) {
    const Histogram::Bounds bounds = histogram.rank_ns(rank);
    return std::pair(bounds.lower, bounds.upper);
  });
}

Json percentiles_json(std::span<const double> sorted_samples)
{
  return percentiles_of(sorted_samples.size(), sorted_samples.empty() ? Json(nullptr) : Json(sorted_samples.back()),
                        [&](std::uint64_t rank) {
                          const double sample = sorted_samples[static_cast<std::size_t>(rank - 1)];
                          return std::pair(sample, sample);
                        });
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
