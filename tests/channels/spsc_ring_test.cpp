// What SpscRing promises to one thread: misuse first, then each operation. Every test runs over a ring in private
// memory and over a named one.
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_ring.hpp>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ring_places.hpp"
#include "ring_support.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscOptions;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<std::uint64_t>;

class SpscRingTest : public InBothPlaces {};
INSTANTIATE_TEST_SUITE_P(SpscRing, SpscRingTest, both_places(), place_name);

// ---- misuse

TEST_P(SpscRingTest, RefusesACapacityOfZeroOrBeyondReason)
{
  for (const std::uint64_t capacity : {std::uint64_t{0}, (std::uint64_t{1} << 40) + 1, UINT64_MAX}) {
    const auto made = GetParam() == Place::named ? Ring::create("ring", capacity) : Ring::in_memory(capacity);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, EINVAL);
    EXPECT_NE(made.error().message.find("capacity"), std::string::npos) << made.error().message;
  }
  // Each factor is in range, the product is not.
  SpscOptions options = small_ring();
  options.slot_stride_bytes = 1 << 20;
  const auto made = GetParam() == Place::named ? Ring::create("ring", std::uint64_t{1} << 40, options)
                                               : Ring::in_memory(std::uint64_t{1} << 40, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, EINVAL);
  EXPECT_NE(made.error().message.find("smaller capacity"), std::string::npos) << made.error().message;
}

TEST_P(SpscRingTest, RefusesAStrideWithoutRoomForTheElement)
{
  for (const std::uint64_t stride : {std::uint64_t{8}, std::uint64_t{17}, std::uint64_t{1} << 40}) {
    SpscOptions options = small_ring();
    options.slot_stride_bytes = stride;
    const auto made = GetParam() == Place::named ? Ring::create("ring", 4, options) : Ring::in_memory(4, options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, EINVAL);
    EXPECT_NE(made.error().message.find("stride"), std::string::npos) << made.error().message;
  }
}

TEST_P(SpscRingTest, GivesEachRoleToOneEndpointAtATime)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(producer && consumer);
  const auto second_producer = ring.producer();
  ASSERT_FALSE(second_producer);
  EXPECT_EQ(second_producer.error().code, EBUSY);
  EXPECT_NE(second_producer.error().message.find("living producer"), std::string::npos)
      << second_producer.error().message;
  const auto second_consumer = ring.consumer();
  ASSERT_FALSE(second_consumer);
  EXPECT_EQ(second_consumer.error().code, EBUSY);
  EXPECT_NE(second_consumer.error().message.find("living consumer"), std::string::npos);

  *producer = Ring::Producer();
  EXPECT_TRUE(ring.producer());
  {
    const Ring::Consumer ended = std::move(*consumer);
  }
  EXPECT_TRUE(ring.consumer());
}

TEST_P(SpscRingTest, AnswersClosedFromADetachedEndpoint)
{
  Ring::Producer producer;
  Ring::Consumer consumer;
  std::uint64_t value = 7;
  EXPECT_FALSE(producer);
  EXPECT_FALSE(consumer);
  EXPECT_EQ(producer.try_push(1), Status::closed);
  EXPECT_EQ(producer.try_push_n({&value, 1}), 0u);
  EXPECT_EQ(producer.claim(), nullptr);
  EXPECT_EQ(producer.last_status(), Status::closed);
  EXPECT_FALSE(producer.publish());
  producer.close();
  EXPECT_EQ(consumer.try_pop(value), Status::closed);
  EXPECT_EQ(consumer.try_pop_n({&value, 1}), 0u);
  EXPECT_EQ(consumer.peek(), nullptr);
  EXPECT_EQ(consumer.last_status(), Status::closed);
  EXPECT_FALSE(consumer.release());
  EXPECT_EQ(value, 7u);
  EXPECT_EQ(producer.size_estimate() + producer.capacity() + consumer.size_estimate() + consumer.capacity(), 0u);
  EXPECT_FALSE(producer.consumer_alive() || consumer.producer_alive() || consumer.redelivered() ||
               consumer.producer_changed());

  // A moved-from endpoint is a detached one.
  Ring ring = make(4);
  auto attached = ring.producer();
  ASSERT_TRUE(attached);
  Ring::Producer moved = std::move(*attached);
  EXPECT_EQ(attached->try_push(1), Status::closed);
  EXPECT_EQ(moved.try_push(1), Status::ok);
}

