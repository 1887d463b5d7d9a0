// A broadcast whose writer or subscriber is interrupted inside an operation; then the stream is taken to its end and
// judged. The same for elements and for frames.
//
// The contents say who wrote them (run 1: before the interruption, run 2: the interrupted writer, run 3: its successor)
// and their number, and carry words computed from both. Checks answer with a sentence instead of failing, because the
// deliberately wrong operations at the end must make them speak.
#pragma once

#include <rtlane/channels/broadcast.hpp>
#include <rtlane/channels/frame_broadcast.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "channels/frame_broadcast_support.hpp"
#include "channels/ring_support.hpp"
#include "crash/step.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"

namespace rtlane::test {

struct Elements {
  static constexpr const char* name = "elements";
  static constexpr uint64_t olds[] = {0, 1, 3, 4, 5, 9};  // empty, one, full - 1, full, wrapped
  static constexpr uint64_t lap = 4;
  using Channel = Broadcast<Message>;

  static BroadcastOptions options(bool read_only)
  {
    BroadcastOptions made;
    made.memory.huge = RTLANE_NEVER;
    made.memory.lock = RTLANE_NEVER;
    made.memory.read_only = read_only;
    return made;
  }
  static Channel make() { return Channel::create("broadcast", lap, options(false)).value(); }
  static Channel open_read_only() { return Channel::open("broadcast", options(true)).value(); }
  static Channel::Subscriber from_now(const Channel& channel) { return channel.subscriber(); }
  static Channel::Subscriber from_oldest(const Channel& channel) { return channel.subscriber_from_oldest(); }

  // Made before the operation, as it takes more instructions than a publish.
  struct Content {
    Message message;
    Content(uint64_t run, uint64_t number) : message(test::message(run, number)) {}
  };
  static Status publish(Channel::Writer& writer, const Content& content) { return writer.publish(content.message); }

  struct Buffer {
    Message message = {};
    [[nodiscard]] std::string problem(uint64_t number) const
    {
      return whole(message) && message.number == number
                 ? ""
                 : "torn or wrong: " + std::to_string(message.run) + "/" + std::to_string(message.number);
    }
    [[nodiscard]] uint64_t run() const { return message.run; }
  };
  static Status take(Channel::Subscriber& subscriber, Buffer& buffer) { return subscriber.try_next(buffer.message); }
};

struct Frames {
  static constexpr const char* name = "frames";
  static constexpr uint64_t olds[] = {0, 1, 6, 8, 11, 30};
  static constexpr uint64_t lap = 16;  // records of the shortest kind
  static constexpr uint64_t capacity = 256;
  static constexpr uint64_t longest = 16;
  using Channel = FrameBroadcast;

  static FrameBroadcastOptions options(bool read_only)
  {
    FrameBroadcastOptions made;
    made.memory = Elements::options(read_only).memory;
    return made;
  }
  static Channel make() { return Channel::create("broadcast", capacity, options(false)).value(); }
  static Channel open_read_only() { return Channel::open("broadcast", options(true)).value(); }
  static Channel::Subscriber from_now(const Channel& channel) { return channel.subscriber().value(); }
  static Channel::Subscriber from_oldest(const Channel& channel) { return channel.subscriber_from_oldest().value(); }

  struct Content {
    Bytes bytes;
    Content(uint64_t run, uint64_t number) : bytes(frame_of(run, number, longest)) {}
  };
  static Status publish(Channel::Writer& writer, const Content& content)
  {
    return writer.publish(std::as_bytes(std::span(content.bytes)));
  }

  struct Buffer {
    std::array<std::byte, longest> bytes = {};
    std::size_t length = 0;
    [[nodiscard]] std::string problem(uint64_t number) const
    {
      return frame_problem(reinterpret_cast<const unsigned char*>(bytes.data()), length, number, longest);
    }
    [[nodiscard]] uint64_t run() const { return length == 0 ? 0 : std::to_integer<uint64_t>(bytes[0]); }
  };
  static Status take(Channel::Subscriber& subscriber, Buffer& buffer)
  {
    return subscriber.try_next(buffer.bytes, buffer.length);
  }
};

// A subscriber that is judged as it takes.
template <class Kind>
struct Listener {
  typename Kind::Channel::Subscriber subscriber;
  uint64_t taken = 0;

  // Takes all that is there; "" = each whole, in order, or counted as lost, then `empty`.
  std::string take_all()
  {
    int losses = 0;
    for (int i = 0; i < 1000; ++i) {
      typename Kind::Buffer buffer;
      const uint64_t number = subscriber.next_number();
      const Status status = Kind::take(subscriber, buffer);
      if (status == Status::empty)
        return losses <= 1 ? "" : "lost twice, and nobody published meanwhile";
      if (status == Status::lost) {
        ++losses;
        if (subscriber.lost() == 0 || subscriber.next_number() != number + subscriber.lost())
          return "a wrong count of lost ones";
        continue;
      }
      if (status != Status::ok)
        return "number " + std::to_string(number) + " gives " + to_string(status);
      if (std::string problem = buffer.problem(number); !problem.empty())
        return problem;
      if (subscriber.next_number() != number + 1)
        return "the number does not grow by one";
      ++taken;
    }
    return "the stream does not end";
  }
};

template <class Kind>
using Listeners = std::vector<Listener<Kind>>;

// A channel in which `old` of run 1 were published, and a listener that came before each of them and after the last.
template <class Kind>
struct Stage {
  typename Kind::Channel channel = Kind::make();
  Listeners<Kind> listeners;

  explicit Stage(uint64_t old)
  {
    auto writer = channel.writer().value();
    for (uint64_t number = 0; number < old; ++number) {
      listeners.push_back({Kind::from_now(channel)});
      Kind::publish(writer, typename Kind::Content(1, number));
    }
    listeners.push_back({Kind::from_now(channel)});
  }

  std::string take_all()
  {
    for (Listener<Kind>& listener : listeners) {
      if (std::string problem = listener.take_all(); !problem.empty())
        return problem;
    }
    return "";
  }

  // After take_all all are at the same place.
  std::string all_at(uint64_t number_min, uint64_t number_max) const
  {
    const uint64_t first = listeners.front().subscriber.next_number();
    for (const Listener<Kind>& listener : listeners) {
      if (listener.subscriber.next_number() != first)
        return "subscribers end at " + std::to_string(first) + " and " +
               std::to_string(listener.subscriber.next_number());
    }
    return first >= number_min && first <= number_max ? "" : "the stream ends before " + std::to_string(first);
  }

  Watched watched() const
  {
    const rtlane_channel_layout layout = channel.channel().layout();
    return {layout.base, layout.total_bytes};
  }
};

struct Outcome {
  std::string problem;    // "" = all is well
  bool finished = false;  // the operation came to its end before the interruption
};

}  // namespace rtlane::test
