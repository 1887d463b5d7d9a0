#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"

namespace rtlane::bench::report {
namespace {

// Where the k-th largest of n stands: at n/k, the largest at n. 10 is p90, told as one in how many.
double one_in(double count, double not_above)
{
  return count / std::max(count - not_above + 1.0, 1.0);
}

// "99.9 %" of 1000.
std::string percentile_label(double one)
{
  return one < 1.5 ? "min" : percent(100.0 - 100.0 / one);
}

std::vector<Point> curve_points(const Buckets& buckets, const LogScale& x, const LogScale& y)
{
  std::vector<Point> points;
  double seen = 0.0;
  for (const auto& [bound, count] : buckets.buckets) {
    // From the percentile that the one before ended with.
    if (seen == 0.0)
      points.push_back({x(1.0), y(std::min(bound, buckets.max_ns))});
    seen += count;
    const Point next = {x(one_in(buckets.count, seen)), y(std::min(bound, buckets.max_ns))};
    // What is closer than a line is wide adds nothing but bytes.
    if (std::hypot(next.x - points.back().x, next.y - points.back().y) >= 1.0 ||
        &bound == &buckets.buckets.back().first)
      points.push_back(next);
  }
  return points;
}

Markup area_between(const std::vector<Point>& one, const std::vector<Point>& other)
{
  std::vector<Point> outline = one;
  outline.insert(outline.end(), other.rbegin(), other.rend());
  return polyline(outline, "between");
}

Markup draw(const Frame& frame, const std::string& title, const std::vector<Curve>& curves, bool gap)
{
  const double height = frame.width <= half_px ? 300 : 400;
  const double left = 58;
  const bool named = !frame.narrow && frame.width > half_px;  // else the legend tells
  const double right = frame.width - (named ? 214 : 14);
  const double top = 12;
  const double bottom = height - 42;
  std::vector<double> latencies;
  double most = 10.0;
  for (const Curve& curve : curves) {
    latencies.push_back(curve.buckets->buckets.front().first);
    latencies.push_back(curve.buckets->max_ns);
    most = std::max(most, curve.buckets->count);
  }
  // Not beyond 1e18, where 100 - 100/x no longer says anything.
  const LogScale x({1.0, std::min(most, 1e18)}, left, right);
  const LogScale y(log_range(latencies), bottom, top);

  Markup content = y_axis(y, log_ticks(y.range(), 9), left, right, [](double tick) { return duration(tick); });
  std::vector<double> ticks = log_ticks({1.0, x.range().high}, frame.width <= half_px ? 5 : 10);
  std::erase_if(ticks, [](double tick) { return std::abs(std::log10(tick) - std::round(std::log10(tick))) > 1e-6; });
  content += x_axis(x, ticks, top, bottom, percentile_label);
  content += label({(left + right) / 2, height - 6}, "percentile", "middle", "tick");

  if (gap && curves.size() == 2)
    content += area_between(curve_points(*curves[0].buckets, x, y), curve_points(*curves[1].buckets, x, y));

  std::vector<double> ends;
  for (const Curve& curve : curves)
    ends.push_back(y(curve.buckets->max_ns));
  const std::vector<double> places = spread_out(ends, 30, top + 6, bottom - 16);
  std::string description;
  // Ours last, on top of the others.
  for (const bool emphasised : {false, true}) {
    for (std::size_t i = 0; i < curves.size(); ++i) {
      const Curve& curve = curves[i];
      if (curve.emphasised != emphasised)
        continue;
      const std::string css = curve.css_class + (emphasised ? " emphasised" : "");
      content += polyline(curve_points(*curve.buckets, x, y), "curve " + css, curve.name);
      if (curve.clean_count && curve.clean_max_ns && *curve.clean_count >= 1.0)
        content += mark(Shape::ring, {x(*curve.clean_count), y(*curve.clean_max_ns)}, emphasised ? 5 : 4,
                        curve.css_class, fmt::format("{}: clean maximum {}", curve.name, duration(curve.clean_max_ns)));
      const Point end = {x(curve.buckets->count), ends[i]};
      content += mark(Shape::disc, end, emphasised ? 5 : 4, curve.css_class,
                      fmt::format("{}: raw maximum {}", curve.name, duration(curve.buckets->max_ns)));
      description += fmt::format("{}: maximum {}", curve.name, duration(curve.buckets->max_ns));
      if (curve.clean_max_ns)
        description += fmt::format(", clean maximum {}", duration(curve.clean_max_ns));
      description += "; ";
      if (!named)
        continue;
      const double text_x = right + 48;
      content += line({right + 6, end.y}, {right + 18, places[i]}, "leader");
      content += line({right + 20, places[i]}, {right + 43, places[i]}, "curve " + css);
      content += label_within({text_x, places[i] + 4}, curve.name, frame.width - text_x, emphasised ? "ours-name" : "");
      std::string maxima = "max " + duration(curve.buckets->max_ns);
      if (curve.clean_max_ns)
        maxima += ", clean " + duration(curve.clean_max_ns);
      content += label({text_x, places[i] + 17}, maxima, "start", "tick");
    }
  }
  return svg(frame, height, title, description + "the table of all figures has the percentiles.", content);
}

Markup drawn(const std::string& id, const std::string& title, std::vector<Curve> curves, bool gap)
{
  std::erase_if(curves, [](const Curve& curve) {
    return curve.buckets == nullptr || curve.buckets->buckets.empty() || curve.buckets->max_ns <= 0.0;
  });
  if (curves.empty())
    return {};
  std::vector<LegendEntry> entries;
  for (const Curve& curve : curves) {
    std::string maxima = ": max " + duration(curve.buckets->max_ns);
    if (curve.clean_max_ns)
      maxima += ", clean " + duration(curve.clean_max_ns);
    entries.push_back(
        {legend_line("curve " + curve.css_class + (curve.emphasised ? " emphasised" : "")), curve.name + maxima});
  }
  const auto draw_in = [&](const Frame& frame) { return draw(frame, title, curves, gap); };
  return both(id, draw_in, gap ? half_px : wide_px) + legend(entries, gap ? "" : "narrow-only");
}

}  // namespace

Markup percentile_chart(const std::string& id, const std::string& title, const std::vector<Curve>& curves)
{
  return drawn(id, title, curves, false);
}

Markup gap_between_chart(const std::string& id, const std::string& title, const std::vector<Curve>& curves)
{
  return drawn(id, title, curves, true);
}

}  // namespace rtlane::bench::report
