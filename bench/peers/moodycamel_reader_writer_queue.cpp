// moodycamel's queue of blocks for one producer and one consumer.
//
// As its README says: room reserved up front and try_enqueue, which then never allocates.
// Ends: one on each side, in threads of one process: "Not with shared memory, no" (its issue 126).
#include <readerwriterqueue/readerwriterqueue.h>

#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

template <class M>
class Queue {
public:
  bool try_send(const M& message) { return queue_.try_enqueue(message); }
  bool try_receive(M& message) { return queue_.try_dequeue(message); }

private:
  moodycamel::ReaderWriterQueue<M> queue_{link_capacity};
};

template <class M>
class ReaderWriterQueueLink : public OwnQueues<Queue<M>> {
public:
  static constexpr LinkInfo info = moodycamel_reader_writer_queue_info;

  explicit ReaderWriterQueueLink(LinkRoom&) {}
};

}  // namespace

RTLANE_REGISTER_PEER(moodycamel_reader_writer_queue, ReaderWriterQueueLink)

}  // namespace rtlane::bench
