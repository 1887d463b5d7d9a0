// The channels of rtlane, as candidates.
#pragma once

#include "../latency/candidates.hpp"
#include "../peers/any_link.hpp"

namespace rtlane::bench {

void add_channel_spsc(Candidates& all);
void add_channel_spsc(AnyLinks& all);
void add_channel_mpmc(Candidates& all);
void add_channel_mpmc(AnyLinks& all);
void add_channel_frame(Candidates& all);
void add_channel_frame(AnyLinks& all);
void add_channel_broadcast(Candidates& all);
void add_channel_broadcast(AnyLinks& all);
void add_channel_snapshot(Candidates& all);
void add_channel_snapshot(AnyLinks& all);

// Every channel, behind an interface: the same as all_channels(), in the same order.
AnyLinks all_channel_links();

}  // namespace rtlane::bench
