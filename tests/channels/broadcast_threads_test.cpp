// A writer and several subscribers in threads: whole elements, exact losses, and no data race (run under
// ThreadSanitizer).
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "broadcast_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::BroadcastWriterCore<>;
using Subscriber = rtlane::detail::BroadcastSubscriberCore<>;
using Places = rtlane::detail::BroadcastPlaces<std::atomic<std::uint64_t>>;

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
Heard listen(Subscriber subscriber, std::uint64_t first, bool batches)
{
  Heard heard;
  std::uint64_t number = first;
  Message got{};
  const auto judge = [&] {
    EXPECT_EQ(got.number, number);
    EXPECT_TRUE(whole(got)) << "torn at " << number;
    heard.changes += subscriber.take_changed() ? 1 : 0;
    ++number;
    ++heard.taken;
  };
  while (true) {
    const Status status = subscriber.try_next(&got, sizeof got);
    if (status == Status::ok) {
      judge();
      while (batches && subscriber.try_following(&got, sizeof got))
        judge();
    } else if (status == Status::lost) {
      number += subscriber.lost();
      heard.lost += subscriber.lost();
    } else if (status == Status::closed) {
      EXPECT_EQ(subscriber.number(), number);
      EXPECT_EQ(subscriber.lost_total(), heard.lost);
      return heard;
    } else {
      EXPECT_EQ(status, Status::empty);
      give_way();
    }
    if (::testing::Test::HasFailure())
      return heard;
  }
}

// Makes subscribers lose some and take some, whatever the scheduler does.
void publish_all(Writer& writer, std::uint64_t run, std::uint64_t first, std::uint64_t count, std::uint64_t burst)
{
  for (std::uint64_t i = first; i != first + count; ++i) {
    const Message element = message(run, i);
    EXPECT_EQ(writer.publish(&element, sizeof element), Status::ok);
    if (i % burst == 0)
      give_way();
  }
}

TEST(BroadcastThreads, EverySubscriberHearsEverythingOrKnowsWhatItLost)
{
  const Watchdog watchdog(110);
  const std::uint64_t count = sanitized ? 8000 : 60000;
  for (const std::uint64_t capacity : {2, 4, 16, 256}) {
    SCOPED_TRACE("depth " + std::to_string(capacity));
    BroadcastMemory<> memory(capacity, sizeof(Message));
    Writer writer(memory.view);
    std::atomic<std::uint64_t> taken{0};
    std::vector<std::thread> listeners;
    for (int i = 0; i < 3; ++i) {
      listeners.emplace_back([&, i] {
        const Heard heard = listen(Subscriber(memory.view, 0), 0, i == 1);
        EXPECT_EQ(heard.taken + heard.lost, count);
        EXPECT_EQ(heard.changes, 0u);
        taken += heard.taken;
      });
    }
    publish_all(writer, 1, 0, count, capacity / 2 + 1);
    writer.close();
    for (std::thread& listener : listeners)
      listener.join();
    EXPECT_GT(taken, 0u);
    ASSERT_FALSE(HasFailure());
  }
}

// Numbers near the limit of the slot word and of 64 bits.
TEST(BroadcastThreads, DeliverAcrossTheWrap)
{
  const Watchdog watchdog(110);
  const std::uint64_t count = sanitized ? 4000 : 40000;
  for (const std::uint64_t start : {(std::uint64_t{1} << 48) - count / 2, std::uint64_t{0} - count / 2}) {
    BroadcastMemory<> memory(8, sizeof(Message), start);
    Writer writer(memory.view);
    std::thread listener([&] {
      const Heard heard = listen(Subscriber(memory.view, start), start, true);
      EXPECT_EQ(heard.taken + heard.lost, count);
    });
    publish_all(writer, 1, start, count, 5);
    writer.close();
    listener.join();
  }
}

