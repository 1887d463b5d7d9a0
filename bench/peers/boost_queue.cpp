// Boost.Lockfree's queue for many producers and consumers, after Michael and Scott.
//
// As its documentation says (Boost.Lockfree, "Data Structure Configuration", "Sources of Blocking Behavior" and
// "Interprocess Support"): a compile-time capacity, so that nothing is allocated after the start, the nodes are
// addressed by index and the queue may lie in shared memory.
// Ends: any number on both sides.
#include <boost/lockfree/queue.hpp>

#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class Queue {
public:
  bool try_send(const M& message) { return queue_.bounded_push(message); }
  bool try_receive(M& message) { return queue_.pop(message); }

private:
  boost::lockfree::queue<M, boost::lockfree::capacity<link_capacity>> queue_;
};

template <class M>
class BoostQueueLink : public SharedQueues<Queue<M>> {
public:
  static constexpr LinkInfo info = boost_queue_info;

  using SharedQueues<Queue<M>>::SharedQueues;
};

}  // namespace

RTLANE_REGISTER_PEER(boost_queue, BoostQueueLink)

}  // namespace rtlane::bench
