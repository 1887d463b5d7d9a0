// The floor: the raw cache-line round trip. Two lines 128 bytes apart, each with an 8-byte counter that one side writes
// and the other polls with plain acquire loads. It is no channel: it carries nothing, and a number that is not fetched
// is lost.
//
// Ordering
//   F1 counter, release  ->  F2 counter, acquire   nothing but the number itself
#pragma once

#include <rtlane/core/cache_line.hpp>

#include <atomic>
#include <cstdint>

#include "../peers/link.hpp"

namespace rtlane::bench {

// What the floor carries: a number, and nothing that could be torn.
struct FloorMessage {
  std::uint64_t number;

  void fill(std::uint64_t its_number) noexcept { number = its_number; }
  [[nodiscard]] bool is_whole() const noexcept { return true; }
};

template <class M>
class FloorLink {
public:
  static constexpr LinkInfo info = {"floor/cache-line", "floor", "", Reach::processes, false};

  explicit FloorLink(LinkRoom& room) : there_(room.shared.make<Line>()), back_(room.shared.make<Line>()) {}

private:
  struct Line {
    alignas(cache_line_bytes) std::atomic<std::uint64_t> number;
  };

public:
  class End {
  public:
    End(Line& out, Line& in) : out_(out), in_(in) {}

    bool try_send(const M& message)
    {
      out_.number.store(message.number, std::memory_order_release);  // F1, pairs with F2
      return true;
    }
    bool try_receive(M& message)
    {
      const std::uint64_t now = in_.number.load(std::memory_order_acquire);  // F2, pairs with F1
      if (now == seen_)
        return false;
      seen_ = now;
      message.fill(now);
      return true;
    }

  private:
    Line& out_;
    Line& in_;
    std::uint64_t seen_ = 0;
  };

  End near_end() { return {there_, back_}; }
  End far_end() { return {back_, there_}; }

private:
  Line& there_;
  Line& back_;
};

}  // namespace rtlane::bench
