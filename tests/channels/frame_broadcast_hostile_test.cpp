// A peer that writes anything anywhere, at any moment: wrong data, `busy` or `corrupt`, never an access outside the
// ring or the buffer, never more steps than stated.
//
// The broadcast lies between two pages that nobody may touch, and so does the buffer. HostileWord stands in for the
// shared words: each load may see something else than what was stored, and each access is counted.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "frame_broadcast_support.hpp"
#include "hostile_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;

struct Peer : HostilePeer {
  static inline std::uint64_t capacity = 256;

  static std::uint64_t lie(std::uint64_t truth)
  {
    const std::uint64_t kind = random() % 9;
    switch (kind) {
      case 6:
        return truth + 8 * (random() % 9);  // a plausible position
      case 7:
        return truth + capacity * (random() % 3);  // of another lap
      case 8:
        return (random() % 3) << 48 | random() % (capacity / 8 + 2);  // a plausible length
      default:
        return plain_lie(truth, kind);
    }
  }
};

using HostileWord = LyingWord<Peer>;

using Writer = rtlane::detail::FrameBroadcastWriterCore<HostileWord>;
using Subscriber = rtlane::detail::FrameBroadcastSubscriberCore<HostileWord>;
using From = Subscriber::From;
using View = rtlane::detail::FrameBroadcastView<HostileWord>;

class Fight {
public:
  Fight(std::uint64_t capacity, std::uint64_t longest)
      : memory_(frame_ring_offset + capacity),
        view_(memory_.begin(), frame_ring_offset, capacity, longest),
        buffer_(view_.frame_bytes_max),
        frame_(view_.frame_bytes_max),
        words_(rtlane::detail::torn_words(view_.frame_bytes_max))
  {
    Peer::capacity = capacity;
    attach();
    join();
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      if (Peer::random() % 16 == 0)
        scribble();
      const std::size_t length = Peer::random() % (view_.frame_bytes_max + 1);
      switch (Peer::random() % 12) {
        case 0:
        case 1:
        case 2:
        case 3:
          within(0, words_ + 5, "publish", [&] { return writer_.publish(frame_.data(), length); });
          break;
        case 4:
        case 5:
        case 6:
        case 7:
          take(buffer_.begin(), buffer_.size());
          break;
        case 8:
          // A buffer that ends where it ends, of any size.
          take(buffer_.begin() + buffer_.size() - length, length);
          break;
        case 9:
          join();
          break;
        default:
          rare();
      }
    }
  }

private:
  void scribble()
  {
    for (std::uint64_t i = 1 + Peer::random() % 4; i > 0; --i) {
      std::byte* at = memory_.begin() + 128 + Peer::random() % ((memory_.size() - 128) / 8) * 8;
      std::uint64_t value;
      std::memcpy(&value, at, 8);
      value = Peer::lie(value);
      std::memcpy(at, &value, 8);
    }
  }

  void take(std::byte* buffer, std::size_t room)
  {
    const std::uint64_t before = subscriber_.number();
    const std::uint64_t total = subscriber_.lost_total();
    std::size_t length = 0;
    const Status status =
        within(4 + words_ + 4 * 5, 0, "try_next", [&] { return subscriber_.try_next(buffer, room, length); });
    const std::uint64_t went = subscriber_.number() - before;
    switch (status) {
      case Status::ok:
        EXPECT_EQ(went, 1u);
        EXPECT_LE(length, room);
        return;
      case Status::too_small:
        EXPECT_GT(length, room);
        EXPECT_LE(length, view_.frame_bytes_max);
        EXPECT_EQ(went, 0u);
        return;
      case Status::lost:
        EXPECT_EQ(went, subscriber_.lost());
        EXPECT_NE(went, 0u);
        EXPECT_EQ(subscriber_.lost_total() - total, went);
        return;
      default:
        EXPECT_TRUE(status == Status::empty || status == Status::closed || status == Status::corrupt ||
                    status == Status::busy);
        EXPECT_EQ(went, 0u);
    }
  }

  void attach()
  {
    writer_ = within(7, 4, "attach", [&] { return Writer(view_); });
  }

  void join()
  {
    const From from = Peer::random() % 2 == 0 ? From::now : From::oldest;
    within(4 * 8, 0, "join", [&] { return subscriber_.join(view_, from); });
  }

  void rare()
  {
    switch (Peer::random() % 16) {
      case 0:
        within(0, 1, "close", [&] { return writer_.close(), 0; });
        return;
      case 1:
        within(0, 1, "detach", [&] { return writer_.detach(), 0; });
        return attach();
      case 2:
      case 3:
        return attach();  // the former one was killed
      default:
        (void)subscriber_.take_changed();
    }
  }

  GuardedBytes memory_;
  View view_;
  GuardedBytes buffer_;
  Bytes frame_;
  std::uint64_t words_;
  Writer writer_;
  Subscriber subscriber_;
};

