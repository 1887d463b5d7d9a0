// The MPMC ring's isolated mode against a simple model of it: random operations of several producers and consumers,
// which claim, hold, leave, come back and are killed with something in their hands. Answers and counters are exact.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "mpmc_isolated_memory.hpp"
#include "ring_support.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Word = std::atomic<std::uint64_t>;
using Memory = IsolatedMemory<Word>;

constexpr std::uint32_t kParticipants = 6;

struct Element {
  std::uint64_t value;
  std::uint32_t slab;  // the entry whose slot it is in
};

struct Producing {
  Memory::Producer core;
  std::uint32_t entry;
};

struct Consuming {
  Memory::Consumer core;
  std::uint32_t entry;
  bool holding = false;
  Element held{};
};

class Comparison {
public:
  Comparison(std::uint64_t quota, std::uint64_t start, std::uint64_t seed)
      : bytes_(Memory::bytes(quota, kParticipants) / 128 + 1),
        memory_(bytes_.data()->bytes, quota, kParticipants, start),
        random_(seed)
  {}

  void run(int steps, bool with_close)
  {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i)
      step(with_close && i > steps / 2);
    finish();
  }

private:
  struct alignas(128) Line {
    std::byte bytes[128];
  };

  void step(bool may_close)
  {
    const std::uint64_t choice = random_() % 16;
    if (choice == 0 && producers_.size() < 3)
      attach(producers_);
    else if (choice == 1 && consumers_.size() < 3)
      attach(consumers_);
    else if (choice == 2 && !producers_.empty())
      leave(producers_, random_() % producers_.size(), random_() % 2 == 0);
    else if (choice == 3 && !consumers_.empty())
      leave(consumers_, random_() % consumers_.size(), random_() % 2 == 0);
    else if (choice == 4 && may_close && !producers_.empty() && random_() % 8 == 0)
      producers_[0]->core.close(), closed_ = true;
    else if (choice < 10 && !producers_.empty())
      push_with(*producers_[random_() % producers_.size()]);
    else if (!consumers_.empty())
      pop_with(*consumers_[random_() % consumers_.size()]);
    EXPECT_EQ(memory_.size_estimate(), waiting_.size());
  }

  template <class Of>
  void attach(std::vector<std::unique_ptr<Of>>& all)
  {
    auto entry = memory_.attach();
    ASSERT_LT(entry.index(), kParticipants);
    dead_hands_[entry.index()] = 0;  // swept
    using Core = decltype(Of::core);
    all.push_back(std::make_unique<Of>(Of{Core(entry), entry.index()}));
  }

  // killed: its words stay as they are, its lease is free.
  template <class Of>
  void leave(std::vector<std::unique_ptr<Of>>& all, std::size_t at, bool killed)
  {
    Of& leaving = *all[at];
    if (!killed)
      leaving.core.detach();
    else if constexpr (std::is_same_v<Of, Consuming>) {
      if (leaving.holding) {
        dead_hands_[leaving.entry] = leaving.held.slab + 1;
        ++orphaned_;
      }
    }
    memory_.let_go(leaving.entry);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
  }

  std::uint64_t in_use(std::uint32_t slab) const
  {
    std::uint64_t slots = 0;
    for (const Element& element : waiting_)
      slots += element.slab == slab ? 1 : 0;
    for (const auto& consumer : consumers_)
      slots += consumer->holding && consumer->held.slab == slab ? 1 : 0;
    return slots;
  }

  void push_with(Producing& producer)
  {
    std::uint64_t in_dead_hands = 0;
    for (const std::uint32_t held : dead_hands_)
      in_dead_hands += held == producer.entry + 1 ? 1 : 0;
    const std::uint64_t used = in_use(producer.entry);
    std::byte* place = producer.core.claim();
    if (closed_) {
      EXPECT_TRUE(place == nullptr || !producer.core.publish());  // it was claimed before
      EXPECT_FALSE(producer.core.claimed());
      EXPECT_EQ(producer.core.last_status(), Status::closed);
      return;
    }
    if (used + in_dead_hands == memory_.capacity()) {
      // In two calls running nothing was free, or in 1024 when a living one is first.
      for (int i = 0; place == nullptr && i < 1100; ++i) {
        EXPECT_EQ(producer.core.last_status(), Status::full);
        place = producer.core.claim();
      }
      if (used == memory_.capacity()) {
        EXPECT_EQ(place, nullptr);
        return;
      }
      for (std::uint32_t& held : dead_hands_)
        held = held == producer.entry + 1 ? 0 : held;  // all were asked about
    }
    ASSERT_NE(place, nullptr) << to_string(producer.core.last_status());
    EXPECT_EQ(producer.core.claim(), place);
    if (random_() % 4 == 0)
      return;  // claimed, and nobody's concern
    std::memcpy(place, &next_value_, 8);
    ASSERT_TRUE(producer.core.publish());
    waiting_.push_back({next_value_++, producer.entry});
  }

  void pop_with(Consuming& consumer)
  {
    const std::byte* place = consumer.core.take();
    std::uint64_t value = 0;
    if (!consumer.holding) {
      if (waiting_.empty()) {
        EXPECT_EQ(place, nullptr);
        EXPECT_EQ(consumer.core.last_status(), closed_ ? Status::closed : Status::empty);
        return;
      }
      consumer.held = waiting_.front();
      waiting_.pop_front();
    }
    ASSERT_NE(place, nullptr) << to_string(consumer.core.last_status());
    std::memcpy(&value, place, 8);
    EXPECT_EQ(value, consumer.held.value);
    consumer.holding = random_() % 4 == 0;
    if (!consumer.holding)
      consumer.core.give_back();
  }

  // Everybody leaves; whoever comes finds the whole room in every slab.
  void finish()
  {
    while (!producers_.empty())
      leave(producers_, 0, random_() % 2 == 0);
    while (!consumers_.empty())
      leave(consumers_, 0, random_() % 2 == 0);
    while (producers_.size() + 1 < kParticipants)
      attach(producers_);
    attach(consumers_);
    std::uint64_t counted = 0;
    for (std::uint32_t i = 0; i < kParticipants; ++i)
      counted += memory_.view().participants[i].orphaned.load();
    EXPECT_EQ(counted, orphaned_);
    for (int lap = 0; lap < 2 && !::testing::Test::HasFailure(); ++lap) {
      while (!waiting_.empty() && !::testing::Test::HasFailure())
        pop_with(*consumers_[0]);
      if (consumers_[0]->holding) {
        consumers_[0]->core.give_back();
        consumers_[0]->holding = false;
      }
      if (closed_)
        return;
      for (const auto& producer : producers_) {
        for (std::uint64_t i = 0; i < memory_.capacity(); ++i) {
          ASSERT_TRUE(push(producer->core, next_value_)) << "after " << i;
          waiting_.push_back({next_value_++, producer->entry});
        }
        EXPECT_EQ(producer->core.claim(), nullptr);
        EXPECT_EQ(producer->core.last_status(), Status::full);
      }
    }
  }

  std::vector<Line> bytes_;
  Memory memory_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Producing>> producers_;
  std::vector<std::unique_ptr<Consuming>> consumers_;
  std::deque<Element> waiting_;
  std::array<std::uint32_t, kParticipants> dead_hands_{};  // of each entry: whose slot it had + 1
  std::uint64_t orphaned_ = 0;
  std::uint64_t next_value_ = 1;
  bool closed_ = false;
};

TEST(MpmcIsolatedModel, RandomOperationsGiveWhatASimpleModelGives)
{
  const std::uint64_t seed = test_seed();
  for (std::uint64_t run = 0; run < test_count("RTLANE_TEST_RUNS", sanitized ? 20 : 100); ++run) {
    for (const std::uint64_t quota : {1, 2, 3, 8}) {
      SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed) + " run " + std::to_string(run) + " quota " +
                   std::to_string(quota));
      Comparison(quota, 0, seed + run).run(300, run % 4 == 0);
      // Near the wrap of positions, of those in slot words (56 bits), and of their sign.
      for (const unsigned bits : {56u, 63u})
        Comparison(quota, (std::uint64_t{1} << bits) - 7, seed + run).run(100, run % 4 == 0);
      Comparison(quota, std::uint64_t{0} - 7, seed + run).run(100, run % 4 == 0);
      if (::testing::Test::HasFailure())
        return;
    }
  }
}

}  // namespace
