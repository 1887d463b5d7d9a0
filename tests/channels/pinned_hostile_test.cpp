// Peers that write anything anywhere, at any moment: wrong data or `corrupt`, never a slot that does not exist, never
// more steps than stated, and the writer always finds a slot.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "pinned_support.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Status;
using rtlane::detail::pinned_no_pin;

struct Peer {
  static inline std::mt19937_64 random{1};
  static inline unsigned lies_per_256 = 0;
  static inline std::uint64_t accesses = 0;

  static std::uint64_t lie(std::uint64_t truth)
  {
    switch (random() % 9) {
      case 0:
        return random();
      case 1:
        return truth + 1;
      case 2:
        return truth ^ (std::uint64_t{1} << random() % 64);
      case 3:
        return 0;
      case 4:
        return UINT64_MAX;
      case 5:
        return truth + 256;  // the next sequence
      case 6:
        return (truth & ~std::uint64_t{0xc0}) | (random() & 0xc0);  // another phase
      case 7:
        return (truth & ~std::uint64_t{0x3f}) | (random() & 0x3f);  // another slot
      default:
        return random() % 0x400;
    }
  }
  static bool lies() { return random() % 256 < lies_per_256; }
};

class HostileWord {
public:
  std::uint64_t load(std::memory_order) const
  {
    ++Peer::accesses;
    return Peer::lies() ? Peer::lie(word_) : word_;
  }
  void store(std::uint64_t value, std::memory_order) { ++Peer::accesses, word_ = value; }
  std::uint64_t exchange(std::uint64_t value, std::memory_order)
  {
    ++Peer::accesses;
    return std::exchange(word_, value);
  }
  bool compare_exchange_strong(std::uint64_t& expected, std::uint64_t wanted, std::memory_order, std::memory_order)
  {
    ++Peer::accesses;
    if (Peer::lies())
      word_ = Peer::lie(word_);
    if (word_ != expected)
      return expected = word_, false;
    word_ = wanted;
    return true;
  }

private:
  std::uint64_t word_;
};

using View = rtlane::detail::PinnedView<HostileWord>;

bool is_a_value(const View& view, const std::byte* place)
{
  const std::ptrdiff_t offset = place - view.slots - 8;
  return offset >= 0 && static_cast<std::uint64_t>(offset) % view.stride == 0 &&
         static_cast<std::uint64_t>(offset) / view.stride < view.slot_count;
}

void scribble(const View& view)
{
  auto* words = reinterpret_cast<std::uint64_t*>(view.latest);
  const std::uint64_t count = rtlane::detail::pinned_control_bytes(view.reader_count) / 8;
  for (std::uint64_t i = 1 + Peer::random() % 4; i > 0; --i) {
    std::uint64_t& word = words[Peer::random() % count];
    word = Peer::lie(word);
  }
}

template <class Operation>
auto within(std::uint64_t accesses, const char* what, Operation operation)
{
  Peer::accesses = 0;
  auto result = operation();
  EXPECT_LE(Peer::accesses, accesses) << what;
  return result;
}

TEST(PinnedHostile, PeersThatLieInEveryWordReachNothingOutsideAndDelayNothing)
{
  const Watchdog watchdog(110);
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  Peer::random.seed(seed);
  for (const unsigned readers : {1u, 2u, 31u}) {
    for (const unsigned lies : {0u, 8u, 128u, 256u}) {
      SCOPED_TRACE(std::to_string(readers) + " readers, " + std::to_string(lies) + "/256 lies");
      Peer::lies_per_256 = lies;
      PinnedMemory<HostileWord> memory(readers, 48);
      const View view = memory.view();
      const std::uint64_t pass = 2 * readers * 4 + 2 * readers * 2;  // a load, three tries, a counter
      const auto attach_writer = [&] {
        return within(6 + pass, "attach", [&] { return PinnedWriter<HostileWord>(view); });
      };
      auto writer = attach_writer();
      PinnedReader<HostileWord> reader(view, readers - 1);
      unsigned pins[2] = {pinned_no_pin, pinned_no_pin};
      volatile unsigned sink = 0;
      for (int i = 0; i < (sanitized ? 3000 : 60000) && !HasFailure(); ++i) {
        if (Peer::random() % 8 == 0)
          scribble(view);
        switch (Peer::random() % 8) {
          case 0:
            if (Peer::random() % 2 == 0)
              writer.detach();
            writer = attach_writer();
            break;
          case 1:
            if (Peer::random() % 2 == 0)
              reader.detach();
            reader = within(16, "attach", [&] { return PinnedReader<HostileWord>(view, readers - 1); });
            pins[0] = pins[1] = pinned_no_pin;
            break;
          case 2:
            (void)within(2, "newer", [&] { return reader.newer(); });
            break;
          case 3:
          case 4: {
            unsigned& pin = pins[Peer::random() % 2];
            if (pin != pinned_no_pin) {
              reader.unpin(pin);
              pin = pinned_no_pin;
              break;
            }
            pin = within(13, "pin", [&] { return reader.pin(); });
            if (pin == pinned_no_pin)
              EXPECT_NE(reader.last_status(), Status::ok);
            else
              ASSERT_TRUE(is_a_value(view, reader.value(pin)));
            break;
          }
          default: {
            std::byte* place = writer.claim();
            ASSERT_TRUE(is_a_value(view, place));
            std::memset(place, 0xee, 48);
            within(2 + pass, "publish", [&] { return writer.publish(1), 0; });
          }
        }
        for (const unsigned pin : pins)
          if (pin != pinned_no_pin)
            sink = sink + std::to_integer<unsigned>(*reader.value(pin));
      }
    }
  }
}

// ---- each kind of damage has its answer

TEST(PinnedDamage, AWordThatNoWriterStoresIsCorrupt)
{
  using Word = std::atomic<std::uint64_t>;
  PinnedMemory<Word> memory(1, 8);
  PinnedWriter<Word> writer(memory.view());
  PinnedReader<Word> reader(memory.view(), 0);
  std::uint64_t got = 0;
  for (const std::uint64_t word :
       {std::uint64_t{1}, UINT64_MAX, std::uint64_t{1} << 8 | 4, std::uint64_t{1} << 8 | 64}) {
    memory.view().latest->latest = word;
    EXPECT_EQ(load(reader, got), Status::corrupt) << std::hex << word;
    EXPECT_EQ(memory.view().readers[0].pins[0], 0u);
  }
  ASSERT_TRUE(store(writer, std::uint64_t{5}));  // the writer knows better
  EXPECT_EQ(load(reader, got), Status::ok);
  EXPECT_EQ(got, 5u);
}

TEST(PinnedDamage, ASuccessorOnADamagedWordContinues)
{
  using Word = std::atomic<std::uint64_t>;
  PinnedMemory<Word> memory(1, 8);
  memory.view().latest->latest = std::uint64_t{77} << 8 | 63;
  memory.view().readers[0].pins[0] = rtlane::detail::pinned_asked | 256;
  PinnedWriter<Word> writer(memory.view());
  EXPECT_EQ(memory.view().readers[0].pins[0], rtlane::detail::pinned_asked | 256);  // nothing to give
  ASSERT_TRUE(store(writer, std::uint64_t{5}));
  EXPECT_EQ(writer.sequence(), 78u);
}

}  // namespace
