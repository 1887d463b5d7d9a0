// After attach: no system call, no allocation; subscribers on read-only mappings; and the writer executes the same
// instructions and changes the same bytes whether nobody listens or many do.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <rtlane/channels/broadcast.hpp>
#include <rtlane/channels/frame_broadcast.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "../../bench/support/single_step.hpp"
#include "ring_support.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::Broadcast;
using rtlane::BroadcastOptions;
using rtlane::FrameBroadcast;
using rtlane::Status;

BroadcastOptions small_pages(bool read_only = false)
{
  BroadcastOptions options;
  options.memory = small_ring().memory;
  options.memory.read_only = read_only;
  return options;
}

// Every data call in every state. Returns the number of wrong answers.
int all_operations(Broadcast<Message>::Writer& writer, Broadcast<Message>::Subscriber& subscriber,
                   FrameBroadcast::Writer& frames, FrameBroadcast::Subscriber& listener, int rounds, bool close)
{
  int wrong = 0;
  const auto expect = [&](bool right) { wrong += right ? 0 : 1; };
  Message batch[8] = {};
  Message got{};
  std::array<std::byte, 64> buffer{};
  std::size_t length = 0;
  for (int round = 0; round < rounds; ++round) {
    expect(subscriber.try_next(got) == Status::empty && subscriber.try_next_n(batch) == 0);
    expect(writer.publish(message(1, 1)) == Status::ok && subscriber.try_next(got) == Status::ok);
    expect(writer.publish_n(std::span(batch, 5)) == Status::ok && subscriber.try_next_n(batch) == 5);
    for (int i = 0; i < 9; ++i)
      expect(writer.publish(got) == Status::ok);  // depth 8
    expect(subscriber.try_next(got) == Status::lost && subscriber.lost() == 4);
    expect(subscriber.try_next_n(batch) == 5 && !subscriber.writer_changed());

    expect(listener.try_next(buffer, length) == Status::empty);
    expect(frames.publish(std::span(buffer).first(33)) == Status::ok);
    expect(listener.try_next(std::span(buffer).first(8), length) == Status::too_small && length == 33);
    expect(listener.try_next(buffer, length) == Status::ok && length == 33);
    expect(frames.publish(std::span<const std::byte>(buffer.data(), 0)) == Status::ok);
    expect(listener.try_next(buffer, length) == Status::ok && length == 0);
    for (int i = 0; i < 9; ++i)
      expect(frames.publish(std::span(buffer).first(48)) == Status::ok);  // 512 bytes
    expect(listener.try_next(buffer, length) == Status::lost);
    while (listener.try_next(buffer, length) == Status::ok) {
    }
    expect(listener.last_status() == Status::empty && listener.next_number() == frames.next_number());
  }
  if (close) {
    writer.close();
    frames.close();
    expect(subscriber.try_next(got) == Status::closed && writer.publish(got) == Status::closed);
    expect(listener.try_next(buffer, length) == Status::closed);
  }
  return wrong;
}

TEST(BroadcastQuiet, DataCallsAllocateNothing)
{
  if (!allocations_are_seen)
    GTEST_SKIP() << "the sanitizer has a malloc of its own";
  const auto channel = Broadcast<Message>::in_memory(8).value();
  const auto framed = FrameBroadcast::in_memory(512).value();
  auto writer = channel.writer().value();
  auto subscriber = channel.subscriber();
  auto frames = framed.writer().value();
  auto listener = framed.subscriber().value();
  counting_allocations = true;
  void* volatile probe = std::malloc(1);  // the counter works
  std::free(probe);
  const int wrong = all_operations(writer, subscriber, frames, listener, 1000, true);
  counting_allocations = false;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(allocations, 1u);
}

constexpr int no_filter = 77;

TEST(BroadcastQuiet, DataCallsEnterTheKernelNeverAndSubscribersReadOnly)
{
  if (sanitized)
    GTEST_SKIP() << "a sanitizer makes system calls of its own";
  const TempNamespace space;
  const Watchdog watchdog(60);
  for (const bool forbidden_call : {false, true}) {
    Child child = Child::start([&] {
      const auto channel = Broadcast<Message>::create("quiet", 8, small_pages());
      rtlane::FrameBroadcastOptions options;
      options.memory = small_pages().memory;
      const auto framed = FrameBroadcast::create("quiet frames", 512, options);
      auto writer = channel->writer();
      auto frames = framed->writer();
      auto subscriber = channel->subscriber();
      auto listener = framed->subscriber();
      if (!writer || !frames || !listener)
        _exit(2);
      if (!forbid_calls())
        _exit(no_filter);
      const int wrong = all_operations(*writer, subscriber, *frames, *listener, 20000, true);
      if (forbidden_call)
        syscall(SYS_getppid);
      _exit(wrong == 0 ? 0 : 1);
    });
    const int status = child.wait();
    if (status == no_filter)
      GTEST_SKIP() << "this kernel or container does not permit a seccomp filter";
    EXPECT_EQ(status, forbidden_call ? -SIGSYS : 0);  // the filter works, and was not needed
  }
}

