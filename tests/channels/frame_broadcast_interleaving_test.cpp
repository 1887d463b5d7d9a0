// Every interleaving of one operation of one side with whole and half operations of the other, at each shared access,
// those of the frame's bytes included. Single-threaded, so it is exhaustive and repeatable.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "frame_broadcast_support.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::FrameBroadcastWriterCore<ScheduledWord>;
using Subscriber = rtlane::detail::FrameBroadcastSubscriberCore<ScheduledWord>;
using From = Subscriber::From;

constexpr std::uint64_t capacity = 256;  // the smallest: 8 segments of 32 bytes, frames of up to 16

struct World {
  explicit World(std::uint64_t old) : memory(capacity), writer(memory.view) { publish(old); }

  void publish(std::uint64_t count = 1)
  {
    for (; count > 0; --count) {
      const Bytes frame = frame_of(run, writer.number(), 16);
      EXPECT_EQ(writer.publish(frame.data(), frame.size()), Status::ok);
    }
  }
  // A frame of this length, and it dies before its access k. True when it came so far.
  bool publish_and_die(std::uint64_t k, std::size_t length)
  {
    bool died = false;
    Schedule::begin([&](std::uint64_t access) {
      if (access == k)
        died = Schedule::dead = true;
    });
    const Bytes frame(length, 0xdd);
    writer.publish(frame.data(), frame.size());
    Schedule::end();
    return died;
  }
  void take_over()
  {
    writer = Writer(memory.view);
    ++run;
  }

  FrameBroadcastMemory<ScheduledWord> memory;
  std::uint64_t run = 1;
  Writer writer;
};

struct Reader {
  Reader(World& world, From from) { EXPECT_TRUE(core.join(world.memory.view, from)); }

  Status take()
  {
    unsigned char buffer[16];
    std::size_t length = 0;
    const std::uint64_t expected = core.number();
    const Status status = core.try_next(buffer, sizeof buffer, length);
    EXPECT_NE(status, Status::corrupt);
    if (status == Status::ok) {
      const Bytes dead_ones(length, 0xdd);
      if (length == 0 || std::memcmp(buffer, dead_ones.data(), length) != 0) {
        EXPECT_EQ(frame_problem(buffer, length, expected, 16), "");
      }
      EXPECT_EQ(core.number(), expected + 1);
    } else if (status == Status::lost) {
      EXPECT_GT(core.lost(), 0u);
      EXPECT_EQ(core.number(), expected + core.lost());
    } else {
      EXPECT_EQ(core.number(), expected);
    }
    return status;
  }
  // Everything that there is; the writer is not in the middle of anything.
  std::uint64_t take_all()
  {
    Status status = Status::ok;
    int losses = 0;
    for (int i = 0; status != Status::empty && i < 1000; ++i) {
      status = take();
      losses += status == Status::lost ? 1 : 0;
    }
    EXPECT_EQ(status, Status::empty);
    EXPECT_LE(losses, 1);
    return core.number();
  }

  Subscriber core;
};

