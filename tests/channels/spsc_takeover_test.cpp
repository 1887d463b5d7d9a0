// One endpoint after another on the same ring, in one thread: who continues where, and what is told about it. The same
// with real kills: spsc_processes_test.cpp.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <cstdint>
#include <vector>

#include "ring_places.hpp"
#include "ring_support.hpp"
#include "support/child.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<std::uint64_t>;

class SpscTakeover : public InBothPlaces {};
INSTANTIATE_TEST_SUITE_P(SpscTakeover, SpscTakeover, both_places(), place_name);

TEST_P(SpscTakeover, ASuccessorContinuesWhereTheProducerStopped)
{
  for (const std::uint64_t capacity : {1, 2, 8}) {
    for (std::uint64_t waiting = 0; waiting <= capacity; ++waiting) {
      Ring ring = make(capacity);
      auto consumer = ring.consumer();
      std::uint64_t value = 0;
      auto first = ring.producer();
      for (std::uint64_t i = 0; i < capacity; ++i) {  // one lap, so that slots hold old elements
        ASSERT_EQ(first->try_push(1000), Status::ok);
        ASSERT_EQ(consumer->try_pop(value), Status::ok);
      }
      for (std::uint64_t i = 0; i < waiting; ++i)
        ASSERT_EQ(first->try_push(i), Status::ok);
      *first = Ring::Producer();
      auto second = ring.producer();
      ASSERT_TRUE(second);
      EXPECT_EQ(second->size_estimate(), waiting);
      for (std::uint64_t i = waiting; i < capacity; ++i)
        ASSERT_EQ(second->try_push(i), Status::ok);
      EXPECT_EQ(second->try_push(99), Status::full);
      EXPECT_FALSE(consumer->producer_changed());
      for (std::uint64_t i = 0; i < capacity; ++i) {
        ASSERT_EQ(consumer->try_pop(value), Status::ok);
        EXPECT_EQ(value, i);
        EXPECT_EQ(consumer->producer_changed(), i == waiting);
        EXPECT_FALSE(consumer->producer_changed());
      }
    }
  }
}

TEST_P(SpscTakeover, TheFirstProducerIsNoChange)
{
  Ring ring = make(4);
  auto consumer = ring.consumer();
  std::uint64_t value = 0;
  for (int attaches = 0; attaches < 3; ++attaches)
    ASSERT_TRUE(ring.producer());  // comes and goes without a word
  auto producer = ring.producer();
  ASSERT_EQ(producer->try_push(1), Status::ok);
  ASSERT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_FALSE(consumer->producer_changed());
}

TEST_P(SpscTakeover, TheFirstProducerIsNoChangeToTheNextConsumerEither)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  ASSERT_EQ(producer->try_push(1), Status::ok);
  ASSERT_NE(ring.consumer()->peek(), nullptr);  // met by a consumer that takes nothing
  auto consumer = ring.consumer();
  ASSERT_NE(consumer->peek(), nullptr);
  EXPECT_FALSE(consumer->producer_changed());
}

TEST_P(SpscTakeover, TheMarkOfAChangedProducerIsForTheConsumerThatTakesTheElement)
{
  Ring ring = make(4);
  std::uint64_t value = 0;
  {
    auto consumer = ring.consumer();
    ASSERT_EQ(ring.producer()->try_push(1), Status::ok);
    ASSERT_EQ(ring.producer()->try_push(2), Status::ok);
    ASSERT_EQ(consumer->try_pop(value), Status::ok);
    EXPECT_FALSE(consumer->producer_changed());
    ASSERT_NE(consumer->peek(), nullptr);  // met, and not taken
    EXPECT_TRUE(consumer->producer_changed());
  }
  {
    auto consumer = ring.consumer();
    EXPECT_FALSE(consumer->producer_changed());
    ASSERT_EQ(consumer->try_pop(value), Status::ok);
    EXPECT_EQ(value, 2u);
    EXPECT_TRUE(consumer->producer_changed());
  }
  ASSERT_EQ(ring.producer()->try_push(3), Status::ok);
  auto consumer = ring.consumer();
  ASSERT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_TRUE(consumer->producer_changed());
}

