// The MPMC ring against a simple model of it: random operations of several producers and consumers, which claim, hold,
// leave, come back and are killed with something in their hands.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "mpmc_memory.hpp"
#include "ring_support.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Word = std::atomic<std::uint64_t>;
using Memory = MpmcMemory<Word>;

// A ticket that is taken and that no consumer has taken.
struct Ticket {
  std::uint64_t value = 0;
  bool written = false;
  bool dead = false;  // its producer was killed or left before it wrote
};

struct Producing {
  Memory::Producer core;
  std::uint32_t entry = 0;
  Ticket* claimed = nullptr;
};

struct Consuming {
  Memory::Consumer core;
  std::uint32_t entry = 0;
  bool holding = false;
  std::uint64_t ticket = 0;
  std::uint64_t value = 0;
};

class Comparison {
public:
  Comparison(std::uint64_t capacity, std::uint64_t start, std::uint64_t seed)
      : bytes_(Memory::bytes(capacity, kParticipants) / 128 + 2), start_(start), random_(seed)
  {
    auto* aligned = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(bytes_.data()) + 127) / 128 * 128);
    memory_ = std::make_unique<Memory>(aligned, capacity, kParticipants, start);
  }

  void run(int steps, bool with_close)
  {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i)
      step(with_close && i > steps / 2);
    finish();
  }

