// The monitor: makes the objects, starts sensor and controller, watches them live and end.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "demo/result.hpp"
#include "demo/state.hpp"

namespace rtlane::demo {

struct Settings {
  Plan plan{};       // ring and monitor_pid are filled in here
  std::string name;  // of the ring; "" = one of its own
  std::uint64_t capacity = 0;
  std::FILE* text = stdout;
  bool plain = false;  // lines, also on a terminal
};

// The whole run. The value is an error that kept it from starting; what happened afterwards is in the result.
[[nodiscard]] expected<Result> monitor(Settings settings);

}  // namespace rtlane::demo