TEST_P(SpscTakeover, AMarkThatNobodyWasToldOfIsTheSuccessorsToTell)
{
  Ring ring = make(8);
  std::uint64_t value = 0;
  for (std::uint64_t run = 0; run < 3; ++run) {
    auto producer = ring.producer();
    ASSERT_EQ(producer->try_push(10 * run), Status::ok);
    ASSERT_EQ(producer->try_push(10 * run + 1), Status::ok);
  }
  const auto take = [&](Ring::Consumer& from, std::uint64_t wanted) {
    ASSERT_EQ(from.try_pop(value), Status::ok);
    ASSERT_EQ(value, wanted);
  };
  {
    auto consumer = ring.consumer();
    take(*consumer, 0);
    take(*consumer, 1);
    take(*consumer, 10);  // of another producer; and gone without a question
  }
  {
    const auto consumer = ring.consumer();  // comes and goes without a word
  }
  {
    auto consumer = ring.consumer();
    take(*consumer, 11);
    EXPECT_TRUE(consumer->producer_changed());
    EXPECT_FALSE(consumer->producer_changed());
  }
  {
    auto consumer = ring.consumer();
    EXPECT_FALSE(consumer->producer_changed());
    take(*consumer, 20);
  }
  {
    auto consumer = ring.consumer();
    EXPECT_TRUE(consumer->producer_changed());  // before it has taken anything itself
    take(*consumer, 21);
    EXPECT_FALSE(consumer->producer_changed());
  }
  EXPECT_FALSE(ring.consumer()->producer_changed());
}

TEST_P(SpscTakeover, ABatchEndsBeforeAnotherProducersElement)
{
  Ring ring = make(8);
  auto consumer = ring.consumer();
  for (std::uint64_t run = 0; run < 3; ++run) {
    auto producer = ring.producer();
    ASSERT_EQ(producer->try_push(10 * run), Status::ok);
    ASSERT_EQ(producer->try_push(10 * run + 1), Status::ok);
  }
  std::vector<std::uint64_t> out(8);
  for (std::uint64_t run = 0; run < 3; ++run) {
    ASSERT_EQ(consumer->try_pop_n(out), 2u);
    EXPECT_EQ(out[0], 10 * run);
    EXPECT_EQ(consumer->producer_changed(), run != 0);
  }
}

TEST_P(SpscTakeover, APeekedElementComesAgainToASuccessorWithAFlag)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  for (std::uint64_t i = 0; i < 4; ++i)
    ASSERT_EQ(producer->try_push(i), Status::ok);
  std::uint64_t value = 99;
  {
    auto consumer = ring.consumer();
    ASSERT_EQ(consumer->try_pop(value), Status::ok);
    ASSERT_NE(consumer->peek(), nullptr);
    EXPECT_FALSE(consumer->redelivered());
  }
  EXPECT_EQ(ring.info().redelivered, 0u);
  {
    auto consumer = ring.consumer();
    EXPECT_EQ(ring.info().redelivered, 0u);
    EXPECT_FALSE(consumer->redelivered());  // nothing taken yet
    const std::uint64_t* seen = consumer->peek();
    ASSERT_NE(seen, nullptr);
    EXPECT_EQ(*seen, 1u);
    EXPECT_EQ(consumer->peek(), seen);
    EXPECT_TRUE(consumer->redelivered());
    EXPECT_EQ(ring.info().redelivered, 1u);
    EXPECT_TRUE(consumer->release());
    EXPECT_EQ(*consumer->peek(), 2u);
    EXPECT_FALSE(consumer->redelivered());
    EXPECT_TRUE(consumer->release());
  }
  auto consumer = ring.consumer();
  ASSERT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_EQ(value, 3u);
  EXPECT_FALSE(consumer->redelivered());
  EXPECT_EQ(ring.info().redelivered, 1u);
}

