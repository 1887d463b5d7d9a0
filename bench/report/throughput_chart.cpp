#include <fmt/format.h>

#include <algorithm>

#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"

namespace rtlane::bench::report {
namespace {

Markup bar(Point from, double width, double height, const std::string& css_class)
{
  return empty_element("rect", {{"class", css_class},
                                {"x", fmt::format("{:.1f}", from.x)},
                                {"y", fmt::format("{:.1f}", from.y)},
                                {"width", fmt::format("{:.1f}", std::max(width, 1.0))},
                                {"height", fmt::format("{:.1f}", height)}});
}

Markup draw(const Frame& frame, const std::vector<const Result*>& results)
{
  double most = 0.0;
  for (const Result* result : results) {
    most = std::max(most, result->per_floor.value_or(0.0));
    if (result->per_floor_spread)
      most = std::max(most, result->per_floor_spread->p90.value_or(0.0));
  }
  if (most <= 0.0)
    most = 1.0;
  const double row_px = frame.narrow ? 40 : 26;
  const double left = frame.narrow ? 2 : 230;
  const double right = frame.width - (frame.narrow ? 10 : 140);
  const double top = 6;
  const double bottom = top + row_px * static_cast<double>(results.size());
  const LinearScale x(most, left, right);

  Markup content =
      x_axis(x, linear_ticks(most, 7), top, bottom, [](double tick) { return fmt::format("{:.6g}", tick); });
  std::string description;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Result& result = *results[i];
    const std::string css = result.ours() ? "ours" : "peer";
    const double row = top + row_px * static_cast<double>(i);
    const double bar_top = row + (frame.narrow ? 20 : 5);
    const double middle = bar_top + 7;
    const double text_y = frame.narrow ? row + 15 : middle + 4;
    Markup group =
        element("title", fmt::format("{}: {} messages for each round trip of the floor, {}", title_of(result),
                                     number(result.per_floor), rate(result.throughput_msgs_per_s)));
    group += label_within({0, text_y}, result.name + (result.in_process ? " ○" : ""),
                          frame.narrow ? frame.width - 130 : left - 12, css + "-name");
    if (result.per_floor)
      group += bar({left, bar_top}, x(*result.per_floor) - left, 14, "bar " + css + (result.in_process ? " open" : ""));
    if (result.per_floor_spread && result.per_floor_spread->p10 && result.per_floor_spread->p90)
      group +=
          line({x(*result.per_floor_spread->p10), middle}, {x(*result.per_floor_spread->p90), middle}, "bar-whisker");
    if (frame.narrow) {
      group += label({frame.width, text_y}, number(result.per_floor) + " · " + rate(result.throughput_msgs_per_s),
                     "end", css + "-name");
    } else {
      group += label({frame.width - 80, text_y}, number(result.per_floor), "end", css + "-name");
      group += label({frame.width, text_y}, rate(result.throughput_msgs_per_s), "end", css + "-name");
    }
    content += element("g", group);
    description += fmt::format("{} {}; ", result.name, number(result.per_floor));
  }
  return svg(frame, bottom + 24, "Messages for each round trip of the floor", description, content);
}

}  // namespace

Markup throughput_chart(const std::string& id, const std::vector<const Result*>& results)
{
  return both(id, [&](const Frame& frame) { return draw(frame, results); });
}

}  // namespace rtlane::bench::report
