// Every interleaving of one operation of one side with whole operations of the other: at each shared access of the one,
// the other runs. Single-threaded, so it is exhaustive and repeatable.
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_core.hpp>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "ring_support.hpp"

namespace {

using rtlane::Status;

// Runs `other` before shared access number `at` (counted from 0).
struct Schedule {
  static inline int at = -1;
  static inline int access = 0;
  static inline std::function<void()> other;

  static void step()
  {
    if (access++ == at) {
      const auto run = std::exchange(other, nullptr);
      const int mine = access;
      if (run)
        run();
      access = mine;
    }
  }
};

class ScheduledWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    Schedule::step();
    return word_;
  }
  void store(std::uint64_t value, std::memory_order)
  {
    Schedule::step();
    word_ = value;
  }

private:
  std::uint64_t word_ = 0;
};

using Producer = rtlane::detail::SpscProducerCore<ScheduledWord>;
using Consumer = rtlane::detail::SpscConsumerCore<ScheduledWord>;
using View = rtlane::detail::SpscView<ScheduledWord>;

// A ring of words, what went in and what came out.
struct World {
  explicit World(std::uint64_t capacity) : memory(64 + capacity * 2, 0)
  {
    rtlane_channel_layout layout{};
    layout.base = memory.data();
    layout.capacity = capacity;
    layout.slots_offset = 512;
    layout.slot_stride_bytes = 16;
    layout.value_offset = 8;
    view = View(layout);
    producer = Producer(view);
    consumer = Consumer(view);
  }

  bool push()
  {
    std::byte* place = producer.claim();
    if (place == nullptr)
      return false;
    std::memcpy(place, &next, 8);
    producer.publish();
    pushed.push_back(next++);
    return true;
  }
  bool pop()
  {
    const std::byte* value = consumer.look();
    if (value == nullptr)
      return false;
    take(value);
    consumer.give_back();
    return true;
  }
  void take(const std::byte* value)
  {
    std::uint64_t got = 0;
    std::memcpy(&got, value, 8);
    consumer.step();
    popped.push_back(got);
  }

  std::vector<std::uint64_t> memory;
  View view;
  Producer producer;
  Consumer consumer;
  std::uint64_t next = 100;
  std::vector<std::uint64_t> pushed;
  std::vector<std::uint64_t> popped;
};

struct Named {
  const char* name;
  std::function<void(World&)> run;
};

const std::vector<Named> producer_operations{
    {"push", [](World& w) { w.push(); }},
    {"push as many as fit",
     [](World& w) {
       for (std::uint64_t room = w.producer.room(w.view.capacity); room > 0; --room)
         EXPECT_TRUE(w.push());
     }},
    {"close", [](World& w) { w.producer.close(); }},
    {"push and close", [](World& w) { w.push(), w.producer.close(); }},
    {"a successor pushes",
     [](World& w) {
       w.producer = Producer(w.view);
       w.push();
     }},
    {"size", [](World& w) { EXPECT_LE(w.producer.size_estimate(), w.view.capacity); }},
};

const std::vector<Named> consumer_operations{
    {"pop", [](World& w) { w.pop(); }},
    {"pop a batch",
     [](World& w) {
       if (w.consumer.look() == nullptr)
         return;
       do
         w.take(w.consumer.value());
       while (w.consumer.continues());
       w.consumer.give_back();
     }},
    {"peek and release",
     [](World& w) {
       if (const std::byte* value = w.consumer.look()) {
         w.consumer.mark_peeked();
         w.take(value);
         w.consumer.give_back();
       }
     }},
    {"a successor pops",
     [](World& w) {
       w.consumer = Consumer(w.view);
       w.pop();
     }},
    {"size", [](World& w) { EXPECT_LE(w.consumer.size_estimate(), w.view.capacity); }},
};

// Both sides go on to the end; everything pushed must come out once and in order, then `closed`.
void expect_complete(World& world)
{
  if (world.producer.claim() == nullptr && world.producer.last_status() == Status::closed)
    world.producer = Producer(world.view);
  for (int lap = 0; lap < 3; ++lap) {
    while (world.push()) {
    }
    while (world.pop()) {
    }
  }
  world.push();
  world.producer.close();
  EXPECT_TRUE(world.pop());
  EXPECT_FALSE(world.pop());
  EXPECT_EQ(world.consumer.last_status(), Status::closed);
  EXPECT_EQ(world.popped, world.pushed);
}

// At every shared access of `outer`, `inner` runs whole.
void interleave(const Named& outer, const Named& inner, const std::function<void(World&)>& check)
{
  for (const std::uint64_t capacity : {1, 2, 4}) {
    for (std::uint64_t old = 0; old <= capacity; ++old) {
      for (std::uint64_t waiting = 0; waiting <= capacity; ++waiting) {
        int accesses = 1;
        for (int at = 0; at < accesses; ++at) {
          SCOPED_TRACE(std::string(outer.name) + " with " + inner.name + " at access " + std::to_string(at) +
                       ", capacity " + std::to_string(capacity) + ", after " + std::to_string(old) + ", waiting " +
                       std::to_string(waiting));
          Schedule::at = -1;
          World world(capacity);
          for (std::uint64_t i = 0; i < old; ++i)
            EXPECT_TRUE(world.push() && world.pop());
          for (std::uint64_t i = 0; i < waiting; ++i)
            EXPECT_TRUE(world.push());
          Schedule::other = [&] { inner.run(world); };
          Schedule::access = 0;
          Schedule::at = at;
          outer.run(world);
          accesses = Schedule::access;
          Schedule::at = -1;
          check(world);
          expect_complete(world);
          if (::testing::Test::HasFailure())
            return;
        }
      }
    }
  }
}

TEST(SpscInterleaving, AProducerWithinEveryConsumerOperation)
{
  for (const Named& outer : consumer_operations) {
    for (const Named& inner : producer_operations) {
      interleave(outer, inner, [](World& world) {
        // `closed` is said only when nothing is left.
        if (world.consumer.last_status() == Status::closed) {
          EXPECT_EQ(world.popped.size(), world.pushed.size());
        }
        EXPECT_NE(world.consumer.last_status(), Status::corrupt);
      });
    }
  }
}

TEST(SpscInterleaving, AConsumerWithinEveryProducerOperation)
{
  for (const Named& outer : producer_operations) {
    for (const Named& inner : consumer_operations) {
      interleave(outer, inner, [](World& world) { EXPECT_NE(world.producer.last_status(), Status::corrupt); });
    }
  }
}

}  // namespace
