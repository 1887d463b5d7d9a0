// What a peer's source ends with: its entries in the tables.
#pragma once

#include "../latency/candidates.hpp"
#include "any_link.hpp"

// Link<M> becomes the peer `name`, one of those that bench/peers/CMakeLists.txt lists.
#define RTLANE_REGISTER_PEER(name, Link) \
  void add_peer_##name(Candidates& all); \
  void add_peer_##name(AnyLinks& all);   \
  void add_peer_##name(Candidates& all)  \
  {                                      \
    add_link<Link>(all);                 \
  }                                      \
  void add_peer_##name(AnyLinks& all)    \
  {                                      \
    add_link<Link>(all);                 \
  }
