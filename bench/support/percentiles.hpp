// Percentiles of samples, each with what it is worth: an interval that holds the true one with 95 % confidence, or,
// where fewer than ten samples lie beyond it, not the percentile but how many samples it needs.
//
// The samples of a run are not independent: a stall hits several in a row, those of a round saw the same moment of the
// machine, those of a launch the same placement of memory. So what counts for an interval are not samples but launches,
// each one draw (Units). What two runs differ by is judged over launches too, by rtlane-bench compare.
#pragma once

#include <rtlane/channels/histogram.hpp>
#include <rtlane/core/expected.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

// The last percentile that an interval is stated for. Beyond it lie single stalls: of 40 real runs the interval of
// p99.9 held the true one in 21.
inline constexpr std::uint64_t interval_one_in_max = 100;

// Samples that have to lie beyond a percentile before it is stated.
inline constexpr std::uint64_t samples_beyond = 10;

// How many samples a percentile needs.
constexpr std::uint64_t samples_needed(const Percentile& percentile)
{
  return samples_beyond * percentile.one_in;
}

// "p99.99 needs 100000 samples, and 20000 are there", and where a rate is known ": run 80 s more at 1000/s".
std::string needs_text(const Percentile& percentile, std::uint64_t count, std::optional<double> rate_hz = {});

// The rank of a percentile among `count` samples, the first being 1, and those of an interval around it.
struct Ranks {
  std::uint64_t at = 0;
  std::uint64_t lower = 0;
  std::uint64_t upper = 0;
};

// Nothing when there are too few samples. The interval is that for independent samples: no true one is narrower. Its
// ranks are np -+ 1.96 sqrt(np(1 - p)), rounded outwards; where fewer than 400 samples lie beyond the percentile they
// are those of the binomial distribution itself, so that the true percentile lies below the interval with at most
// 2.5 %, and above it too.
std::optional<Ranks> percentile_ranks(const Percentile& percentile, std::uint64_t count);

// The parts of a run that are one draw each. It keeps at most `most` of them: when that many are there, neighbours
// become one, and from then on each part is as long as two before.
class Units {
public:
  // From so few on there is an interval.
  static constexpr std::size_t least = 5;
  static constexpr std::size_t most = 20;

  // A part ended, and `so_far` is what the run has recorded from its beginning.
  void end_of_one(const Histogram& so_far);

  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::size_t told() const { return told_; }
  [[nodiscard]] Histogram at(std::size_t i) const { return i == 0 ? ends_[0] : ends_[i].since(ends_[i - 1]); }

private:
  std::vector<Histogram> ends_;  // what had been recorded by the end of each
  std::size_t told_ = 0;
  std::uint64_t counted_ = 0;
  std::size_t in_each_ = 1;
};

// The interval of a percentile of `all`, 95 %, in ns, from how much the units differ. It is the widest of three:
// * By the part of each unit's samples that lies beyond the percentile (Woodruff, "Confidence intervals for medians and
//   other position measures", 1952, with units as clusters): its scatter, by Student's t for so many units and on the
//   scale of log-odds, bounds the part that is truly beyond, and the samples at these two parts bound the percentile.
// * By the units' own percentiles: the scatter of their logarithms, by Student's t. Of few units that differ as a whole
//   the first knows too little.
// * That for independent samples, which no true one is narrower than.
// Nothing beyond interval_one_in_max, with fewer than Units::least units, with fewer than samples_beyond samples beyond
// the percentile for each unit, or where the first reaches beyond all samples.
std::optional<Histogram::Bounds> interval_ns(const Percentile& percentile, const Histogram& all, const Units& units);

// {"count", "p50", ..., "p99_99", "max", "needs": {"p99_99": samples}}. A percentile that is not stated is null; one
// that is stated needs nothing. Of nothing max is null too. In ns: what the histogram's buckets say, the percentile as
// in Histogram::percentile_ns().
cli::Json percentiles_json(const Histogram& histogram);

// The same with "confidence_95": {"p50": [lower, upper], ...}, widened to whole buckets, of those that have an
// interval; "confidence_launches": how many there were; and "no_confidence": {"p99": "needs 5 launches, and 1 are
// there"} of the others that are stated.
cli::Json percentiles_json(const Histogram& histogram, const Units& launches);

// {"count", "max_ns", "buckets": [[upper_bound_ns, count], ...]}: the buckets that are not empty, in order. The bound
// of the last bucket there is, which has none, is written as Histogram::upper_bound_ns() has it.
cli::Json histogram_json(const Histogram& histogram);

// EINVAL with what is wrong, as the end of a sentence: "has a bucket ...". Numbers that no double holds exactly, from
// 2^53, are refused: most readers of such documents would get others.
[[nodiscard]] expected<Histogram> histogram_from_json(const cli::Json& json);

}  // namespace rtlane::bench
