// Boost.Lockfree's ring for one producer and one consumer.
//
// As its documentation says (Boost.Lockfree, "Data Structure Configuration" and "Interprocess Support"): a compile-time
// capacity, which keeps the ring inside the object, so that it may lie in shared memory.
// Ends: one on each side.
#include <boost/lockfree/spsc_queue.hpp>

#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class Queue {
public:
  bool try_send(const M& message) { return queue_.push(message); }
  bool try_receive(M& message) { return queue_.pop(message); }

private:
  boost::lockfree::spsc_queue<M, boost::lockfree::capacity<link_capacity>> queue_;
};

template <class M>
class BoostSpscQueueLink : public SharedQueues<Queue<M>> {
public:
  static constexpr LinkInfo info = boost_spsc_queue_info;

  using SharedQueues<Queue<M>>::SharedQueues;
};

}  // namespace

RTLANE_REGISTER_PEER(boost_spsc_queue, BoostSpscQueueLink)

}  // namespace rtlane::bench
