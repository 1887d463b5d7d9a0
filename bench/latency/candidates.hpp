// What is measured: links of ours and of peers, each for every message size.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "../peers/link.hpp"
#include "link_work.hpp"

namespace rtlane::bench {

struct Candidate {
  LinkInfo info;
  std::size_t bytes;
  std::unique_ptr<LinkWork> (*make)(LinkRoom& room);  // nullptr: the peer's package is missing
};

using Candidates = std::vector<Candidate>;

// The raw cache-line round trip, which everything is related to.
const Candidate& floor_candidate();

// Every channel of rtlane.
Candidates all_channels();

// Every peer, also those whose package was missing.
Candidates all_peers();

namespace detail {

template <template <class> class Link, std::size_t bytes>
std::unique_ptr<LinkWork> make_link_work(LinkRoom& room)
{
  return std::make_unique<LinkWorkOf<Link, Message<bytes>>>(room);
}

}  // namespace detail

// One candidate for each of message_sizes.
template <template <class> class Link>
void add_link(Candidates& all)
{
  [&]<std::size_t... i>(std::index_sequence<i...>)
  {
    (all.push_back(
         {Link<Message<message_sizes[i]>>::info, message_sizes[i], &detail::make_link_work<Link, message_sizes[i]>}),
     ...);
  }
  (std::make_index_sequence<message_sizes.size()>{});
}

}  // namespace rtlane::bench
