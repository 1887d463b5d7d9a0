#include "snapshot_link.hpp"

#include "channels.hpp"

namespace rtlane::bench {

void add_channel_snapshot(Candidates& all)
{
  add_link<SnapshotLink>(all);
}

void add_channel_snapshot(AnyLinks& all)
{
  add_link<SnapshotLink>(all);
}

}  // namespace rtlane::bench
