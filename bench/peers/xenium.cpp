// xenium's bounded queue after Vyukov, for many producers and consumers.
//
// The weak operations (xenium/vyukov_bounded_queue.hpp): they are the lock-free ones, and one that finds nothing looks
// at its own cell only, where a strong one also loads the index that the other side writes. Capacity a power of two.
// Ends: any number on both sides, in threads of one process: the cells are allocated on the heap.
#include <utility>
#include <xenium/vyukov_bounded_queue.hpp>

#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class Queue {
public:
  bool try_send(const M& message) { return queue_.try_push_weak(message); }
  bool try_receive(M& message) { return queue_.try_pop_weak(message); }

private:
  xenium::vyukov_bounded_queue<M> queue_{link_capacity};
};

template <class M>
class XeniumLink : public OwnQueues<Queue<M>> {
public:
  static constexpr LinkInfo info = xenium_vyukov_bounded_queue_info;

  explicit XeniumLink(LinkRoom&) {}
};

}  // namespace

RTLANE_REGISTER_PEER(xenium_vyukov_bounded_queue, XeniumLink)

}  // namespace rtlane::bench
