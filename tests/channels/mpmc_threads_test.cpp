// MPMC rings between threads: number, content, order and sum of what arrives. Under ThreadSanitizer also the orders.
#include <gtest/gtest.h>
#include <rtlane/channels/mpmc_ring.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "ring_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::MpmcRing;
using rtlane::Status;
using Ring = MpmcRing<Message>;

constexpr std::uint64_t kProducersMax = 8;

struct Received {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::array<std::uint64_t, kProducersMax> next{};  // per producer, one past the last number seen
  std::array<std::uint64_t, kProducersMax> from{};
  const char* wrong = nullptr;
};

void note(Received& received, const Message& got)
{
  if (got.run >= kProducersMax || !whole(got))
    received.wrong = "torn";
  else if (got.number < received.next[got.run])
    received.wrong = "out of order";
  else {
    received.next[got.run] = got.number + 1;
    ++received.from[got.run];
    ++received.count;
    received.sum += got.mixed[0];
  }
}

// Pushes and pops in all the ways there are, in turn.
void produce(Ring::Producer& producer, std::uint64_t run, std::uint64_t count)
{
  for (std::uint64_t i = 0; i < count;) {
    if (i % 3 == 2) {
      Message* place = producer.claim();
      if (place == nullptr) {
        std::this_thread::yield();
        continue;
      }
      *place = message(run, i);
      while (!producer.publish()) {
        ASSERT_EQ(producer.last_status(), Status::busy);  // isolated: lost all races
        std::this_thread::yield();
      }
      ++i;
    } else if (i % 7 == 0 && i + 2 <= count) {
      const Message two[] = {message(run, i), message(run, i + 1)};
      std::size_t done = 0;
      while (done < 2) {
        done += producer.try_push_n(std::span(two).subspan(done));
        if (done < 2)
          std::this_thread::yield();
      }
      i += 2;
    } else if (producer.try_push(message(run, i)) == Status::ok) {
      ++i;
    } else {
      ASSERT_TRUE(producer.last_status() == Status::full || producer.last_status() == Status::busy);
      std::this_thread::yield();
    }
  }
}

void consume(Ring::Consumer& consumer, Received& received)
{
  for (std::uint64_t i = 0;; ++i) {
    if (i % 4 == 3) {
      if (const Message* shown = consumer.peek()) {
        note(received, *shown);
        consumer.release();
        continue;
      }
    } else {
      Message got{};
      if (consumer.try_pop(got) == Status::ok) {
        note(received, got);
        continue;
      }
    }
    if (consumer.last_status() == Status::closed)
      return;
    if (consumer.last_status() != Status::empty && consumer.last_status() != Status::busy)
      received.wrong = to_string(consumer.last_status());
    std::this_thread::yield();
  }
}

