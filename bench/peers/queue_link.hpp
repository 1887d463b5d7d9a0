// A link of two queues of one kind, one for each direction. A queue has
//
//   bool try_send(const M& message);
//   bool try_receive(M& message);
#pragma once

#include "link.hpp"

namespace rtlane::bench {

template <class Queue>
class QueueEnd {
public:
  QueueEnd(Queue& out, Queue& in) : out_(&out), in_(&in) {}

  template <class M>
  bool try_send(const M& message)
  {
    return out_->try_send(message);
  }
  template <class M>
  bool try_receive(M& message)
  {
    return in_->try_receive(message);
  }

private:
  Queue* out_;
  Queue* in_;
};

// Queues that lie in the room, where both processes see them: they hold no pointers.
template <class Queue>
class SharedQueues {
public:
  using End = QueueEnd<Queue>;

  explicit SharedQueues(LinkRoom& room)
      : there_(room.shared.template make<Queue>()), back_(room.shared.template make<Queue>())
  {}

  End near_end() { return End(there_, back_); }
  End far_end() { return End(back_, there_); }

private:
  Queue& there_;
  Queue& back_;
};

// Queues of one process, made from arguments, or what both sides of a fork inherit: descriptors, mappings.
template <class Queue>
class OwnQueues {
public:
  using End = QueueEnd<Queue>;

  OwnQueues() = default;
  template <class There, class Back>
  OwnQueues(There&& for_there, Back&& for_back) : there_(for_there), back_(for_back)
  {}

  End near_end() { return End(there_, back_); }
  End far_end() { return End(back_, there_); }

private:
  Queue there_;
  Queue back_;
};

}  // namespace rtlane::bench