TEST_P(SpscRingTest, PublishesAndReleasesNothingOutOfTurn)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  EXPECT_FALSE(producer->publish());
  EXPECT_FALSE(consumer->release());
  ASSERT_NE(producer->claim(), nullptr);
  ASSERT_EQ(producer->try_push(1), Status::ok);  // takes the claimed place
  EXPECT_FALSE(producer->publish());
  ASSERT_NE(consumer->peek(), nullptr);
  std::uint64_t value = 0;
  ASSERT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_FALSE(consumer->release());
  EXPECT_EQ(consumer->try_pop(value), Status::empty);

  *producer->claim() = 2;
  producer->close();
  EXPECT_FALSE(producer->publish());
  EXPECT_EQ(consumer->try_pop(value), Status::closed);
}

// ---- one operation at a time

TEST_P(SpscRingTest, RoundsTheCapacityUpToAPowerOfTwo)
{
  for (const auto& [asked, got] : {std::pair{1, 1}, {2, 2}, {3, 4}, {5, 8}, {1000, 1024}}) {
    const Ring ring = make(static_cast<std::uint64_t>(asked));
    EXPECT_EQ(ring.capacity(), static_cast<std::uint64_t>(got));
    EXPECT_TRUE(ring.created());
  }
}

TEST_P(SpscRingTest, TryPushAnswersFullWhenTheRingIsFull)
{
  for (const std::uint64_t capacity : {1, 2, 4, 64}) {
    Ring ring = make(capacity);
    auto producer = ring.producer();
    for (std::uint64_t i = 0; i < capacity; ++i)
      ASSERT_EQ(producer->try_push(i), Status::ok);
    EXPECT_EQ(producer->try_push(99), Status::full);
    EXPECT_EQ(producer->claim(), nullptr);
    EXPECT_EQ(producer->last_status(), Status::full);
    EXPECT_EQ(ring.info().refused, 2u);
    auto consumer = ring.consumer();
    std::uint64_t value = 0;
    ASSERT_EQ(consumer->try_pop(value), Status::ok);
    EXPECT_EQ(value, 0u);
    EXPECT_EQ(producer->try_push(99), Status::ok);
    EXPECT_EQ(producer->try_push(99), Status::full);
  }
}

TEST_P(SpscRingTest, TryPopAnswersEmptyAndLeavesTheValueAlone)
{
  Ring ring = make(4);
  auto consumer = ring.consumer();
  std::uint64_t value = 7;
  EXPECT_EQ(consumer->try_pop(value), Status::empty);
  EXPECT_EQ(consumer->peek(), nullptr);
  EXPECT_EQ(consumer->last_status(), Status::empty);
  EXPECT_EQ(value, 7u);
}

TEST_P(SpscRingTest, ClaimWritesInPlaceAndPublishShowsIt)
{
  auto ring = make<Message>(2);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Message* place = producer->claim();
  ASSERT_NE(place, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % alignof(Message), 0u);
  *place = message(1, 1);
  EXPECT_EQ(consumer->peek(), nullptr);
  EXPECT_EQ(producer->claim(), place);
  EXPECT_TRUE(producer->publish());
  const Message* seen = consumer->peek();
  ASSERT_NE(seen, nullptr);
  EXPECT_TRUE(whole(*seen));
  EXPECT_EQ(consumer->peek(), seen);
  EXPECT_EQ(consumer->size_estimate(), 1u);
  EXPECT_TRUE(consumer->release());
  EXPECT_EQ(consumer->peek(), nullptr);
}

