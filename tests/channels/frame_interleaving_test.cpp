// Every interleaving of one operation of one side with whole operations of the other: at each shared access of the one,
// the other runs. Single-threaded, so it is exhaustive and repeatable.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "frame_support.hpp"

namespace {

using namespace rtlane::test;
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

using Producer = rtlane::detail::FrameProducerCore<ScheduledWord>;
using Consumer = rtlane::detail::FrameConsumerCore<ScheduledWord>;

constexpr std::uint64_t capacity = 128;
constexpr std::uint64_t longest = 56;

// A ring, what went in and what came out. Frames have changing lengths, so that they meet the ring's end in all ways.
struct World {
  explicit World(std::uint64_t start) : ring(capacity, 8, longest, start), producer(ring.view()), consumer(ring.view())
  {}

  Bytes next() const { return frame(1, number, number * 20 % (longest + 1)); }

  bool push()
  {
    if (push_frame(producer, next()) != Status::ok)
      return false;
    pushed.push_back(next());
    ++number;
    return true;
  }
  void push_batch(int count)
  {
    std::vector<Bytes> batch;
    const std::uint64_t first = number;
    for (; count > 0; --count) {
      std::byte* place = producer.claim(next().size());
      if (place == nullptr)
        break;
      fill_frame({place, next().size()}, 1, number);
      EXPECT_TRUE(producer.stage(next().size()));
      batch.push_back(next());
      ++number;
    }
    EXPECT_EQ(producer.commit(), number != first);
    pushed.insert(pushed.end(), batch.begin(), batch.end());
  }
  bool pop()
  {
    Bytes got;
    if (pop_frame(consumer, got) != Status::ok)
      return false;
    popped.push_back(std::move(got));
    return true;
  }

  PlainFrameRing<ScheduledWord> ring;
  Producer producer;
  Consumer consumer;
  std::uint64_t number = 0;
  std::vector<Bytes> pushed;
  std::vector<Bytes> popped;
};

struct Named {
  const char* name;
  std::function<void(World&)> run;
};

const std::vector<Named> producer_operations{
    {"push", [](World& w) { w.push(); }},
    {"push a batch", [](World& w) { w.push_batch(3); }},
    {"stage, think better of it and push",
     [](World& w) {
       if (w.producer.claim(8) != nullptr)
         w.producer.stage(5);
       w.producer.discard();
       w.push();
     }},
    {"close", [](World& w) { w.producer.close(); }},
    {"push and close", [](World& w) { w.push(), w.producer.close(); }},
    {"a successor of a killed one pushes",
     [](World& w) {
       if (w.producer.claim(8) != nullptr)
         w.producer.stage(5);
       w.producer = Producer(w.ring.view());
       w.push();
     }},
    {"size", [](World& w) { EXPECT_LE(w.producer.size_estimate(), capacity); }},
};

const std::vector<Named> consumer_operations{
    {"pop", [](World& w) { w.pop(); }},
    {"show and take a batch",
     [](World& w) {
       std::span<const std::byte> shown[4];
       const std::size_t count = w.consumer.show(shown);
       for (std::size_t i = 0; i < count; ++i)
         w.popped.emplace_back(shown[i].begin(), shown[i].end());
       EXPECT_EQ(w.consumer.take_shown(count), count != 0);
     }},
    {"show a batch and take one",
     [](World& w) {
       std::span<const std::byte> shown[4];
       if (w.consumer.show(shown) == 0)
         return;
       w.popped.emplace_back(shown[0].begin(), shown[0].end());
       EXPECT_TRUE(w.consumer.take_shown(1));
     }},
    {"peek and release",
     [](World& w) {
       const auto found = w.consumer.look();
       if (found.data == nullptr)
         return;
       w.consumer.mark_shown();
       w.popped.emplace_back(found.data, found.data + found.bytes);
       EXPECT_TRUE(w.consumer.take_shown(1));
     }},
    {"a successor of a killed one pops",
     [](World& w) {
       std::span<const std::byte> shown[4];
       const std::size_t count = w.consumer.show(shown);
       w.consumer = Consumer(w.ring.view());
       if (w.pop()) {
         EXPECT_EQ(w.consumer.redelivered(), count != 0);
       }
     }},
    {"size", [](World& w) { EXPECT_LE(w.consumer.size_estimate(), capacity); }},
};

// Both sides go on to the end; everything pushed must come out once and in order, then `closed`.
void expect_complete(World& world)
{
  if (world.producer.claim(0) == nullptr && world.producer.last_status() == Status::closed)
    world.producer = Producer(world.ring.view());
  for (int lap = 0; lap < 3; ++lap) {
    while (world.push()) {
    }
    while (world.pop()) {
    }
  }
  EXPECT_TRUE(world.push());
  world.producer.close();
  EXPECT_TRUE(world.pop());
  EXPECT_FALSE(world.pop());
  EXPECT_EQ(world.consumer.last_status(), Status::closed);
  EXPECT_EQ(world.popped, world.pushed);
}

// At every shared access of `outer`, `inner` runs whole.
void interleave(const Named& outer, const Named& inner, const std::function<void(World&)>& check)
{
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{80}, std::uint64_t{0} - 40}) {
    for (int old = 0; old <= 3; ++old) {
      for (int waiting = 0; waiting <= 4; ++waiting) {
        int accesses = 1;
        for (int at = 0; at < accesses; ++at) {
          SCOPED_TRACE(std::string(outer.name) + " with " + inner.name + " at access " + std::to_string(at) +
                       ", start " + std::to_string(start) + ", after " + std::to_string(old) + ", waiting " +
                       std::to_string(waiting));
          Schedule::at = -1;
          World world(start);
          for (int i = 0; i < old; ++i)
            EXPECT_TRUE(world.push() && world.pop());
          for (int i = 0; i < waiting; ++i)
            world.push();  // as many as fit
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

TEST(FrameRingInterleaving, AProducerWithinEveryConsumerOperation)
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

TEST(FrameRingInterleaving, AConsumerWithinEveryProducerOperation)
{
  for (const Named& outer : producer_operations) {
    for (const Named& inner : consumer_operations) {
      interleave(outer, inner, [](World& world) { EXPECT_NE(world.producer.last_status(), Status::corrupt); });
    }
  }
}

}  // namespace
