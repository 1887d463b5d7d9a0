// When the loop on the host source is closed, and when it is judged.
#pragma once

#include <cstdint>

namespace rtlane::demo {

struct Phases {
  std::int64_t close_ns;  // until then the margin is 0: "before"
  std::int64_t judge_ns;  // from then on the result counts: "after"

  // A run without an end is judged from its seventh second on.
  explicit constexpr Phases(std::int64_t duration_ns) noexcept
      : close_ns(duration_ns > 0 ? duration_ns / 4 : 3'000'000'000), judge_ns(2 * close_ns)
  {}
};

}  // namespace rtlane::demo