TEST(FrameBroadcastHostile, APeerThatLiesInEveryWordReachesNothingOutsideAndDelaysNothing)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  const int steps = sanitized ? 5000 : 60000;
  for (const std::uint64_t capacity : {256, 1024, 16384}) {
    for (const std::uint64_t longest : {std::uint64_t{1}, std::uint64_t{13}, UINT64_MAX}) {
      for (const unsigned lies : {0u, 8u, 128u, 256u}) {
        SCOPED_TRACE(std::to_string(capacity) + " bytes, longest " + std::to_string(longest) + ", " +
                     std::to_string(lies) + "/256 lies");
        Peer::lies_per_256 = lies;
        Fight(capacity, longest).run(steps);
        if (HasFailure())
          return;
      }
    }
  }
}

// The stated costs, with an honest peer.
template <class Operation>
void exactly(std::uint64_t loads, std::uint64_t stores, const char* what, Operation operation)
{
  Peer::loads = 0;
  Peer::stores = 0;
  operation();
  EXPECT_EQ(Peer::loads, loads) << what;
  EXPECT_EQ(Peer::stores, stores) << what;
}

TEST(FrameBroadcastHostile, TheCallsTouchTheWordsThatTheySay)
{
  Peer::lies_per_256 = 0;
  GuardedBytes memory(frame_ring_offset + 1024);
  const View view(memory.begin(), frame_ring_offset, 1024, UINT64_MAX);
  Writer writer(view);
  Subscriber subscriber;
  ASSERT_TRUE(subscriber.join(view, From::now));
  unsigned char buffer[16] = {};
  std::size_t length = 0;
  const auto take = [&](Status wanted) { EXPECT_EQ(subscriber.try_next(buffer, sizeof buffer, length), wanted); };
  // Records of 32 bytes, segments of 128: every fourth sets a mark.
  for (std::uint64_t n = 1; n <= 100; ++n) {
    exactly(0, 2 + 4 + (n % 4 == 0 ? 1 : 0), "publish", [&] { writer.publish(buffer, 16); });
    exactly(2 + 2 + 2, 0, "try_next", [&] { take(Status::ok); });
    exactly(2, 0, "nothing new", [&] { take(Status::empty); });
  }
  for (int n = 0; n < 33; ++n)
    writer.publish(buffer, 16);
  exactly(1 + 5, 0, "lapped", [&] { take(Status::lost); });
  while (subscriber.number() != writer.number())
    take(Status::ok);
  writer.close();
  exactly(2, 0, "the end", [&] { take(Status::closed); });
}

// ---- each kind of damage has its answer

TEST(FrameBroadcastDamage, WordsThatNoWriterWritesAreCorrupt)
{
  using Words = std::atomic<std::uint64_t>;
  FrameBroadcastMemory<> memory(1024);
  rtlane::detail::FrameBroadcastWriterCore<> writer(memory.view);
  rtlane::detail::FrameBroadcastSubscriberCore<> subscriber;
  ASSERT_TRUE(subscriber.join(memory.view, rtlane::detail::FrameBroadcastSubscriberCore<>::From::now));
  ASSERT_EQ(writer.publish("0123456789", 10), Status::ok);
  unsigned char buffer[112];
  std::size_t length = 77;
  const auto expect_corrupt = [&](Words& word, std::uint64_t value) {
    const std::uint64_t truth = word.exchange(value);
    EXPECT_EQ(subscriber.try_next(buffer, sizeof buffer, length), Status::corrupt) << std::hex << value;
    EXPECT_EQ(subscriber.number(), 0u);
    EXPECT_EQ(length, 77u);
    word = truth;
  };
  expect_corrupt(memory.view.word(0), 1);                                 // another number
  expect_corrupt(memory.view.word(8), 10);                                // no epoch
  expect_corrupt(memory.view.word(8), std::uint64_t{0xffff} << 48 | 10);  // no writer's epoch
  for (const std::uint64_t wrong : {std::uint64_t{17}, std::uint64_t{113}, std::uint64_t{1} << 40})
    expect_corrupt(memory.view.word(8), std::uint64_t{1} << 48 | wrong);  // longer than what is published, than any
  expect_corrupt(memory.view.writer->tail, UINT64_MAX - 7);               // it has fallen
  expect_corrupt(memory.view.writer->intent, UINT64_MAX);
  EXPECT_EQ(subscriber.try_next(buffer, sizeof buffer, length), Status::ok);  // the truth again: it goes on
  EXPECT_EQ(length, 10u);
}

}  // namespace
