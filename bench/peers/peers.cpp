#include "peers.hpp"

#include "../latency/candidates.hpp"
#include "peer_infos.hpp"

// found_peers.inc is written by CMake: RTLANE_PEER(name) for a peer that is built, RTLANE_MISSING_PEER(name) for one
// whose package is missing.
namespace rtlane::bench {

#define RTLANE_PEER(name)                \
  void add_peer_##name(Candidates& all); \
  void add_peer_##name(AnyLinks& all);
#define RTLANE_MISSING_PEER(name)
#include "found_peers.inc"
#undef RTLANE_PEER
#undef RTLANE_MISSING_PEER

namespace {

template <class Table>
void add_missing(const LinkInfo& info, Table& all)
{
  for (const std::size_t bytes : message_sizes)
    all.push_back({info, bytes, nullptr});
}

template <class Table>
void add_all(Table& all)
{
#define RTLANE_PEER(name) add_peer_##name(all);
#define RTLANE_MISSING_PEER(name) add_missing(name##_info, all);
#include "found_peers.inc"
#undef RTLANE_PEER
#undef RTLANE_MISSING_PEER
}

}  // namespace

Candidates all_peers()
{
  Candidates all;
  add_all(all);
  return all;
}

AnyLinks all_peer_links()
{
  AnyLinks all;
  add_all(all);
  return all;
}

}  // namespace rtlane::bench
