#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "output.hpp"

namespace rtlane::bench {

using namespace std::chrono_literals;

Progress::Progress()
    : wanted_(::isatty(STDERR_FILENO) != 0), start_(Clock::now()), next_(start_ + 2s), what_start_(start_)
{}

Progress::~Progress()
{
  clear();
}

void Progress::show(const std::string& what, std::size_t done, std::size_t steps)
{
  if (!wanted_)
    return;
  const Clock::time_point now = Clock::now();
  if (what != what_) {
    what_ = what;
    what_start_ = now;
  }
  if (now < next_)
    return;
  next_ = now + 100ms;
  std::string line = what;
  if (steps != 0)
    line += fmt::format(": {} of {}", done, steps);
  if (done != 0 && steps > done) {
    const double left_s = std::chrono::duration<double>(now - what_start_).count() / static_cast<double>(done) *
                          static_cast<double>(steps - done);
    line += fmt::format(", {:.0f} s left", left_s);
  }
  cli::say_err(fmt::format("\r\x1b[K{}", line));
  shown_ = true;
}

void Progress::clear()
{
  if (shown_)
    cli::say_err("\r\x1b[K");
  shown_ = false;
}

}  // namespace rtlane::bench
