// MpmcRing in both modes as its users see it: answers, endpoints, places, the end of the stream, and no system call
// without need.
#include <gtest/gtest.h>
#include <rtlane/channels/mpmc_ring.hpp>

#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::MpmcOptions;
using rtlane::MpmcRing;
using rtlane::Status;
using Ring = MpmcRing<std::uint64_t>;

static_assert(!std::is_copy_constructible_v<Ring::Producer> && !std::is_copy_constructible_v<Ring::Consumer>);

MpmcOptions small_mpmc(std::uint32_t participants = 0)
{
  MpmcOptions options;
  options.memory.huge = RTLANE_NEVER;
  options.memory.lock = RTLANE_NEVER;
  options.participants = participants;
  return options;
}

// The quota is such that a producer has the same room in both modes.
MpmcOptions isolated_mpmc(std::uint64_t quota, std::uint32_t participants = 0)
{
  MpmcOptions options = small_mpmc(participants);
  options.mode = RTLANE_MODE_ISOLATED;
  options.quota = quota;
  return options;
}

struct Kind {
  bool named;
  bool isolated;
};

class MpmcRingTest : public ::testing::TestWithParam<Kind> {
protected:
  bool isolated() const { return GetParam().isolated; }
  Ring make(std::uint64_t capacity, std::uint32_t participants = 0)
  {
    const MpmcOptions options =
        isolated() ? isolated_mpmc(std::bit_ceil(capacity), participants) : small_mpmc(participants);
    return GetParam().named ? Ring::create("ring", capacity, options).value()
                            : Ring::in_memory(capacity, options).value();
  }

  TempNamespace space_;
  Watchdog watchdog_{60};
};
INSTANTIATE_TEST_SUITE_P(All, MpmcRingTest,
                         ::testing::Values(Kind{false, false}, Kind{true, false}, Kind{false, true}, Kind{true, true}),
                         [](const auto& of) {
                           return std::string(of.param.isolated ? "Isolated" : "Shared") +
                                  (of.param.named ? "Named" : "PrivateMemory");
                         });

TEST_P(MpmcRingTest, DeliversInOrderAndRefusesWhenFull)
{
  const Ring ring = make(3);
  EXPECT_EQ(ring.capacity(), 4u);
  auto producer = ring.producer();
  auto other = ring.producer();
  auto consumer = ring.consumer();
  std::uint64_t got = 7;
  EXPECT_EQ(consumer->try_pop(got), Status::empty);
  EXPECT_EQ(got, 7u);
  const std::uint64_t room = isolated() ? 8 : 4;  // of both
  for (std::uint64_t i = 0; i < room; ++i)
    EXPECT_EQ((i % 2 == 0 ? producer : other)->try_push(i), Status::ok);
  EXPECT_EQ(producer->try_push(9), Status::full);
  EXPECT_EQ(ring.size_estimate(), room);
  for (std::uint64_t i = 0; i < room; ++i) {
    EXPECT_EQ(consumer->try_pop(got), Status::ok);
    EXPECT_EQ(got, i);
  }
  EXPECT_EQ(consumer->try_pop(got), Status::empty);
}

TEST_P(MpmcRingTest, BatchesStopWhereASingleCallIsRefused)
{
  const Ring ring = make(4);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  const std::vector<std::uint64_t> six{0, 1, 2, 3, 4, 5};
  EXPECT_EQ(producer->try_push_n(six), 4u);
  EXPECT_EQ(producer->last_status(), Status::full);
  std::vector<std::uint64_t> out(6, 99);
  EXPECT_EQ(consumer->try_pop_n(out), 4u);
  EXPECT_EQ(consumer->last_status(), Status::empty);
  EXPECT_EQ(out, (std::vector<std::uint64_t>{0, 1, 2, 3, 99, 99}));
  EXPECT_EQ(consumer->try_pop_n({}), 0u);
}

