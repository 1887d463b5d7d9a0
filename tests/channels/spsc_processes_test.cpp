// Two processes on one ring: streaming, SIGKILL of either side at random instants with a successor, SIGSTOP.
//
// What may be lost is exactly known: the side that is killed notes its progress in a page of its own, and the
// survivor compares.
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <atomic>
#include <cerrno>
#include <random>
#include <string>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<Message>;

void give_way()
{
  sched_yield();
}

// Opens the ring in a child of the test; the handle inherited from the parent is not used.
Ring opened()
{
  auto ring = Ring::open("ring", small_ring());
  if (!ring) {
    std::fprintf(stderr, "%s\n", ring.error().message.c_str());
    _exit(3);
  }
  return *ring;
}

Ring created(std::uint64_t capacity)
{
  return Ring::create("ring", capacity, small_ring()).value();
}

TEST(SpscProcesses, DeliverEveryMessageWholeAndInOrder)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const std::uint64_t count = test_count("RTLANE_TEST_MESSAGES", sanitized ? 100000 : 1000000);
  const Ring ring = created(256);
  auto consumer = ring.consumer();
  ASSERT_TRUE(consumer);
  Child sender = Child::start([&] {
    auto producer = opened().producer();
    ASSERT_TRUE(producer) << producer.error().message;
    for (std::uint64_t i = 0; i < count;) {
      if (producer->try_push(message(1, i)) == Status::ok)
        ++i;
      else
        give_way();
    }
    producer->close();
  });
  std::uint64_t next = 0;
  std::uint64_t sum = 0;
  Message got{};
  for (Status status = Status::ok; status != Status::closed;) {
    status = consumer->try_pop(got);
    if (status != Status::ok) {
      give_way();
      continue;
    }
    ASSERT_EQ(got.number, next);
    ASSERT_TRUE(whole(got));
    sum += got.mixed[3];
    ++next;
  }
  EXPECT_EQ(sender.wait(), 0);
  EXPECT_EQ(next, count);
  std::uint64_t wanted = 0;
  for (std::uint64_t i = 0; i < count; ++i)
    wanted += message(1, i).mixed[3];
  EXPECT_EQ(sum, wanted);
}

// ---- SIGKILL

struct Progress {
  std::atomic<std::uint64_t> done{0};     // pushes that returned; or the number last shown or taken
  std::atomic<std::uint64_t> started{0};  // the child has begun
};

void random_pause(std::mt19937_64& random)
{
  sleep_us(static_cast<std::int64_t>(random() % 1500));
}

TEST(SpscProcesses, AKilledProducerLosesAtMostItsUnpublishedMessage)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t runs = test_count("RTLANE_TEST_KILLS", 150);
  for (const std::uint64_t capacity : {1, 4, 64}) {
    const Ring ring = created(capacity);
    auto consumer = ring.consumer();
    ASSERT_TRUE(consumer);
    SharedPage<Progress> progress;
    std::uint64_t last_run = 0;
    std::uint64_t got_of_run = 0;
    Message got{};
    std::uint64_t unreturned = 0;

    // Takes what is there; false when the ring is empty.
    const auto take = [&] {
      const Status status = consumer->try_pop(got);
      if (status == Status::empty)
        return false;
      EXPECT_EQ(status, Status::ok);
      EXPECT_TRUE(whole(got));
      const bool changed = consumer->producer_changed();
      EXPECT_FALSE(consumer->redelivered());
      if (got.run != last_run) {
        EXPECT_EQ(got.number, 0u);
        EXPECT_EQ(changed, last_run != 0);
        last_run = got.run;
        got_of_run = 0;
      } else {
        EXPECT_FALSE(changed);
      }
      EXPECT_EQ(got.number, got_of_run);
      ++got_of_run;
      return true;
    };

    for (std::uint64_t run = 1; run <= runs && !HasFailure(); ++run) {
      progress->done = 0;
      progress->started = 0;
      Child sender = Child::start([&] {
        auto producer = opened().producer();
        ASSERT_TRUE(producer) << producer.error().message;
        progress->started = 1;
        for (std::uint64_t i = 0;;) {
          if (run % 2 == 0) {
            if (Message* place = producer->claim()) {
              *place = message(run, i);
              producer->publish();
              progress->done.store(++i);
            }
          } else if (producer->try_push(message(run, i)) == Status::ok) {
            progress->done.store(++i);
          }
          if (i % 64 == 0)
            give_way();
        }
      });
      ASSERT_TRUE(eventually([&] { return progress->started != 0; }));
      const std::int64_t end = now_ns() + static_cast<std::int64_t>(random() % 1500000);
      const bool drain = random() % 2 == 0;  // else it may be killed with the ring full
      while (now_ns() < end) {
        if (!drain || !take())
          give_way();
      }
      sender.kill_now();
      EXPECT_FALSE(consumer->producer_alive());
      while (take()) {
      }
      const std::uint64_t returned = progress->done;
      const std::uint64_t received = last_run == run ? got_of_run : 0;
      EXPECT_GE(received, returned) << "run " << run;
      EXPECT_LE(received, returned + 1) << "run " << run;
      unreturned += received - returned;
    }
    const auto info = ring.info();
    EXPECT_EQ(info.producer_attaches, runs);
    EXPECT_EQ(info.producer_takeovers, runs - 1);
    RecordProperty("published_by_a_call_that_never_returned_" + std::to_string(capacity), std::to_string(unreturned));
  }
}

