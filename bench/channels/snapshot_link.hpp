// Snapshot, as its users have it: the latest message only. What a reader was too slow for it never sees.
#pragma once

#include <rtlane/channels/snapshot.hpp>

#include <string>
#include <utility>

#include "../peers/link.hpp"
#include "messages.hpp"

namespace rtlane::bench {

template <class M>
class SnapshotLink {
public:
  static constexpr LinkInfo info = {"rtlane/snapshot", "latest", "", Reach::processes, false};

  explicit SnapshotLink(LinkRoom& room)
      : there_name_("bench/" + room.name + "/there"),
        back_name_("bench/" + room.name + "/back"),
        there_(need(Snapshot<M>::create(there_name_))),
        back_(need(Snapshot<M>::create(back_name_)))
  {}

  class End {
  public:
    End(typename Snapshot<M>::Writer out, typename Snapshot<M>::Reader in) : out_(std::move(out)), in_(std::move(in)) {}
    bool try_send(const M& message) { return out_.store(message, 0) == Status::ok; }
    bool try_receive(M& message) { return in_.load_newer(message) == Status::ok; }

  private:
    typename Snapshot<M>::Writer out_;
    typename Snapshot<M>::Reader in_;
  };

  End near_end() { return {need(there_.writer()), back_.reader()}; }
  End far_end()
  {
    auto there = need(Snapshot<M>::open(there_name_));
    auto back = need(Snapshot<M>::open(back_name_));
    return {need(back.writer()), there.reader()};
  }

private:
  std::string there_name_;
  std::string back_name_;
  Snapshot<M> there_;
  Snapshot<M> back_;
};

}  // namespace rtlane::bench
