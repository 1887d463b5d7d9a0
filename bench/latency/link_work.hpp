// What the two workers of a link do in a segment: the loops that are timed.
//
// They neither sleep nor look at a clock for a time-out: who ordered the segment ends the workers of one that hangs.
// The loops are templates, so that the adapter's calls are inlined as they would be in a user's program. No loop pauses
// between two polls, for the reason that the floor does not: bench/README.md.
//
// Ordering
//   N1 far_finished, release  ->  N2 far_finished, acquire   the far side has left the segment (stored in pair.cpp)
#pragma once

#include <rtlane/core/cache_line.hpp>
#include <rtlane/core/tick_clock.hpp>

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "../peers/link.hpp"
#include "segment.hpp"
#include "stall_watch.hpp"

namespace rtlane::bench {

// What a side needs to know of a segment beside the plan.
struct SegmentOrder {
  SegmentPlan plan;
  std::uint32_t number;
  const std::atomic<std::uint32_t>& far_finished;  // the last segment that the far side has left

  // Of the last message. A link may still hold one of an earlier segment, which must not end this one.
  [[nodiscard]] std::uint64_t stop_message() const noexcept { return first_stop_message | number; }
  [[nodiscard]] bool far_has_left() const noexcept
  {
    return far_finished.load(std::memory_order_acquire) == number;  // N2, pairs with N1
  }
};

// Ends the worker: "LINK: message NUMBER " and what is wrong with it.
[[noreturn]] void die_of_message(std::string_view link, std::uint64_t number, const char* what);

// Made before the sides part; each side's functions are called by one thread.
class LinkWork {
public:
  LinkWork() = default;
  LinkWork(const LinkWork&) = delete;
  LinkWork& operator=(const LinkWork&) = delete;
  virtual ~LinkWork() = default;

  // The side has parted from the other, and gets what it needs for its own. Its thread is where it will run.
  virtual void attach(Side side, const TickClock& clock, std::uint64_t threshold_ns) = 0;

  // Gives that back.
  virtual void detach(Side side) = 0;

  // One segment.
  virtual void near(const SegmentOrder& order, SampleRoom& room) = 0;
  virtual void far(const SegmentOrder& order, SampleRoom& room) = 0;
};

template <template <class> class Link, class M>
class LinkWorkOf final : public LinkWork {
public:
  explicit LinkWorkOf(LinkRoom& room) : link_(room) {}

  void attach(Side side, const TickClock& clock, std::uint64_t threshold_ns) override
  {
    SideOf& mine = side == Side::near ? near_ : far_;
    mine.end.emplace(side == Side::near ? link_.near_end() : link_.far_end());
    mine.watch.emplace(clock, threshold_ns);
  }

  void detach(Side side) override { (side == Side::near ? near_ : far_).end.reset(); }

  void near(const SegmentOrder& order, SampleRoom& room) override
  {
    switch (order.plan.kind) {
      case SegmentKind::ratio:
        return near_ratio(order, room);
      case SegmentKind::closed:
        return near_closed(order, room);
      case SegmentKind::open:
        return near_open(order, room);
      case SegmentKind::saturated:
        return near_saturated(order, room);
    }
  }

  void far(const SegmentOrder& order, SampleRoom& room) override
  {
    switch (order.plan.kind) {
      case SegmentKind::ratio:
        return far_ratio(order);
      case SegmentKind::closed:
        return far_closed(order, room);
      case SegmentKind::open:
        return far_open(order, room);
      case SegmentKind::saturated:
        return far_saturated(order, room);
    }
  }

private:
  using End = typename Link<M>::End;
  static constexpr bool polls = !Link<M>::info.blocks;

  // ---- there and back

  void near_ratio(const SegmentOrder& order, SampleRoom& room)
  {
    End& end = *near_.end;
    M message{};
    M answer{};
    Patience patience;
    for (std::uint64_t number = 1; number <= warm_up_trips; ++number)
      there_and_back(end, message, answer, number, patience);
    std::uint64_t before = ticks();
    const std::uint64_t over = before + order.plan.duration_ticks;
    std::uint64_t number = warm_up_trips;
    do {
      for (std::uint64_t i = 0; i < trips_per_group; ++i)
        there_and_back(end, message, answer, ++number, patience);
      const std::uint64_t now = ticks();
      room.groups.add(now - before);
      before = now;
    } while (before < over);
    stop(end, order);
  }

