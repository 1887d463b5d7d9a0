// A peer that writes anything anywhere, at any moment: wrong data or `corrupt`, never an access outside the broadcast,
// never more steps than stated. And what the calls cost with an honest one.
//
// The broadcast lies between two pages that nobody may touch. HostileWord stands in for the shared words: each load may
// see something else than what was stored, which is what a hostile peer can do between any two instructions, and each
// access is counted.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "broadcast_support.hpp"
#include "hostile_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;

struct Peer : HostilePeer {
  static inline std::uint64_t number = 0;  // something near the truth, for lies that are hard to see

  static std::uint64_t lie(std::uint64_t truth)
  {
    const std::uint64_t kind = random() % 9;
    switch (kind) {
      case 6:
        return number + random() % 9;  // a plausible tail
      case 7:
        return rtlane::detail::broadcast_word(random() % 0x8000, number + random() % 5);  // a plausible slot word
      case 8:
        return truth + (std::uint64_t{1} << (48 + random() % 2));  // busy, another epoch
      default:
        return plain_lie(truth, kind);
    }
  }
};

using HostileWord = LyingWord<Peer>;

using Writer = rtlane::detail::BroadcastWriterCore<HostileWord>;
using Subscriber = rtlane::detail::BroadcastSubscriberCore<HostileWord>;
using Places = rtlane::detail::BroadcastPlaces<HostileWord>;
using View = rtlane::detail::BroadcastView<HostileWord>;

// A broadcast between guard pages, its last slot ending where the page ends.
class Guarded {
  GuardedBytes bytes_;

public:
  Guarded(std::uint64_t capacity, std::uint64_t element_bytes)
      : bytes_(broadcast_layout(nullptr, capacity, element_bytes).total_bytes),
        base(bytes_.begin()),
        view(broadcast_layout(base, capacity, element_bytes))
  {}

  // Any shared word becomes a lie, the private copies of all sides being all that is left of the truth.
  void scribble()
  {
    for (std::uint64_t i = 1 + Peer::random() % 4; i > 0; --i) {
      std::byte* at = base + 128 + Peer::random() % ((bytes_.size() - 128) / 8) * 8;
      std::uint64_t value;
      std::memcpy(&value, at, 8);
      value = Peer::lie(value);
      std::memcpy(at, &value, 8);
    }
  }

  std::byte* base;
  View view;
};

class Fight {
public:
  Fight(std::uint64_t capacity, std::uint64_t element_bytes)
      : ring_(capacity, element_bytes),
        bytes_(element_bytes),
        words_(rtlane::detail::torn_words(element_bytes)),
        out_(element_bytes + 16)
  {
    attach();
    join();
  }

  void run(int steps)
  {
    std::vector<unsigned char> value(bytes_);
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      if (Peer::random() % 16 == 0)
        ring_.scribble();
      Peer::number = Peer::random() % 2 == 0 ? writer_.number() : subscriber_.number();
      switch (Peer::random() % 10) {
        case 0:
        case 1:
        case 2:
          within(0, words_ + 3, "publish", [&] { return writer_.publish(value.data(), bytes_); });
          break;
        case 3:
        case 4:
        case 5:
          take();
          break;
        case 6:
          within(2 + words_, 0, "try_following", [&] { return subscriber_.try_following(out_.data(), bytes_); });
          break;
        case 7:
          join();
          break;
        default:
          rare();
      }
      for (std::size_t i = bytes_; i < out_.size(); ++i)
        EXPECT_EQ(out_[i], 0) << "written behind the buffer";
    }
  }

private:
  void take()
  {
    const std::uint64_t before = subscriber_.number();
    const std::uint64_t total = subscriber_.lost_total();
    const Status status = within(4 + words_, 0, "try_next", [&] { return subscriber_.try_next(out_.data(), bytes_); });
    const std::uint64_t went = subscriber_.number() - before;
    switch (status) {
      case Status::ok:
        EXPECT_EQ(went, 1u);
        return;
      case Status::lost:
        EXPECT_EQ(went, subscriber_.lost());
        EXPECT_NE(went, 0u);
        EXPECT_EQ(subscriber_.lost_total() - total, went);
        return;
      default:
        EXPECT_TRUE(status == Status::empty || status == Status::closed || status == Status::corrupt);
        EXPECT_EQ(went, 0u);
    }
  }

  void attach()
  {
    writer_ = within(6, 7, "attach", [&] { return Writer(ring_.view); });
  }

  void join()
  {
    const Places places = within(3, 0, "join", [&] { return Places(ring_.view); });
    EXPECT_LE(places.newest - places.oldest, ring_.view.capacity);
    const std::uint64_t from[] = {places.newest, places.oldest, Peer::random(), places.newest - Peer::random() % 9};
    subscriber_ = Subscriber(ring_.view, from[Peer::random() % 4]);
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

  Guarded ring_;
  std::size_t bytes_;
  std::uint64_t words_;
  std::vector<unsigned char> out_;
  Writer writer_;
  Subscriber subscriber_;
};

