// Random operations against a list of everything that was published; all depths, element sizes and starts near the
// limits of the slot word's 48 bits and of 64 bits.
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "broadcast_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::BroadcastWriterCore<>;
using Subscriber = rtlane::detail::BroadcastSubscriberCore<>;
using Places = rtlane::detail::BroadcastPlaces<std::atomic<std::uint64_t>>;
using View = rtlane::detail::BroadcastView<std::atomic<std::uint64_t>>;

// `bytes` bytes computed from a number.
std::vector<unsigned char> content(std::uint64_t number, std::size_t bytes)
{
  std::vector<unsigned char> made(bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    made[i] = static_cast<unsigned char>(mix(number * 31 + i / 8) >> (i % 8 * 8));
  return made;
}

struct Tracked {
  Subscriber core;
  std::uint64_t number;      // of the next element, counted from 0
  std::uint64_t lost = 0;    // in all
  std::uint64_t writer = 0;  // whose element came last; 0 = none yet
  bool changed = false;
};

class Exerciser {
public:
  Exerciser(std::uint64_t capacity, std::size_t bytes, std::uint64_t start, std::uint64_t seed)
      : random_(seed), capacity_(capacity), bytes_(bytes), start_(start), memory_(capacity, bytes, start)
  {
    new_writer();
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      if (below(40) == 0)
        speed_ = below(4);
      operation(below(16));
      const Places places(memory_.view);
      EXPECT_EQ(places.newest, start_ + written_by_.size());
      EXPECT_EQ(places.published, written_by_.size());
    }
  }

  std::uint64_t losses = 0;
  std::uint64_t changes = 0;

private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void operation(std::uint64_t kind)
  {
    if (kind < 6)
      return publish(speed_ == 0 ? 1 : below(speed_ * capacity_ + 1));
    if (kind == 6 && below(8) == 0)
      return new_writer();
    if (kind == 7 && below(8) == 0)
      return close();
    if (kind == 8 && subscribers_.size() < 5)
      return join();
    if (subscribers_.empty())
      return;
    Tracked& mine = subscribers_[below(subscribers_.size())];
    if (kind < 13)
      take(mine);
    else if (kind < 15)
      take_many(mine);
    else if (below(20) == 0)
      subscribers_.erase(subscribers_.begin() + static_cast<std::ptrdiff_t>(&mine - subscribers_.data()));
    else
      ask(mine);
  }

  void new_writer()
  {
    if (below(2) == 0)
      writer_.detach();
    else if (below(2) == 0 && !written_by_.empty())
      // Killed between its last two stores.
      memory_.view.writer->tail = start_ + written_by_.size() - 1;
    writer_ = Writer(memory_.view);
    ++run_;
    ended_ = false;
    EXPECT_EQ(writer_.number(), start_ + written_by_.size());
  }

  void publish(std::uint64_t count)
  {
    for (; count > 0; --count) {
      const auto value = content(written_by_.size(), bytes_);
      EXPECT_EQ(writer_.publish(value.data(), bytes_), ended_ ? Status::closed : Status::ok);
      if (!ended_)
        written_by_.push_back(run_);
    }
  }

  void close()
  {
    writer_.close();
    ended_ = true;
  }

  void join()
  {
    const Places places(memory_.view);
    const std::uint64_t published = written_by_.size();
    const std::uint64_t oldest = published - std::min(published, capacity_);
    EXPECT_EQ(places.oldest, start_ + oldest);
    std::uint64_t from = published;
    switch (below(3)) {
      case 0:
        from = oldest;
        break;
      case 1:
        from = below(published + 2);
        EXPECT_TRUE(places.has_been(start_ + from));
        EXPECT_FALSE(places.has_been(start_ + published + 2 + below(100)));
        EXPECT_FALSE(places.has_been(start_ - 1 - below(100)));
        break;
      default:
        break;
    }
    subscribers_.push_back({Subscriber(memory_.view, start_ + from), from});
  }

  Status expected(const Tracked& mine) const
  {
    const std::uint64_t published = written_by_.size();
    if (mine.number >= published)
      return ended_ ? Status::closed : Status::empty;
    return published - mine.number > capacity_ ? Status::lost : Status::ok;
  }

  void took(Tracked& mine, const std::vector<unsigned char>& got)
  {
    EXPECT_EQ(got, content(mine.number, bytes_)) << "number " << mine.number;
    const std::uint64_t writer = written_by_[mine.number];
    if (mine.writer != writer && mine.writer != 0)
      mine.changed = true;
    mine.writer = writer;
    ++mine.number;
  }

  void take(Tracked& mine)
  {
    std::vector<unsigned char> got(bytes_);
    const Status wanted = expected(mine);
    ASSERT_EQ(mine.core.try_next(got.data(), bytes_), wanted);
    if (wanted == Status::ok)
      took(mine, got);
    else
      EXPECT_EQ(mine.core.last_status(), wanted);
    if (wanted == Status::lost) {
      // The oldest that is not next to be overwritten, and a quarter of the depth on top.
      const std::uint64_t resume = written_by_.size() - capacity_ + 1 + capacity_ / 4;
      EXPECT_EQ(mine.core.lost(), resume - mine.number);
      mine.lost += resume - mine.number;
      mine.number = resume;
      ++losses;
    }
    same(mine);
  }

  void take_many(Tracked& mine)
  {
    std::vector<unsigned char> got(bytes_);
    while (true) {
      const bool follows = expected(mine) == Status::ok && written_by_[mine.number] == mine.writer;
      ASSERT_EQ(mine.core.try_following(got.data(), bytes_), follows);
      if (!follows)
        break;
      took(mine, got);
    }
    same(mine);
  }

  void ask(Tracked& mine)
  {
    EXPECT_EQ(mine.core.take_changed(), mine.changed);
    changes += mine.changed ? 1 : 0;
    mine.changed = false;
  }

  void same(const Tracked& mine) const
  {
    EXPECT_EQ(mine.core.number(), start_ + mine.number);
    EXPECT_EQ(mine.core.lost_total(), mine.lost);
  }

  std::mt19937_64 random_;
  std::uint64_t capacity_;
  std::size_t bytes_;
  std::uint64_t start_;
  BroadcastMemory<> memory_;
  Writer writer_;
  std::uint64_t run_ = 0;
  bool ended_ = false;
  std::vector<std::uint64_t> written_by_;  // by number, counted from 0
  std::vector<Tracked> subscribers_;
  std::uint64_t speed_ = 0;
};

