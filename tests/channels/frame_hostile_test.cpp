// A peer that writes anything anywhere, at any moment: wrong data or `corrupt`, never an access outside the frames'
// area, never a frame longer than the longest, never more steps than stated.
//
// Lines and frames lie between pages that nobody may touch, the last frame's end where a page ends. HostileWord stands
// in for the shared words, frames' headers included: each load may see something else than what was stored, which is
// what a hostile peer can do between any two instructions, and each access is counted.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "frame_support.hpp"
#include "hostile_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using rtlane::detail::FrameBytes;

// What the "peer" does, and what the operation under test did.
struct Peer : HostilePeer {
  static inline std::uint64_t position = 0;  // something near the truth, for lies that are hard to see
  static inline std::uint64_t longest = 0;

  static std::uint64_t lie(std::uint64_t truth)
  {
    using namespace rtlane::detail;
    const std::uint64_t kind = random() % 11;
    switch (kind) {
      case 6:
        return position + random() % 50 * 8;  // a plausible index
      case 7:
        return position - random() % 50 * 8;
      case 8:  // a plausible header, with a length about the longest
        return frame_header(frame_epoch(1 + random() % 3), position + random() % 9 * 8, longest + random() % 17 - 8);
      case 9:  // with the longest length that the word can hold, and one that overflows when it is rounded up
        return truth | (random() % 2 == 0 ? 0xffff'ffff : 0xffff'fff8);
      case 10:
        return truth + (std::uint64_t{1} << 48);  // another epoch
      default:
        return plain_lie(truth, kind);
    }
  }
};

using HostileWord = LyingWord<Peer>;
static_assert(sizeof(HostileWord) == 8);

using Producer = rtlane::detail::FrameProducerCore<HostileWord>;
using Consumer = rtlane::detail::FrameConsumerCore<HostileWord>;
using View = rtlane::detail::FrameRingView<HostileWord>;

class Fight {
public:
  Fight(std::uint64_t capacity, std::uint64_t align, std::uint64_t longest)
      : lines_(512),
        area_(View::area_bytes(capacity, align, longest)),
        view_(lines_.begin(), area_.begin(), capacity, align, longest)
  {
    Peer::longest = longest;
    attach_producer();
    attach_consumer();
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      if (Peer::random() % 16 == 0)
        scribble(Peer::random() % 2 == 0 ? lines_ : area_);
      Peer::position = Peer::random() % 2 == 0 ? producer_.size_estimate() : 8 * step;
      operation(Peer::random() % 8);
    }
  }

