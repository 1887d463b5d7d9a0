// A peer that writes anything anywhere, at any moment: wrong data or `corrupt`, never an access outside the ring, never
// more steps than stated.
//
// The ring lies between two pages that nobody may touch. HostileWord stands in for the shared words: each load may
// see something else than what was stored, which is what a hostile peer can do between any two instructions, and
// each access is counted.
#include <gtest/gtest.h>
#include <rtlane/channels/spsc_core.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <cstring>
#include <optional>
#include <random>
#include <string>

#include "hostile_support.hpp"
#include "ring_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SpscRing;
using rtlane::Status;

// What the "peer" does, and what the operation under test did.
struct Peer : HostilePeer {
  static inline std::uint64_t position = 0;  // something near the truth, for lies that are hard to see

  static std::uint64_t lie(std::uint64_t truth)
  {
    const std::uint64_t kind = random() % 9;
    switch (kind) {
      case 6:
        return position + random() % 5;  // a plausible head
      case 7:
        return rtlane::detail::spsc_word(random() % 0x10000, position + random() % 3);  // a plausible slot word
      case 8:
        return truth + (std::uint64_t{1} << 48);  // another epoch
      default:
        return plain_lie(truth, kind);
    }
  }
};

using HostileWord = LyingWord<Peer>;
static_assert(sizeof(HostileWord) == 8);

// A ring between guard pages, its last slot ending where the page ends.
class GuardedRing {
public:
  GuardedRing(std::uint64_t capacity, std::uint64_t element_bytes)
      : capacity_(capacity),
        stride_((8 + element_bytes + 7) / 8 * 8),
        element_bytes_(element_bytes),
        bytes_(512 + capacity * stride_)
  {}

  rtlane_channel_layout layout() const
  {
    rtlane_channel_layout made{};
    made.base = bytes_.begin();
    made.total_bytes = bytes_.size();
    made.capacity = capacity_;
    made.slots_offset = 512;
    made.slot_stride_bytes = stride_;
    made.value_offset = 8;
    made.element_bytes = element_bytes_;
    return made;
  }

  bool is_place_of_an_element(const std::byte* place) const
  {
    const std::ptrdiff_t offset = place - (bytes_.begin() + 512) - 8;
    return offset >= 0 && static_cast<std::uint64_t>(offset) % stride_ == 0 &&
           static_cast<std::uint64_t>(offset) / stride_ < capacity_;
  }

  std::byte* base() const { return bytes_.begin(); }
  std::uint64_t used() const { return bytes_.size(); }
  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t element_bytes() const { return element_bytes_; }

private:
  std::uint64_t capacity_;
  std::uint64_t stride_;
  std::uint64_t element_bytes_;
  GuardedBytes bytes_;
};

using Producer = rtlane::detail::SpscProducerCore<HostileWord>;
using Consumer = rtlane::detail::SpscConsumerCore<HostileWord>;
using View = rtlane::detail::SpscView<HostileWord>;

std::uint64_t log2_of(std::uint64_t power)
{
  std::uint64_t log = 0;
  while (power >>= 1)
    ++log;
  return log;
}

class Fight {
public:
  Fight(std::uint64_t capacity, std::uint64_t element_bytes) : ring_(capacity, element_bytes)
  {
    attach_producer();
    attach_consumer();
  }

  void run(int steps)
  {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      if (Peer::random() % 16 == 0)
        scribble();
      Peer::position = Peer::random() % 2 == 0 ? producer_.position() : consumer_.position();
      operation(Peer::random() % 8);
    }
  }

