// The text in which HdrHistogram prints percentiles, .hgrm: Value, Percentile, TotalCount, 1/(1-Percentile). Plotters
// read it, as the one at hdrhistogram.github.io.
#pragma once

#include <rtlane/channels/histogram.hpp>

#include <string>

namespace rtlane::bench {

// Values in ns; five lines for each halving of the distance to 100 %. The same text, byte for byte, that
// hdr-histogram-js prints for what hlog_line() tells of the histogram.
std::string hgrm_text(const Histogram& histogram);

// value with so many digits after the point, rounded as JavaScript's Intl.NumberFormat does it: the shortest decimal
// number that is read back as value, halves away from 0. printf rounds the binary number that is meant instead, which
// differs where that number ends on a 5.
std::string fixed_text(double value, int digits);

}  // namespace rtlane::bench
