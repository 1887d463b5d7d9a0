#include "broadcast_link.hpp"

#include "channels.hpp"

namespace rtlane::bench {

void add_channel_broadcast(Candidates& all)
{
  add_link<BroadcastLink>(all);
}

void add_channel_broadcast(AnyLinks& all)
{
  add_link<BroadcastLink>(all);
}

}  // namespace rtlane::bench
