#include "scale.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace rtlane::bench::report {
namespace {

// Room for the error of logarithms of exact powers of ten.
constexpr double slack = 1e-9;

double step_below(double value)
{
  const double power = std::pow(10.0, std::floor(std::log10(value) + slack));
  const double digit = value / power * (1.0 + slack);
  return power * (digit >= 5.0 ? 5.0 : digit >= 2.0 ? 2.0 : 1.0);
}

double step_above(double value)
{
  const double power = std::pow(10.0, std::floor(std::log10(value) + slack));
  const double digit = value / power * (1.0 - slack);
  return power * (digit <= 1.0 ? 1.0 : digit <= 2.0 ? 2.0 : digit <= 5.0 ? 5.0 : 10.0);
}

}  // namespace

LogScale::LogScale(Range range, double from, double to) : range_(range), from_(from), to_(to) {}

double LogScale::operator()(double value) const
{
  const double inside = std::clamp(value, range_.low, range_.high);
  return from_ + (to_ - from_) * std::log(inside / range_.low) / std::log(range_.high / range_.low);
}

double LinearScale::operator()(double value) const
{
  return from_ + (to_ - from_) * std::clamp(value / high_, 0.0, 1.0);
}

Range log_range(const std::vector<double>& values)
{
  Range range{HUGE_VAL, 0.0};
  for (const double value : values) {
    if (value <= 0.0 || !std::isfinite(value))
      continue;
    // No axis needs more, and powers of ten stay finite.
    const double bounded = std::clamp(value, 1e-12, 1e24);
    range.low = std::min(range.low, bounded);
    range.high = std::max(range.high, bounded);
  }
  if (range.high <= 0.0)
    return {1.0, 10.0};
  range = {step_below(range.low), step_above(range.high)};
  if (range.high < range.low * 2.0 * (1.0 - slack))
    range = {step_below(range.low * 0.9), step_above(range.low * 1.1)};
  return range;
}

std::vector<double> log_ticks(Range range, std::size_t most)
{
  const auto inside = [&](double tick) {
    return tick >= range.low * (1.0 - slack) && tick <= range.high * (1.0 + slack);
  };
  const int first = static_cast<int>(std::floor(std::log10(range.low) - slack));
  const int last = static_cast<int>(std::ceil(std::log10(range.high) + slack));
  std::vector<double> fine;
  for (int power = first; power <= last; ++power) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      if (const double tick = digit * std::pow(10.0, power); inside(tick))
        fine.push_back(tick);
    }
  }
  if (fine.size() <= most)
    return fine;
  for (int step = 1;; ++step) {
    std::vector<double> ticks;
    for (int power = first; power <= last; ++power) {
      if (const double tick = std::pow(10.0, power); power % step == 0 && inside(tick))
        ticks.push_back(tick);
    }
    if (ticks.size() <= most)
      return ticks;
  }
}

std::vector<double> linear_ticks(double high, std::size_t most)
{
  // Steps of so little would be 0.
  if (high < 1e-300)
    return {0.0};
  double step = step_above(high / static_cast<double>(most));
  while (std::floor(high / step + slack) + 1.0 > static_cast<double>(most))
    step = step_above(step * 1.5);
  std::vector<double> ticks;
  for (int i = 0; step * i <= high * (1.0 + slack); ++i)
    ticks.push_back(step * i);
  return ticks;
}

std::vector<double> spread_out(const std::vector<double>& places, double gap, double low, double high)
{
  if (places.empty())
    return {};
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return places[a] < places[b]; });
  if (places.size() > 1)
    gap = std::min(gap, (high - low) / static_cast<double>(places.size() - 1));

  // Blocks of places that touch each other; each stands where the sum of its moves is least.
  struct Block {
    double sum = 0.0;  // of the places, each less what stands before it in the block
    double count = 0.0;
    double start = 0.0;
  };
  std::vector<Block> blocks;
  const auto settle = [&](Block& block) {
    block.start = std::clamp(block.sum / block.count, low, std::max(low, high - gap * (block.count - 1.0)));
  };
  for (const std::size_t i : order) {
    blocks.push_back({places[i], 1.0, 0.0});
    settle(blocks.back());
    while (blocks.size() > 1) {
      const Block last = blocks.back();
      Block& before = blocks[blocks.size() - 2];
      if (before.start + before.count * gap <= last.start)
        break;
      before.sum += last.sum - last.count * before.count * gap;
      before.count += last.count;
      settle(before);
      blocks.pop_back();
    }
  }
  std::vector<double> spread(places.size());
  std::size_t next = 0;
  for (const Block& block : blocks) {
    for (int i = 0; i < static_cast<int>(block.count); ++i)
      spread[order[next++]] = block.start + gap * i;
  }
  return spread;
}

}  // namespace rtlane::bench::report
