// From values to places along an axis.
#pragma once

#include <vector>

namespace rtlane::bench::report {

struct Range {
  double low = 0.0;
  double high = 0.0;
};

// Logarithmic. 0 < low < high; what lies outside is put at the nearer end.
class LogScale {
public:
  // range.low is drawn at `from`, range.high at `to`, which may be the smaller.
  LogScale(Range range, double from, double to);
  double operator()(double value) const;
  const Range& range() const { return range_; }

private:
  Range range_;
  double from_, to_;
};

// From 0 to high > 0.
class LinearScale {
public:
  LinearScale(double high, double from, double to) : high_(high), from_(from), to_(to) {}
  double operator()(double value) const;
  double high() const { return high_; }

private:
  double high_, from_, to_;
};

// The smallest range with bounds of 1, 2 or 5 times a power of ten that holds all positive values; at least a factor of
// two wide. {1, 10} without any.
Range log_range(const std::vector<double>& values);

// Within the range, rising: 1, 2, 5 times powers of ten where that gives no more than `most`, else powers of ten, else
// every second one, and so on. `most` is at least 2.
std::vector<double> log_ticks(Range range, std::size_t most);

// 0 and multiples of 1, 2 or 5 times a power of ten up to high, no more than `most`.
std::vector<double> linear_ticks(double high, std::size_t most);

// Moves places apart until neighbours are `gap` apart, as little as that needs, between low and high. In the order of
// the places given; where there is no room for all they come closer.
std::vector<double> spread_out(const std::vector<double>& places, double gap, double low, double high);

}  // namespace rtlane::bench::report
