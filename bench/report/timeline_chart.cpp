#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "chart.hpp"
#include "charts.hpp"
#include "figures.hpp"

namespace rtlane::bench::report {
namespace {

// Of so many columns the largest is drawn of each; none that matters is lost.
std::vector<RoundMaximum> largest_by_column(const std::vector<RoundMaximum>& timeline, double end_s,
                                            std::size_t columns)
{
  if (timeline.size() <= columns)
    return timeline;
  std::map<std::size_t, RoundMaximum> largest;
  for (const RoundMaximum& round : timeline) {
    const auto column = static_cast<std::size_t>(round.at_s / end_s * static_cast<double>(columns));
    const auto [place, added] = largest.emplace(column, round);
    if (!added && round.ns > place->second.ns)
      place->second = round;
  }
  std::vector<RoundMaximum> drawn;
  for (const auto& [column, round] : largest)
    drawn.push_back(round);
  return drawn;
}

Markup draw(const Frame& frame, const Result& result, LatencyRange range)
{
  const double height = frame.narrow ? 190 : 210;
  const double left = 58;
  const double right = frame.width - 10;
  const double top = 10;
  const double bottom = height - 36;
  double end_s = 1e-9;
  for (const RoundMaximum& round : result.timeline)
    end_s = std::max(end_s, round.at_s);
  const LinearScale x(end_s, left, right);
  const LogScale y({range.low, range.high}, bottom, top);
  Markup content = y_axis(y, log_ticks(y.range(), 6), left, right, [](double tick) { return duration(tick); });
  content += x_axis(x, linear_ticks(end_s, frame.narrow ? 5 : 10), top, bottom,
                    [](double tick) { return fmt::format("{:.6g} s", tick); });

  std::vector<RoundMaximum> drawn = largest_by_column(result.timeline, end_s, frame.narrow ? 150 : 400);
  std::stable_sort(drawn.begin(), drawn.end(), [](const auto& a, const auto& b) { return a.ns > b.ns; });
  const std::size_t told = std::min<std::size_t>(drawn.size(), 12);
  std::map<Cause, std::vector<Point>> rest;
  for (std::size_t i = told; i < drawn.size(); ++i)
    rest[drawn[i].cause].push_back({x(drawn[i].at_s), y(drawn[i].ns)});
  for (const auto& [cause, points] : rest)
    content += marks(shape_of(cause), points, cause == Cause::clean ? 2 : 3, css_class_of(cause), name_of(cause));
  for (std::size_t i = told; i-- > 0;)
    content +=
        mark(shape_of(drawn[i].cause), {x(drawn[i].at_s), y(drawn[i].ns)}, 4, css_class_of(drawn[i].cause),
             fmt::format("{}, {} after {}", duration(drawn[i].ns), name_of(drawn[i].cause), seconds(drawn[i].at_s)));

  std::map<Cause, int> rounds;
  for (const RoundMaximum& round : result.timeline)
    ++rounds[round.cause];
  std::string description = fmt::format(
      "{} rounds; the largest sample of them, {}, came after {} and was {}. By cause: ", result.timeline.size(),
      duration(drawn.front().ns), seconds(drawn.front().at_s), name_of(drawn.front().cause));
  for (const auto& [cause, count] : rounds)
    description += fmt::format("{} {}; ", name_of(cause), count);
  return svg(frame, height, "Largest sample of each round: " + title_of(result), description, content);
}

}  // namespace

LatencyRange timeline_range(const std::vector<const Result*>& results)
{
  std::vector<double> values;
  for (const Result* result : results) {
    for (const RoundMaximum& round : result->timeline)
      values.push_back(round.ns);
  }
  const Range range = log_range(values);
  return {range.low, range.high};
}

Markup timeline_chart(const std::string& id, const Result& result, LatencyRange range)
{
  if (result.timeline.empty())
    return {};
  return both(id, [&](const Frame& frame) { return draw(frame, result, range); });
}

}  // namespace rtlane::bench::report