// Joiners come and go; each gets at once what it was promised or hears what it lost.
TEST(BroadcastThreads, JoinersFindTheSlotsBelowTheTailWritten)
{
  const Watchdog watchdog(110);
  const std::uint64_t count = sanitized ? 8000 : 60000;
  BroadcastMemory<> memory(16, sizeof(Message));
  Writer writer(memory.view);
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> joins{0};
  std::thread joiner([&] {
    while (!over.load(std::memory_order_relaxed)) {
      const Places places(memory.view);
      EXPECT_LE(places.newest - places.oldest, 16u);
      Subscriber subscriber(memory.view, places.oldest);
      Message got{};
      for (std::uint64_t n = places.oldest; n != places.newest; ++n) {
        const Status status = subscriber.try_next(&got, sizeof got);
        if (status == Status::lost)
          break;
        EXPECT_EQ(status, Status::ok);  // nothing below newest can be `empty`
        EXPECT_EQ(got.number, n);
        EXPECT_TRUE(whole(got));
      }
      joins.fetch_add(1, std::memory_order_relaxed);
      give_way();
      if (::testing::Test::HasFailure())
        return;
    }
  });
  publish_all(writer, 1, 0, count, 10);
  while (joins.load(std::memory_order_relaxed) < 3)
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

TEST(BroadcastThreads, WritersThatFollowEachOtherCountOn)
{
  const Watchdog watchdog(110);
  constexpr int writers = 8;
  const std::uint64_t each = sanitized ? 500 : 5000;
  BroadcastMemory<> memory(8, sizeof(Message));
  std::atomic<int> token{0};
  int beside = 0;  // written by each, ordered by detach and attach only
  std::vector<std::thread> threads;
  for (int mine = 0; mine < writers; ++mine) {
    threads.emplace_back([&, mine] {
      wait_for(token, mine);
      Writer writer(memory.view);
      EXPECT_EQ(beside, mine);
      EXPECT_EQ(writer.number(), static_cast<std::uint64_t>(mine) * each);
      publish_all(writer, static_cast<std::uint64_t>(mine) + 1, writer.number(), each, 5);
      beside = mine + 1;
      if (mine == writers - 1)
        writer.close();
      writer.detach();
      token.store(mine + 1, std::memory_order_relaxed);
    });
  }
  const Heard heard = listen(Subscriber(memory.view, 0), 0, true);
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(heard.taken + heard.lost, writers * each);
  EXPECT_LT(heard.changes, static_cast<std::uint64_t>(writers));
  EXPECT_EQ(memory.view.writer->takeovers.load(), 0u);
}

TEST(BroadcastThreads, WhoHearsClosedSeesWhatTheWriterDidBefore)
{
  const Watchdog watchdog(60);
  for (int round = 0; round < 20; ++round) {
    BroadcastMemory<> memory(4, sizeof(Message));
    Writer writer(memory.view);
    int beside = 0;
    std::thread sender([&] {
      beside = 42;
      writer.close();
    });
    Subscriber subscriber(memory.view, 0);
    Message got{};
    while (subscriber.try_next(&got, sizeof got) != Status::closed)
      give_way();
    EXPECT_EQ(beside, 42);
    sender.join();
  }
}

// The same for an element, alone and in a batch, and for a joiner's look at the tail.
TEST(BroadcastThreads, WhoSeesAnElementSeesWhatTheWriterDidBefore)
{
  const Watchdog watchdog(60);
  for (int round = 0; round < 30; ++round) {
    BroadcastMemory<> memory(4, sizeof(Message));
    Writer writer(memory.view);
    Subscriber subscriber(memory.view, 0);
    Message got = message(1, 0);
    writer.publish(&got, sizeof got);
    ASSERT_EQ(subscriber.try_next(&got, sizeof got), Status::ok);
    int beside = 0;
    std::thread sender([&] {
      beside = 42;
      const Message element = message(1, 1);
      writer.publish(&element, sizeof element);
    });
    const auto seen = [&] {
      switch (round % 3) {
        case 0:
          return subscriber.try_next(&got, sizeof got) == Status::ok;
        case 1:
          return subscriber.try_following(&got, sizeof got);
        default:
          return Places(memory.view).newest == 2;
      }
    };
    while (!seen())
      give_way();
    EXPECT_EQ(beside, 42);
    sender.join();
  }
}

}  // namespace