TEST(FrameBroadcastInterleaving, AWriterThatLapsAReaderAtEveryAccess)
{
  std::uint64_t cases = 0;
  std::uint64_t lost = 0;
  std::uint64_t taken = 0;
  for (std::uint64_t before = 0; before < 12; before += 3) {  // where in the ring it begins
    for (std::uint64_t behind = 1; behind <= 12; ++behind) {
      for (std::uint64_t first = 0; first <= 14; ++first) {
        for (const std::uint64_t second : {0, 1, 2, 5, 11}) {
          std::uint64_t accesses = 1;
          for (std::uint64_t i = 0; i < accesses; ++i) {
            for (std::uint64_t j = i; j < accesses; ++j) {
              SCOPED_TRACE("before " + std::to_string(before) + ", behind " + std::to_string(behind) + ", " +
                           std::to_string(first) + " at " + std::to_string(i) + ", " + std::to_string(second) + " at " +
                           std::to_string(j));
              World world(before);
              Reader reader(world, From::now);
              world.publish(behind);
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
              EXPECT_EQ(reader.take_all(), world.writer.number());
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

// The writer dies before access k of a publish, while a reader that is `behind` frames behind is at its access i. The
// successor writes shorter frames, so that it takes a while until it has passed what the dead one has spoilt.
TEST(FrameBroadcastInterleaving, AWriterThatComesToItsEndInMidPublishAtEveryAccessOfAReader)
{
  std::uint64_t cases = 0;
  for (std::uint64_t before = 0; before < 24; ++before) {
    for (const std::uint64_t behind : {0, 1, 5, 7, 8, 9, 10, 11, 12, 13, 14}) {
      for (const std::size_t length : {0, 16}) {
        std::uint64_t accesses = 1;
        bool reached = true;
        for (std::uint64_t k = 0; reached; ++k) {
          reached = false;
          for (std::uint64_t i = 0; i < accesses; ++i) {
            SCOPED_TRACE("before " + std::to_string(before) + ", behind " + std::to_string(behind) + ", length " +
                         std::to_string(length) + ", writer dies at " + std::to_string(k) + ", reader's access " +
                         std::to_string(i));
            World world(before);
            Reader reader(world, From::now);
            world.publish(behind);
            const std::uint64_t number = world.writer.number();
            Reader patient = reader;  // looks when the successor has published
            Schedule::begin([&](std::uint64_t access) {
              if (access == i && world.publish_and_die(k, length))
                reached = true;
            });
            reader.take();
            accesses = std::max(accesses, Schedule::end());
            ++cases;
            // Without a successor: what is there, then `empty`, never anything else.
            Reader lonely = reader;
            const std::uint64_t end = lonely.take_all();
            EXPECT_GE(end, number);
            EXPECT_LE(end, number + 1);
            Reader late(world, From::oldest);
            // The successor counts on, and an empty frame gives nothing back that was spoilt.
            world.take_over();
            EXPECT_EQ(world.writer.number(), end);
            EXPECT_EQ(world.writer.publish("", 0), Status::ok);
            Reader copy = late;
            EXPECT_EQ(copy.take_all(), end + 1);
            EXPECT_EQ(patient.take_all(), end + 1);
            world.publish(3);
            for (Reader* one : {&reader, &lonely, &late, &copy, &patient})
              EXPECT_EQ(one->take_all(), world.writer.number());
            world.publish(20);
            for (Reader* one : {&reader, &lonely, &late, &copy, &patient})
              EXPECT_EQ(one->take_all(), world.writer.number());
            ASSERT_FALSE(HasFailure());
          }
        }
      }
    }
  }
  std::printf("%lu cases\n", cases);
}

// Subscribers and joiners at every access of a publish, of an attach, of a detach and of a close.
TEST(FrameBroadcastInterleaving, ReadersAtEveryAccessOfAWriter)
{
  std::uint64_t cases = 0;
  const std::vector<std::function<void(World&)>> operations{
      [](World& world) { world.publish(); },      [](World& world) { world.publish(3); },
      [](World& world) { world.take_over(); },    [](World& world) { world.writer.detach(); },
      [](World& world) { world.writer.close(); },
  };
  for (const auto& operation : operations) {
    for (std::uint64_t old = 0; old <= 30; ++old) {
      std::uint64_t accesses = 1;
      for (std::uint64_t i = 0; i < accesses; ++i) {
        SCOPED_TRACE("old " + std::to_string(old) + ", at " + std::to_string(i));
        World world(0);
        std::vector<Reader> readers;
        for (std::uint64_t n = 0; n <= old; ++n) {
          readers.emplace_back(world, From::now);
          if (n != old)
            world.publish();
        }
        Schedule::begin([&](std::uint64_t access) {
          if (access != i)
            return;
          readers.emplace_back(world, From::oldest);
          readers.emplace_back(world, From::now);
          for (Reader& reader : readers) {
            for (Status status = Status::ok; status != Status::empty && status != Status::closed;)
              status = reader.take();
            EXPECT_GE(reader.core.number(), old);
          }
        });
        operation(world);
        accesses = Schedule::end();
        ++cases;
        world.take_over();
        world.publish(2);
        for (Reader& reader : readers)
          EXPECT_EQ(reader.take_all(), world.writer.number());
        ASSERT_FALSE(HasFailure());
      }
    }
  }
  std::printf("%lu cases\n", cases);
}

// A joiner sees a whole publish or several between any two of its looks.
TEST(FrameBroadcastInterleaving, AWriterAtEveryAccessOfAJoiner)
{
  for (const From from : {From::now, From::oldest}) {
    for (std::uint64_t old = 0; old <= 30; ++old) {
      for (const std::uint64_t count : {1, 2, 5, 9, 12, 30}) {
        std::uint64_t accesses = 1;
        for (std::uint64_t i = 0; i < accesses; ++i) {
          SCOPED_TRACE("old " + std::to_string(old) + ", " + std::to_string(count) + " at " + std::to_string(i));
          World world(old);
          Schedule::begin([&](std::uint64_t access) {
            if (access == i)
              world.publish(count);
          });
          Reader reader(world, from);
          accesses = std::max(accesses, Schedule::end());
          EXPECT_LE(reader.core.number(), world.writer.number());
          EXPECT_EQ(reader.take_all(), world.writer.number());
          ASSERT_FALSE(HasFailure());
        }
      }
    }
  }
}

}  // namespace
