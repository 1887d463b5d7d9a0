#include <fmt/format.h>

#include <algorithm>

#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"

namespace rtlane::bench::report {
namespace {

Shape shape_of_result(const Result& result)
{
  if (result.blocks)
    return result.in_process ? Shape::open_square : Shape::square;
  return result.in_process ? Shape::ring : Shape::disc;
}

std::string tooltip(const Result& result)
{
  const Ratio& ratio = *result.ratio;
  std::string text = fmt::format("{}: {} the floor", title_of(result), times(ratio.spread.median));
  if (ratio.spread.p10 && ratio.spread.p90)
    text += fmt::format(", 10th to 90th percentile of the rounds {}", range(ratio.spread.p10, ratio.spread.p90));
  if (result.in_process)
    text += "; within one process";
  if (result.blocks)
    text += "; waits sleep in the kernel";
  return text;
}

Markup draw(const Frame& frame, const std::vector<const Result*>& results)
{
  std::vector<double> values = {1.0};
  for (const Result* result : results) {
    for (const Figure& value : {result->ratio->spread.median, result->ratio->spread.p10, result->ratio->spread.p90}) {
      if (value)
        values.push_back(*value);
    }
  }
  const double row_px = frame.narrow ? 38 : 24;
  const double left = frame.narrow ? 10 : 230;
  const double right = frame.width - (frame.narrow ? 10 : 74);
  const double top = 22;
  const double bottom = top + row_px * static_cast<double>(results.size());
  const LogScale x(log_range(values), left, right);

  Markup content = x_axis(x, log_ticks(x.range(), frame.narrow ? 6 : 12), top, bottom,
                          [](double tick) { return fmt::format("{:.6g}×", tick); });
  content += line({x(1), top - 4}, {x(1), bottom}, "reference");
  content += label({x(1), top - 8}, "floor", "middle", "tick");
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Result& result = *results[i];
    const Spread& spread = result.ratio->spread;
    const double row = top + row_px * static_cast<double>(i);
    const double y = row + (frame.narrow ? 26 : row_px / 2);
    const std::string css = result.ours() ? "ours" : "peer";
    const std::string name = result.name + (result.mode == "closed" || result.mode.empty() ? "" : ", " + result.mode);
    const double text_y = frame.narrow ? row + 14 : y + 4;
    Markup group = element("title", tooltip(result));
    if (frame.narrow) {
      group += label_within({0, text_y}, name, frame.width - 70, css + "-name");
    } else {
      group += label_within({0, text_y}, name, left - 12, css + "-name");
    }
    group += label({frame.width, text_y}, times(spread.median), "end", css + "-name");
    if (spread.p10 && spread.p90)
      group += line({x(*spread.p10), y}, {x(*spread.p90), y}, "whisker " + css);
    if (spread.median)
      group += mark(shape_of_result(result), {x(*spread.median), y}, result.ours() ? 6 : 4.5, css);
    content += element("g", group);
  }

  std::string description = "Sorted, the lowest first: ";
  for (const Result* result : results)
    description += fmt::format("{} {}; ", result->name, times(result->ratio->spread.median));
  return svg(frame, bottom + 24, "Ratio to the floor", description + "the table has all figures.", content);
}

}  // namespace

Markup ratio_chart(const std::string& id, const std::vector<const Result*>& results)
{
  return both(id, [&](const Frame& frame) { return draw(frame, results); });
}

}  // namespace rtlane::bench::report
