#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "process.hpp"

namespace rtlane::bench {

double quantile(std::vector<double> values, double q)
{
  std::sort(values.begin(), values.end());
  const double rank = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], rank - std::floor(rank));
}

cli::Json spread(const std::vector<double>& values)
{
  return {{"median", quantile(values, 0.5)}, {"p10", quantile(values, 0.1)}, {"p90", quantile(values, 0.9)}};
}

std::uint64_t median(std::vector<std::uint64_t>& samples)
{
  if (samples.empty())
    die("a segment ended without one round trip: give more --round-ms");
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

}  // namespace rtlane::bench