private:
  // Overwrites shared words, the private copies of both sides being all that is left of the truth.
  void scribble()
  {
    const std::uint64_t words = ring_.used() / 8;
    for (std::uint64_t i = 1 + Peer::random() % 4; i > 0; --i) {
      const std::uint64_t word = 16 + Peer::random() % (words - 16);
      std::uint64_t value;
      std::memcpy(&value, ring_.base() + 8 * word, 8);
      value = Peer::lie(value);
      std::memcpy(ring_.base() + 8 * word, &value, 8);
    }
  }

  void attach_producer()
  {
    const std::uint64_t loads = 4 + log2_of(ring_.capacity()) + 1;
    producer_ = within(loads, 4, "attach a producer", [&] { return Producer(View(ring_.layout())); });
  }
  void attach_consumer()
  {
    consumer_ = within(7, 3, "attach a consumer", [&] { return Consumer(View(ring_.layout())); });
  }

  void operation(std::uint64_t kind)
  {
    switch (kind) {
      case 0:
      case 1:
        return push();
      case 2:
      case 3:
        return pop();
      case 4:
        return push_many();
      case 5:
        return pop_many();
      case 6:
        return peek();
      default:
        return rare();
    }
  }

  void fill(std::byte* place)
  {
    EXPECT_TRUE(ring_.is_place_of_an_element(place));
    std::memset(place, 0xee, ring_.element_bytes());
  }
  void read(const std::byte* value)
  {
    EXPECT_TRUE(ring_.is_place_of_an_element(value));
    unsigned sum = 0;
    for (std::uint64_t i = 0; i < ring_.element_bytes(); ++i)
      sum += std::to_integer<unsigned>(value[i]);
    sink_ = sum;
  }

  void push()
  {
    std::byte* place = within(2, 1, "claim", [&] { return producer_.claim(); });
    if (place == nullptr) {
      const Status why = producer_.last_status();
      EXPECT_TRUE(why == Status::full || why == Status::corrupt || why == Status::closed);
      return;
    }
    fill(place);
    within(0, 1, "publish", [&] { return producer_.publish(), 0; });
  }

  void push_many()
  {
    const std::uint64_t wanted = Peer::random() % (2 * ring_.capacity());
    const std::uint64_t room = within(2, 1, "room", [&] { return producer_.room(wanted); });
    EXPECT_LE(room, ring_.capacity());
    for (std::uint64_t i = 0; i < std::min(room, wanted); ++i) {
      std::byte* place = within(0, 0, "claim with room", [&] { return producer_.claim(); });
      ASSERT_NE(place, nullptr);
      fill(place);
      producer_.publish();
    }
  }

  void pop()
  {
    const std::byte* value = within(3, 3, "look", [&] { return consumer_.look(); });
    if (value == nullptr) {
      const Status why = consumer_.last_status();
      EXPECT_TRUE(why == Status::empty || why == Status::corrupt || why == Status::closed);
      return;
    }
    read(value);
    within(0, 1, "take", [&] { return consumer_.step(), consumer_.give_back(), 0; });
  }

  // As try_pop_n does; a peer that goes on answering "ready" is ended by the size of the batch.
  void pop_many()
  {
    const std::uint64_t wanted = 1 + Peer::random() % (2 * ring_.capacity());
    const std::byte* value = within(3, 3, "look", [&] { return consumer_.look(); });
    if (value == nullptr)
      return;
    std::uint64_t count = 0;
    do {
      read(consumer_.value());
      consumer_.step();
      ++count;
    } while (count < wanted && within(1, 0, "continues", [&] { return consumer_.continues(); }));
    consumer_.give_back();
  }

  void peek()
  {
    const std::byte* value = within(3, 3, "look", [&] { return consumer_.look(); });
    if (value == nullptr)
      return;
    within(0, 1, "mark_peeked", [&] { return consumer_.mark_peeked(), 0; });
    read(value);
    (void)consumer_.redelivered();
    within(1, 1, "take_changed", [&] { return consumer_.take_changed(); });
    if (Peer::random() % 2 == 0) {
      consumer_.step();
      consumer_.give_back();
    }
  }

  void rare()
  {
    const std::uint64_t search = log2_of(ring_.capacity()) + 1;
    EXPECT_LE(within(1, 0, "size of the producer", [&] { return producer_.size_estimate(); }), ring_.capacity());
    EXPECT_LE(within(search, 0, "size of the consumer", [&] { return consumer_.size_estimate(); }), ring_.capacity());
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

  GuardedRing ring_;
  Producer producer_;
  Consumer consumer_;
  volatile unsigned sink_ = 0;
};