TEST(BroadcastModel, RandomOperationsDoWhatTheListSays)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::uint64_t losses = 0;
  std::uint64_t changes = 0;
  const int steps = static_cast<int>(test_count("RTLANE_TEST_STEPS", sanitized ? 300 : 1500));
  for (const std::uint64_t start : {std::uint64_t{0}, (std::uint64_t{1} << 47) - 7, (std::uint64_t{1} << 48) - 7,
                                    (std::uint64_t{1} << 49) - 7, (std::uint64_t{1} << 63) - 7, UINT64_MAX - 6}) {
    for (const std::uint64_t capacity : {1, 2, 4, 8, 64}) {
      for (const std::size_t bytes : {1, 8, 12, 48, 200}) {
        SCOPED_TRACE("start " + std::to_string(start) + ", depth " + std::to_string(capacity) + ", " +
                     std::to_string(bytes) + " bytes");
        Exerciser exerciser(capacity, bytes, start, seed + capacity * 1000 + bytes);
        exerciser.run(steps);
        losses += exerciser.losses;
        changes += exerciser.changes;
        ASSERT_FALSE(HasFailure());
      }
    }
  }
  EXPECT_GT(losses, 100u);
  EXPECT_GT(changes, 100u);
}

// Epochs come round after 32 766 attaches: two writers that are exactly so far apart look like one, all others do not.
TEST(BroadcastModel, EpochsComeRoundWithoutConfusion)
{
  BroadcastMemory<> memory(4, 8);
  Subscriber subscriber(memory.view, 0);
  std::uint64_t value = 0;
  std::uint64_t got = 0;
  for (std::uint64_t attach = 0; attach < 70000; ++attach) {
    Writer writer(memory.view);
    ASSERT_EQ(writer.number(), attach);
    value = attach;
    ASSERT_EQ(writer.publish(&value, 8), Status::ok);
    ASSERT_EQ(subscriber.try_next(&got, 8), Status::ok);
    ASSERT_EQ(got, attach);
    ASSERT_EQ(subscriber.take_changed(), attach != 0);
  }
  EXPECT_EQ(memory.view.writer->takeovers.load(), 69999u);
}

TEST(BroadcastModel, AnEndpointWithoutAChannelAnswersClosed)
{
  Writer writer;
  Subscriber subscriber;
  std::uint64_t value = 7;
  EXPECT_EQ(writer.publish(&value, 8), Status::closed);
  EXPECT_EQ(subscriber.try_next(&value, 8), Status::closed);
  EXPECT_FALSE(subscriber.try_following(&value, 8));
  EXPECT_EQ(value, 7u);
  writer.close();
  writer.detach();
}

// A subscriber that waits for a number that comes later hears of the end all the same.
TEST(BroadcastModel, WhoWaitsBehindTheEndHearsClosed)
{
  BroadcastMemory<> memory(4, 8);
  Writer writer(memory.view);
  std::uint64_t value = 1;
  ASSERT_EQ(writer.publish(&value, 8), Status::ok);
  Subscriber ahead(memory.view, 2);
  EXPECT_EQ(ahead.try_next(&value, 8), Status::empty);
  writer.close();
  EXPECT_EQ(ahead.try_next(&value, 8), Status::closed);
  Writer next(memory.view);
  EXPECT_EQ(ahead.try_next(&value, 8), Status::empty);
}

}  // namespace