// ---- what the writer does for its subscribers: nothing

// The instructions of a call, as far as their places tell, and where it changed the channel's memory.
struct Trace {
  static constexpr std::size_t most = 4096;
  static inline std::size_t instructions = 0;
  static inline std::array<const unsigned char*, most> places;
  static inline std::size_t changes = 0;
  static inline std::array<std::uint64_t, most> offsets;
  static inline const std::uint64_t* watched = nullptr;
  static inline std::size_t words = 0;
  static inline std::array<std::uint64_t, 1024> seen;

  static void after_step(const unsigned char* next)
  {
    if (instructions < most)
      places[instructions] = next;
    ++instructions;
    for (std::size_t i = 0; i < words; ++i) {
      const std::uint64_t now = *const_cast<const volatile std::uint64_t*>(watched + i);
      if (now != seen[i] && changes < most)
        offsets[changes++] = i;
      seen[i] = now;
    }
  }
};

struct Traced {
  std::vector<const unsigned char*> places;
  std::vector<std::uint64_t> offsets;
};

template <class Publish>
[[gnu::noinline]] Traced trace(const rtlane_channel_layout& layout, Publish&& publish)
{
  Trace::watched = static_cast<const std::uint64_t*>(layout.base);
  Trace::words = layout.total_bytes / 8;
  EXPECT_LE(Trace::words, Trace::seen.size());
  std::copy_n(Trace::watched, Trace::words, Trace::seen.begin());
  Trace::instructions = Trace::changes = 0;
  rtlane::bench::single_step(Trace::after_step, publish);
  EXPECT_LT(Trace::instructions, Trace::most);
  return {{Trace::places.begin(), Trace::places.begin() + static_cast<std::ptrdiff_t>(Trace::instructions)},
          {Trace::offsets.begin(), Trace::offsets.begin() + static_cast<std::ptrdiff_t>(Trace::changes)}};
}

// The publish of the same number into the same memory with that many subscribers, each of which has a read-only mapping
// and has just taken an element.
Traced publish_traced(std::uint64_t subscribers)
{
  const TempNamespace space;
  const auto channel = Broadcast<Message>::create("traced", 4, small_pages()).value();
  auto writer = channel.writer().value();
  std::vector<Broadcast<Message>::Subscriber> listening;
  const auto read_only = Broadcast<Message>::open("traced", small_pages(true)).value();
  for (std::uint64_t i = 0; i < subscribers; ++i)
    listening.push_back(read_only.subscriber());
  for (std::uint64_t i = 0; i < 6; ++i) {
    writer.publish(message(1, i));
    for (auto& subscriber : listening) {
      Message got{};
      EXPECT_EQ(subscriber.try_next(got), Status::ok);
      EXPECT_TRUE(whole(got));
    }
  }
  const Message next = message(1, 6);
  Traced traced = trace(channel.channel().layout(), [&] { writer.publish(next); });
  for (auto& subscriber : listening) {
    Message got{};
    EXPECT_EQ(subscriber.try_next(got), Status::ok);
    EXPECT_EQ(got.number, 6u);
  }
  return traced;
}

TEST(BroadcastQuiet, TheWriterDoesTheSameForNoneAndForManySubscribers)
{
  if (const char* reason = rtlane::bench::step_unavailable())
    GTEST_SKIP() << reason;
  const Watchdog watchdog(60);
  const Traced alone = publish_traced(0);
  std::printf("publish of %zu bytes: %zu instructions, %zu changes of shared words\n", sizeof(Message),
              alone.places.size(), alone.offsets.size());
  EXPECT_GT(alone.places.size(), 10u);
  // Busy, number of this lap's slot, tail, and those words of the element that differ from the lap before.
  EXPECT_GE(alone.offsets.size(), 3u + 5u);
  EXPECT_LE(alone.offsets.size(), 3u + sizeof(Message) / 8);
  for (const std::uint64_t subscribers : {1, 8, 64}) {
    const Traced heard = publish_traced(subscribers);
    EXPECT_EQ(heard.places, alone.places) << subscribers;
    EXPECT_EQ(heard.offsets, alone.offsets) << subscribers;
  }
}

