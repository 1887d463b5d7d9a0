// Every interleaving of one operation of one side with whole and half operations of the other, at each shared access,
// those of the element's bytes included. Single-threaded, so it is exhaustive and repeatable.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broadcast_support.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::BroadcastWriterCore<ScheduledWord>;
using Subscriber = rtlane::detail::BroadcastSubscriberCore<ScheduledWord>;
using Places = rtlane::detail::BroadcastPlaces<ScheduledWord>;

// The element of each number is computed from its number and its writer; the first `old` ones are there.
struct World {
  World(std::uint64_t capacity, std::uint64_t old) : memory(capacity, sizeof(Marked)), writer(memory.view)
  {
    for (std::uint64_t i = 0; i < old; ++i)
      publish();
  }

  void publish()
  {
    const Marked element = Marked::made(run, writer.number());
    EXPECT_EQ(writer.publish(&element, sizeof element), Status::ok);
  }
  void publish(std::uint64_t count)
  {
    for (; count > 0; --count)
      publish();
  }
  // Dies before its store or load number k of a publish. True when it came so far.
  bool publish_and_die(std::uint64_t k)
  {
    bool died = false;
    Schedule::begin([&](std::uint64_t access) {
      if (access == k)
        died = Schedule::dead = true;
    });
    publish();
    Schedule::end();
    return died;
  }
  void take_over()
  {
    writer = Writer(memory.view);
    ++run;
  }

  BroadcastMemory<ScheduledWord> memory;
  std::uint64_t run = 1;
  Writer writer;
};

// A subscriber and what it got, judged as it comes.
struct Reader {
  explicit Reader(World& world, std::uint64_t number) : core(world.memory.view, number) {}

  Status take()
  {
    Marked got{};
    const std::uint64_t expected = core.number();
    const Status status = core.try_next(&got, sizeof got);
    EXPECT_NE(status, Status::corrupt);
    if (status == Status::ok) {
      EXPECT_TRUE(got.whole()) << "torn: " << got.run << "/" << got.number;
      EXPECT_EQ(got.number, expected);
      EXPECT_EQ(core.number(), expected + 1);
    } else if (status == Status::lost) {
      EXPECT_GT(core.lost(), 0u);
      EXPECT_EQ(core.number(), expected + core.lost());
    } else {
      EXPECT_EQ(core.number(), expected);
    }
    return status;
  }
  // Everything that there is. The writer is not in the middle of anything, so nothing gets lost on the way twice.
  void take_all(const World& world)
  {
    int losses = 0;
    Status status = Status::ok;
    for (std::uint64_t i = 0; status != Status::empty && i < 100; ++i) {
      status = take();
      losses += status == Status::lost ? 1 : 0;
    }
    EXPECT_EQ(status, Status::empty);
    EXPECT_LE(losses, 1);
    EXPECT_EQ(core.number(), world.writer.number());
  }

  Subscriber core;
};

constexpr std::uint64_t capacities[] = {1, 2, 4};

TEST(BroadcastInterleaving, AWriterThatLapsAReaderAtEveryAccess)
{
  std::uint64_t cases = 0;
  std::uint64_t lost = 0;
  std::uint64_t taken = 0;
  for (const std::uint64_t capacity : capacities) {
    for (std::uint64_t old = 1; old <= capacity + 1; ++old) {
      // Whether it publishes `first` elements before access i and `second` more before access j.
      for (std::uint64_t first = 0; first <= 2 * capacity + 1; ++first) {
        for (std::uint64_t second = 0; second <= capacity + 1; ++second) {
          std::uint64_t accesses = 1;
          for (std::uint64_t i = 0; i < accesses; ++i) {
            for (std::uint64_t j = i; j < accesses; ++j) {
              SCOPED_TRACE("depth " + std::to_string(capacity) + ", old " + std::to_string(old) + ", " +
                           std::to_string(first) + " at " + std::to_string(i) + ", " + std::to_string(second) + " at " +
                           std::to_string(j));
              World world(capacity, old);
              Reader reader(world, 0);
              Schedule::begin([&](std::uint64_t access) {
                if (access == i)
                  world.publish(first);
                if (access == j)
                  world.publish(second);
              });
              const Status status = reader.take();
              accesses = std::max(accesses, Schedule::end());
              lost += status == Status::lost ? 1 : 0;
              taken += status == Status::ok ? 1 : 0;
              ++cases;
              reader.take_all(world);
              ASSERT_FALSE(HasFailure());
            }
          }
        }
      }
    }
  }
  std::printf("%lu cases, %lu taken, %lu lost\n", cases, taken, lost);
  EXPECT_GT(lost, 100u);
  EXPECT_GT(taken, 100u);
}

