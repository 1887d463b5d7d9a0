// FrameRing, as its users have it: frames as long as a message, copied in and out.
#pragma once

#include <rtlane/channels/frame_ring.hpp>

#include <span>
#include <string>
#include <utility>

#include "../peers/link.hpp"

namespace rtlane::bench {

template <class M>
class FrameLink {
public:
  static constexpr LinkInfo info = {"rtlane/frame", "frames", "", Reach::processes, false};

  explicit FrameLink(LinkRoom& room)
      : there_name_("bench/" + room.name + "/there"),
        back_name_("bench/" + room.name + "/back"),
        there_(need(FrameRing::create(there_name_, ring_bytes, options()))),
        back_(need(FrameRing::create(back_name_, ring_bytes, options())))
  {}

  class End {
  public:
    End(FrameRing::Producer out, FrameRing::Consumer in) : out_(std::move(out)), in_(std::move(in)) {}
    bool try_send(const M& message)
    {
      return out_.try_push(std::as_bytes(std::span<const M, 1>(&message, 1))) == Status::ok;
    }
    bool try_receive(M& message)
    {
      return in_.try_pop(std::as_writable_bytes(std::span<M, 1>(&message, 1))).status == Status::ok;
    }

  private:
    FrameRing::Producer out_;
    FrameRing::Consumer in_;
  };

  End near_end() { return {need(there_.producer()), need(back_.consumer())}; }
  End far_end()
  {
    auto there = need(FrameRing::open(there_name_, options()));
    auto back = need(FrameRing::open(back_name_, options()));
    return {need(back.producer()), need(there.consumer())};
  }

private:
  // A frame takes its header's 8 bytes more, rounded up to its alignment of 64.
  static constexpr std::uint64_t ring_bytes = link_capacity * ((sizeof(M) + 8 + 63) / 64 * 64);

  static FrameOptions options()
  {
    FrameOptions wanted;
    wanted.frame_bytes_max = sizeof(M);
    return wanted;
  }

  std::string there_name_;
  std::string back_name_;
  FrameRing there_;
  FrameRing back_;
};

}  // namespace rtlane::bench
