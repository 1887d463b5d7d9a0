#include "demo/view.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <rtlane/rt/clock.hpp>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "demo/result.hpp"
#include "output.hpp"

namespace rtlane::demo {

using cli::duration_text;

namespace {

constexpr int screen_lines = 14;  // the most that screen() writes, and room for the prompt
constexpr int usual_columns = 80;

template <class Number>
Number get(const std::atomic<Number>& word)
{
  return word.load(std::memory_order_relaxed);  // relaxed: a number that changes
}

std::string latency_text(const Histogram& histogram)
{
  if (histogram.count() == 0)
    return "-";
  return fmt::format("p50 {:<8} p99 {:<8} p99.9 {:<8} max {}", duration_text(histogram.percentile_ns(50)),
                     duration_text(histogram.percentile_ns(99)), duration_text(histogram.percentile_ns(99.9)),
                     duration_text(histogram.max_ns()));
}

std::string median_text(const Histogram& histogram)
{
  return histogram.count() == 0 ? "-" : duration_text(histogram.percentile_ns(50));
}

std::string process_text(const Process& process, const ChildFacts& facts)
{
  std::string text = fmt::format("  {:<12} process {}", name_of(process.part()), process.pid());
  if (process.ended())
    return text + " " + process.end_text();
  if (process.stopped())
    return text + " is stopped, not dead: waiting for it";
  const auto summary = summary_of(facts);
  return summary.pid == 0 ? text + " is starting" : text + ", " + scheduling_text(summary);
}

}  // namespace

struct View::Figures {
  double elapsed_s = 0.0;
  double rate_hz = 0.0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t torn = 0;
  std::uint64_t doubled = 0;
  std::uint64_t missed = 0;
  Histogram all;
  Histogram recent;
};

View::View(std::FILE* to, bool plain) : to_(to)
{
  const char* terminal = std::getenv("TERM");
  may_draw_ = !plain && isatty(fileno(to)) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

int View::interval_ms() const
{
  return columns() > 0 ? 250 : 1000;
}

// How wide a screen may be drawn at this moment; 0 = none.
int View::columns() const
{
  winsize size{};
  if (!may_draw_ || ioctl(fileno(to_), TIOCGWINSZ, &size) != 0 || (size.ws_row != 0 && size.ws_row <= screen_lines))
    return 0;
  return size.ws_col > 0 ? size.ws_col : usual_columns;
}

View::Figures View::take(const State& state)
{
  Figures figures;
  const std::int64_t now_ns = rt::now_ns();
  const std::int64_t start_ns = get(state.start_ns);
  figures.elapsed_s = start_ns == 0 ? 0.0 : std::max(static_cast<double>(now_ns - start_ns) / 1e9, 0.0);
  figures.received = get(state.controller.received);
  figures.sent = std::max(get(state.sensor.sent), figures.received);
  figures.lost = get(state.controller.lost);
  figures.torn = get(state.controller.torn);
  figures.doubled = get(state.controller.doubled);
  figures.missed = get(state.controller.missed_ticks);
  figures.all = state.controller.latency.snapshot();
  figures.recent = figures.all.since(latency_before_);
  if (before_ns_ != 0 && now_ns > before_ns_)
    figures.rate_hz =
        static_cast<double>(figures.received - received_before_) * 1e9 / static_cast<double>(now_ns - before_ns_);
  before_ns_ = now_ns;
  received_before_ = figures.received;
  latency_before_ = figures.all;
  return figures;
}

std::string View::screen(const State& state, const Figures& figures, const Process& sensor, const Process& controller)
{
  const Plan& plan = state.plan;
  const std::uint64_t total = get(state.sensor.total);
  std::string text;
  text += plan.source == Source::imu
              ? fmt::format("rtlane demo: {} at speed {:g}\n", cli::printable(plan.imu_path), plan.speed)
              : std::string("rtlane demo: the host's wake-ups\n");
  text += fmt::format("  beside it    rtlane info {}\n", cli::printable(plan.ring));
  text += fmt::format(
      "  time         {:.1f} s{}\n", figures.elapsed_s,
      total > 0 ? fmt::format(", {:.0f} %", 100.0 * static_cast<double>(figures.sent) / static_cast<double>(total))
                : "");
  text +=
      fmt::format("  rate         {:.0f}/s, sent {}, received {}\n", figures.rate_hz, figures.sent, figures.received);
  text += fmt::format("  latency now  {}\n", latency_text(figures.recent));
  text += fmt::format("          all  {}\n", latency_text(figures.all));
  text += fmt::format("  lost {}   torn {}   doubled {}   missed ticks {}   waits for room {}\n", figures.lost,
                      figures.torn, figures.doubled, figures.missed, get(state.sensor.full_waits));
  if (plan.source == Source::imu)
    text += fmt::format("  attitude     roll {:7.2f} deg   pitch {:7.2f} deg\n", get(state.controller.roll_deg),
                        get(state.controller.pitch_deg));
  else
    text += fmt::format(
        "  loop         margin {}, sensor late before p50 {}, after p50 {}\n",
        duration_text(static_cast<std::uint64_t>(std::max(get(state.controller.margin_ns), std::int64_t{0}))),
        median_text(state.controller.before), median_text(state.controller.after));
  text += process_text(sensor, state.sensor) + "\n";
  text += process_text(controller, state.controller) + "\n";
  return text;
}

int View::show(const State& state, const Process& sensor, const Process& controller)
{
  const Figures figures = take(state);
  const int width = columns();
  // A terminal that changed its width has wrapped the last screen anew: nobody knows how many lines that is now.
  if (std::exchange(drawn_columns_, width) != width)
    drawn_lines_ = 0;
  if (width == 0) {
    if (figures.elapsed_s <= 0)
      return 0;
    std::string text =
        fmt::format("{:6.1f} s  {:6.0f}/s  sent {}  received {}  latency {}  lost {}  torn {}  missed {}",
                    figures.elapsed_s, figures.rate_hz, figures.sent, figures.received, latency_text(figures.recent),
                    figures.lost, figures.torn, figures.missed);
    for (const Process* process : {&sensor, &controller}) {
      if (process->stopped())
        text += fmt::format("  ({} is stopped, not dead: waiting for it)", name_of(process->part()));
    }
    return print(text + "\n");
  }

  // Up to the first line of the last screen, then each line cut to the width and the rest of it cleared.
  const std::string drawn = screen(state, figures, sensor, controller);
  std::string text = drawn_lines_ > 0 ? fmt::format("\x1b[{}A", drawn_lines_) : "";
  drawn_lines_ = 0;
  for (std::string_view rest = drawn; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    text += fmt::format("\r{}\x1b[K\n", rest.substr(0, std::min(end, static_cast<std::size_t>(width - 1))));
    rest.remove_prefix(end + 1);
    ++drawn_lines_;
  }
  return print(text);
}

int View::print(const std::string& text)
{
  cli::say(to_, text);
  return to_ == stdout ? cli::flush_out() : 0;
}

}  // namespace rtlane::demo
