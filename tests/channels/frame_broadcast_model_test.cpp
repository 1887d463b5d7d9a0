// Random operations against a list of everything that was published; all ring sizes, every place of a record at the
// ring's end, and starts near the limit of 64 bits.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "frame_broadcast_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using Writer = rtlane::detail::FrameBroadcastWriterCore<>;
using Subscriber = rtlane::detail::FrameBroadcastSubscriberCore<>;
using From = Subscriber::From;
using rtlane::detail::frame_record_bytes;

struct Tracked {
  Subscriber core;
  std::uint64_t next;        // frame, counted from 0
  std::uint64_t lost = 0;    // in all
  std::uint64_t writer = 0;  // whose frame came last; 0 = none yet
  bool changed = false;
};

class Exerciser {
public:
  Exerciser(std::uint64_t capacity, std::uint64_t longest, std::uint64_t start, std::uint64_t first_number,
            std::uint64_t seed)
      : random_(seed),
        capacity_(capacity),
        start_(start),
        first_number_(first_number),
        memory_(capacity, longest, start, first_number),
        longest_(memory_.view.frame_bytes_max),
        buffer_(longest_)
  {
    positions_.push_back(0);
    intent_ = 0;
    new_writer();
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      if (below(40) == 0)
        speed_ = below(4);
      operation(below(16));
    }
  }

  std::uint64_t losses = 0;
  std::uint64_t changes = 0;
  std::uint64_t too_small = 0;

private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::uint64_t published() const { return written_by_.size(); }

  void operation(std::uint64_t kind)
  {
    if (kind < 6)
      return publish(speed_ == 0 ? 1 : below(speed_ * 12));
    if (kind == 6 && below(8) == 0)
      return new_writer();
    if (kind == 7 && below(8) == 0) {
      writer_.close();
      ended_ = true;
      return;
    }
    if (kind == 8 && subscribers_.size() < 5)
      return join();
    if (subscribers_.empty())
      return;
    Tracked& mine = subscribers_[below(subscribers_.size())];
    if (kind < 15)
      take(mine);
    else if (below(20) == 0)
      subscribers_.erase(subscribers_.begin() + static_cast<std::ptrdiff_t>(&mine - subscribers_.data()));
    else
      ask(mine);
  }

  void new_writer()
  {
    if (below(2) == 0)
      writer_.detach();
    writer_ = Writer(memory_.view);
    ++run_;
    ended_ = false;
    EXPECT_EQ(writer_.number(), first_number_ + published());
  }

  void publish(std::uint64_t count)
  {
    for (; count > 0; --count) {
      const Bytes frame = frame_of(run_, first_number_ + published(), longest_);
      EXPECT_EQ(writer_.publish(frame.data(), frame.size()), ended_ ? Status::closed : Status::ok);
      if (ended_)
        return;
      written_by_.push_back(run_);
      positions_.push_back(positions_.back() + frame_record_bytes(frame.size()));
      intent_ = positions_.back() + 8;
    }
    if (below(20) == 0) {
      const Bytes giant(longest_ + 1);
      EXPECT_EQ(writer_.publish(giant.data(), giant.size()), ended_ ? Status::closed : Status::too_large);
    }
  }

  // The first frame that begins in the segment that is `skipped` after the first whole one, or later.
  std::uint64_t first_of_segment(std::uint64_t skipped) const
  {
    const std::uint64_t segment = capacity_ / 8;
    // The segments are those of the ring, the positions here begin at 0.
    const std::uint64_t oldest = start_ + intent_ - capacity_;
    const std::uint64_t boundary = (oldest + segment - 1) / segment * segment + skipped * segment - start_;
    std::uint64_t frame = 0;
    while (positions_[frame] < boundary)
      ++frame;
    return frame;
  }

  void join()
  {
    Subscriber core;
    const bool now = below(2) == 0;
    ASSERT_TRUE(core.join(memory_.view, now ? From::now : From::oldest));
    const std::uint64_t next = now ? published() : intent_ <= capacity_ ? 0 : first_of_segment(0);
    EXPECT_EQ(core.number(), first_number_ + next);
    subscribers_.push_back({core, next});
  }

  void take(Tracked& mine)
  {
    Status wanted = Status::ok;
    if (mine.next == published())
      wanted = ended_ ? Status::closed : Status::empty;
    else if (intent_ - positions_[mine.next] > capacity_)
      wanted = Status::lost;
    const std::uint64_t number = first_number_ + mine.next;
    std::size_t room = longest_;
    if (wanted == Status::ok && below(4) == 0) {
      room = below(longest_ + 1);
      if (frame_of(written_by_[mine.next], number, longest_).size() > room)
        wanted = Status::too_small;
    }
    std::size_t length = 12345;
    ASSERT_EQ(mine.core.try_next(buffer_.data(), room, length), wanted) << "number " << number;
    if (wanted == Status::ok) {
      const std::uint64_t writer = written_by_[mine.next];
      EXPECT_EQ(Bytes(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(length)),
                frame_of(writer, number, longest_));
      mine.changed |= mine.writer != writer && mine.writer != 0;
      mine.writer = writer;
      ++mine.next;
    } else if (wanted == Status::lost) {
      const std::uint64_t resume = first_of_segment(1);
      EXPECT_EQ(mine.core.lost(), resume - mine.next);
      mine.lost += resume - mine.next;
      mine.next = resume;
      ++losses;
    } else if (wanted == Status::too_small) {
      EXPECT_EQ(length, frame_of(written_by_[mine.next], number, longest_).size());
      ++too_small;
    } else {
      EXPECT_EQ(length, 12345u);
    }
    EXPECT_EQ(mine.core.number(), first_number_ + mine.next);
    EXPECT_EQ(mine.core.lost_total(), mine.lost);
  }

  void ask(Tracked& mine)
  {
    EXPECT_EQ(mine.core.take_changed(), mine.changed);
    changes += mine.changed ? 1 : 0;
    mine.changed = false;
  }

  std::mt19937_64 random_;
  std::uint64_t capacity_;
  std::uint64_t start_;
  std::uint64_t first_number_;
  FrameBroadcastMemory<> memory_;
  std::uint64_t longest_;
  Bytes buffer_;
  Writer writer_;
  std::uint64_t run_ = 0;
  bool ended_ = false;
  std::vector<std::uint64_t> written_by_;  // by frame, counted from 0
  std::vector<std::uint64_t> positions_;   // of each frame and of the next one, counted from 0
  std::uint64_t intent_ = 0;
  std::vector<Tracked> subscribers_;
  std::uint64_t speed_ = 0;
};