// The consumer's side of the test: what it takes must follow what its predecessors took.
TEST(SpscProcesses, AKilledConsumerNeverMakesAMessageComeTwice)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t runs = test_count("RTLANE_TEST_KILLS", 150);
  const Ring ring = created(16);
  auto producer = ring.producer();
  ASSERT_TRUE(producer);
  SharedPage<Progress> progress;
  SharedPage<std::atomic<std::uint64_t>> wrong;
  SharedPage<std::atomic<std::uint64_t>> gaps;
  progress->done = UINT64_MAX;  // nothing taken yet
  std::uint64_t pushed = 0;
  for (std::uint64_t run = 1; run <= runs && !HasFailure(); ++run) {
    progress->started = 0;
    Child taker = Child::start([&] {
      auto consumer = opened().consumer();
      ASSERT_TRUE(consumer) << consumer.error().message;
      progress->started = 1;
      Message batch[4];
      bool first = true;
      while (true) {
        const std::size_t size = run % 2 == 0 ? 1 : 4;
        const std::size_t count = consumer->try_pop_n(std::span(batch, size));
        for (std::size_t i = 0; i < count; ++i) {
          // Between two consumers at most the elements of one call are missing, and only those.
          const std::uint64_t gap = batch[i].number - (progress->done.load() + 1);
          if (gap > (first ? 4 : 0) || !whole(batch[i]) || consumer->redelivered())
            wrong->fetch_add(1);
          gaps->fetch_add(gap);
          progress->done.store(batch[i].number);
          first = false;
        }
        if (count == 0)
          give_way();
      }
    });
    ASSERT_TRUE(eventually([&] { return progress->started != 0; }));
    const std::int64_t end = now_ns() + static_cast<std::int64_t>(random() % 1500000);
    while (now_ns() < end) {
      if (producer->try_push(message(1, pushed)) == Status::ok)
        ++pushed;
      else
        give_way();
    }
    taker.kill_now();
    EXPECT_FALSE(producer->consumer_alive());
    ASSERT_EQ(wrong->load(), 0u) << "run " << run;
  }
  EXPECT_GT(pushed, runs);
  EXPECT_EQ(ring.info().redelivered, 0u);
  EXPECT_EQ(ring.info().consumer_takeovers, runs - 1);
  RecordProperty("taken_by_a_call_that_never_returned", std::to_string(gaps->load()));
}

TEST(SpscProcesses, AKilledConsumersPeekedMessageComesAgainFlagged)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t runs = test_count("RTLANE_TEST_KILLS", 150);
  const Ring ring = created(16);
  auto producer = ring.producer();
  ASSERT_TRUE(producer);
  SharedPage<Progress> progress;  // done: the number last processed
  SharedPage<std::atomic<std::uint64_t>> wrong;
  SharedPage<std::atomic<std::uint64_t>> again;
  progress->done = UINT64_MAX;
  std::uint64_t pushed = 0;
  for (std::uint64_t run = 1; run <= runs && !HasFailure(); ++run) {
    progress->started = 0;
    Child taker = Child::start([&] {
      auto consumer = opened().consumer();
      ASSERT_TRUE(consumer) << consumer.error().message;
      progress->started = 1;
      bool first = true;
      while (true) {
        const Message* seen = consumer->peek();
        if (seen == nullptr) {
          give_way();
          continue;
        }
        const std::uint64_t processed = progress->done.load();
        if (seen->number == processed) {
          // Processed and not released: only a successor's first message, and it says so.
          if (!first || !consumer->redelivered())
            wrong->fetch_add(1);
          again->fetch_add(1);
        } else if (seen->number != processed + 1 || (consumer->redelivered() && !first)) {
          wrong->fetch_add(1);  // nothing is ever skipped
        }
        if (!whole(*seen))
          wrong->fetch_add(1);
        progress->done.store(seen->number);
        give_way();  // the work takes time: many a kill comes here
        consumer->release();
        first = false;
      }
    });
    ASSERT_TRUE(eventually([&] { return progress->started != 0; }));
    const std::int64_t end = now_ns() + static_cast<std::int64_t>(random() % 1500000);
    while (now_ns() < end) {
      if (producer->try_push(message(1, pushed)) == Status::ok)
        ++pushed;
      else
        give_way();
    }
    taker.kill_now();
    ASSERT_EQ(wrong->load(), 0u) << "run " << run;
  }
  EXPECT_GT(pushed, runs);
  EXPECT_GE(ring.info().redelivered, again->load());
  EXPECT_GT(again->load(), 0u);
  RecordProperty("came_again", std::to_string(again->load()));
}