private:
  // Overwrites shared words, the private copies of both sides being all that is left of the truth.
  static void scribble(const GuardedBytes& memory)
  {
    rtlane::detail::show_bytes(memory.begin(), memory.size());
    for (std::uint64_t i = 1 + Peer::random() % 4; i > 0; --i) {
      const std::uint64_t word = Peer::random() % (memory.size() / 8);
      std::uint64_t value;
      std::memcpy(&value, memory.begin() + 8 * word, 8);
      value = Peer::lie(value);
      std::memcpy(memory.begin() + 8 * word, &value, 8);
    }
  }

  void attach_producer()
  {
    producer_ = within(4, 4, "attach a producer", [&] { return Producer(view_); });
  }
  void attach_consumer()
  {
    consumer_ = within(7, 3, "attach a consumer", [&] { return Consumer(view_); });
  }

  void operation(std::uint64_t kind)
  {
    switch (kind) {
      case 0:
      case 1:
        return push(1);
      case 2:
      case 3:
        return pop();
      case 4:
        return push(1 + Peer::random() % 8);
      case 5:
        return show_many();
      case 6:
        return peek();
      default:
        return rare();
    }
  }

  void expect_inside(const std::byte* begin, std::uint64_t bytes) const
  {
    EXPECT_GE(begin, area_.begin() + 8);
    EXPECT_LE(begin + bytes, area_.end());
    EXPECT_LE(bytes, view_.frame_bytes_max);
    EXPECT_EQ((begin - area_.begin()) & static_cast<std::ptrdiff_t>(view_.align_mask), 0);
  }
  void read(const std::byte* data, std::uint64_t bytes)
  {
    expect_inside(data, bytes);
    unsigned sum = 0;
    for (std::uint64_t i = 0; i < bytes; ++i)
      sum += std::to_integer<unsigned>(data[i]);
    sink_ = sum;
  }

  void push(std::uint64_t count)
  {
    for (; count > 0; --count) {
      const std::uint64_t bytes = Peer::random() % 64 == 0 ? Peer::random() : Peer::random() % (Peer::longest + 2);
      std::byte* place = within(2, 1, "claim", [&] { return producer_.claim(bytes); });
      if (place == nullptr) {
        const Status why = producer_.last_status();
        EXPECT_TRUE(why == Status::full || why == Status::corrupt || why == Status::closed || why == Status::too_large);
        break;
      }
      expect_inside(place, bytes);
      std::memset(place, 0xee, bytes);
      within(0, 1, "stage", [&] { return producer_.stage(bytes - Peer::random() % (bytes + 1)); });
    }
    if (Peer::random() % 16 == 0)
      producer_.discard();
    within(0, 1, "commit", [&] { return producer_.commit(); });
  }

  FrameBytes look()
  {
    const FrameBytes found = within(3, 3, "look", [&] { return consumer_.look(); });
    if (found.data == nullptr) {
      const Status why = consumer_.last_status();
      EXPECT_TRUE(why == Status::empty || why == Status::corrupt || why == Status::closed);
    }
    return found;
  }

  void pop()
  {
    const FrameBytes found = look();
    if (found.data == nullptr)
      return;
    read(found.data, found.bytes);
    within(0, 1, "take", [&] { return consumer_.take(), 0; });
  }

  void show_many()
  {
    std::vector<std::span<const std::byte>> batch(Peer::random() % 40);
    const std::size_t got =
        within(3 + 3 * batch.size(), 4 + batch.size(), "show", [&] { return consumer_.show(batch); });
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < got; ++i) {
      read(batch[i].data(), batch[i].size());
      bytes += view_.record_bytes(batch[i].size());
    }
    EXPECT_LE(bytes, view_.capacity());
    const std::uint64_t wanted = Peer::random() % (consumer_.shown() + 2);
    within(wanted, 1, "take what was shown", [&] { return consumer_.take_shown(wanted); });
  }

  void peek()
  {
    const FrameBytes found = look();
    if (found.data == nullptr)
      return;
    within(0, 1, "mark_shown", [&] { return consumer_.mark_shown(), 0; });
    read(found.data, found.bytes);
    (void)consumer_.redelivered();
    within(1, 1, "take_changed", [&] { return consumer_.take_changed(); });
    if (Peer::random() % 2 == 0)
      within(1, 1, "take what was shown", [&] { return consumer_.take_shown(1); });
  }

  void rare()
  {
    EXPECT_LE(within(1, 0, "size of the producer", [&] { return producer_.size_estimate(); }), view_.capacity());
    EXPECT_LE(within(1, 0, "size of the consumer", [&] { return consumer_.size_estimate(); }), view_.capacity());
    switch (Peer::random() % 8) {
      case 0:
        within(0, 1, "close", [&] { return producer_.close(), 0; });
        return;
      case 1:
        within(0, 1, "detach", [&] { return producer_.detach(), 0; });
        return attach_producer();
      case 2:
        return attach_producer();  // the former one was killed
      case 3:
        consumer_.detach();
        return attach_consumer();
      case 4:
        return attach_consumer();
      default:
        return;
    }
  }

  GuardedBytes lines_;
  GuardedBytes area_;
  View view_;
  Producer producer_;
  Consumer consumer_;
  volatile unsigned sink_ = 0;
};