TEST(FrameBroadcastModel, RandomOperationsDoWhatTheListSays)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::uint64_t losses = 0;
  std::uint64_t changes = 0;
  std::uint64_t too_small = 0;
  const int steps = static_cast<int>(test_count("RTLANE_TEST_STEPS", sanitized ? 300 : 1500));
  for (const std::uint64_t start :
       {std::uint64_t{0}, std::uint64_t{8 * 77}, (std::uint64_t{1} << 63) - 48, UINT64_MAX - 8 * 100 + 1}) {
    for (const std::uint64_t number : {std::uint64_t{0}, UINT64_MAX - 20}) {
      for (const std::uint64_t capacity : {256, 512, 4096}) {
        for (const std::uint64_t longest : {std::uint64_t{1}, std::uint64_t{9}, UINT64_MAX}) {
          SCOPED_TRACE("start " + std::to_string(start) + ", number " + std::to_string(number) + ", " +
                       std::to_string(capacity) + " bytes, longest " + std::to_string(longest));
          Exerciser exerciser(capacity, longest, start, number, seed + capacity * 1000 + longest);
          exerciser.run(steps);
          losses += exerciser.losses;
          changes += exerciser.changes;
          too_small += exerciser.too_small;
          ASSERT_FALSE(HasFailure());
        }
      }
    }
  }
  EXPECT_GT(losses, 100u);
  EXPECT_GT(changes, 100u);
  EXPECT_GT(too_small, 100u);
}

// Every length at every place of the ring, so that each word of a record comes to lie at the ring's end.
TEST(FrameBroadcastModel, EveryLengthAtEveryPlace)
{
  constexpr std::uint64_t capacity = 512;
  Bytes buffer(64);
  for (std::uint64_t start = 0; start < capacity; start += 8) {
    for (std::size_t length = 0; length <= 48; ++length) {
      FrameBroadcastMemory<> memory(capacity, UINT64_MAX, start);
      ASSERT_EQ(memory.view.frame_bytes_max, 48u);
      Writer writer(memory.view);
      Subscriber subscriber;
      ASSERT_TRUE(subscriber.join(memory.view, From::oldest));
      Bytes frame(length);
      for (std::size_t i = 0; i < length; ++i)
        frame[i] = static_cast<unsigned char>(mix(i + start));
      ASSERT_EQ(writer.publish(frame.data(), length), Status::ok);
      std::size_t got = 0;
      ASSERT_EQ(subscriber.try_next(buffer.data(), length, got), Status::ok);
      ASSERT_EQ(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got)), frame);
      ASSERT_EQ(subscriber.try_next(buffer.data(), length, got), Status::empty);
    }
  }
}

TEST(FrameBroadcastModel, AnEndpointWithoutAChannelAnswersClosed)
{
  Writer writer;
  Subscriber subscriber;
  std::size_t length = 7;
  EXPECT_EQ(writer.publish("", 0), Status::closed);
  EXPECT_EQ(subscriber.try_next(&length, sizeof length, length), Status::closed);
  EXPECT_EQ(length, 7u);
  writer.close();
  writer.detach();
}

}  // namespace
