#include "candidates.hpp"

#include "../channels/channels.hpp"
#include "floor_link.hpp"

namespace rtlane::bench {

const Candidate& floor_candidate()
{
  static const Candidate floor = {
      FloorLink<FloorMessage>::info, sizeof(FloorMessage), [](LinkRoom& room) {
        return std::unique_ptr<LinkWork>(std::make_unique<LinkWorkOf<FloorLink, FloorMessage>>(room));
      }};
  return floor;
}

Candidates all_channels()
{
  Candidates all;
  add_channel_spsc(all);
  add_channel_mpmc(all);
  add_channel_frame(all);
  add_channel_broadcast(all);
  add_channel_snapshot(all);
  return all;
}

AnyLinks all_channel_links()
{
  AnyLinks all;
  add_channel_spsc(all);
  add_channel_mpmc(all);
  add_channel_frame(all);
  add_channel_broadcast(all);
  add_channel_snapshot(all);
  return all;
}

}  // namespace rtlane::bench
