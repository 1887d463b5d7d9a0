// moodycamel's queue for many producers and consumers.
//
// As its README says ("Task-specific tokens"): a producer token and a consumer token for each thread, which is the
// fastest way for single items; room reserved up front and try_enqueue, which then never allocates.
// Ends: up to ends_max on each side, in threads of one process: "unsafe to share between processes" (its issue 313).
// Messages of two producers have no order between them.
#include <concurrentqueue/concurrentqueue.h>

#include "peer_infos.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class ConcurrentQueueLink {
  using Queue = moodycamel::ConcurrentQueue<M>;

public:
  static constexpr LinkInfo info = moodycamel_concurrent_queue_info;

  explicit ConcurrentQueueLink(LinkRoom&) {}

  class End {
  public:
    End(Queue& out, Queue& in) : out_(&out), in_(&in), producer_(out), consumer_(in) {}

    bool try_send(const M& message) { return out_->try_enqueue(producer_, message); }
    bool try_receive(M& message) { return in_->try_dequeue(consumer_, message); }

  private:
    Queue* out_;
    Queue* in_;
    moodycamel::ProducerToken producer_;
    moodycamel::ConsumerToken consumer_;
  };

  End near_end() { return End(there_, back_); }
  End far_end() { return End(back_, there_); }

private:
  static constexpr std::size_t ends_max = 8;  // that the reserved room is enough for

  Queue there_{link_capacity, ends_max, 0};
  Queue back_{link_capacity, ends_max, 0};
};

}  // namespace

RTLANE_REGISTER_PEER(moodycamel_concurrent_queue, ConcurrentQueueLink)

}  // namespace rtlane::bench