TEST_P(SpscTakeover, ConsumersThatTakeNothingAreNoRedelivery)
{
  Ring ring = make(4);
  std::uint64_t value = 0;
  ASSERT_EQ(ring.producer()->try_push(1), Status::ok);
  ASSERT_EQ(ring.consumer()->try_pop(value), Status::ok);
  auto producer = ring.producer();
  ASSERT_EQ(producer->try_push(2), Status::ok);
  ASSERT_EQ(producer->try_push(3), Status::ok);
  {
    auto consumer = ring.consumer();
    ASSERT_EQ(consumer->try_pop(value), Status::ok);
    EXPECT_TRUE(consumer->producer_changed());
    ASSERT_NE(consumer->peek(), nullptr);
  }
  for (int attaches = 0; attaches < 3; ++attaches)
    ASSERT_TRUE(ring.consumer());
  EXPECT_EQ(ring.info().redelivered, 0u);
  ASSERT_NE(ring.consumer()->peek(), nullptr);
  EXPECT_EQ(ring.info().redelivered, 1u);
  auto consumer = ring.consumer();
  ASSERT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_EQ(value, 3u);
  EXPECT_TRUE(consumer->redelivered());
  EXPECT_EQ(ring.info().redelivered, 2u);
  EXPECT_FALSE(consumer->producer_changed());  // the same producer as before
}

TEST_P(SpscTakeover, ABatchEndsWhereRedeliveryEnds)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  for (std::uint64_t i = 0; i < 4; ++i)
    ASSERT_EQ(producer->try_push(i), Status::ok);
  ASSERT_NE(ring.consumer()->peek(), nullptr);
  auto consumer = ring.consumer();
  std::vector<std::uint64_t> out(4);
  ASSERT_EQ(consumer->try_pop_n(out), 1u);
  EXPECT_EQ(out[0], 0u);
  EXPECT_TRUE(consumer->redelivered());
  ASSERT_EQ(consumer->try_pop_n(out), 3u);
  EXPECT_EQ(out[0], 1u);
  EXPECT_FALSE(consumer->redelivered());
}

// ---- fork

TEST_P(SpscTakeover, AForkChildsCopyOfAnEndpointTouchesNothing)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_EQ(producer->try_push(1), Status::ok);
  Child child = Child::start([&] {
    *producer = Ring::Producer();  // what exit() does to static endpoints
    *consumer = Ring::Consumer();
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(ring.producer_alive());
  EXPECT_FALSE(ring.producer());
  std::uint64_t value = 0;
  EXPECT_EQ(consumer->try_pop(value), Status::ok);
  *producer = Ring::Producer();
  *consumer = Ring::Consumer();
  ASSERT_TRUE(ring.producer());
  ASSERT_TRUE(ring.consumer());
  EXPECT_EQ(ring.info().producer_takeovers, 0u);
  EXPECT_EQ(ring.info().consumer_takeovers, 0u);
}

// The holder is process 1 of a PID namespace, and its child is process 1 of another one.
TEST(SpscTakeoverByFork, AChildWithItsParentsNumberTouchesNothingEither)
{
  const TempNamespace space;
  const Watchdog watchdog(60);
  const Ring ring = Ring::create("ring", 4, small_ring()).value();
  constexpr int refused = 77;
  Child outer = Child::start([&] {
    if (unshare(CLONE_NEWPID) != 0)
      return refused;
    Child holder = Child::start([&] {
      if (getpid() != 1 || unshare(CLONE_NEWPID) != 0)
        return refused;
      auto producer = ring.producer();
      auto consumer = ring.consumer();
      EXPECT_TRUE(producer && consumer);
      Child child = Child::start([&] {
        EXPECT_EQ(getpid(), 1);
        *producer = Ring::Producer();
        *consumer = Ring::Consumer();
      });
      EXPECT_EQ(child.wait(), 0);
      _exit(::testing::Test::HasFailure() ? 1 : 0);  // without detaching
    });
    return holder.wait();
  });
  const int status = outer.wait();
  if (status == refused)
    GTEST_SKIP() << "PID namespaces are refused here";
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(ring.producer());
  ASSERT_TRUE(ring.consumer());
  EXPECT_EQ(ring.info().producer_takeovers, 1u);  // nobody has detached
  EXPECT_EQ(ring.info().consumer_takeovers, 1u);
}

}  // namespace
