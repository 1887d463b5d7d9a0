// The charts of the report, each a figure with its text alternative. Results are those of one document.
#pragma once

#include <string>
#include <vector>

#include "markup.hpp"
#include "run.hpp"

namespace rtlane::bench::report {

// A dot for each result that has a ratio to the floor, with p10 to p90, in the given order.
Markup ratio_chart(const std::string& id, const std::vector<const Result*>& results);

// One line of a percentile chart.
struct Curve {
  std::string name;
  std::string css_class;  // of the style: "line-0" ...
  bool emphasised = false;
  const Buckets* buckets = nullptr;
  Figure clean_count, clean_max_ns;  // marked, if there
};
// Latency over 1/(1 - percentile), both logarithmic: a line each, its maximum marked.
Markup percentile_chart(const std::string& id, const std::string& title, const std::vector<Curve>& curves);
// The same for two lines, half as wide, with the gap between them shaded.
Markup gap_between_chart(const std::string& id, const std::string& title, const std::vector<Curve>& curves);

// The largest sample of each round over time, by cause. All of them are drawn between the same two latencies.
struct LatencyRange {
  double low, high;
};
LatencyRange timeline_range(const std::vector<const Result*>& results);
Markup timeline_chart(const std::string& id, const Result& result, LatencyRange range);

// Messages for each round trip of the floor, in the given order.
Markup throughput_chart(const std::string& id, const std::vector<const Result*>& results);

// How many gaps of each length, and the longest of each cause.
Markup gap_chart(const std::string& id, const CpuNoise& cpu);

}  // namespace rtlane::bench::report
