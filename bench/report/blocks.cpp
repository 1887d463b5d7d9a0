#include "blocks.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "chart.hpp"
#include "figures.hpp"

namespace rtlane::bench::report {

Markup section(const std::string& id, const std::string& title, const Markup& content)
{
  return element("section", {{"id", id}, {"aria-labelledby", id + "-heading"}},
                 element("h2", {{"id", id + "-heading"}}, text(title)) + content);
}

Markup paragraph(const std::string& plain)
{
  return element("p", plain);
}

Markup note(const std::string& plain)
{
  return element("p", {{"class", "note"}}, text(plain));
}

Markup missing(const std::string& plain)
{
  return element("p", {{"class", "missing"}}, text(plain));
}

Markup fold(const std::string& summary, const Markup& content, bool open)
{
  if (content.empty())
    return {};
  const Attributes attributes = open ? Attributes{{"open", "open"}} : Attributes{};
  return element("details", attributes, element("summary", summary) + content);
}

Markup table(const std::string& caption, const std::vector<std::string>& columns, const std::vector<Row>& rows)
{
  Markup head;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Attributes attributes = {{"scope", "col"}};
    if (i < (rows.empty() ? 0 : rows.front().cells.size()) && rows.front().cells[i].is_number)
      attributes.emplace_back("class", "number");
    head += element("th", attributes, text(columns[i]));
  }
  Markup body;
  for (const Row& row : rows) {
    Markup cells;
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const Cell& cell = row.cells[i];
      if (i == 0)
        cells += element("th", {{"scope", "row"}}, cell.markup);
      else
        cells += cell.is_number ? element("td", {{"class", "number"}}, cell.markup) : element("td", cell.markup);
    }
    body += row.ours ? element("tr", {{"class", "ours"}}, cells) : element("tr", cells);
  }
  // With a tabindex the box can be scrolled by keyboard.
  return element(
      "div", {{"class", "box"}, {"role", "region"}, {"tabindex", "0"}, {"aria-label", caption}},
      element("table", element("caption", caption) + element("thead", element("tr", head)) + element("tbody", body)));
}

Markup cause_chip(Cause cause)
{
  return element("span", {{"class", "chip"}},
                 legend_mark(shape_of(cause), css_class_of(cause)) + element("span", name_of(cause)));
}

Markup badges(const Result& result)
{
  Markup markup;
  if (result.in_process)
    markup += text(" ") + element("span", {{"class", "badge"}}, text("in-process"));
  if (result.blocks)
    markup += text(" ") + element("span", {{"class", "badge"}}, text("sleeps"));
  return markup;
}

Markup result_cell(const Result& result)
{
  return breakable(title_of(result)) + badges(result);
}

Results select(const Run& run, const std::function<bool(const Result&)>& wanted)
{
  Results results;
  for (const Result& result : run.results) {
    if (wanted(result))
      results.push_back(&result);
  }
  return results;
}

Results ours_first(Results results)
{
  std::stable_partition(results.begin(), results.end(), [](const Result* result) { return result->ours(); });
  return results;
}

std::vector<Results> by_size(const Results& results)
{
  std::map<double, Results> sizes;
  for (const Result* result : results)
    sizes[result->bytes.value_or(-1.0)].push_back(result);
  std::vector<Results> groups;
  for (const auto& [bytes, group] : sizes)
    groups.push_back(group);
  return groups;
}

double ratio_of(const Result& result)
{
  return result.ratio && result.ratio->spread.median ? *result.ratio->spread.median : HUGE_VAL;
}

void sort_by_ratio(Results& results)
{
  std::stable_sort(results.begin(), results.end(),
                   [](const Result* a, const Result* b) { return ratio_of(*a) < ratio_of(*b); });
}

}  // namespace rtlane::bench::report
