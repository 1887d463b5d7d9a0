#include "chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rtlane::bench::report {
namespace {

// "12.5": tenths of a pixel are enough.
std::string px(double value)
{
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0"))
    text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string polygon(Point at, const std::vector<Point>& corners)
{
  std::string data;
  for (const Point& corner : corners)
    data += fmt::format("{}{} {}", data.empty() ? "M" : "L", px(at.x + corner.x), px(at.y + corner.y));
  return data + "Z";
}

std::string path_of(Shape shape, Point at, double r)
{
  switch (shape) {
    case Shape::disc:
    case Shape::ring:
      return fmt::format("M{} {}a{} {} 0 1 0 {} 0a{} {} 0 1 0 {} 0Z", px(at.x - r), px(at.y), px(r), px(r), px(2 * r),
                         px(r), px(r), px(-2 * r));
    case Shape::square:
    case Shape::open_square:
      return polygon(at, {{-r, -r}, {r, -r}, {r, r}, {-r, r}});
    case Shape::triangle:
      return polygon(at, {{0, -1.2 * r}, {1.15 * r, r}, {-1.15 * r, r}});
    case Shape::down_triangle:
      return polygon(at, {{0, 1.2 * r}, {1.15 * r, -r}, {-1.15 * r, -r}});
    case Shape::diamond:
      return polygon(at, {{0, -1.3 * r}, {1.3 * r, 0}, {0, 1.3 * r}, {-1.3 * r, 0}});
    case Shape::cross: {
      const double a = 0.4 * r;
      return polygon(
          at,
          {{-a, -r}, {a, -r}, {a, -a}, {r, -a}, {r, a}, {a, a}, {a, r}, {-a, r}, {-a, a}, {-r, a}, {-r, -a}, {-a, -a}});
    }
    case Shape::star: {
      std::vector<Point> corners;
      for (int i = 0; i < 10; ++i) {
        const double reach = i % 2 == 0 ? 1.5 * r : 0.65 * r;
        corners.push_back({reach * std::sin(i * 0.628318530718), -reach * std::cos(i * 0.628318530718)});
      }
      return polygon(at, corners);
    }
  }
  return {};
}

bool is_open(Shape shape)
{
  return shape == Shape::ring || shape == Shape::open_square;
}

Markup path(const std::string& data, const std::string& css_class, const std::string& title)
{
  const Attributes attributes = {{"class", css_class}, {"d", data}};
  return title.empty() ? empty_element("path", attributes) : element("path", attributes, element("title", title));
}

}  // namespace

Markup both(const std::string& id, const std::function<Markup(const Frame&)>& draw, double width)
{
  return draw({id + "-wide", width, false}) + draw({id + "-narrow", narrow_px, true});
}

Markup svg(const Frame& frame, double height, const std::string& title, const std::string& description,
           const Markup& content)
{
  const std::string title_id = frame.id + "-title";
  const std::string description_id = frame.id + "-text";
  return element("svg",
                 {{"class", frame.narrow ? "chart narrow" : "chart wide"},
                  {"role", "img"},
                  {"aria-labelledby", title_id},
                  {"aria-describedby", description_id},
                  {"viewBox", fmt::format("0 0 {} {}", px(frame.width), px(height))},
                  {"width", px(frame.width)},
                  {"height", px(height)}},
                 element("title", {{"id", title_id}}, text(title)) +
                     element("desc", {{"id", description_id}}, text(description)) + content);
}

Shape shape_of(Cause cause)
{
  switch (cause) {
    case Cause::clean:
      return Shape::disc;
    case Cause::host:
      return Shape::triangle;
    case Cause::interrupt:
      return Shape::square;
    case Cause::preempted:
      return Shape::diamond;
    case Cause::stopped:
      return Shape::cross;
    case Cause::fault:
      return Shape::down_triangle;
    case Cause::observer:
      return Shape::open_square;
    case Cause::inside:
      return Shape::star;
  }
  return Shape::disc;
}

std::string css_class_of(Cause cause)
{
  return std::string("cause-") + name_of(cause);
}

Markup mark(Shape shape, Point at, double radius, const std::string& css_class, const std::string& title)
{
  return path(path_of(shape, at, radius), (is_open(shape) ? "mark open " : "mark ") + css_class, title);
}

Markup marks(Shape shape, const std::vector<Point>& at, double radius, const std::string& css_class,
             const std::string& title)
{
  std::string data;
  for (const Point& point : at)
    data += path_of(shape, point, radius);
  return path(data, (is_open(shape) ? "mark open " : "mark ") + css_class, title);
}

Markup line(Point from, Point to, const std::string& css_class)
{
  return empty_element(
      "line", {{"class", css_class}, {"x1", px(from.x)}, {"y1", px(from.y)}, {"x2", px(to.x)}, {"y2", px(to.y)}});
}

Markup polyline(const std::vector<Point>& points, const std::string& css_class, const std::string& title)
{
  std::string data;
  for (const Point& point : points)
    data += fmt::format("{}{} {}", data.empty() ? "M" : "L", px(point.x), px(point.y));
  return path(data, css_class, title);
}

Markup label(Point at, const std::string& plain, const std::string& anchor, const std::string& css_class)
{
  Attributes attributes = {{"x", px(at.x)}, {"y", px(at.y)}};
  if (anchor != "start")
    attributes.emplace_back("text-anchor", anchor);
  if (!css_class.empty())
    attributes.emplace_back("class", css_class);
  return element("text", attributes, text(plain));
}

Markup label_within(Point at, const std::string& plain, double width_px, const std::string& css_class)
{
  if (text_width(plain) <= width_px)
    return label(at, plain, "start", css_class);
  std::string shorter = plain;
  do {
    do
      shorter.pop_back();
    while (!shorter.empty() && (shorter.back() & 0xc0) == 0x80);
    // A lead byte whose followers went with it goes too.
    if (!shorter.empty() && (shorter.back() & 0xc0) == 0xc0)
      shorter.pop_back();
  } while (!shorter.empty() && text_width(shorter + "…") > width_px);
  Attributes attributes = {{"x", px(at.x)}, {"y", px(at.y)}};
  if (!css_class.empty())
    attributes.emplace_back("class", css_class);
  return element("text", attributes, element("title", plain) + text(shorter + "…"));
}

double text_width(const std::string& plain)
{
  const auto characters = std::count_if(plain.begin(), plain.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return 6.6 * static_cast<double>(characters);
}

Markup legend_mark(Shape shape, const std::string& css_class)
{
  return element(
      "svg", {{"class", "sign"}, {"viewBox", "0 0 16 16"}, {"width", "16"}, {"height", "16"}, {"aria-hidden", "true"}},
      mark(shape, {8, 8}, 5, css_class));
}

Markup legend_line(const std::string& css_class)
{
  return element(
      "svg", {{"class", "sign"}, {"viewBox", "0 0 30 16"}, {"width", "30"}, {"height", "16"}, {"aria-hidden", "true"}},
      line({0, 8}, {30, 8}, css_class));
}

Markup legend(const std::vector<LegendEntry>& entries, const std::string& css_class)
{
  Markup items;
  for (const LegendEntry& entry : entries)
    items += element("li", entry.sign + element("span", entry.text));
  return element("ul", {{"class", css_class.empty() ? "legend" : "legend " + css_class}}, items);
}

Markup cause_legend(const std::vector<Cause>& causes)
{
  std::vector<LegendEntry> entries;
  for (const Cause cause : causes)
    entries.push_back({legend_mark(shape_of(cause), css_class_of(cause)), name_of(cause)});
  return legend(entries);
}

}  // namespace rtlane::bench::report