void stream(std::uint64_t producers, std::uint64_t consumers, std::uint64_t capacity, std::uint64_t each,
            const rtlane::MpmcOptions& options = {})
{
  const Watchdog watchdog(110);
  const auto ring = Ring::in_memory(capacity, options);
  ASSERT_TRUE(ring) << ring.error().message;
  std::vector<Received> received(consumers);
  std::atomic<std::uint64_t> running{producers};
  std::vector<std::thread> threads;
  for (std::uint64_t p = 0; p < producers; ++p) {
    threads.emplace_back([&, p] {
      auto producer = ring->producer();
      ASSERT_TRUE(producer) << producer.error().message;
      produce(*producer, p, each);
      if (running.fetch_sub(1) == 1)
        producer->close();  // the last one
    });
  }
  for (std::uint64_t c = 0; c < consumers; ++c) {
    threads.emplace_back([&, c] {
      auto consumer = ring->consumer();
      ASSERT_TRUE(consumer) << consumer.error().message;
      consume(*consumer, received[c]);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::array<std::uint64_t, kProducersMax> from{};
  for (const Received& r : received) {
    EXPECT_EQ(r.wrong, nullptr) << r.wrong;
    count += r.count;
    sum += r.sum;
    for (std::uint64_t p = 0; p < producers; ++p)
      from[p] += r.from[p];
  }
  std::uint64_t expected = 0;
  for (std::uint64_t p = 0; p < producers; ++p) {
    EXPECT_EQ(from[p], each);
    for (std::uint64_t i = 0; i < each; ++i)
      expected += message(p, i).mixed[0];
  }
  EXPECT_EQ(count, producers * each);
  EXPECT_EQ(sum, expected);
}

std::uint64_t each(std::uint64_t usual)
{
  return test_count("RTLANE_TEST_COUNT", sanitized ? usual / 10 : usual);
}

TEST(MpmcThreads, DeliverFromOneToOne)
{
  stream(1, 1, 1, each(2000));
  stream(1, 1, 256, each(100000));
}

TEST(MpmcThreads, DeliverFromTwoToTwo)
{
  stream(2, 2, 1, each(1000));
  stream(2, 2, 64, each(40000));
}

TEST(MpmcThreads, DeliverFromFourToFour)
{
  stream(4, 4, 2, each(500));
  stream(4, 4, 64, each(10000));
}

TEST(MpmcThreads, DeliverFromManyToOneAndFromOneToMany)
{
  stream(8, 1, 32, each(4000));
  stream(1, 8, 32, each(20000));
}

rtlane::MpmcOptions isolated(std::uint64_t quota)
{
  rtlane::MpmcOptions options;
  options.mode = RTLANE_MODE_ISOLATED;
  options.quota = quota;
  return options;
}

TEST(MpmcThreads, DeliverIsolated)
{
  stream(1, 1, 1, each(1000), isolated(1));
  stream(1, 1, 256, each(50000), isolated(256));
  stream(2, 2, 1, each(1000), isolated(1));
  stream(2, 2, 64, each(20000), isolated(0));
  stream(4, 4, 64, each(5000), isolated(5));
  stream(8, 1, 32, each(1000), isolated(2));
  stream(1, 8, 32, each(10000), isolated(0));
}

// Endpoints come and go while others work; entries are used again and again.
void come_and_go(rtlane::MpmcOptions options)
{
  const Watchdog watchdog(110);
  options.participants = 4;
  const auto ring = Ring::in_memory(8, options);
  ASSERT_TRUE(ring);
  const std::uint64_t rounds = each(2000);
  Received received[2];
  std::atomic<std::uint64_t> taken{0};
  std::vector<std::thread> threads;
  for (std::uint64_t p = 0; p < 2; ++p) {
    threads.emplace_back([&, p] {
      for (std::uint64_t round = 0; round < rounds; ++round) {
        auto producer = ring->producer();
        ASSERT_TRUE(producer) << producer.error().message;
        for (std::uint64_t i = 0; i < 4; ++i) {
          while (producer->try_push(message(p, round * 4 + i)) != Status::ok)
            std::this_thread::yield();
        }
        if (round % 8 == 0)
          (void)producer->claim();  // given up with the endpoint
      }
    });
    threads.emplace_back([&, p] {
      while (taken < 8 * rounds) {
        auto consumer = ring->consumer();
        ASSERT_TRUE(consumer) << consumer.error().message;
        for (int i = 0; i < 8; ++i) {
          Message got{};
          if (consumer->try_pop(got) == Status::ok) {
            note(received[p], got);
            ++taken;
          } else {
            std::this_thread::yield();
          }
        }
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(received[0].wrong, nullptr) << received[0].wrong;
  EXPECT_EQ(received[1].wrong, nullptr) << received[1].wrong;
  EXPECT_EQ(received[0].count + received[1].count, 8 * rounds);
}

TEST(MpmcThreads, DeliverWhileParticipantsComeAndGo)
{
  come_and_go({});
}

TEST(MpmcThreads, DeliverIsolatedWhileParticipantsComeAndGo)
{
  come_and_go(isolated(3));
}

}  // namespace
