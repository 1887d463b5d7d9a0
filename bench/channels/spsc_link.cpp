#include "spsc_link.hpp"

#include "channels.hpp"

namespace rtlane::bench {

void add_channel_spsc(Candidates& all)
{
  add_link<SpscLink>(all);
}

void add_channel_spsc(AnyLinks& all)
{
  add_link<SpscLink>(all);
}

}  // namespace rtlane::bench
