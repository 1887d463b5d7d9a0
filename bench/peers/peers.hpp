// The peers behind an interface; for what is timed: all_peers() in latency/candidates.hpp.
#pragma once

#include "any_link.hpp"

namespace rtlane::bench {

// The same peers and sizes as all_peers(), in the same order.
AnyLinks all_peer_links();

}  // namespace rtlane::bench