TEST_P(MpmcRingTest, PublishesAndReleasesNothingOutOfTurn)
{
  const Ring ring = make(2);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  EXPECT_FALSE(producer->publish());
  EXPECT_FALSE(consumer->release());
  std::uint64_t* place = producer->claim();
  ASSERT_NE(place, nullptr);
  EXPECT_EQ(producer->claim(), place);
  *place = 5;
  EXPECT_EQ(consumer->peek(), nullptr);
  EXPECT_TRUE(producer->publish());
  EXPECT_FALSE(producer->publish());
  const std::uint64_t* shown = consumer->peek();
  ASSERT_NE(shown, nullptr);
  EXPECT_EQ(*shown, 5u);
  EXPECT_EQ(consumer->peek(), shown);
  EXPECT_TRUE(consumer->release());
  EXPECT_FALSE(consumer->release());
  ASSERT_NE(producer->claim(), nullptr);
  EXPECT_EQ(producer->try_push(6), Status::ok);  // into the place that was claimed
  EXPECT_FALSE(producer->publish());
  std::uint64_t got = 0;
  EXPECT_EQ(consumer->try_pop(got), Status::ok);
  EXPECT_EQ(got, 6u);
  EXPECT_EQ(consumer->try_pop(got), Status::empty);
}

TEST_P(MpmcRingTest, AnUnfinishedElementIsBusyAndNotEmptyWhenSeveralPushOrInNobodysWay)
{
  const Ring ring = make(2);
  auto slow = ring.producer();
  auto quick = ring.producer();
  auto consumer = ring.consumer();
  std::uint64_t got = 0;
  *slow->claim() = 1;
  EXPECT_EQ(quick->try_push(2), Status::ok);
  if (isolated()) {
    EXPECT_EQ(consumer->try_pop(got), Status::ok);
    EXPECT_EQ(got, 2u);
    EXPECT_EQ(consumer->try_pop(got), Status::empty);
    EXPECT_EQ(quick->try_push(2), Status::ok);
    EXPECT_TRUE(slow->publish());  // takes its place now
  } else {
    for (int i = 0; i < 3000; ++i)
      ASSERT_EQ(consumer->try_pop(got), Status::busy);  // it lives, so nobody repairs it
    EXPECT_TRUE(slow->publish());
  }
  for (const std::uint64_t expected : {isolated() ? 2u : 1u, isolated() ? 1u : 2u}) {
    EXPECT_EQ(consumer->try_pop(got), Status::ok);
    EXPECT_EQ(got, expected);
  }
}

TEST_P(MpmcRingTest, ASlotInAHandIsBusyAndNotFullOrItsProducersOnly)
{
  const Ring ring = make(2);
  auto producer = ring.producer();
  auto slow = ring.consumer();
  EXPECT_EQ(producer->try_push(1), Status::ok);
  const std::uint64_t* shown = slow->peek();
  EXPECT_EQ(producer->try_push(2), Status::ok);
  for (int i = 0; i < 3000; ++i)
    ASSERT_EQ(producer->try_push(3), isolated() ? Status::full : Status::busy);
  if (isolated()) {
    EXPECT_EQ(ring.producer()->try_push(3), Status::ok);
  }
  EXPECT_EQ(*shown, 1u);
  EXPECT_TRUE(slow->release());
  EXPECT_EQ(producer->try_push(3), Status::ok);
}

TEST_P(MpmcRingTest, ADestroyedProducersClaimIsPassedOver)
{
  const Ring ring = make(1);
  auto consumer = ring.consumer();
  auto producer = ring.producer();
  ASSERT_NE(producer->claim(), nullptr);
  *producer = {};
  producer = ring.producer();
  EXPECT_EQ(producer->try_push(4), Status::ok);
  std::uint64_t got = 0;
  EXPECT_EQ(consumer->try_pop(got), Status::ok);
  EXPECT_EQ(got, 4u);
}

