// What both programs of step 3 agree on.
#pragma once

#include <rtlane/channels/type_info.hpp>

#include <cstdint>

struct Temperature {
  std::uint64_t number;
  std::int64_t t_ns;
  float celsius;
};
RTLANE_TYPE(Temperature, number, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(celsius, "degC"));
