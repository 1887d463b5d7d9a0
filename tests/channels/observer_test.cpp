// What an observer sees of each kind of channel, through a mapping that it may only read: nobody notices it, what it
// gives out is whole, what it does not is counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rtlane/channels/broadcast.hpp>
#include <rtlane/channels/frame_broadcast.hpp>
#include <rtlane/channels/frame_ring.hpp>
#include <rtlane/channels/mpmc_ring.hpp>
#include <rtlane/channels/observe.hpp>
#include <rtlane/channels/pinned_snapshot.hpp>
#include <rtlane/channels/snapshot.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <cstring>
#include <string>
#include <vector>

#include "frame_support.hpp"
#include "kinds_support.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::ChannelRef;
using rtlane::ObserveFrom;
using rtlane::Observer;
using rtlane::Status;
using testing::ElementsAre;

constexpr std::uint64_t none = ~std::uint64_t{0};

class Observing : public ::testing::Test {
protected:
  // What was seen, and how much was told to be lost.
  struct Story {
    std::vector<std::uint64_t> numbers;
    std::uint64_t lost = 0;
    Status end = Status::ok;
  };

  // Of a channel in this namespace, as a process that may only read sees it.
  static ChannelRef read_only(const char* name)
  {
    rtlane_shm_options options = small_ring().memory.to_c();
    options.read_only = 1;
    rtlane_channel_spec any = RTLANE_CHANNEL_SPEC_INIT;
    any.kind = RTLANE_CHANNEL_ANY;
    rtlane_channel* channel = nullptr;
    EXPECT_EQ(rtlane_channel_open(name, &any, &options, &channel), 0) << rtlane_error_message();
    return ChannelRef(channel);
  }

  static Observer observer(const ChannelRef& channel, ObserveFrom from)
  {
    auto made = Observer::of(channel, from);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }

  // All that is to be seen now. Number n is Message{1, n}, or some whole frame.
  static Story read(Observer& observer, bool frames = false)
  {
    Story story;
    rtlane_observation seen = Observer::observation();
    for (int i = 0; i < 1000; ++i) {
      const Status status = observer.next(seen);
      story.lost += seen.lost;
      if (status == Status::ok) {
        story.numbers.push_back(seen.number);
        const auto* bytes = static_cast<const std::byte*>(seen.bytes);
        if (frames) {
          EXPECT_TRUE(whole_frame({bytes, seen.byte_count}));
        } else {
          Message message{};
          EXPECT_EQ(seen.byte_count, sizeof message);
          std::memcpy(&message, bytes, sizeof message);
          EXPECT_TRUE(whole(message));
          EXPECT_EQ(message.number, seen.number);
        }
      } else if (status != Status::lost) {
        story.end = status;
        return story;
      }
    }
    ADD_FAILURE() << "no end";
    return story;
  }

  static std::vector<std::byte> bytes_of(const ChannelRef& channel)
  {
    const auto layout = channel.layout();
    const auto* first = static_cast<const std::byte*>(layout.base);
    return {first, first + layout.total_bytes};
  }

  const TempNamespace space_;
  const Watchdog watchdog_{60};
};