// ---- waiting and watching

TEST(BroadcastWaiting, AParkedSubscriberIsWokenAndAMonitorCounts)
{
  const Watchdog watchdog(60);
  BroadcastOptions options;
  options.doorbell = RTLANE_DOORBELL_IF_WAITING;
  const auto channel = Broadcast<Message>::in_memory(8, options).value();
  rtlane::FrameBroadcastOptions frame_options;
  frame_options.doorbell = RTLANE_DOORBELL_IF_WAITING;
  const auto framed = FrameBroadcast::in_memory(512, frame_options).value();
  auto writer = channel.writer().value();
  auto frames = framed.writer().value();
  auto subscriber = channel.subscriber();
  auto listener = framed.subscriber().value();
  Message got{};
  std::array<std::byte, 64> buffer{};
  std::size_t length = 0;
  EXPECT_EQ(subscriber.next_until(got, 0), Status::empty);
  EXPECT_EQ(subscriber.next_until(got, rtlane::deadline_after(1'000'000), rtlane::idle::park), Status::empty);
  EXPECT_EQ(listener.next_until(buffer, length, 0, rtlane::idle::yield), Status::empty);
  std::thread sender([&] {
    usleep(20'000);
    writer.publish(message(1, 0));
    writer.ring();
    frames.publish(std::span(buffer).first(0));
    frames.ring();
  });
  EXPECT_EQ(subscriber.next_until(got, rtlane::wait_forever, rtlane::idle::park), Status::ok);
  EXPECT_EQ(listener.next_until(buffer, length, rtlane::wait_forever, rtlane::idle::park), Status::ok);
  sender.join();
  EXPECT_EQ(channel.info().published, 1u);
  EXPECT_EQ(framed.info().published, 1u);
  EXPECT_EQ(framed.info().closed, 0u);
  frames.close();
  EXPECT_EQ(framed.info().closed, 1u);
  EXPECT_EQ(framed.info().producer_attaches, 1u);
}

// ---- set-up

TEST(BroadcastSetUp, ReadOnlyMayListenAndNotWrite)
{
  const TempNamespace space;
  const auto channel = Broadcast<Message>::create("b", 3, small_pages()).value();
  EXPECT_EQ(channel.capacity(), 4u);
  const auto read_only = Broadcast<Message>::open("b", small_pages(true)).value();
  const auto refused = read_only.writer();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, EACCES);
  auto writer = channel.writer().value();
  EXPECT_EQ(channel.writer().error().code, EBUSY);
  for (std::uint64_t i = 0; i < 6; ++i)
    writer.publish(message(1, i));
  auto oldest = read_only.subscriber_from_oldest();
  EXPECT_EQ(oldest.next_number(), 2u);
  auto back = read_only.subscriber_from(1).value();
  Message got{};
  EXPECT_EQ(back.try_next(got), Status::lost);
  EXPECT_EQ(back.lost(), 3u);
  EXPECT_EQ(read_only.subscriber_from(6).value().next_number(), 6u);
  EXPECT_EQ(read_only.subscriber_from(8).error().code, ERANGE);
  auto moved = std::move(oldest);
  EXPECT_EQ(oldest.try_next(got), Status::closed);
  EXPECT_EQ(moved.try_next(got), Status::ok);
  EXPECT_EQ(got.number, 2u);
  EXPECT_FALSE(Broadcast<Message>::create("b", 64, small_pages()));
  EXPECT_FALSE(Broadcast<std::uint64_t>::open("b", small_pages()));
}

TEST(BroadcastSetUp, FramesStateTheirLongest)
{
  const auto channel = FrameBroadcast::in_memory(1000).value();
  EXPECT_EQ(channel.capacity(), 1024u);
  EXPECT_EQ(channel.frame_bytes_max(), 112u);
  auto writer = channel.writer().value();
  const std::vector<std::byte> frame(113);
  EXPECT_EQ(writer.publish(frame), Status::too_large);
  EXPECT_EQ(writer.publish(std::span(frame).first(112)), Status::ok);
  EXPECT_FALSE(FrameBroadcast::in_memory(200));
  rtlane::FrameBroadcastOptions options;
  options.frame_bytes_max = 113;
  EXPECT_FALSE(FrameBroadcast::in_memory(1000, options));
}

}  // namespace
