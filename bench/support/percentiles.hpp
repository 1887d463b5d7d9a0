// Percentiles of samples, each with what it is worth: an interval that holds the true one with 95 % confidence, or,
// where fewer than ten samples lie beyond it, not the percentile but how many samples it needs.
//
// The interval is that between two order statistics, so nothing is assumed about the distribution, only that the
// samples are independent. Those of one run are not quite: a stall hits several in a row. What two runs differ by is
// therefore judged over launches, by rtlane-bench compare.
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/expected.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "report.hpp"

namespace rtlane::bench {

// The percentile that one in `one_in` samples lies beyond.
struct Percentile {
  const char* key;    // in documents
  const char* label;  // for people
  std::uint64_t one_in;
};

inline constexpr std::array percentiles = {
    Percentile{"p50", "p50", 2},         Percentile{"p90", "p90", 10},           Percentile{"p99", "p99", 100},
    Percentile{"p99_9", "p99.9", 1'000}, Percentile{"p99_99", "p99.99", 10'000},
};

// Samples that have to lie beyond a percentile before it is stated.
inline constexpr std::uint64_t samples_beyond = 10;

// How many samples a percentile needs.
constexpr std::uint64_t samples_needed(const Percentile& percentile)
{
  return samples_beyond * percentile.one_in;
}

// "p99.99 needs 100000 samples, and 20000 are there", and where a rate is known ": run 80 s more at 1000/s".
std::string needs_text(const Percentile& percentile, std::uint64_t count, std::optional<double> rate_hz = {});

// The rank of a percentile among `count` samples, and those of its confidence interval; the first rank is 1.
struct Ranks {
  std::uint64_t at = 0;
  std::uint64_t lower = 0;
  std::uint64_t upper = 0;
};

// Nothing when there are too few samples. The ranks of the interval are np -+ 1.96 sqrt(np(1 - p)), rounded outwards;
// where fewer than 400 samples lie beyond the percentile they are those of the binomial distribution itself, so that
// the true percentile lies below the interval with at most 2.5 %, and above it too.
std::optional<Ranks> percentile_ranks(const Percentile& percentile, std::uint64_t count);

// {"count", "p50", ..., "p99_99", "max", "confidence_95": {"p50": [lower, upper], ...}, "needs": {"p99_99": samples}}.
// A percentile that is not stated is null and has no interval; one that is stated needs nothing. Of nothing max is null
// too. In ns: what the histogram's buckets say, the percentile as in Histogram::percentile_ns(), the interval widened
// to whole buckets.
cli::Json percentiles_json(const Histogram& histogram);

// The same of samples, which are sorted, in their own unit.
cli::Json percentiles_json(std::span<const double> sorted_samples);

// {"count", "max_ns", "buckets": [[upper_bound_ns, count], ...]}: the buckets that are not empty, in order. The bound
// of the last bucket there is, which has none, is written as Histogram::upper_bound_ns() has it.
cli::Json histogram_json(const Histogram& histogram);

// EINVAL with what is wrong, as the end of a sentence: "has a bucket ...". Numbers that no double holds exactly, from
// 2^53, are refused: most readers of such documents would get others.
[[nodiscard]] expected<Histogram> histogram_from_json(const cli::Json& json);

}  // namespace rtlane::bench
