// What all charts are made of: SVG that takes its colours from the page's style.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "markup.hpp"
#include "run.hpp"
#include "scale.hpp"

namespace rtlane::bench::report {

// Every chart is drawn twice, wide and narrow, and the style shows the one that fits: text that is scaled with a
// drawing cannot be read on a phone.
struct Frame {
  std::string id;  // unique in the page
  double width = 0.0;
  bool narrow = false;
};
inline constexpr double wide_px = 1008.0;
inline constexpr double half_px = 494.0;  // two of them beside each other
inline constexpr double narrow_px = 328.0;

Markup both(const std::string& id, const std::function<Markup(const Frame&)>& draw, double width = wide_px);

// title is the accessible name, description what a reader who does not see it has to know.
Markup svg(const Frame& frame, double height, const std::string& title, const std::string& description,
           const Markup& content);

enum class Shape { disc, ring, square, open_square, triangle, diamond, cross, down_triangle, star };
Shape shape_of(Cause cause);

struct Point {
  double x = 0.0;
  double y = 0.0;
};

// Classes are those of the style. A tooltip comes with a title that is not empty.
Markup mark(Shape shape, Point at, double radius, const std::string& css_class, const std::string& title = "");
// Many of one shape in one piece.
Markup marks(Shape shape, const std::vector<Point>& at, double radius, const std::string& css_class,
             const std::string& title);
Markup line(Point from, Point to, const std::string& css_class);
Markup polyline(const std::vector<Point>& points, const std::string& css_class, const std::string& title = "");
// anchor: "start", "middle" or "end" of the text stands at the place.
Markup label(Point at, const std::string& text, const std::string& anchor = "start", const std::string& css_class = "");
// Cut to about that width; the whole is then its tooltip.
Markup label_within(Point at, const std::string& text, double width_px, const std::string& css_class = "");

// Width of text in the chart's font, roughly: there is nothing to measure it with.
double text_width(const std::string& text);

using Label = std::function<std::string(double)>;

// Grid lines across, labels to the left of from.x.
template <class Scale>
Markup y_axis(const Scale& scale, const std::vector<double>& ticks, double left, double right, const Label& text)
{
  Markup axis;
  for (const double tick : ticks) {
    const double y = scale(tick);
    axis += line({left, y}, {right, y}, "grid") + label({left - 6, y + 4}, text(tick), "end", "tick");
  }
  return axis;
}

// Grid lines down, labels below bottom.
template <class Scale>
Markup x_axis(const Scale& scale, const std::vector<double>& ticks, double top, double bottom, const Label& text)
{
  Markup axis;
  for (const double tick : ticks) {
    const double x = scale(tick);
    axis += line({x, top}, {x, bottom}, "grid") + label({x, bottom + 15}, text(tick), "middle", "tick");
  }
  return axis;
}

struct LegendEntry {
  Markup sign;  // of legend_mark() or legend_line()
  std::string text;
};
Markup legend_mark(Shape shape, const std::string& css_class);
Markup legend_line(const std::string& css_class);
Markup legend(const std::vector<LegendEntry>& entries, const std::string& css_class = "");
// Of those causes that occur, as given.
Markup cause_legend(const std::vector<Cause>& causes);

// "cause-host"
std::string css_class_of(Cause cause);

}  // namespace rtlane::bench::report