TEST_F(Observing, AnSpscRingsElementsWaitingAndTaken)
{
  const auto ring = rtlane::SpscRing<Message>::create("it", 8, small_ring()).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  const ChannelRef channel = read_only("it");
  auto next = observer(channel, ObserveFrom::next);
  auto oldest = observer(channel, ObserveFrom::oldest);
  EXPECT_EQ(read(next).end, Status::empty);
  for (std::uint64_t i = 0; i < 5; ++i)
    ASSERT_EQ(producer.try_push(message(1, i)), Status::ok);
  const auto before = bytes_of(channel);
  EXPECT_THAT(read(next).numbers, ElementsAre(0, 1, 2, 3, 4));
  auto newest = observer(channel, ObserveFrom::newest);
  EXPECT_THAT(read(newest).numbers, ElementsAre(4));
  EXPECT_EQ(bytes_of(channel), before);

  // What was taken is there until the slot is needed; a consumer takes nothing from an observer.
  Message taken{};
  for (std::uint64_t i = 0; i < 5; ++i) {
    ASSERT_EQ(consumer.try_pop(taken), Status::ok);
    EXPECT_EQ(taken.number, i);
  }
  const Story kept = read(oldest);
#if defined(__x86_64__)
  EXPECT_THAT(kept.numbers, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(kept.lost, 0u);
#else
  EXPECT_EQ(kept.numbers.size() + kept.lost, 5u);
#endif
  auto waiting = observer(channel, ObserveFrom::oldest);
  EXPECT_TRUE(read(waiting).numbers.empty());
  for (std::uint64_t i = 5; i < 9; ++i)
    ASSERT_EQ(producer.try_push(message(1, i)), Status::ok);
  EXPECT_EQ(next.skip(), 3u);
  EXPECT_THAT(read(next).numbers, ElementsAre(8));
  EXPECT_EQ(next.skip(), 0u);
  producer.close();
  EXPECT_EQ(read(next).end, Status::closed);
}

TEST_F(Observing, AnSpscRingsLossesAreCountedExactly)
{
  const auto ring = rtlane::SpscRing<Message>::create("it", 8, small_ring()).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  const ChannelRef channel = read_only("it");
  auto slow = observer(channel, ObserveFrom::oldest);
  std::uint64_t seen = 0;
  std::uint64_t lost = 0;
  std::uint64_t pushed = 0;
  Message taken{};
  for (std::uint64_t round = 1; round < 40; ++round) {
    for (std::uint64_t i = 0; i < round; ++i, ++pushed) {
      ASSERT_EQ(producer.try_push(message(1, pushed)), Status::ok);
      ASSERT_EQ(consumer.try_pop(taken), Status::ok);
    }
    const Story story = read(slow);
    seen += story.numbers.size();
    lost += story.lost;
    EXPECT_EQ(story.end, Status::empty);
    ASSERT_EQ(seen + lost, pushed);
    if (!story.numbers.empty()) {
      EXPECT_EQ(story.numbers.back(), pushed - 1);
    }
  }
  EXPECT_GT(lost, 0u);
  // The slot of the oldest is being written, its word is old: neither taken for an element nor shown.
  auto oldest = observer(channel, ObserveFrom::oldest);
  for (std::uint64_t i = 0; i < 8; ++i, ++pushed)
    ASSERT_EQ(producer.try_push(message(1, pushed)), Status::ok);
  ASSERT_EQ(consumer.try_pop(taken), Status::ok);
  std::memset(static_cast<void*>(producer.claim()), 0x55, sizeof(Message));
  const Story story = read(oldest);
  EXPECT_EQ(story.lost + story.numbers.size(), 8u);
  EXPECT_GE(story.lost, 1u);
}

TEST_F(Observing, AnMpmcRingsElementsButNotThePlacesOfNobody)
{
  auto options = rtlane::MpmcOptions{};
  options.memory = small_ring().memory;
  const auto ring = rtlane::MpmcRing<Message>::create("it", 8, options).value();
  auto one = ring.producer().value();
  auto two = std::make_unique<rtlane::MpmcRing<Message>::Producer>(ring.producer().value());
  auto consumer = ring.consumer().value();
  const ChannelRef channel = read_only("it");
  auto oldest = observer(channel, ObserveFrom::oldest);
  ASSERT_EQ(one.try_push(message(1, 0)), Status::ok);
  ASSERT_NE(two->claim(), nullptr);  // ticket 1
  ASSERT_EQ(one.try_push(message(1, 2)), Status::ok);
  Story story = read(oldest);
  EXPECT_THAT(story.numbers, ElementsAre(0));
  EXPECT_EQ(story.end, Status::busy);
  two.reset();  // makes its place void
  const auto before = bytes_of(channel);
  story = read(oldest);
  EXPECT_THAT(story.numbers, ElementsAre(2));
  EXPECT_EQ(story.lost, 0u);
  EXPECT_EQ(story.end, Status::empty);
  EXPECT_EQ(bytes_of(channel), before);

  Message taken{};
  std::uint64_t seen = 0;
  std::uint64_t lost = 0;
  for (std::uint64_t i = 0; i < 30; ++i) {
    while (consumer.try_pop(taken) == Status::ok) {
    }
    ASSERT_EQ(one.try_push(message(1, 3 + i)), Status::ok);
  }
  story = read(oldest);
  seen = story.numbers.size();
  lost = story.lost;
  EXPECT_EQ(seen + lost, 30u);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(story.numbers.back(), 32u);
  ASSERT_EQ(one.try_push(message(1, 33)), Status::ok);
  ASSERT_EQ(one.try_push(message(1, 34)), Status::ok);
  EXPECT_EQ(oldest.skip(), 1u);
  EXPECT_THAT(read(oldest).numbers, ElementsAre(34));

  // All waits, also what is a lap old; then one is taken and its slot being written, with the old word.
  while (consumer.try_pop(taken) == Status::ok) {
  }
  auto full = observer(channel, ObserveFrom::next);
  auto late = observer(channel, ObserveFrom::next);
  for (std::uint64_t i = 35; i < 43; ++i)
    ASSERT_EQ(one.try_push(message(1, i)), Status::ok);
  EXPECT_EQ(read(full).numbers.size(), 8u);
  ASSERT_EQ(consumer.try_pop(taken), Status::ok);
  Message* place = one.claim();
  std::memset(static_cast<void*>(place), 0x55, sizeof *place);
  story = read(late);
  EXPECT_EQ(story.lost + story.numbers.size(), 8u);
  EXPECT_GE(story.lost, 1u);
  *place = message(1, 43);
  ASSERT_TRUE(one.publish());
  one.close();
  story = read(full);
  EXPECT_THAT(story.numbers, ElementsAre(43));
  EXPECT_EQ(story.end, Status::closed);
}

TEST_F(Observing, OfAFrameRingOnlyWhatWaits)
{
  rtlane::FrameOptions options;
  options.memory = small_ring().memory;
  options.frame_align = 8;
  const auto ring = rtlane::FrameRing::create("it", 1024, options).value();
  auto producer = ring.producer().value();
  auto consumer = ring.consumer().value();
  const ChannelRef channel = read_only("it");
  auto oldest = observer(channel, ObserveFrom::oldest);
  for (std::uint64_t i = 0; i < 5; ++i)
    ASSERT_EQ(producer.try_push(frame(1, i, 24)), Status::ok);
  const auto before = bytes_of(channel);
  EXPECT_THAT(read(oldest, true).numbers, ElementsAre(0, 32, 64, 96, 128));
  auto newest = observer(channel, ObserveFrom::newest);
  EXPECT_THAT(read(newest, true).numbers, ElementsAre(128));
  auto behind = observer(channel, ObserveFrom::oldest);
  EXPECT_EQ(bytes_of(channel), before);
  std::vector<std::byte> buffer(64);
  ASSERT_EQ(consumer.try_pop(buffer).status, Status::ok);
  ASSERT_EQ(consumer.try_pop(buffer).status, Status::ok);
  const Story story = read(behind, true);
  EXPECT_EQ(story.lost, 64u);
  EXPECT_THAT(story.numbers, ElementsAre(64, 96, 128));
  ASSERT_EQ(producer.try_push(frame(1, 5, 24)), Status::ok);
  ASSERT_EQ(producer.try_push(frame(1, 6, 24)), Status::ok);
  EXPECT_EQ(newest.skip(), 32u);
  EXPECT_THAT(read(newest, true).numbers, ElementsAre(192));
  // Cut: no more than asked for.
  auto cut = Observer::of(channel, ObserveFrom::newest, 10);
  ASSERT_TRUE(cut);
  rtlane_observation seen = Observer::observation();
  ASSERT_EQ(cut->next(seen), Status::ok);
  EXPECT_EQ(seen.byte_count, 10u);
  EXPECT_EQ(seen.length, 24u);
  EXPECT_EQ(std::memcmp(seen.bytes, frame(1, 6, 24).data(), 10), 0);
  producer.close();
  EXPECT_EQ(read(newest, true).end, Status::closed);
}

TEST_F(Observing, ASnapshotsLatestValueWithItsStampAndWhatItReplaced)
{
  rtlane::SnapshotOptions options;
  options.memory = small_ring().memory;
  const auto snapshot = rtlane::Snapshot<Message>::create("it", 4, options).value();
  auto writer = snapshot.writer().value();
  const ChannelRef channel = read_only("it");
  auto early = observer(channel, ObserveFrom::newest);
  EXPECT_EQ(read(early).end, Status::empty);
  ASSERT_EQ(writer.store(message(1, 1)), Status::ok);
  ASSERT_EQ(writer.store(message(1, 2), 77), Status::ok);
  auto next = observer(channel, ObserveFrom::next);
  const auto before = bytes_of(channel);
  rtlane_observation seen = Observer::observation();
  ASSERT_EQ(early.next(seen), Status::ok);
  EXPECT_EQ(seen.number, 2u);
  EXPECT_EQ(seen.stamp_ticks, 77u);
  EXPECT_EQ(read(next).end, Status::empty);
  EXPECT_EQ(bytes_of(channel), before);
  for (std::uint64_t i = 3; i < 8; ++i)
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
  Story story = read(early);
  EXPECT_THAT(story.numbers, ElementsAre(7));
  EXPECT_EQ(story.lost, 4u);
  EXPECT_EQ(next.skip(), 4u);
  story = read(next);
  EXPECT_THAT(story.numbers, ElementsAre(7));
  EXPECT_EQ(story.lost, 0u);
  writer.close();
  EXPECT_EQ(read(early).end, Status::closed);
}

TEST_F(Observing, APinnedSnapshotsLatestValueWithoutAPin)
{
  rtlane::PinnedOptions options;
  options.memory = small_ring().memory;
  const auto snapshot = rtlane::PinnedSnapshot<Message>::create("it", 1, options).value();
  auto writer = snapshot.writer().value();
  auto reader = snapshot.reader().value();  // all places are taken
  const ChannelRef channel = read_only("it");
  auto look = observer(channel, ObserveFrom::newest);
  EXPECT_EQ(read(look).end, Status::empty);
  ASSERT_EQ(writer.store(message(1, 1)), Status::ok);
  const auto before = bytes_of(channel);
  EXPECT_THAT(read(look).numbers, ElementsAre(1));
  EXPECT_EQ(bytes_of(channel), before);
  for (std::uint64_t i = 2; i < 6; ++i)
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
  std::memset(static_cast<void*>(writer.claim()), 0x55, sizeof(Message));  // is not the latest's slot
  Story story = read(look);
  EXPECT_THAT(story.numbers, ElementsAre(5));
  EXPECT_EQ(story.lost, 3u);
  for (std::uint64_t i = 6; i < 9; ++i)
    ASSERT_EQ(writer.store(message(1, i)), Status::ok);
  EXPECT_EQ(look.skip(), 2u);
  story = read(look);
  EXPECT_THAT(story.numbers, ElementsAre(8));
  EXPECT_EQ(story.lost, 0u);
  writer.close();
  EXPECT_EQ(read(look).end, Status::closed);
}

TEST_F(Observing, ABroadcastAsASubscriber)
{
  rtlane::BroadcastOptions options;
  options.memory = small_ring().memory;
  const auto broadcast = rtlane::Broadcast<Message>::create("it", 8, options).value();
  auto writer = broadcast.writer().value();
  const ChannelRef channel = read_only("it");
  auto oldest = observer(channel, ObserveFrom::oldest);
  for (std::uint64_t i = 0; i < 5; ++i)
    ASSERT_EQ(writer.publish(message(1, i)), Status::ok);
  const auto before = bytes_of(channel);
  EXPECT_THAT(read(oldest).numbers, ElementsAre(0, 1, 2, 3, 4));
  auto newest = observer(channel, ObserveFrom::newest);
  EXPECT_THAT(read(newest).numbers, ElementsAre(4));
  auto next = observer(channel, ObserveFrom::next);
  EXPECT_EQ(read(next).end, Status::empty);
  EXPECT_EQ(bytes_of(channel), before);
  for (std::uint64_t i = 5; i < 30; ++i)
    ASSERT_EQ(writer.publish(message(1, i)), Status::ok);
  const Story story = read(oldest);
  EXPECT_EQ(story.numbers.size() + story.lost, 25u);
  EXPECT_GT(story.lost, 0u);
  EXPECT_EQ(next.skip(), 24u);
  EXPECT_THAT(read(next).numbers, ElementsAre(29));
  writer.close();
  EXPECT_EQ(read(oldest).end, Status::closed);
}

TEST_F(Observing, AFrameBroadcastAsASubscriber)
{
  rtlane::FrameBroadcastOptions options;
  options.memory = small_ring().memory;
  const auto broadcast = rtlane::FrameBroadcast::create("it", 1024, options).value();
  auto writer = broadcast.writer().value();
  const ChannelRef channel = read_only("it");
  auto oldest = observer(channel, ObserveFrom::oldest);
  for (std::uint64_t i = 0; i < 5; ++i)
    ASSERT_EQ(writer.publish(frame(1, i, 24)), Status::ok);
  const auto before = bytes_of(channel);
  EXPECT_THAT(read(oldest, true).numbers, ElementsAre(0, 1, 2, 3, 4));
  auto newest = observer(channel, ObserveFrom::newest);
  EXPECT_THAT(read(newest, true).numbers, ElementsAre(4));
  auto next = observer(channel, ObserveFrom::next);
  EXPECT_EQ(read(next, true).end, Status::empty);
  EXPECT_EQ(bytes_of(channel), before);
  for (std::uint64_t i = 5; i < 100; ++i)
    ASSERT_EQ(writer.publish(frame(1, i, 24)), Status::ok);
  const Story story = read(oldest, true);
  EXPECT_EQ(story.numbers.size() + story.lost, 95u);
  EXPECT_GT(story.lost, 0u);
  EXPECT_EQ(next.skip(), 94u);
  EXPECT_THAT(read(next, true).numbers, ElementsAre(99));
  writer.close();
  EXPECT_EQ(read(oldest, true).end, Status::closed);
}

// Nobody can tell from the counters and roles that somebody looked on.
TEST_F(Observing, TakesNoRoleAndNoPlaceInAnyKind)
{
  for (const std::uint32_t kind : all_kinds) {
    SCOPED_TRACE(rtlane_channel_kind_name(kind));
    rtlane_channel_spec spec = spec_of(kind);
    const std::string name = std::string("kind ") + rtlane_channel_kind_name(kind);
    const Made made = create_channel(name.c_str(), spec);
    ASSERT_EQ(made.result, 0) << made.message;
    const ChannelRef channel = read_only(name.c_str());
    const auto before = bytes_of(channel);
    for (const auto from : {ObserveFrom::oldest, ObserveFrom::newest, ObserveFrom::next}) {
      auto look = observer(channel, from);
      rtlane_observation seen = Observer::observation();
      EXPECT_EQ(look.next(seen), Status::empty);
      EXPECT_EQ(look.skip(), 0u);
      EXPECT_EQ(look.next(seen), Status::empty);
    }
    EXPECT_EQ(bytes_of(channel), before);
    for (std::uint32_t role = 0; role < RTLANE_ROLE_PARTICIPANT + 64; ++role)
      EXPECT_LE(rtlane_role_held(channel.get(), role), 0);
  }
}

TEST_F(Observing, WrongArgumentsAreRefused)
{
  rtlane_channel_spec spec = spec_of(RTLANE_CHANNEL_MPMC_RING);
  spec.mode = RTLANE_MODE_ISOLATED;
  const Made isolated = create_channel("isolated", spec);
  ASSERT_EQ(isolated.result, 0) << isolated.message;
  rtlane_observer* observer = nullptr;
  EXPECT_EQ(rtlane_observer_open(isolated.channel.get(), 0, 0, &observer), -ENOTSUP);
  EXPECT_EQ(rtlane_observer_open(nullptr, 0, 0, &observer), -EINVAL);
  EXPECT_EQ(rtlane_observer_open(isolated.channel.get(), 3, 0, &observer), -EINVAL);
  EXPECT_EQ(rtlane_observer_open(isolated.channel.get(), 0, 0, nullptr), -EINVAL);
  rtlane_observation seen{};
  EXPECT_EQ(rtlane_observer_next(nullptr, &seen), -EINVAL);
  EXPECT_EQ(rtlane_observer_skip(nullptr), -EINVAL);
  rtlane_observer_close(nullptr);
  EXPECT_EQ(Observer().next(seen), Status::closed);
  EXPECT_FALSE(Observer::of(ChannelRef()));
}

// Whatever is in the words: every call ends, and no byte outside of the channel is read (AddressSanitizer's build: the
// memory is from the heap).
TEST_F(Observing, HostileWordsGiveAnAnswer)
{
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const std::uint32_t kind : all_kinds) {
    SCOPED_TRACE(rtlane_channel_kind_name(kind));
    for (int round = 0; round < (sanitized ? 100 : 150); ++round) {
      rtlane_channel_spec spec = spec_of(kind);
      rtlane_channel* made = nullptr;
      ASSERT_EQ(rtlane_channel_in_memory(&spec, &made), 0) << rtlane_error_message();
      const ChannelRef channel(made);
      const auto layout = channel.layout();
      auto* words = static_cast<std::uint64_t*>(layout.base);
      const std::uint64_t count = layout.total_bytes / 8;
      const auto spoil = [&](std::uint64_t how_many) {
        for (std::uint64_t i = 0; i < how_many; ++i) {
          const std::uint64_t at = 16 + random() % (count - 16);
          // Small numbers, all ones, near a wrap, any bits, or what lies elsewhere.
          const std::uint64_t values[] = {random() % 4096,
                                          none - random() % 64,
                                          std::uint64_t{1} << random() % 64,
                                          random(),
                                          words[16 + random() % (count - 16)],
                                          0};
          words[at] = values[random() % std::size(values)];
        }
      };
      spoil(round % 2 == 0 ? count * 2 : 6);
      const auto from = static_cast<ObserveFrom>(random() % 3);
      auto look = observer(channel, from);
      rtlane_observation seen = Observer::observation();
      for (int i = 0; i < 20; ++i) {
        const Status status = look.next(seen);
        if (status == Status::ok) {
          EXPECT_LE(seen.byte_count, std::max(layout.element_bytes, layout.frame_bytes_max));
        }
        if (i % 5 == 0)
          (void)look.skip();
        if (i % 3 == 0)
          spoil(4);
      }
    }
  }
}

}  // namespace