private:
  static constexpr std::uint32_t kParticipants = 6;
  struct alignas(128) Line {
    std::byte bytes[128];
  };

  std::uint64_t capacity() const { return memory_->view().capacity; }
  bool several() const { return pushed_by_.size() > 1 || closed_; }

  void step(bool with_close)
  {
    switch (random_() % 16) {
      case 0:
        if (producers_.size() < 3)
          attach_producer();
        break;
      case 1:
        if (consumers_.size() < 3)
          attach_consumer();
        break;
      case 2:
        if (!producers_.empty())
          leave_producer(random_() % producers_.size(), random_() % 2 == 0);
        break;
      case 3:
        if (!consumers_.empty())
          leave_consumer(random_() % consumers_.size(), random_() % 2 == 0);
        break;
      case 4:
        if (with_close && !producers_.empty() && random_() % 8 == 0) {
          producers_[0]->core.close();
          closed_ = true;
        }
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        if (!producers_.empty())
          push_with(*producers_[random_() % producers_.size()]);
        break;
      default:
        if (!consumers_.empty())
          pop_with(*consumers_[random_() % consumers_.size()]);
    }
    const std::uint64_t estimate = rtlane::detail::mpmc_size_estimate(memory_->view());
    EXPECT_GE(estimate, std::min<std::uint64_t>(capacity(), live_size()));
    EXPECT_LE(estimate, capacity());
  }

  std::uint64_t live_size() const
  {
    std::uint64_t live = 0;
    for (const auto& ticket : tickets_)
      live += ticket->dead ? 0 : 1;
    return live;
  }

  void attach_producer()
  {
    const auto entry = memory_->attach();
    ASSERT_LT(entry.index(), kParticipants);
    auto made = std::make_unique<Producing>();
    made->core = Memory::Producer(entry);
    made->entry = entry.index();
    pushed_by_.insert(entry.index());
    producers_.push_back(std::move(made));
  }
  void attach_consumer()
  {
    const auto entry = memory_->attach();
    ASSERT_LT(entry.index(), kParticipants);
    auto made = std::make_unique<Consuming>();
    made->core = Memory::Consumer(entry);
    made->entry = entry.index();
    consumers_.push_back(std::move(made));
  }

  // killed: its words stay as they are, its lease is free.
  void leave_producer(std::size_t at, bool killed)
  {
    Producing& leaving = *producers_[at];
    if (leaving.claimed != nullptr)
      leaving.claimed->dead = true;
    if (!killed)
      leaving.core.detach();
    memory_->let_go(leaving.entry);
    producers_.erase(producers_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void leave_consumer(std::size_t at, bool killed)
  {
    Consuming& leaving = *consumers_[at];
    if (killed && leaving.holding)
      dead_holds_.insert(leaving.ticket);
    if (!killed)
      leaving.core.detach();
    memory_->let_go(leaving.entry);
    consumers_.erase(consumers_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  // Repeats a call as long as it may be waiting for the kernel's word about somebody dead: asked for at every 1024th
  // call of those that are stopped by the same thing, and with the second.
  template <class Call>
  bool insist(Call call, Status& status)
  {
    const bool dead = live_size() != tickets_.size() || dead_holds_.count(tail_ - capacity()) != 0;
    for (std::uint64_t i = 0; i < (dead ? 1024 + 2 * (capacity() + kParticipants) : 2); ++i) {
      if (call(status))
        return true;
      if (status != Status::busy && status != Status::full && status != Status::empty)
        return false;
    }
    return false;
  }

  void push_with(Producing& producer)
  {
    const std::uint64_t value = next_value_++;
    if (producer.claimed != nullptr) {
      // try_push uses the place that was claimed.
      ASSERT_TRUE(push(producer.core, value));
      producer.claimed->value = value;
      producer.claimed->written = true;
      producer.claimed = nullptr;
      return;
    }
    std::byte* place = nullptr;
    Status status = Status::ok;
    const bool done = insist(
        [&](Status& said) {
          place = producer.core.claim();
          said = producer.core.last_status();
          return place != nullptr;
        },
        status);
    // What was waiting at the front may have been passed: killed producers' places.
    std::uint64_t holes = 0;
    while (holes < tickets_.size() && tickets_[holes]->dead)
      ++holes;
    if (closed_) {
      EXPECT_FALSE(done);
      EXPECT_EQ(status, Status::closed);
      return;
    }
    if (tickets_.size() - holes == capacity()) {
      EXPECT_FALSE(done);
      EXPECT_EQ(status, Status::full);
      return;
    }
    if (held_by_a_living(tail_ - capacity())) {
      EXPECT_FALSE(done);
      EXPECT_EQ(status, Status::busy);
      return;
    }
    ASSERT_TRUE(done) << to_string(status);
    ++tail_;
    tickets_.push_back(std::make_unique<Ticket>());
    if (random_() % 4 == 0) {
      producer.claimed = tickets_.back().get();
      EXPECT_EQ(producer.core.claim(), place);
      return;
    }
    std::memcpy(place, &value, 8);
    producer.core.publish();
    *tickets_.back() = {value, true, false};
  }

  bool held_by_a_living(std::uint64_t ticket) const
  {
    for (const auto& consumer : consumers_) {
      if (consumer->holding && consumer->ticket == ticket)
        return true;
    }
    return false;
  }

  void pop_with(Consuming& consumer)
  {
    if (consumer.holding) {
      std::uint64_t value = 0;
      const std::byte* place = consumer.core.take();
      ASSERT_NE(place, nullptr);
      std::memcpy(&value, place, 8);
      EXPECT_EQ(value, consumer.value);
      consumer.core.give_back();
      consumer.holding = false;
      return;
    }
    const std::byte* place = nullptr;
    Status status = Status::ok;
    const bool done = insist(
        [&](Status& said) {
          place = consumer.core.take();
          said = consumer.core.last_status();
          return place != nullptr;
        },
        status);
    if (several()) {
      while (!tickets_.empty() && tickets_.front()->dead)
        drop_front();
    } else {
      // What a single pusher left open is passed once a successor has swept its entry.
      while (!tickets_.empty() && tickets_.front()->dead && (tickets_.size() > 1 || tail_word_is_past_front()))
        drop_front();
    }
    if (tickets_.empty() || (tickets_.front()->dead && !several())) {
      EXPECT_FALSE(done);
      EXPECT_EQ(status, closed_ ? Status::closed : Status::empty);
      return;
    }
    if (!tickets_.front()->written) {
      EXPECT_FALSE(done);
      EXPECT_EQ(status, several() ? Status::busy : Status::empty);
      return;
    }
    ASSERT_TRUE(done) << to_string(status);
    std::uint64_t value = 0;
    std::memcpy(&value, place, 8);
    EXPECT_EQ(value, tickets_.front()->value);
    consumer.ticket = head_;
    consumer.value = value;
    drop_front();
    if (random_() % 4 == 0)
      consumer.holding = true;
    else
      consumer.core.give_back();
  }

  bool tail_word_is_past_front() const
  {
    return memory_->view().head->head.load() / 4 != (head_ + start_) % (std::uint64_t{1} << 62);
  }
  void drop_front()
  {
    tickets_.pop_front();
    ++head_;
  }

  // Everybody leaves; whoever comes finds the whole capacity.
  void finish()
  {
    while (!producers_.empty())
      leave_producer(0, random_() % 2 == 0);
    while (!consumers_.empty())
      leave_consumer(0, random_() % 2 == 0);
    attach_producer();
    attach_producer();
    attach_consumer();
    for (int lap = 0; lap < 3 && !::testing::Test::HasFailure(); ++lap) {
      Status status = Status::ok;
      std::uint64_t value = 0;
      while (insist(
          [&](Status& said) {
            const bool got = pop(consumers_[0]->core, value);
            said = consumers_[0]->core.last_status();
            return got;
          },
          status)) {
        while (!tickets_.empty() && tickets_.front()->dead)
          drop_front();
        ASSERT_FALSE(tickets_.empty());
        EXPECT_EQ(value, tickets_.front()->value);
        drop_front();
      }
      while (!tickets_.empty() && tickets_.front()->dead)
        drop_front();
      EXPECT_TRUE(tickets_.empty());
      EXPECT_EQ(status, closed_ ? Status::closed : Status::empty);
      if (closed_)
        break;
      for (std::uint64_t i = 0; i < capacity(); ++i) {
        ASSERT_TRUE(insist(
            [&](Status& said) {
              const bool done = push(producers_[i % 2]->core, next_value_);
              said = producers_[i % 2]->core.last_status();
              return done;
            },
            status))
            << to_string(status) << " after " << i;
        tickets_.push_back(std::make_unique<Ticket>(Ticket{next_value_++, true, false}));
        ++tail_;
      }
      EXPECT_FALSE(push(producers_[0]->core, 0));
      EXPECT_EQ(producers_[0]->core.last_status(), Status::full);
    }
    std::uint64_t orphaned = 0;
    for (std::uint32_t i = 0; i < kParticipants; ++i)
      orphaned += memory_->view().participants[i].orphaned.load();
    EXPECT_LE(orphaned, dead_holds_.size());  // one that nobody came across is not counted
  }

  std::vector<Line> bytes_;
  std::unique_ptr<Memory> memory_;
  std::uint64_t start_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Producing>> producers_;
  std::vector<std::unique_ptr<Consuming>> consumers_;
  std::deque<std::unique_ptr<Ticket>> tickets_;  // from head to tail
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t next_value_ = 1;
  std::set<std::uint64_t> dead_holds_;
  std::set<std::uint32_t> pushed_by_;
  bool closed_ = false;
};

TEST(MpmcModel, RandomOperationsGiveWhatASimpleModelGives)
{
  const std::uint64_t seed = test_seed();
  for (std::uint64_t run = 0; run < test_count("RTLANE_TEST_RUNS", sanitized ? 60 : 600); ++run) {
    for (const std::uint64_t capacity : {1, 2, 4, 8}) {
      SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed) + " run " + std::to_string(run) + " capacity " +
                   std::to_string(capacity));
      Comparison(capacity, 0, seed + run).run(300, run % 4 == 0);
      // Near the wrap of positions (62 bits) and of their sign (61 bits).
      Comparison(capacity, (std::uint64_t{1} << 62) - 7, seed + run).run(100, run % 4 == 0);
      Comparison(capacity, (std::uint64_t{1} << 61) - 7, seed + run).run(100, run % 4 == 0);
      if (::testing::Test::HasFailure())
        return;
    }
  }
}

}  // namespace
