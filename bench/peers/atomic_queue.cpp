// atomic_queue's ring for elements that are not atomic words, for one producer and one consumer and for many.
//
// As its benchmarks recommend (atomic_queue, src/benchmarks.cc): for one producer and consumer SPSC without
// MINIMIZE_CONTENTION and MAXIMIZE_THROUGHPUT; for many with MINIMIZE_CONTENTION, and without MAXIMIZE_THROUGHPUT "for
// better latency"; a power of two as capacity (README, "Ring-buffer capacity"). The ring is a member of the object and
// holds no pointers, which is what shared memory takes.
// Ends: atomic_queue/spsc one on each side, atomic_queue/mpmc any number on both. A producer that stops inside a push
// stops the consumer that has claimed that slot (README, "Lock-free guarantees").
#include <atomic_queue/atomic_queue.h>

#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M, bool spsc>
class Queue {
public:
  bool try_send(const M& message) { return queue_.try_push(message); }
  bool try_receive(M& message) { return queue_.try_pop(message); }

private:
  static constexpr bool minimize_contention = !spsc;
  static constexpr bool maximize_throughput = false;
  static constexpr bool total_order = false;

  atomic_queue::AtomicQueue2<M, link_capacity, minimize_contention, maximize_throughput, total_order, spsc> queue_;
};

template <class M>
class AtomicQueueSpscLink : public SharedQueues<Queue<M, true>> {
public:
  static constexpr LinkInfo info = atomic_queue_spsc_info;

  using SharedQueues<Queue<M, true>>::SharedQueues;
};

template <class M>
class AtomicQueueMpmcLink : public SharedQueues<Queue<M, false>> {
public:
  static constexpr LinkInfo info = atomic_queue_mpmc_info;

  using SharedQueues<Queue<M, false>>::SharedQueues;
};

}  // namespace

RTLANE_REGISTER_PEER(atomic_queue_spsc, AtomicQueueSpscLink)
RTLANE_REGISTER_PEER(atomic_queue_mpmc, AtomicQueueMpmcLink)

}  // namespace rtlane::bench