TEST(SpscProcesses, BothSidesMayBeKilledAgainAndAgain)
{
  const TempNamespace space;
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t rounds = test_count("RTLANE_TEST_KILLS", 150);
  const Ring ring = created(8);
  SharedPage<std::atomic<std::uint64_t>> wrong;
  SharedPage<std::atomic<std::uint64_t>> taken;
  SharedPage<Progress> last;  // of the consumer: run << 32 | number
  std::uint64_t run = 0;
  const auto start_sender = [&] {
    ++run;
    return Child::start([&] {
      auto producer = opened().producer();
      ASSERT_TRUE(producer) << producer.error().message;
      for (std::uint64_t i = 0;;) {
        if (producer->try_push(message(run, i)) == Status::ok)
          ++i;
        else
          give_way();
      }
    });
  };
  const auto start_taker = [&] {
    return Child::start([&] {
      auto consumer = opened().consumer();
      ASSERT_TRUE(consumer) << consumer.error().message;
      Message got{};
      while (true) {
        if (consumer->try_pop(got) != Status::ok) {
          give_way();
          continue;
        }
        const std::uint64_t now = got.run << 32 | got.number;
        if (!whole(got) || now <= last->done.load())
          wrong->fetch_add(1);  // torn, doubled or out of order
        last->done.store(now);
        taken->fetch_add(1);
      }
    });
  };
  Child sender = start_sender();
  Child taker = start_taker();
  for (std::uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    random_pause(random);
    const std::uint64_t which = random() % 3;
    if (which != 0)
      sender.kill_now();
    if (which != 1)
      taker.kill_now();
    if (!sender.running())
      sender = start_sender();
    if (!taker.running())
      taker = start_taker();
    ASSERT_EQ(wrong->load(), 0u);
  }
  const std::uint64_t before = taken->load();
  EXPECT_TRUE(eventually([&] { return taken->load() > before + 1000; }));  // and it still works
  EXPECT_EQ(wrong->load(), 0u);
}

// ---- SIGSTOP

TEST(SpscProcesses, AStoppedPeerKeepsItsRole)
{
  const TempNamespace space;
  const Watchdog watchdog(60);
  const Ring ring = created(4);
  auto consumer = ring.consumer();
  SharedPage<Progress> progress;
  Child sender = Child::start([&] {
    auto producer = opened().producer();
    ASSERT_TRUE(producer);
    for (std::uint64_t i = 0; i < 1000;) {
      if (producer->try_push(message(1, i)) == Status::ok)
        ++i;
      else
        give_way();
      progress->done = i;
    }
  });
  ASSERT_TRUE(eventually([&] { return progress->done >= 4; }));
  sender.signal(SIGSTOP);
  ASSERT_TRUE(sender.wait_stopped());
  const auto refused = ring.producer();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EBUSY);
  EXPECT_TRUE(consumer->producer_alive());
  Message got{};
  std::uint64_t next = 0;
  while (consumer->try_pop(got) == Status::ok)
    EXPECT_EQ(got.number, next++);
  EXPECT_GE(next, 4u);
  sender.signal(SIGCONT);
  ASSERT_TRUE(eventually([&] {
    while (consumer->try_pop(got) == Status::ok)
      EXPECT_EQ(got.number, next++);
    return next == 1000;
  }));
  EXPECT_EQ(sender.wait(), 0);
  EXPECT_FALSE(consumer->producer_changed());
}

// ---- the end

TEST(SpscProcesses, NothingIsLeftWhenEverybodyWasKilled)
{
  const TempNamespace space;
  const Watchdog watchdog(60);
  SharedPage<Progress> progress;
  Child both = Child::start([&] {
    const Ring ring = created(4);
    auto producer = ring.producer();
    ASSERT_EQ(producer->try_push(message(1, 1)), Status::ok);
    progress->started = 1;
    while (true)
      give_way();
  });
  ASSERT_TRUE(eventually([&] { return progress->started != 0; }));
  EXPECT_TRUE(Ring::open("ring", small_ring()));
  both.kill_now();
  EXPECT_FALSE(Ring::open("ring", small_ring()));
  const Ring fresh = created(32);  // another capacity: it is a new one
  EXPECT_TRUE(fresh.created());
  EXPECT_EQ(fresh.info().published, 0u);
}

}  // namespace
