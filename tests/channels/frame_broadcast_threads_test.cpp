// A writer and several subscribers in threads: whole frames, exact losses, and no data race (run under
// ThreadSanitizer).
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "frame_broadcast_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::FrameBroadcastWriterCore<>;
using Subscriber = rtlane::detail::FrameBroadcastSubscriberCore<>;
using From = Subscriber::From;

// With two CPUs for everything, who finds nothing gives the others their turn.
void give_way()
{
  std::this_thread::yield();
}

struct Heard {
  std::uint64_t taken = 0;
  std::uint64_t lost = 0;
  std::uint64_t changes = 0;
};

// Until the stream's end. Every number is taken once, in order and whole, or counted as lost.
Heard listen(Subscriber subscriber)
{
  Heard heard;
  const std::uint64_t longest = subscriber.frame_bytes_max();
  Bytes buffer(longest);
  std::uint64_t number = subscriber.number();
  while (true) {
    std::size_t length = 0;
    const Status status = subscriber.try_next(buffer.data(), buffer.size(), length);
    if (status == Status::ok) {
      EXPECT_EQ(frame_problem(buffer.data(), length, number, longest), "");
      heard.changes += subscriber.take_changed() ? 1 : 0;
      ++number;
      ++heard.taken;
    } else if (status == Status::lost) {
      number += subscriber.lost();
      heard.lost += subscriber.lost();
    } else if (status == Status::closed) {
      EXPECT_EQ(subscriber.number(), number);
      return heard;
    } else {
      EXPECT_TRUE(status == Status::empty || status == Status::busy) << to_string(status);
      give_way();
    }
    if (::testing::Test::HasFailure())
      return heard;
  }
}

Subscriber joined(const rtlane::detail::FrameBroadcastView<std::atomic<std::uint64_t>>& view, From from)
{
  Subscriber made;
  while (!made.join(view, from))
    give_way();
  return made;
}

void publish_all(Writer& writer, std::uint64_t run, std::uint64_t count, std::uint64_t burst)
{
  for (std::uint64_t i = 0; i < count; ++i) {
    const Bytes frame = frame_of(run, writer.number(), writer.frame_bytes_max());
    EXPECT_EQ(writer.publish(frame.data(), frame.size()), Status::ok);
    if (i % burst == 0)
      give_way();
  }
}

TEST(FrameBroadcastThreads, EverySubscriberHearsEverythingOrKnowsWhatItLost)
{
  const Watchdog watchdog(110);
  const std::uint64_t count = sanitized ? 5000 : 40000;
  for (const std::uint64_t capacity : {256, 2048, 65536}) {
    SCOPED_TRACE(std::to_string(capacity) + " bytes");
    FrameBroadcastMemory<> memory(capacity, 300);
    Writer writer(memory.view);
    std::atomic<std::uint64_t> taken{0};
    std::vector<std::thread> listeners;
    for (int i = 0; i < 3; ++i) {
      listeners.emplace_back([&, subscriber = joined(memory.view, From::now)] {
        const Heard heard = listen(subscriber);
        EXPECT_EQ(heard.taken + heard.lost, count);
        EXPECT_EQ(heard.changes, 0u);
        taken += heard.taken;
      });
    }
    publish_all(writer, 1, count, capacity / 200 + 1);
    writer.close();
    for (std::thread& listener : listeners)
      listener.join();
    EXPECT_GT(taken, 0u);
    ASSERT_FALSE(HasFailure());
  }
}

TEST(FrameBroadcastThreads, JoinersComeAndGo)
{
  const Watchdog watchdog(110);
  FrameBroadcastMemory<> memory(1024);
  Writer writer(memory.view);
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> joins{0};
  std::thread joiner([&] {
    Bytes buffer(memory.view.frame_bytes_max);
    for (std::uint64_t n = 0; !over.load(std::memory_order_relaxed) && !HasFailure(); ++n) {
      Subscriber subscriber;
      if (subscriber.join(memory.view, n % 2 == 0 ? From::now : From::oldest)) {
        for (int i = 0; i < 5; ++i) {
          std::size_t length = 0;
          const std::uint64_t number = subscriber.number();
          const Status status = subscriber.try_next(buffer.data(), buffer.size(), length);
          EXPECT_NE(status, Status::corrupt);
          if (status == Status::ok) {
            EXPECT_EQ(frame_problem(buffer.data(), length, number, buffer.size()), "");
          }
        }
        joins.fetch_add(1, std::memory_order_relaxed);
      }
      give_way();
    }
  });
  publish_all(writer, 1, sanitized ? 5000 : 40000, 10);
  while (joins.load(std::memory_order_relaxed) < 3 && !HasFailure())
    give_way();
  over = true;
  joiner.join();
}

// ---- what orders the memory at a hand-over is the broadcast itself: the tokens here are passed by relaxed words, and
// only ThreadSanitizer can see whether anything is missing.

void wait_for(const std::atomic<int>& token, int value)
{
  while (token.load(std::memory_order_relaxed) != value)
    give_way();
}

TEST(FrameBroadcastThreads, WritersThatFollowEachOtherCountOn)
{
  const Watchdog watchdog(110);
  constexpr int writers = 8;
  const std::uint64_t each = sanitized ? 300 : 3000;
  FrameBroadcastMemory<> memory(1024);
  std::atomic<int> token{0};
  int beside = 0;  // written by each, ordered by detach and attach only
  std::vector<std::thread> threads;
  const Subscriber subscriber = joined(memory.view, From::now);
  for (int mine = 0; mine < writers; ++mine) {
    threads.emplace_back([&, mine] {
      wait_for(token, mine);
      Writer writer(memory.view);
      EXPECT_EQ(beside, mine);
      EXPECT_EQ(writer.number(), static_cast<std::uint64_t>(mine) * each);
      publish_all(writer, static_cast<std::uint64_t>(mine) + 1, each, 5);
      beside = mine + 1;
      if (mine == writers - 1)
        writer.close();
      writer.detach();
      token.store(mine + 1, std::memory_order_relaxed);
    });
  }
  const Heard heard = listen(subscriber);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(heard.taken + heard.lost, writers * each);
  EXPECT_LT(heard.changes, static_cast<std::uint64_t>(writers));
  EXPECT_EQ(memory.view.writer->takeovers.load(), 0u);
}

TEST(FrameBroadcastThreads, WhoTakesAFrameOrHearsClosedSeesWhatTheWriterDidBefore)
{
  const Watchdog watchdog(60);
  for (int round = 0; round < 30; ++round) {
    FrameBroadcastMemory<> memory(256);
    Writer writer(memory.view);
    Subscriber subscriber = joined(memory.view, From::now);
    const bool close = round % 2 == 0;
    int beside = 0;
    std::thread sender([&] {
      beside = 42;
      if (close)
        writer.close();
      else
        writer.publish("frame", 5);
    });
    unsigned char buffer[16];
    std::size_t length = 0;
    while (subscriber.try_next(buffer, sizeof buffer, length) != (close ? Status::closed : Status::ok))
      give_way();
    EXPECT_EQ(beside, 42);
    sender.join();
  }
}

}  // namespace