TEST_P(SpscRingTest, BatchesTakeAsManyAsThereAre)
{
  Ring ring = make(8);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  const std::vector<std::uint64_t> in{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::vector<std::uint64_t> out(10);
  EXPECT_EQ(producer->try_push_n(std::span(in).first(0)), 0u);
  EXPECT_EQ(producer->try_push_n(std::span(in).first(5)), 5u);
  EXPECT_EQ(consumer->try_pop_n(std::span(out).first(3)), 3u);
  EXPECT_EQ(out[2], 3u);
  EXPECT_EQ(producer->try_push_n(std::span(in).subspan(5)), 5u);
  EXPECT_EQ(ring.info().refused, 0u);
  EXPECT_EQ(producer->try_push_n(in), 1u);
  EXPECT_EQ(producer->last_status(), Status::full);
  EXPECT_EQ(ring.info().refused, 1u);
  EXPECT_EQ(producer->try_push_n(in), 0u);
  EXPECT_EQ(producer->last_status(), Status::full);
  EXPECT_EQ(ring.info().refused, 2u);
  EXPECT_EQ(consumer->try_pop_n(std::span(out).first(0)), 0u);
  EXPECT_EQ(consumer->try_pop_n(out), 8u);
  EXPECT_EQ(out[0], 4u);
  EXPECT_EQ(out[6], 10u);
  EXPECT_EQ(out[7], 1u);
  EXPECT_EQ(consumer->try_pop_n(out), 0u);
  EXPECT_EQ(consumer->last_status(), Status::empty);
}

TEST_P(SpscRingTest, SizeEstimatesAgreeWhenNobodyMoves)
{
  for (const std::uint64_t capacity : {1, 2, 8, 64}) {
    Ring ring = make(capacity);
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    for (std::uint64_t depth = 0; depth <= capacity; ++depth) {
      EXPECT_EQ(producer->size_estimate(), depth);
      EXPECT_EQ(consumer->size_estimate(), depth);
      EXPECT_EQ(ring.info().depth, depth);
      EXPECT_EQ(producer->try_push(depth), depth < capacity ? Status::ok : Status::full);
    }
  }
}

// ---- end of stream

TEST_P(SpscRingTest, ClosedComesAfterTheLastElement)
{
  Ring ring = make(4);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_EQ(producer->try_push(1), Status::ok);
  ASSERT_EQ(producer->try_push(2), Status::ok);
  producer->close();
  EXPECT_EQ(producer->try_push(3), Status::closed);
  EXPECT_EQ(ring.info().closed, 1u);
  std::uint64_t value = 0;
  EXPECT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_EQ(consumer->try_pop(value), Status::closed);
  EXPECT_EQ(consumer->try_pop(value), Status::closed);

  // Full when it was closed: the same.
  *producer = Ring::Producer();
  producer = ring.producer();
  ASSERT_TRUE(producer);
  EXPECT_EQ(consumer->try_pop(value), Status::empty);  // opened again
  EXPECT_EQ(ring.info().closed, 0u);
  for (std::uint64_t i = 0; i < 4; ++i)
    ASSERT_EQ(producer->try_push(i), Status::ok);
  producer->close();
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_EQ(consumer->try_pop(value), Status::ok);
    EXPECT_EQ(consumer->producer_changed(), i == 0);
  }
  EXPECT_EQ(consumer->try_pop(value), Status::closed);
}

TEST_P(SpscRingTest, EndpointsKeepTheMemoryAlive)
{
  std::optional<Ring> ring = make(4);
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  ring.reset();
  std::uint64_t value = 0;
  EXPECT_EQ(producer->try_push(5), Status::ok);
  EXPECT_EQ(consumer->try_pop(value), Status::ok);
  EXPECT_EQ(value, 5u);
  EXPECT_TRUE(producer->consumer_alive());
  EXPECT_TRUE(consumer->producer_alive());
  *consumer = Ring::Consumer();
  EXPECT_FALSE(producer->consumer_alive());
  if (GetParam() == Place::named) {
    EXPECT_TRUE(Ring::open("ring", small_ring()));
    *producer = Ring::Producer();
    EXPECT_FALSE(Ring::open("ring", small_ring()));
  }
}

