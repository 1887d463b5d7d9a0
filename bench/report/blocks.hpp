// What sections are made of, and how results are picked for them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "markup.hpp"
#include "run.hpp"

namespace rtlane::bench::report {

Markup section(const std::string& id, const std::string& title, const Markup& content);
Markup paragraph(const std::string& plain);
Markup note(const std::string& plain);
// For a section without data.
Markup missing(const std::string& plain);
Markup fold(const std::string& summary, const Markup& content, bool open = false);

struct Cell {
  Cell(Markup content, bool number = false) : markup(std::move(content)), is_number(number) {}
  // The figure as text, to the right.
  static Cell figure(const std::string& plain) { return {text(plain), true}; }
  static Cell of(const std::string& plain) { return {text(plain)}; }
  Markup markup;
  bool is_number;
};

struct Row {
  std::vector<Cell> cells;
  bool ours = false;
};

// The first cell of a row is its heading. Scrolls within its own box where it is wider than the page.
Markup table(const std::string& caption, const std::vector<std::string>& columns, const std::vector<Row>& rows);

// A sign and a name: shape and word beside colour.
Markup cause_chip(Cause cause);

// "within one process", "sleeps in the kernel": what a result has to be read with; may be empty.
Markup badges(const Result& result);
// Its name, size and mode, with badges.
Markup result_cell(const Result& result);

using Results = std::vector<const Result*>;
Results select(const Run& run, const std::function<bool(const Result&)>& wanted);
// Ours before the others, else as they were.
Results ours_first(Results results);
// By size, which rises; those without a size first.
std::vector<Results> by_size(const Results& results);
// The median of its ratio to the floor; infinite without one.
double ratio_of(const Result& result);
void sort_by_ratio(Results& results);

}  // namespace rtlane::bench::report