  static void there_and_back(End& end, M& message, M& answer, std::uint64_t number, Patience& patience)
  {
    message.fill(number);
    while (!end.try_send(message))
      patience.check("room for a message");
    while (!end.try_receive(answer))
      patience.check("an answer");
    check(answer, number);
  }

  void far_ratio(const SegmentOrder& order)
  {
    End& end = *far_.end;
    M message{};
    Patience patience;
    for (;;) {
      while (!end.try_receive(message))
        patience.check("a message");
      if (message.number >= first_stop_message) {
        if (message.number == order.stop_message())
          return;
        continue;
      }
      while (!end.try_send(message))
        patience.check("room for an answer");
    }
  }

  void near_closed(const SegmentOrder& order, SampleRoom& room)
  {
    End& end = *near_.end;
    M message{};
    M answer{};
    Patience patience;
    for (std::uint64_t number = 1; number <= warm_up_trips; ++number)
      there_and_back(end, message, answer, number, patience);
    StallWatch<polls>& watch = *near_.watch;
    watch.begin(room.sides[0]);
    const std::uint64_t over = ticks() + order.plan.duration_ticks;
    std::uint64_t now = 0;
    // Ends early when the record is full: every trip that is made is kept.
    for (std::uint64_t number = warm_up_trips + 1; now < over && room.trips.count < SampleRoom::messages_max;
         ++number) {
      message.fill(number);
      const std::uint64_t begin = watch.outside(ticks());
      while (!end.try_send(message)) {
      }
      const std::uint64_t sent = ticks();
      now = watch.inside(sent);
      for (;;) {
        const std::uint64_t poll = watch.outside(ticks());
        const bool came = end.try_receive(answer);
        const std::uint64_t polled = ticks();
        now = watch.inside(polled);
        if (!came)
          continue;
        room.trips.add({begin, polled - begin, narrow(sent - begin), narrow(polled - poll)});
        break;
      }
      check(answer, number);
    }
    stop(end, order);
  }

  void far_closed(const SegmentOrder& order, SampleRoom& room)
  {
    End& end = *far_.end;
    M message{};
    StallWatch<polls>& watch = *far_.watch;
    watch.begin(room.sides[1]);
    for (;;) {
      static_cast<void>(watch.outside(ticks()));
      const bool came = end.try_receive(message);
      const std::uint64_t polled = ticks();
      static_cast<void>(watch.inside(polled));
      if (!came)
        continue;
      if (message.number >= first_stop_message) {
        if (message.number == order.stop_message())
          return;
        continue;
      }
      if (!message.is_whole())
        die_of_message(Link<M>::info.name, message.number, "came torn");
      if (message.number > warm_up_trips && message.number - warm_up_trips <= SampleRoom::messages_max)
        room.came_ticks[message.number - warm_up_trips - 1] = polled;
      static_cast<void>(watch.outside(ticks()));
      while (!end.try_send(message)) {
      }
      static_cast<void>(watch.inside(ticks()));
    }
  }

  static std::uint32_t narrow(std::uint64_t tick_count) noexcept
  {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(tick_count, UINT32_MAX));
  }

  static void check(const M& answer, std::uint64_t number)
  {
    if (answer.number != number || !answer.is_whole())
      die_of_message(Link<M>::info.name, number, "came back as another, or torn");
  }

  // A peer that may lose messages may lose the last one as well.
  static void stop(End& end, const SegmentOrder& order)
  {
    M message{};
    message.fill(order.stop_message());
    while (!order.far_has_left()) {
      end.try_send(message);
      for (const std::uint64_t again = ticks() + order.plan.stop_again_ticks;
           ticks() < again && !order.far_has_left();) {
        // What delivers a message of a peer that sleeps may be a thread of its own on this CPU.
        if constexpr (!polls)
          ::sched_yield();
      }
    }
  }

  // ---- one way

