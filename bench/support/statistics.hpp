// What samples and rounds come down to.
#pragma once

#include <rtlane/core/tick_clock.hpp>

#include <cstdint>
#include <vector>

#include "report.hpp"

namespace rtlane::bench {

// values is not empty, 0 <= q <= 1. Between the two ranks next to q (n - 1) it goes in a straight line, so the median
// of an even number is the mean of the two in the middle: type 7 of Hyndman and Fan, "Sample quantiles in statistical
// packages", 1996, as R and NumPy have it.
double quantile(std::vector<double> values, double q);

// {"median", "p10", "p90"} of what is not empty.
cli::Json spread(const std::vector<double>& values);

// Adds the ticks since `before`, which moves to now.
inline void sample(std::vector<std::uint64_t>& samples, std::uint64_t& before)
{
  const std::uint64_t after = ticks();
  samples.push_back(after - before);
  before = after;
}

// Of one segment's samples, which it reorders; without any it ends the process by die().
std::uint64_t median(std::vector<std::uint64_t>& samples);

}  // namespace rtlane::bench