TEST_P(MpmcRingTest, CloseEndsTheStreamBehindWhatWasPushedAndClaimed)
{
  const Ring ring = make(4);
  auto one = ring.producer();
  auto other = ring.producer();
  auto consumer = ring.consumer();
  EXPECT_EQ(one->try_push(1), Status::ok);
  *other->claim() = 2;
  one->close();
  EXPECT_EQ(one->try_push(9), Status::closed);
  EXPECT_EQ(ring.producer()->try_push(9), Status::closed);
  std::uint64_t got = 0;
  EXPECT_EQ(consumer->try_pop(got), Status::ok);
  if (isolated()) {
    EXPECT_FALSE(other->publish());  // it had no place yet
    EXPECT_EQ(other->last_status(), Status::closed);
  } else {
    EXPECT_EQ(consumer->try_pop(got), Status::busy);
    EXPECT_TRUE(other->publish());
    EXPECT_EQ(consumer->try_pop(got), Status::ok);
    EXPECT_EQ(got, 2u);
  }
  EXPECT_EQ(consumer->try_pop(got), Status::closed);
  EXPECT_EQ(ring.info().closed, 1u);
  EXPECT_EQ(ring.consumer()->try_pop(got), Status::closed);
}

TEST_P(MpmcRingTest, GivesOutAsManyPlacesAsThereAreAndTakesThemBack)
{
  const Ring ring = make(4, 3);
  auto one = ring.producer();
  auto two = ring.consumer();
  {
    auto three = ring.producer();
    ASSERT_TRUE(three);
    const auto refused = ring.consumer();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, EBUSY);
  }
  EXPECT_TRUE(ring.consumer());
}

TEST_P(MpmcRingTest, AMovedFromOrDefaultEndpointIsClosed)
{
  const Ring ring = make(2);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Ring::Producer moved = std::move(*producer);
  Ring::Consumer taken = std::move(*consumer);
  std::uint64_t got = 0;
  EXPECT_EQ(producer->try_push(1), Status::closed);
  EXPECT_EQ(consumer->try_pop(got), Status::closed);
  EXPECT_EQ(producer->claim(), nullptr);
  EXPECT_EQ(consumer->peek(), nullptr);
  producer->close();
  EXPECT_EQ(moved.try_push(1), Status::ok);
  EXPECT_EQ(taken.try_pop(got), Status::ok);
  EXPECT_EQ(Ring::Consumer().try_pop(got), Status::closed);
}

TEST_P(MpmcRingTest, KeepsTheMemoryWhileAnEndpointLives)
{
  auto ring = std::make_unique<Ring>(make(2));
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  ring.reset();
  std::uint64_t got = 0;
  EXPECT_EQ(producer->try_push(3), Status::ok);
  EXPECT_EQ(consumer->try_pop(got), Status::ok);
  EXPECT_EQ(got, 3u);
}

TEST(MpmcIsolated, TheRingSaysItsModeToWhoeverOpensIt)
{
  const TempNamespace space;
  const Watchdog watchdog(60);
  const auto ring = Ring::create("ring", 64, isolated_mpmc(0, 4));
  ASSERT_TRUE(ring) << ring.error().message;
  const auto same = Ring::create("ring", 64, small_mpmc());
  ASSERT_TRUE(same) << same.error().message;
  EXPECT_FALSE(same->created());
  EXPECT_EQ(same->channel().layout().quota, 64u / 4 + 4 + 1);
  MpmcOptions other = small_mpmc();
  other.mode = RTLANE_MODE_SHARED;
  EXPECT_EQ(Ring::open("ring", other).error().code, ERANGE);
  EXPECT_EQ(Ring::create("shared", 64,
                         [] {
                           MpmcOptions options = small_mpmc();
                           options.quota = 3;  // a shared ring has none
                           return options;
                         }())
                .error()
                .code,
            EINVAL);
  auto producer = same->producer();
  auto consumer = ring->consumer();
  std::uint64_t got = 0;
  for (std::uint64_t i = 0; i < 21; ++i)
    EXPECT_EQ(producer->try_push(i), Status::ok);
  EXPECT_EQ(producer->try_push(21), Status::full);
  rtlane_channel_info info = ring->info();
  EXPECT_EQ(info.depth, 21u);
  EXPECT_EQ(info.refused, 1u);
  EXPECT_EQ(consumer->try_pop(got), Status::ok);
  info = ring->info();
  EXPECT_EQ(info.published, 21u);
  EXPECT_EQ(info.consumed, 1u);
  EXPECT_EQ(info.participant_attaches, 2u);
}

