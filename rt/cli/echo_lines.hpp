// The lines of `rtlane echo`: an element as text, JSON or a row, and writing them to a reader who may be slow or go
// away.
#pragma once

#include <rtlane/channels/observe.h>
#include <rtlane/core/tick_clock.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "element.hpp"

namespace rtlane::cli {

enum class EchoStyle { text, json, csv };

// What stands before an element.
struct EchoMarks {
  std::uint64_t lost = 0;     // between the line before and this one, because it was gone
  std::uint64_t skipped = 0;  // likewise, because of --rate
};

class EchoLines {
public:
  // frames: elements are frames of any length; those of the type's size are decoded when `decoded`. clock: the kind's
  // stamps are shown as ages.
  EchoLines(EchoStyle style, ElementFormat format, Cut cut, bool frames, bool decoded, std::optional<TickClock> clock);

  // "" but of CSV.
  [[nodiscard]] std::string heading() const;
  void append(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const;

private:
  [[nodiscard]] std::optional<std::uint64_t> age_ns(const rtlane_observation& seen) const;
  void append_text(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const;
  void append_json(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const;
  void append_row(std::string& out, const rtlane_observation& seen, const EchoMarks& marks) const;
  [[nodiscard]] bool fits(const rtlane_observation& seen) const;

  EchoStyle style_;
  ElementFormat format_;
  Cut cut_;
  bool frames_;
  bool decoded_;
  std::optional<TickClock> clock_;
};

// Standard output, written in pieces that do not block for longer than the reader lets it, and not at all once a signal
// has come.
class EchoOutput {
public:
  // signal_fd: readable when the program is to end.
  explicit EchoOutput(int signal_fd) : signal_fd_(signal_fd) {}

  enum class State { fine, interrupted, reader_gone, failed };

  [[nodiscard]] std::string& text() { return text_; }
  // Writes all of text(), or as much as there was time for.
  State flush();
  // Sleeps for so long, or until a signal comes or the reader goes away.
  State sleep(std::int64_t duration_ns);
  // Of `failed`, an errno.
  [[nodiscard]] int error() const { return error_; }

private:
  int signal_fd_;
  std::string text_;
  int error_ = 0;
};

}  // namespace rtlane::cli
