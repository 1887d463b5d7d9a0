#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"

namespace rtlane::bench::report {
namespace {

// Of eight bars to a power of ten, so that single buckets make no comb. The key is the bar's number.
std::map<int, double> bars_of(const Buckets& buckets)
{
  std::map<int, double> bars;
  for (const auto& [bound, count] : buckets.buckets)
    bars[static_cast<int>(std::floor(std::log10(std::max(bound, 1.0)) * 8.0))] += count;
  return bars;
}

Markup draw(const Frame& frame, const CpuNoise& cpu)
{
  const std::map<int, double> bars = bars_of(*cpu.histogram);
  const double height = frame.narrow ? 200 : 220;
  const double left = 58;
  const double right = frame.width - 14;
  const double top = 26;
  const double bottom = height - 38;
  const auto length = [](int bar) { return std::pow(10.0, bar / 8.0); };
  std::vector<double> counts = {1.0};
  for (const auto& [bar, count] : bars)
    counts.push_back(count);
  std::vector<double> lengths = {length(bars.begin()->first), length(bars.rbegin()->first + 1), cpu.histogram->max_ns};
  const LogScale x(log_range(lengths), left, right);
  const Range count_range = log_range(counts);
  // A bar of 1 is to be seen.
  const LogScale y({0.7, std::max(count_range.high, 10.0)}, bottom, top);

  Markup content = y_axis(y, log_ticks({1.0, y.range().high}, 5), left, right, [](double tick) { return count(tick); });
  content +=
      x_axis(x, log_ticks(x.range(), frame.narrow ? 5 : 9), top, bottom, [](double tick) { return duration(tick); });
  for (const auto& [bar, gaps] : bars) {
    const double from = x(length(bar));
    const double to = x(length(bar + 1));
    content += element("rect",
                       {{"class", "bar gap"},
                        {"x", fmt::format("{:.1f}", from)},
                        {"y", fmt::format("{:.1f}", y(gaps))},
                        {"width", fmt::format("{:.1f}", std::max(to - from - 1.0, 1.0))},
                        {"height", fmt::format("{:.1f}", bottom - y(gaps))}},
                       element("title", fmt::format("{} to {}: {} gaps", duration(length(bar)),
                                                    duration(length(bar + 1)), count(gaps))));
  }
  std::string description =
      fmt::format("{} gaps, the longest {}. ", count(cpu.histogram->count), duration(cpu.histogram->max_ns));
  for (const auto& [cause, share] : cpu.causes) {
    if (!share.max_ns || *share.max_ns <= 0.0)
      continue;
    const double place = x(*share.max_ns);
    content += line({place, 14}, {place, bottom}, "leader");
    content += mark(shape_of(cause), {place, 10}, 5, css_class_of(cause),
                    fmt::format("{}: longest {}", name_of(cause), duration(share.max_ns)));
    description += fmt::format("Longest of class {}: {}. ", name_of(cause), duration(share.max_ns));
  }
  return svg(frame, height, fmt::format("Gaps on CPU {}", count(cpu.cpu)), description, content);
}

}  // namespace

Markup gap_chart(const std::string& id, const CpuNoise& cpu)
{
  if (!cpu.histogram || cpu.histogram->buckets.empty())
    return {};
  return both(id, [&](const Frame& frame) { return draw(frame, cpu); });
}

}  // namespace rtlane::bench::report
