// Broadcast, as its users have it: one writer for each direction, one subscriber on the far side. One that is overtaken
// loses messages and goes on.
#pragma once

#include <rtlane/channels/broadcast.hpp>

#include <string>
#include <utility>

#include "../peers/link.hpp"
#include "messages.hpp"

namespace rtlane::bench {

template <class M>
class BroadcastLink {
public:
  static constexpr LinkInfo info = {"rtlane/broadcast", "pubsub", "", Reach::processes, false};

  explicit BroadcastLink(LinkRoom& room)
      : there_name_("bench/" + room.name + "/there"),
        back_name_("bench/" + room.name + "/back"),
        there_(need(Broadcast<M>::create(there_name_, link_capacity))),
        back_(need(Broadcast<M>::create(back_name_, link_capacity)))
  {}

  class End {
  public:
    End(typename Broadcast<M>::Writer out, typename Broadcast<M>::Subscriber in)
        : out_(std::move(out)), in_(std::move(in))
    {}
    bool try_send(const M& message) { return out_.publish(message) == Status::ok; }
    bool try_receive(M& message) { return in_.try_next(message) == Status::ok; }

  private:
    typename Broadcast<M>::Writer out_;
    typename Broadcast<M>::Subscriber in_;
  };

  // From the oldest: the other side may have begun.
  End near_end() { return {need(there_.writer()), back_.subscriber_from_oldest()}; }
  End far_end()
  {
    auto there = need(Broadcast<M>::open(there_name_));
    auto back = need(Broadcast<M>::open(back_name_));
    return {need(back.writer()), there.subscriber_from_oldest()};
  }

private:
  std::string there_name_;
  std::string back_name_;
  Broadcast<M> there_;
  Broadcast<M> back_;
};

}  // namespace rtlane::bench
