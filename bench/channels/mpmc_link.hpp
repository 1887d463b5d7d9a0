// MpmcRing, as its users have it: a named object for each direction, opened by the far side.
#pragma once

#include <rtlane/channels/mpmc_ring.hpp>

#include <string>
#include <utility>

#include "../peers/link.hpp"
#include "messages.hpp"

namespace rtlane::bench {

template <class M>
class MpmcLink {
public:
  static constexpr LinkInfo info = {"rtlane/mpmc", "mpmc", "", Reach::processes, false, true};

  explicit MpmcLink(LinkRoom& room)
      : there_name_("bench/" + room.name + "/there"),
        back_name_("bench/" + room.name + "/back"),
        there_(need(MpmcRing<M>::create(there_name_, link_capacity))),
        back_(need(MpmcRing<M>::create(back_name_, link_capacity)))
  {}

  class End {
  public:
    End(typename MpmcRing<M>::Producer out, typename MpmcRing<M>::Consumer in)
        : out_(std::move(out)), in_(std::move(in))
    {}
    bool try_send(const M& message) { return out_.try_push(message) == Status::ok; }
    bool try_receive(M& message) { return in_.try_pop(message) == Status::ok; }

  private:
    typename MpmcRing<M>::Producer out_;
    typename MpmcRing<M>::Consumer in_;
  };

  End near_end() { return {need(there_.producer()), need(back_.consumer())}; }
  End far_end()
  {
    auto there = need(MpmcRing<M>::open(there_name_));
    auto back = need(MpmcRing<M>::open(back_name_));
    return {need(back.producer()), need(there.consumer())};
  }

private:
  std::string there_name_;
  std::string back_name_;
  MpmcRing<M> there_;
  MpmcRing<M> back_;
};

}  // namespace rtlane::bench