TEST(SpscHostile, APeerThatLiesInEveryWordReachesNothingOutsideAndDelaysNothing)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  const int steps = sanitized ? 5000 : 100000;
  for (const std::uint64_t capacity : {1, 2, 4, 64, 1024}) {
    for (const std::uint64_t element_bytes : {1, 16, 48, 200}) {
      for (const unsigned lies : {0u, 8u, 128u, 256u}) {
        SCOPED_TRACE("capacity " + std::to_string(capacity) + ", " + std::to_string(element_bytes) + " bytes, " +
                     std::to_string(lies) + "/256 lies");
        Peer::lies_per_256 = lies;
        Fight(capacity, element_bytes).run(steps);
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

TEST(SpscHostile, TheHotPathTouchesTheWordsThatItSays)
{
  Peer::lies_per_256 = 0;
  GuardedRing ring(8, 16);
  Producer producer{View(ring.layout())};
  Consumer consumer{View(ring.layout())};
  const auto push = [&] {
    EXPECT_NE(producer.claim(), nullptr);
    producer.publish();
  };
  const auto pop = [&] {
    EXPECT_NE(consumer.look(), nullptr);
    consumer.step();
    consumer.give_back();
  };
  for (std::uint64_t lap = 0; lap < 100; ++lap) {
    // The consumer's progress is looked at once per lap. The first of all pops files the producer that it meets.
    exactly(lap % 8 == 0 && lap != 0 ? 1 : 0, 1, "push", push);
    exactly(1, lap == 0 ? 3 : 1, "pop", pop);
    exactly(2, 0, "pop of an empty ring", [&] { EXPECT_EQ(consumer.look(), nullptr); });
  }
  for (int i = 0; i < 8; ++i)
    push();
  exactly(2, 1, "push into a full ring", [&] { EXPECT_EQ(producer.claim(), nullptr); });
  exactly(2, 1, "a batch into a full ring", [&] { EXPECT_EQ(producer.room(3), 0u); });
  pop();
  exactly(2, 1, "a batch that is cut short", [&] { EXPECT_EQ(producer.room(3), 1u); });
  exactly(0, 0, "a batch with room", [&] { EXPECT_EQ(producer.room(1), 1u); });

  // Another producer, then what a former consumer has seen.
  producer = Producer(View(ring.layout()));
  push();
  for (int i = 0; i < 7; ++i)
    pop();
  exactly(1, 3, "pop of another producer's first element", pop);
  push();
  EXPECT_NE(consumer.look(), nullptr);
  consumer.mark_peeked();
  consumer = Consumer(View(ring.layout()));
  exactly(3, 2, "pop of what comes again", pop);
}

// ---- each kind of damage has its answer

struct Shared {
  using Words = std::atomic<std::uint64_t>;
  explicit Shared(const SpscRing<std::uint64_t>& ring) : view(ring.channel().layout()) {}
  Words& seq(std::uint64_t position) const { return view.seq(view.slot(position)); }
  rtlane::detail::SpscView<Words> view;
};

class SpscDamage : public ::testing::Test {
protected:
  SpscRing<std::uint64_t> ring_ = SpscRing<std::uint64_t>::in_memory(4).value();
  SpscRing<std::uint64_t>::Producer producer_ = ring_.producer().value();
  SpscRing<std::uint64_t>::Consumer consumer_ = ring_.consumer().value();
  Shared shared_{ring_};
  std::uint64_t got_ = 0;
};

TEST_F(SpscDamage, AHeadAheadOfTheProducerIsCorrupt)
{
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(producer_.try_push(1), Status::ok);
  shared_.view.consumer->head = 5;
  EXPECT_EQ(producer_.try_push(1), Status::corrupt);
  EXPECT_EQ(producer_.claim(), nullptr);
  EXPECT_EQ(producer_.last_status(), Status::corrupt);
  shared_.view.consumer->head = UINT64_MAX;
  EXPECT_EQ(producer_.try_push(1), Status::corrupt);
  const std::uint64_t two[2] = {1, 2};
  EXPECT_EQ(producer_.try_push_n(two), 0u);
  EXPECT_EQ(producer_.last_status(), Status::corrupt);
  shared_.view.consumer->head = 1;
  EXPECT_EQ(producer_.try_push(1), Status::ok);  // the truth again: it goes on
}

TEST_F(SpscDamage, ASequenceWordThatNoProducerWritesIsCorrupt)
{
  for (const std::uint64_t word :
       {std::uint64_t{7}, UINT64_MAX, std::uint64_t{1} << 48, rtlane::detail::spsc_word(0, 0),
        rtlane::detail::spsc_word(1, 4), rtlane::detail::spsc_word(0xffff, 4)}) {
    shared_.seq(0) = word;
    EXPECT_EQ(consumer_.try_pop(got_), Status::corrupt) << std::hex << word;
    EXPECT_EQ(consumer_.peek(), nullptr);
    EXPECT_EQ(consumer_.try_pop_n({&got_, 1}), 0u);
    EXPECT_EQ(consumer_.last_status(), Status::corrupt);
  }
  shared_.seq(0) = 0;
  EXPECT_EQ(consumer_.try_pop(got_), Status::empty);
  EXPECT_EQ(consumer_.size_estimate(), 0u);
}

TEST_F(SpscDamage, AScribbledHeaderChangesNothingForWhoIsAttached)
{
  auto* base = static_cast<unsigned char*>(ring_.channel().layout().base);
  std::memset(base, 0xff, 128);
  std::memset(base + 512, 0xff, ring_.channel().layout().slots_offset - 512);
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_EQ(producer_.try_push(i), Status::ok);
    ASSERT_EQ(consumer_.try_pop(got_), Status::ok);
    ASSERT_EQ(got_, i);
  }
  EXPECT_EQ(ring_.capacity(), 4u);
  EXPECT_STREQ(ring_.info().type_name, "uint64");
}

TEST_F(SpscDamage, ANonsensePeekMarkFlagsNothing)
{
  ASSERT_EQ(producer_.try_push(1), Status::ok);
  consumer_ = {};
  for (const std::uint64_t mark : {std::uint64_t{5}, UINT64_MAX}) {
    shared_.view.consumer->peeked_until = mark;
    auto consumer = ring_.consumer().value();
    ASSERT_NE(consumer.peek(), nullptr);
    EXPECT_FALSE(consumer.redelivered());
    shared_.view.consumer->peeked_until = 0;
  }
}

}  // namespace