  void near_open(const SegmentOrder& order, SampleRoom& room)
  {
    End& end = *near_.end;
    M message{};
    M answer{};
    Patience patience;
    for (std::uint64_t number = 1; number <= warm_up_trips; ++number)
      there_and_back(end, message, answer, number, patience);
    StallWatch<polls>& watch = *near_.watch;
    watch.begin(room.sides[0]);
    const std::uint64_t start = ticks() + order.plan.interval_ticks;
    const std::uint64_t count =
        std::min<std::uint64_t>(order.plan.duration_ticks / order.plan.interval_ticks, SampleRoom::messages_max);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t due = start + i * order.plan.interval_ticks;
      message.fill(warm_up_trips + i + 1);
      std::uint64_t now = watch.outside(ticks());
      while (now < due) {
        if constexpr (!polls)
          ::sched_yield();  // as in stop()
        now = watch.outside(ticks());
      }
      room.due_ticks[i] = due;
      room.sent_ticks[i] = now;
      while (!end.try_send(message)) {
      }
      static_cast<void>(watch.inside(ticks()));
    }
    room.sent = count;
    stop(end, order);
  }

  // Sends those back that warm up: only then has the far side seen them.
  void far_open(const SegmentOrder& order, SampleRoom& room)
  {
    End& end = *far_.end;
    M message{};
    Patience patience;
    for (std::uint64_t number = 0; number < warm_up_trips;) {
      while (!end.try_receive(message))
        patience.check("a message");
      if (message.number >= first_stop_message)  // of an earlier segment
        continue;
      number = message.number;
      while (!end.try_send(message))
        patience.check("room for an answer");
    }
    StallWatch<polls>& watch = *far_.watch;
    watch.begin(room.sides[1]);
    std::uint64_t expected = warm_up_trips + 1;
    std::uint64_t received = 0;
    for (;;) {
      static_cast<void>(watch.outside(ticks()));
      const bool came = end.try_receive(message);
      const std::uint64_t now = ticks();
      static_cast<void>(watch.inside(now));
      if (!came)
        continue;
      if (message.number >= first_stop_message) {
        if (message.number == order.stop_message())
          break;
        continue;
      }
      check_order(message, expected);
      const std::uint64_t at = message.number - warm_up_trips - 1;
      if (at < SampleRoom::messages_max)
        room.came_ticks[at] = now;
      expected = message.number + 1;
      ++received;
    }
    room.received = received;
  }

  void near_saturated(const SegmentOrder& order, SampleRoom& room)
  {
    constexpr std::uint64_t between_looks = 256;
    End& end = *near_.end;
    M message{};
    std::uint64_t number = 0;
    Patience patience;
    for (const std::uint64_t over = ticks() + order.plan.duration_ticks; ticks() < over;) {
      for (std::uint64_t i = 0; i < between_looks; ++i) {
        message.fill(++number);
        while (!end.try_send(message))
          patience.check("room for a message");
      }
    }
    room.sent = number;
    stop(end, order);
  }

  void far_saturated(const SegmentOrder& order, SampleRoom& room)
  {
    End& end = *far_.end;
    M message{};
    std::uint64_t expected = 1;
    std::uint64_t received = 0;
    Patience patience;
    for (;;) {
      while (!end.try_receive(message))
        patience.check("a message");
      if (message.number >= first_stop_message) {
        if (message.number == order.stop_message())
          break;
        continue;
      }
      check_order(message, expected);
      if (received == 0)
        room.first_ticks = ticks();
      expected = message.number + 1;
      ++received;
    }
    room.last_ticks = ticks();
    room.received = received;
  }

  // Order and wholeness of every message are looked at, whatever the mode.
  static void check_order(const M& message, std::uint64_t expected)
  {
    if (message.number < expected || !message.is_whole())
      die_of_message(Link<M>::info.name, message.number, "came again, late or torn");
  }

  // On lines of its own: both sides may be threads of one process.
  struct alignas(cache_line_bytes) SideOf {
    std::optional<End> end;
    std::optional<StallWatch<polls>> watch;
  };

  Link<M> link_;
  SideOf near_;
  SideOf far_;
};

}  // namespace rtlane::bench
