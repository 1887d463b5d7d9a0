// Boost.Interprocess's message queue: a mutex and condition variables in shared memory.
//
// As its documentation says (Boost.Interprocess, "Message Queue"): the plain queue, all messages of one priority. A
// call tries first and works out a deadline only when it has to sleep, since that takes a calendar's conversion. The
// names are gone before the sides part; the queues live in the mappings. Ends: any number on both sides. Who is killed
// inside a call leaves the mutex locked for ever.
#include <boost/date_time/posix_time/posix_time_types.hpp>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <exception>
#include <string>

#include "peer_infos.hpp"
#include "queue_link.hpp"
#include "registration.hpp"

namespace rtlane::bench {
namespace {

using boost::interprocess::message_queue;

boost::posix_time::ptime deadline()
{
  return boost::posix_time::microsec_clock::universal_time() + boost::posix_time::milliseconds(link_patience_ms);
}

template <class Call>
auto or_die(Call&& call)
{
  try {
    return call();
  } catch (const std::exception& error) {
    die(std::string(boost_message_queue_info.name) + ": " + error.what());
  }
}

template <class M>
class Queue {
public:
  explicit Queue(const std::string& name)
      : queue_(or_die(
            [&] { return message_queue(boost::interprocess::create_only, name.c_str(), link_capacity, sizeof(M)); }))
  {
    message_queue::remove(name.c_str());
  }

  bool try_send(const M& message)
  {
    return or_die([&] {
      return queue_.try_send(&message, sizeof message, 0) || queue_.timed_send(&message, sizeof message, 0, deadline());
    });
  }

  bool try_receive(M& message)
  {
    return or_die([&] {
      message_queue::size_type bytes = 0;
      unsigned priority = 0;
      return queue_.try_receive(&message, sizeof message, bytes, priority) ||
             queue_.timed_receive(&message, sizeof message, bytes, priority, deadline());
    });
  }

private:
  message_queue queue_;
};

template <class M>
class BoostMessageQueueLink : public OwnQueues<Queue<M>> {
public:
  static constexpr LinkInfo info = boost_message_queue_info;

  explicit BoostMessageQueueLink(LinkRoom& room) : OwnQueues<Queue<M>>(room.name + "-there", room.name + "-back") {}
};

}  // namespace

RTLANE_REGISTER_PEER(boost_message_queue, BoostMessageQueueLink)

}  // namespace rtlane::bench