// Both ends of killed processes, as the survivors' counters and room tell it.
TEST(MpmcIsolated, WhatAKilledProcessHadIsCountedAndItsSlotComesBack)
{
  const TempNamespace space;
  const Watchdog watchdog(60);
  const auto ring = Ring::create("ring", 4, isolated_mpmc(2, 4));
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  EXPECT_EQ(producer->try_push(1), Status::ok);
  EXPECT_EQ(producer->try_push(2), Status::ok);
  Child child = Child::start([&] {
    auto mine = ring->consumer();
    (void)mine->peek();
    raise(SIGKILL);
  });
  child.wait();
  std::uint64_t got = 0;
  EXPECT_EQ(consumer->try_pop(got), Status::ok);
  EXPECT_EQ(got, 2u);
  EXPECT_EQ(producer->try_push(3), Status::ok);
  EXPECT_EQ(producer->try_push(4), Status::full);
  EXPECT_EQ(ring->info().orphaned, 0u);
  EXPECT_EQ(producer->try_push(4), Status::ok);  // asked in the second call
  EXPECT_EQ(ring->info().orphaned, 1u);
  EXPECT_EQ(producer->try_push(5), Status::full);
}

constexpr int no_filter = 77;

// Every system call kills the child. The last case shows that the question about a stuck participant is one.
TEST(MpmcQuiet, DataCallsEnterTheKernelOnlyWhenSomebodyIsStuck)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  for (const bool isolated : {false, true})
    for (const bool stuck : {false, true}) {
      Child child = Child::start([&] {
        const auto ring = Ring::create("quiet", 8, isolated ? isolated_mpmc(8) : small_mpmc());
        auto one = ring->producer();
        auto two = ring->producer();
        auto consumer = ring->consumer();
        std::uint64_t got = 0;
        if (!forbid_calls())
          _exit(no_filter);
        int wrong = 0;
        for (std::uint64_t i = 0; i < 100000; ++i) {
          wrong += consumer->try_pop(got) == Status::empty ? 0 : 1;
          wrong += (i % 2 == 0 ? one : two)->try_push(i) == Status::ok ? 0 : 1;
          wrong += consumer->try_pop(got) == Status::ok && got == i ? 0 : 1;
          *one->claim() = i;
          // busy once is no reason to ask
          wrong += consumer->try_pop(got) == (isolated ? Status::empty : Status::busy) ? 0 : 1;
          wrong += one->publish() && consumer->peek() != nullptr && consumer->release() ? 0 : 1;
        }
        std::uint64_t pushed = 0;
        while (one->try_push(pushed) == Status::ok)
          ++pushed;
        for (int i = 0; i < 1000; ++i)
          wrong += (isolated ? one : two)->try_push(9) == Status::full ? 0 : 1;
        while (consumer->try_pop(got) == Status::ok)
          --pushed;
        wrong += pushed == 0 ? 0 : 1;
        if (stuck && isolated) {
          // One in a hand, the others waiting.
          wrong += one->try_push(1) == Status::ok && consumer->peek() != nullptr ? 0 : 1;
          for (int i = 0; i < 9; ++i)
            (void)one->try_push(2);
        } else if (stuck) {
          (void)one->claim();
          (void)consumer->try_pop(got);
          (void)consumer->try_pop(got);
        }
        _exit(wrong == 0 ? 0 : 1);
      });
      const int status = child.wait();
      if (status == no_filter)
        GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
      EXPECT_EQ(status, stuck ? -SIGSYS : 0);
    }
}

}  // namespace
