#include "frame_link.hpp"

#include "channels.hpp"

namespace rtlane::bench {

void add_channel_frame(Candidates& all)
{
  add_link<FrameLink>(all);
}

void add_channel_frame(AnyLinks& all)
{
  add_link<FrameLink>(all);
}

}  // namespace rtlane::bench