TEST(FrameRingHostile, APeerThatLiesInEveryWordReachesNothingOutsideAndDelaysNothing)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  const int steps = sanitized ? 5000 : 60000;
  for (const std::uint64_t align : {8, 64}) {
    for (const std::uint64_t capacity : {64, 256, 4096}) {
      for (const std::uint64_t longest : {std::uint64_t{0}, capacity / 4 + 3, capacity - 8}) {
        for (const unsigned lies : {0u, 8u, 128u, 256u}) {
          SCOPED_TRACE("align " + std::to_string(align) + ", capacity " + std::to_string(capacity) + ", longest " +
                       std::to_string(longest) + ", " + std::to_string(lies) + "/256 lies");
          Peer::lies_per_256 = lies;
          Fight(capacity, align, longest).run(steps);
          if (HasFailure())
            return;
        }
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

TEST(FrameRingHostile, TheHotPathTouchesTheWordsThatItSays)
{
  Peer::lies_per_256 = 0;
  const PlainFrameRing<HostileWord> ring(256, 8, 120);
  Producer producer{ring.view()};
  Consumer consumer{ring.view()};
  const auto push = [&] { EXPECT_EQ(push_frame(producer, Bytes(24)), Status::ok); };
  Bytes got;
  const auto pop = [&] { EXPECT_EQ(pop_frame(consumer, got), Status::ok); };
  for (std::uint64_t i = 0; i < 100; ++i) {
    // Eight frames of 32 bytes fit: the consumer's progress is looked at once per lap. The first of all pops files the
    // producer that it meets. Header and tail are two words each way.
    exactly(i % 8 == 0 ? 1 : 0, 2, "push", push);
    exactly(2, i == 0 ? 3 : 1, "pop", pop);
    exactly(2, 0, "pop of an empty ring", [&] { EXPECT_EQ(pop_frame(consumer, got), Status::empty); });
  }
  // A batch is committed by one store, and found by one load.
  exactly(0, 4, "a batch of three", [&] {
    for (int i = 0; i < 3; ++i) {
      EXPECT_NE(producer.claim(24), nullptr);
      EXPECT_TRUE(producer.stage(24));
    }
    EXPECT_TRUE(producer.commit());
  });
  std::span<const std::byte> shown[3];
  exactly(4, 1, "three frames shown", [&] { EXPECT_EQ(consumer.show(shown), 3u); });
  exactly(0, 1, "all of them taken", [&] { EXPECT_TRUE(consumer.take_shown(3)); });
  for (int i = 0; i < 8; ++i)
    push();
  exactly(2, 1, "push into a full ring", [&] { EXPECT_EQ(push_frame(producer, Bytes(24)), Status::full); });
  exactly(0, 0, "push of what is too large", [&] { EXPECT_EQ(push_frame(producer, Bytes(121)), Status::too_large); });

  // Another producer, then what a former consumer has seen.
  for (int i = 0; i < 8; ++i)
    pop();
  producer = Producer(ring.view());
  push();
  exactly(2, 3, "pop of another producer's first frame", pop);
  push();
  EXPECT_NE(consumer.look().data, nullptr);
  consumer.mark_shown();
  consumer = Consumer(ring.view());
  exactly(3, 2, "pop of what comes again", pop);
}

// ---- each kind of damage has its answer

class FrameRingDamage : public ::testing::Test {
protected:
  PlainFrameRing<> ring_{64, 8, 24};
  rtlane::detail::FrameProducerCore<> producer_{ring_.view()};
  rtlane::detail::FrameConsumerCore<> consumer_{ring_.view()};
  Bytes got_;
  const Bytes some_ = frame(1, 1, 24);

  std::atomic<std::uint64_t>& header(std::uint64_t position) const
  {
    return ring_.view().header(ring_.view().place(position));
  }
};

TEST_F(FrameRingDamage, AHeadThatIsNotBehindTheProducerIsCorrupt)
{
  ASSERT_EQ(push_frame(producer_, some_), Status::ok);
  ASSERT_EQ(push_frame(producer_, some_), Status::ok);
  for (const std::uint64_t head : {std::uint64_t{72}, UINT64_MAX - 7, std::uint64_t{3}, UINT64_MAX - 63}) {
    ring_.view().consumer->head = head;
    EXPECT_EQ(push_frame(producer_, some_), Status::corrupt) << head;
  }
  ring_.view().consumer->head = 32;
  EXPECT_EQ(push_frame(producer_, some_), Status::ok);  // the truth again: it goes on
  // Ahead of what is committed, and not of what is staged.
  ring_.view().consumer->head = 64;
  ASSERT_NE(producer_.claim(24), nullptr);
  ASSERT_TRUE(producer_.stage(24));
  ring_.view().consumer->head = 104;
  EXPECT_EQ(producer_.claim(24), nullptr);
  EXPECT_EQ(producer_.last_status(), Status::corrupt);
}

TEST_F(FrameRingDamage, ATailThatIsNotAheadOfTheConsumerIsCorrupt)
{
  for (const std::uint64_t tail : {std::uint64_t{72}, UINT64_MAX - 7, std::uint64_t{4}}) {
    ring_.view().producer->tail = tail;
    EXPECT_EQ(pop_frame(consumer_, got_), Status::corrupt) << tail;
    std::span<const std::byte> shown[2];
    EXPECT_EQ(consumer_.show(shown), 0u);
    EXPECT_EQ(consumer_.last_status(), Status::corrupt);
  }
  ring_.view().producer->tail = 0;
  EXPECT_EQ(pop_frame(consumer_, got_), Status::empty);
}

TEST_F(FrameRingDamage, AHeaderThatNoProducerWritesIsCorrupt)
{
  using namespace rtlane::detail;
  ASSERT_EQ(push_frame(producer_, some_), Status::ok);
  const std::uint64_t good = header(0);
  for (const std::uint64_t word : {std::uint64_t{0}, std::uint64_t{24}, UINT64_MAX, frame_header(frame_epoch(1), 8, 24),
                                   frame_header(frame_epoch(0), 0, 24), frame_header(frame_epoch(0xffff), 0, 24),
                                   frame_header(frame_epoch(1), 0, 25), frame_header(frame_epoch(1), 0, 0xffff'fff8)}) {
    header(0) = word;
    EXPECT_EQ(pop_frame(consumer_, got_), Status::corrupt) << std::hex << word;
    EXPECT_EQ(consumer_.size_estimate(), 32u);
  }
  header(0) = frame_header(frame_epoch(1), 0, 8);  // shorter than what was committed: wrong data, then no header
  EXPECT_EQ(pop_frame(consumer_, got_), Status::ok);
  EXPECT_EQ(pop_frame(consumer_, got_), Status::corrupt);
  header(0) = good;
}

TEST_F(FrameRingDamage, ALengthThatGrowsAfterItWasReadGrowsNothing)
{
  using namespace rtlane::detail;
  ASSERT_EQ(push_frame(producer_, frame(1, 1, 8)), Status::ok);
  ASSERT_EQ(push_frame(producer_, frame(1, 2, 8)), Status::ok);
  const FrameBytes found = consumer_.look();
  header(0) = frame_header(frame_epoch(1), 0, 24);
  EXPECT_EQ(found.bytes, 8u);
  consumer_.take();
  EXPECT_EQ(pop_frame(consumer_, got_), Status::ok);
  EXPECT_EQ(got_, frame(1, 2, 8));

  // Of frames that are shown, the headers are read again, and checked again.
  ASSERT_EQ(push_frame(producer_, frame(1, 3, 8)), Status::ok);
  ASSERT_EQ(push_frame(producer_, frame(1, 4, 8)), Status::ok);
  std::span<const std::byte> shown[2];
  ASSERT_EQ(consumer_.show(shown), 2u);
  header(32) = frame_header(frame_epoch(1), 32, 24);
  EXPECT_FALSE(consumer_.take_shown(1));
  EXPECT_TRUE(consumer_.take_shown(2));
  EXPECT_EQ(pop_frame(consumer_, got_), Status::empty);
}

TEST_F(FrameRingDamage, ANonsensePeekMarkFlagsNothing)
{
  ASSERT_EQ(push_frame(producer_, some_), Status::ok);
  for (const std::uint64_t mark : {std::uint64_t{72}, UINT64_MAX}) {
    ring_.view().consumer->peeked_until = mark;
    rtlane::detail::FrameConsumerCore<> consumer{ring_.view()};
    ASSERT_NE(consumer.look().data, nullptr);
    consumer.mark_shown();
    EXPECT_FALSE(consumer.redelivered());
  }
}

}  // namespace