TEST(BroadcastHostile, APeerThatLiesInEveryWordReachesNothingOutsideAndDelaysNothing)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  const int steps = sanitized ? 3000 : 40000;
  for (const std::uint64_t capacity : {1, 2, 4, 64, 1024}) {
    for (const std::uint64_t element_bytes : {1, 16, 44, 200}) {
      for (const unsigned lies : {0u, 8u, 128u, 256u}) {
        SCOPED_TRACE("depth " + std::to_string(capacity) + ", " + std::to_string(element_bytes) + " bytes, " +
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

TEST(BroadcastHostile, TheCallsTouchTheWordsThatTheySay)
{
  Peer::lies_per_256 = 0;
  Guarded ring(8, 16);
  Writer writer(ring.view);
  Subscriber subscriber(ring.view, 0);
  const std::uint64_t element[2] = {1, 2};
  std::uint64_t out[2];
  const auto take = [&](Status wanted) { EXPECT_EQ(subscriber.try_next(out, sizeof out), wanted); };
  for (int lap = 0; lap < 100; ++lap) {
    exactly(0, 2 + 3, "publish", [&] { writer.publish(element, sizeof element); });
    exactly(2 + 2, 0, "try_next", [&] { take(Status::ok); });
    exactly(2, 0, "nothing new", [&] { take(Status::empty); });
  }
  for (int i = 0; i < 9; ++i)
    writer.publish(element, sizeof element);
  exactly(3, 0, "lapped", [&] { take(Status::lost); });
  writer = Writer(ring.view);
  while (subscriber.number() != writer.number())
    take(Status::ok);
  writer.publish(element, sizeof element);
  exactly(2 + 2, 0, "another writer's first element", [&] { take(Status::ok); });
  writer.close();
  exactly(2, 0, "the end", [&] { take(Status::closed); });
}

// ---- each kind of damage has its answer

TEST(BroadcastDamage, ASlotWordThatNoWriterWritesIsCorruptAndHealsWithTheNextLap)
{
  using rtlane::detail::broadcast_word;
  for (const std::uint64_t word :
       {std::uint64_t{7}, UINT64_MAX, std::uint64_t{1} << 48, std::uint64_t{1} << 49, broadcast_word(0, 0),
        broadcast_word(0x7fff, 4), broadcast_word(1, 1), broadcast_word(1, 3), broadcast_word(1, 400)}) {
    BroadcastMemory<> memory(4, 8);
    rtlane::detail::BroadcastWriterCore<> writer(memory.view);
    rtlane::detail::BroadcastSubscriberCore<> subscriber(memory.view, 0);
    std::uint64_t value = 1;
    writer.publish(&value, 8);
    memory.view.seq(memory.view.slot(0)) = word;
    EXPECT_EQ(subscriber.try_next(&value, 8), Status::corrupt) << std::hex << word;
    EXPECT_EQ(subscriber.number(), 0u);
    for (int i = 0; i < 4; ++i)
      writer.publish(&value, 8);
    EXPECT_EQ(subscriber.try_next(&value, 8), Status::lost);
    EXPECT_EQ(subscriber.number(), 5u - 4 + 1 + 1);
    EXPECT_EQ(subscriber.try_next(&value, 8), Status::ok);
  }
}

TEST(BroadcastDamage, ATailThatContradictsTheSlotsIsCorrupt)
{
  BroadcastMemory<> memory(4, 8);
  rtlane::detail::BroadcastWriterCore<> writer(memory.view);
  rtlane::detail::BroadcastSubscriberCore<> subscriber(memory.view, 0);
  std::uint64_t value = 1;
  for (int i = 0; i < 6; ++i)
    writer.publish(&value, 8);
  for (const std::uint64_t tail : {std::uint64_t{0}, std::uint64_t{3}, UINT64_MAX, std::uint64_t{1} << 63}) {
    memory.view.writer->tail = tail;
    EXPECT_EQ(subscriber.try_next(&value, 8), Status::corrupt) << tail;
    EXPECT_EQ(subscriber.number(), 0u);
  }
  memory.view.writer->tail = 6;
  EXPECT_EQ(subscriber.try_next(&value, 8), Status::lost);  // the truth again: it goes on
  EXPECT_EQ(subscriber.lost(), 4u);
}

}  // namespace
