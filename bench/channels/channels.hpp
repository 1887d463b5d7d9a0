// The channels of rtlane, as candidates.
#pragma once

#include "../latency/candidates.hpp"

namespace rtlane::bench {

void add_channel_spsc(Candidates& all);

}  // namespace rtlane::bench
