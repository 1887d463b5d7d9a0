// Figures as text. What is not there is a dash.
#pragma once

#include <string>

#include "run.hpp"

namespace rtlane::bench::report {

inline constexpr char absent[] = "–";

// "850 ns", "3.1 ms"; whole nanoseconds.
std::string duration(Figure ns);
// "12.3 s"; what seconds are told in.
std::string seconds(Figure s);
// "1,234,567"; "1.2e+18" from 1e15.
std::string count(Figure value);
// Three digits: "0.95", "12.3", "1,234".
std::string number(Figure value);
// "1.05×"
std::string times(Figure ratio);
// "0.90 to 1.20"
std::string range(const Figure& low, const Figure& high);
// "41.0 M/s"
std::string rate(Figure per_s);
// "16 B", "4 KiB", with a space that does not break.
std::string size(Figure bytes);
// "99.9 %"
std::string percent(double percent);
// The figure, or "needs 100,000" samples.
std::string percentile_text(const Percentile* percentile);

// "rtlane/spsc, 16 B, open": what sets a result apart from the others. Mode closed is not named.
std::string title_of(const Result& result);

}  // namespace rtlane::bench::report
