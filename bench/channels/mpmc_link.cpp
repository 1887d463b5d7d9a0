#include "mpmc_link.hpp"

#include "channels.hpp"

namespace rtlane::bench {

void add_channel_mpmc(Candidates& all)
{
  add_link<MpmcLink>(all);
}

void add_channel_mpmc(AnyLinks& all)
{
  add_link<MpmcLink>(all);
}

}  // namespace rtlane::bench
