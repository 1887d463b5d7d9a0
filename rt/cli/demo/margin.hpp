// How much before its due time a tick's sleep has to end, so that the tick begins on time.
//
// A sleep ends late by an amount that varies. The margin is to cover all but a small share of it, that is
// to follow a quantile of the wake-up error. It goes up a little at each error above it and down very
// little at each one below, in the ratio at which the quantile is where both balance (stochastic
// approximation, Robbins and Monro 1951; for quantiles e.g. Tierney 1983). One outlier of
// milliseconds counts as one late tick and moves it no further than a small one.
#pragma once

#include <algorithm>
#include <cstdint>

namespace rtlane::demo {

class MarginController {
public:
  static constexpr double quantile = 0.99;

  // The margin stays in 0..limit_ns: what is spent waiting by polling the clock is bounded.
  explicit MarginController(std::int64_t limit_ns) noexcept : limit_ns_(static_cast<double>(limit_ns)) {}

  // One measured wake-up error, >= 0. Wait-free.
  void update(std::int64_t wake_ns) noexcept
  {
    const double step = std::max(step_min_ns, margin_ns_ * step_share);
    margin_ns_ += static_cast<double>(wake_ns) > margin_ns_ ? step * quantile : -step * (1.0 - quantile);
    margin_ns_ = std::clamp(margin_ns_, 0.0, limit_ns_);
  }

  [[nodiscard]] std::int64_t margin_ns() const noexcept { return static_cast<std::int64_t>(margin_ns_); }
  [[nodiscard]] std::int64_t limit_ns() const noexcept { return static_cast<std::int64_t>(limit_ns_); }

private:
  // From nothing to 100 us in about 50 ticks; at rest it moves by a few percent.
  static constexpr double step_min_ns = 2'000.0;
  static constexpr double step_share = 0.05;

  double limit_ns_;
  double margin_ns_ = 0.0;
};

}  // namespace rtlane::demo
