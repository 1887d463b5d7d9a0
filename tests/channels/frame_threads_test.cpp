// Two threads of one process: order, wholeness, and no data race (run under ThreadSanitizer).
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "frame_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Producer = rtlane::detail::FrameProducerCore<>;
using Consumer = rtlane::detail::FrameConsumerCore<>;
using Ring = PlainFrameRing<>;

// With two CPUs for everything a failed try gives the other side its turn.
void give_way()
{
  std::this_thread::yield();
}

constexpr std::uint64_t longest = 200;

std::uint64_t length_of(std::uint64_t number)
{
  return 16 + number * 37 % (longest - 15);
}

void push_all(Producer& producer, std::uint64_t count, bool batches)
{
  for (std::uint64_t i = 0; i < count;) {
    std::uint64_t staged = 0;
    for (const std::uint64_t wanted = batches ? std::min<std::uint64_t>(5, count - i) : 1; staged < wanted; ++staged) {
      std::byte* place = producer.claim(length_of(i + staged));
      if (place == nullptr)
        break;
      fill_frame({place, length_of(i + staged)}, 1, i + staged);
      ASSERT_TRUE(producer.stage(length_of(i + staged)));
    }
    producer.commit();
    if (staged == 0)
      give_way();
    i += staged;
  }
}

// Until the stream's end; returns how many frames came whole and in order.
std::uint64_t take_all(Consumer& consumer, int way)
{
  std::uint64_t count = 0;
  const auto note = [&](std::span<const std::byte> found) {
    const auto name = whole_frame(found);
    ASSERT_TRUE(name && name->number == count && found.size() == length_of(count));
    ++count;
  };
  while (!::testing::Test::HasFailure()) {
    std::span<const std::byte> shown[7];
    std::size_t got = 0;
    Bytes copy;
    Status status = Status::ok;
    if (way == 0) {
      status = pop_frame(consumer, copy);
      got = status == Status::ok ? 1 : 0;
      shown[0] = copy;
    } else {
      got = consumer.show({shown, way == 1 ? 1u : 7u});
      status = consumer.last_status();
    }
    for (std::size_t i = 0; i < got; ++i)
      note(shown[i]);
    if (way != 0)
      consumer.take_shown(got);
    if (got != 0)
      continue;
    if (status == Status::closed)
      return count;
    EXPECT_EQ(status, Status::empty);
    give_way();
  }
  return count;
}

TEST(FrameRingThreads, DeliverEveryFrameWholeAndInOrder)
{
  const Watchdog watchdog(110);
  for (const std::uint64_t capacity : {256, 1024, 65536}) {
    for (const std::uint64_t start : {std::uint64_t{0}, 0 - 100 * capacity}) {
      for (const bool batches : {false, true}) {
        for (const int way : {0, 1, 2}) {
          const std::uint64_t count = 2000 * (capacity == 256 ? 1 : 2);
          const Ring ring(capacity, 8, longest, start);
          Producer producer(ring.view());
          Consumer consumer(ring.view());
          std::thread sender([&] {
            push_all(producer, count, batches);
            producer.close();
          });
          EXPECT_EQ(take_all(consumer, way), count);
          sender.join();
          if (HasFailure())
            return;
        }
      }
    }
  }
}

// ---- what orders the memory at a hand-over is the ring itself: the tokens here are passed by relaxed words, and only
// ThreadSanitizer can see whether anything is missing.

void wait_for(const std::atomic<int>& token, int value)
{
  while (token.load(std::memory_order_relaxed) != value)
    give_way();
}

TEST(FrameRingThreads, AProducersSuccessorMayWriteWhereItWrote)
{
  const Watchdog watchdog(60);
  const Ring ring(256, 8, 64);
  std::atomic<int> token{0};
  const auto write_uncommitted = [&](int mine) {
    wait_for(token, mine);
    Producer producer(ring.view());
    *producer.claim(64) = std::byte{static_cast<unsigned char>(mine)};
    producer.detach();
    token.store(mine + 1, std::memory_order_relaxed);
  };
  std::thread first(write_uncommitted, 0);
  std::thread second(write_uncommitted, 1);
  first.join();
  second.join();
}

TEST(FrameRingThreads, AConsumersSuccessorMayGiveBackWhatItRead)
{
  const Watchdog watchdog(60);
  const Ring ring(64, 8, 56);
  Producer producer(ring.view());
  ASSERT_EQ(push_frame(producer, frame(1, 1, 56)), Status::ok);
  std::atomic<int> token{0};
  std::atomic<unsigned> sum{0};
  const auto look_and_pass_on = [&](int mine) {
    wait_for(token, mine);
    Consumer consumer(ring.view());
    sum.fetch_add(std::to_integer<unsigned>(*consumer.look().data), std::memory_order_relaxed);
    if (mine == 1)
      consumer.take();
    consumer.detach();
    token.store(mine + 1, std::memory_order_relaxed);
  };
  std::thread first(look_and_pass_on, 0);
  std::thread second(look_and_pass_on, 1);
  std::byte* place = nullptr;
  while ((place = producer.claim(56)) == nullptr)
    give_way();
  *place = std::byte{7};
  first.join();
  second.join();
}

TEST(FrameRingThreads, ABatchTakenAtOnceMayBeWrittenAgain)
{
  const Watchdog watchdog(60);
  const Ring ring(64, 8, 24);
  Producer producer(ring.view());
  std::atomic<unsigned> sum{0};
  ASSERT_EQ(push_frame(producer, frame(1, 1, 24)), Status::ok);
  std::thread taker([&] {
    Consumer consumer(ring.view());
    std::span<const std::byte> shown[2];
    std::size_t got = 0;
    while ((got = consumer.show(shown)) != 2)  // the second one comes later
      give_way();
    sum.fetch_add(std::to_integer<unsigned>(shown[0][0]) + std::to_integer<unsigned>(shown[1][0]),
                  std::memory_order_relaxed);
    EXPECT_TRUE(consumer.take_shown(2));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  ASSERT_EQ(push_frame(producer, frame(1, 2, 24)), Status::ok);
  for (int i = 0; i < 2; ++i) {
    while (push_frame(producer, frame(1, 3, 24)) != Status::ok)
      give_way();
  }
  taker.join();
}

TEST(FrameRingThreads, WhoHearsClosedSeesWhatTheProducerDidBefore)
{
  const Watchdog watchdog(60);
  const Ring ring(64, 8, 24);
  Producer producer(ring.view());
  Consumer consumer(ring.view());
  int beside = 0;
  std::thread sender([&] {
    beside = 42;
    producer.close();
  });
  Bytes got;
  while (pop_frame(consumer, got) != Status::closed)
    give_way();
  EXPECT_EQ(beside, 42);
  sender.join();
}

}  // namespace
