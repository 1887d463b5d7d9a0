// A line on the terminal that says how far a long run is. Where standard error is no terminal there is none.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace rtlane::bench {

class Progress {
public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // takes the line away

  // `what` is being done, step `done` of `steps` (0: not known). Writes at most ten times a second, and not in the
  // first two seconds.
  void show(const std::string& what, std::size_t done, std::size_t steps);

  // Takes the line away, before other text.
  void clear();

private:
  using Clock = std::chrono::steady_clock;

  const bool wanted_;
  const Clock::time_point start_;
  Clock::time_point next_;
  std::string what_;
  Clock::time_point what_start_;
  bool shown_ = false;
};

}  // namespace rtlane::bench