TEST_P(SpscRingTest, CountsWhatHappened)
{
  auto ring = make<Message>(2);
  {
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    Message taken{};
    for (std::uint64_t i = 0; i < 5; ++i) {
      ASSERT_EQ(producer->try_push(message(0, i)), Status::ok);
      ASSERT_EQ(consumer->try_pop(taken), Status::ok);
    }
    ASSERT_EQ(producer->try_push(message(0, 5)), Status::ok);
    const auto info = ring.info();
    EXPECT_EQ(info.producer_alive, 1);
    EXPECT_EQ(info.consumer_alive, 1);
  }
  ASSERT_TRUE(ring.producer());
  const auto info = ring.info();
  EXPECT_STREQ(info.type_name, "Message");
  EXPECT_EQ(info.capacity, 2u);
  EXPECT_EQ(info.element_bytes, sizeof(Message));
  EXPECT_EQ(info.slot_stride_bytes, 64u);
  EXPECT_EQ(info.published, 6u);
  EXPECT_EQ(info.consumed, 5u);
  EXPECT_EQ(info.depth, 1u);
  EXPECT_EQ(info.refused, 0u);
  EXPECT_EQ(info.producer_attaches, 2u);
  EXPECT_EQ(info.consumer_attaches, 1u);
  EXPECT_EQ(info.producer_takeovers, 0u);
  EXPECT_EQ(info.consumer_takeovers, 0u);
  EXPECT_EQ(info.producer_alive, 0);
  EXPECT_EQ(info.consumer_alive, 0);
}

// ---- element types

struct Byte {
  std::uint8_t value;
};
RTLANE_TYPE(Byte, value);

struct alignas(128) Wide {
  std::uint64_t value;
  std::uint64_t rest[15];
};
RTLANE_TYPE(Wide, value, rest);

struct Large {
  std::uint64_t value;
  std::uint64_t rest[1250];
};
RTLANE_TYPE(Large, value, rest);

template <class T>
void expect_order(const SpscRing<T>& ring)
{
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(producer && consumer);
  for (unsigned i = 0; i < 20; ++i) {
    T* place = producer->claim();
    ASSERT_NE(place, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % alignof(T), 0u);
    place->value = static_cast<decltype(place->value)>(i);
    producer->publish();
    T taken{};
    ASSERT_EQ(consumer->try_pop(taken), Status::ok);
    EXPECT_EQ(taken.value, i);
  }
}

TEST_P(SpscRingTest, CarriesElementsOfAnySizeAndAlignment)
{
  expect_order(make<Byte>(2));
  space_.reset();
  space_ = GetParam() == Place::named ? std::make_unique<TempNamespace>() : nullptr;
  auto wide = make<Wide>(2);
  EXPECT_EQ(wide.info().slot_stride_bytes, 256u);
  expect_order(wide);
  wide = SpscRing<Wide>::in_memory(1).value();
  expect_order(make<Large>(2));
}

TEST_P(SpscRingTest, TakesTheStrideThatIsAskedFor)
{
  SpscOptions options = small_ring();
  options.slot_stride_bytes = 56;
  auto ring = make<Message>(4, options);
  EXPECT_EQ(ring.info().slot_stride_bytes, 56u);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (std::uint64_t i = 0; i < 20; ++i) {
    Message taken{};
    ASSERT_EQ(producer->try_push(message(0, i)), Status::ok);
    ASSERT_EQ(consumer->try_pop(taken), Status::ok);
    EXPECT_EQ(taken.number, i);
    EXPECT_TRUE(whole(taken));
  }
}

}  // namespace
