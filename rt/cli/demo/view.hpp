// The live view: one screen that is redrawn in place on a terminal, else a line about once a second.
//
// Plain ANSI and not ncurses: the view only goes up some lines and writes over them, so no terminal mode is
// ever changed and there is nothing to restore. The monitor may be killed at any instruction and the
// shell is as it was; the last screen stays in the scrollback above the final table. Where that is not
// possible (no terminal, TERM=dumb, too few lines) it writes lines. The size is asked for at each screen.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "demo/process.hpp"
#include "demo/state.hpp"

namespace rtlane::demo {

class View {
public:
  View(std::FILE* to, bool plain);

  // How long to wait between two calls of show().
  [[nodiscard]] int interval_ms() const;

  // 0, or the errno with which standard output refuses it. On standard error it is a bonus: what is refused is left
  // out.
  int show(const State& state, const Process& sensor, const Process& controller);

private:
  struct Figures;
  [[nodiscard]] Figures take(const State& state);
  [[nodiscard]] std::string screen(const State& state, const Figures& figures, const Process& sensor,
                                   const Process& controller);
  [[nodiscard]] int columns() const;
  int print(const std::string& text);

  std::FILE* to_;
  bool may_draw_;  // the terminal can, and the user wants it
  int drawn_lines_ = 0;
  int drawn_columns_ = 0;
  // What the last one showed, for rates.
  std::int64_t before_ns_ = 0;
  std::uint64_t received_before_ = 0;
  Histogram latency_before_;
};

}  // namespace rtlane::demo
