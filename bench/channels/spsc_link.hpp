// SpscRing, as its users have it: a named object for each direction, opened by the far side.
#pragma once

#include <rtlane/channels/spsc_ring.hpp>

#include <string>
#include <utility>

#include "../peers/link.hpp"
#include "messages.hpp"

namespace rtlane::bench {

template <class M>
class SpscLink {
public:
  static constexpr LinkInfo info = {"rtlane/spsc", "spsc", "", Reach::processes, false};

  explicit SpscLink(LinkRoom& room)
      : there_name_("bench/" + room.name + "/there"),
        back_name_("bench/" + room.name + "/back"),
        there_(need(SpscRing<M>::create(there_name_, link_capacity))),
        back_(need(SpscRing<M>::create(back_name_, link_capacity)))
  {}

  class End {
  public:
    End(typename SpscRing<M>::Producer out, typename SpscRing<M>::Consumer in)
        : out_(std::move(out)), in_(std::move(in))
    {}
    bool try_send(const M& message) { return out_.try_push(message) == Status::ok; }
    bool try_receive(M& message) { return in_.try_pop(message) == Status::ok; }

  private:
    typename SpscRing<M>::Producer out_;
    typename SpscRing<M>::Consumer in_;
  };

  End near_end() { return {need(there_.producer()), need(back_.consumer())}; }
  End far_end()
  {
    auto there = need(SpscRing<M>::open(there_name_));
    auto back = need(SpscRing<M>::open(back_name_));
    return {need(back.producer()), need(there.consumer())};
  }

private:
  std::string there_name_;
  std::string back_name_;
  SpscRing<M> there_;
  SpscRing<M> back_;
};

}  // namespace rtlane::bench