// `closed` is said when nothing is left, never before.
TEST(BroadcastInterleaving, AWriterThatPublishesAndClosesAtEveryAccessOfAReader)
{
  for (const std::uint64_t capacity : capacities) {
    for (std::uint64_t old = 0; old <= capacity; ++old) {
      for (std::uint64_t count = 0; count <= capacity + 1; ++count) {
        std::uint64_t accesses = 1;
        for (std::uint64_t i = 0; i < accesses; ++i) {
          SCOPED_TRACE("depth " + std::to_string(capacity) + ", old " + std::to_string(old) + ", " +
                       std::to_string(count) + " at " + std::to_string(i));
          World world(capacity, old);
          Reader reader(world, old);
          Schedule::begin([&](std::uint64_t access) {
            if (access != i)
              return;
            world.publish(count);
            world.writer.close();
          });
          Status status = reader.take();
          accesses = Schedule::end();
          for (std::uint64_t n = 0; status != Status::closed && n < 100; ++n)
            status = reader.take();
          EXPECT_EQ(status, Status::closed);
          EXPECT_EQ(reader.core.number(), old + count);
          ASSERT_FALSE(HasFailure());
        }
      }
    }
  }
}

// The writer stops or dies before access k of its publish, while the reader is at access i.
TEST(BroadcastInterleaving, AWriterThatComesToItsEndInMidPublishAtEveryAccessOfAReader)
{
  std::uint64_t cases = 0;
  for (const std::uint64_t capacity : capacities) {
    for (std::uint64_t old = 0; old <= 2 * capacity + 1; ++old) {
      for (std::uint64_t position = old - std::min(old, capacity + 1); position <= old; ++position) {
        std::uint64_t accesses = 1;
        bool reached = true;
        for (std::uint64_t k = 0; reached; ++k) {
          reached = false;
          for (std::uint64_t i = 0; i < accesses; ++i) {
            SCOPED_TRACE("depth " + std::to_string(capacity) + ", old " + std::to_string(old) + ", reader at " +
                         std::to_string(position) + ", writer dies at " + std::to_string(k) + ", reader's access " +
                         std::to_string(i));
            World world(capacity, old);
            Reader reader(world, position);
            Schedule::begin([&](std::uint64_t access) {
              if (access == i && world.publish_and_die(k))
                reached = true;
            });
            reader.take();
            accesses = std::max(accesses, Schedule::end());
            ++cases;
            // Without a successor: a reader that is behind gets what is there, then hears `empty`, never anything else.
            const std::uint64_t end = world.memory.view.writer->tail.load(std::memory_order_relaxed);
            Reader lonely = reader;
            Status status = Status::ok;
            for (std::uint64_t n = 0; status != Status::empty && n < 100; ++n)
              status = lonely.take();
            EXPECT_EQ(status, Status::empty);
            EXPECT_GE(lonely.core.number(), end);
            EXPECT_LE(lonely.core.number(), end + 1);
            // The successor continues the numbers.
            const std::uint64_t before = lonely.core.number();
            world.take_over();
            EXPECT_EQ(world.writer.number(), before);
            world.publish(capacity + 1);
            reader.take_all(world);
            lonely.take_all(world);
            ASSERT_FALSE(HasFailure());
          }
        }
      }
    }
  }
  std::printf("%lu cases\n", cases);
}

// Subscribers and joiners at every access of a publish, of an attach and of a close.
TEST(BroadcastInterleaving, ReadersAtEveryAccessOfAWriter)
{
  std::uint64_t cases = 0;
  const std::vector<std::function<void(World&)>> operations{
      [](World& world) { world.publish(); },
      [](World& world) { world.take_over(); },
      [](World& world) { world.writer.detach(); },
      [](World& world) { world.writer.close(); },
  };
  for (const auto& operation : operations) {
    for (const std::uint64_t capacity : capacities) {
      for (std::uint64_t old = 0; old <= 2 * capacity + 1; ++old) {
        std::uint64_t accesses = 1;
        for (std::uint64_t i = 0; i < accesses; ++i) {
          SCOPED_TRACE("depth " + std::to_string(capacity) + ", old " + std::to_string(old) + ", at " +
                       std::to_string(i));
          World world(capacity, old);
          std::vector<Reader> readers;
          for (std::uint64_t position = old - std::min(old, capacity + 1); position <= old; ++position)
            readers.emplace_back(world, position);
          Schedule::begin([&](std::uint64_t access) {
            if (access != i)
              return;
            for (Reader& reader : readers) {
              while (true) {
                const Status status = reader.take();
                if (status == Status::empty || status == Status::closed)
                  break;
              }
            }
            const Places places(world.memory.view);
            EXPECT_GE(places.newest, old);
            EXPECT_LE(places.newest, old + 1);
            EXPECT_LE(places.newest - places.oldest, capacity);
            // At once it can take what it was promised.
            Reader oldest(world, places.oldest);
            for (std::uint64_t n = places.oldest; n < places.newest; ++n)
              EXPECT_EQ(oldest.take(), Status::ok);
            readers.push_back(oldest);
          });
          operation(world);
          accesses = Schedule::end();
          ++cases;
          world.take_over();
          world.publish(2);
          for (Reader& reader : readers)
            reader.take_all(world);
          ASSERT_FALSE(HasFailure());
        }
      }
    }
  }
  std::printf("%lu cases\n", cases);
}

}  // namespace
