// FrameRing as its users see it, in private memory and by name; who takes over.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>
#include <rtlane/channels/frame_ring.hpp>

#include <cerrno>
#include <string>
#include <vector>

#include "frame_support.hpp"
#include "ring_places.hpp"
#include "support/child.hpp"
#include "support/sanitizer.hpp"

namespace {

using namespace rtlane::test;
using rtlane::FrameOptions;
using rtlane::FrameRing;
using rtlane::Status;

class FrameRingUse : public InBothPlaces {
protected:
  FrameRing make_frames(std::uint64_t capacity_bytes, FrameOptions options = {}) const
  {
    options.memory = small_ring().memory;
    auto made = GetParam() == Place::named ? FrameRing::create("frames", capacity_bytes, options)
                                           : FrameRing::in_memory(capacity_bytes, options);
    if (!made)
      throw std::runtime_error(made.error().message);
    return *made;
  }

  static FrameOptions packed(std::uint64_t longest = 0)
  {
    FrameOptions options;
    options.frame_align = 8;
    options.frame_bytes_max = longest;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(FrameRingUse, FrameRingUse, both_places(), place_name);

Bytes popped(FrameRing::Consumer& consumer)
{
  Bytes buffer(consumer.frame_bytes_max());
  const rtlane::FramePop got = consumer.try_pop(buffer);
  EXPECT_EQ(got.status, Status::ok);
  buffer.resize(got.bytes);
  return buffer;
}

Bytes bytes_of(std::span<const std::byte> frame)
{
  return {frame.begin(), frame.end()};
}

TEST_P(FrameRingUse, CarriesFramesOfAnySizeInOrder)
{
  const FrameRing ring = make_frames(1024);
  EXPECT_TRUE(ring.created());
  EXPECT_EQ(ring.capacity_bytes(), 1024u);
  EXPECT_EQ(ring.frame_bytes_max(), 256u);
  EXPECT_EQ(ring.frame_align(), 64u);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(producer && consumer);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Bytes sent = frame(1, i, i % 257);
    ASSERT_EQ(producer->try_push(sent), Status::ok);
    ASSERT_EQ(popped(*consumer), sent);
  }
  EXPECT_EQ(consumer->try_pop({}).status, Status::empty);
  EXPECT_EQ(ring.info().published, ring.info().consumed);
  EXPECT_GT(ring.info().consumed, 2000u * 64);
  EXPECT_EQ(ring.info().depth, 0u);
}

TEST_P(FrameRingUse, AFrameOfZeroBytesIsAFrame)
{
  const FrameRing ring = make_frames(128, packed());
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (int i = 0; i < 16; ++i)
    ASSERT_EQ(producer->try_push({}), Status::ok);
  EXPECT_EQ(producer->try_push({}), Status::full);
  EXPECT_EQ(ring.info().refused, 1u);
  EXPECT_EQ(ring.info().depth, 128u);
  const auto shown = consumer->peek();
  EXPECT_NE(shown.data(), nullptr);
  EXPECT_EQ(shown.size(), 0u);
  EXPECT_TRUE(consumer->release());
  for (int i = 0; i < 15; ++i) {
    const rtlane::FramePop got = consumer->try_pop({});
    EXPECT_EQ(got.status, Status::ok);
    EXPECT_EQ(got.bytes, 0u);
  }
  EXPECT_EQ(consumer->try_pop({}).status, Status::empty);
  const auto place = producer->claim(0);
  EXPECT_NE(place.data(), nullptr);
  EXPECT_TRUE(producer->commit());
  EXPECT_EQ(consumer->try_pop({}).status, Status::ok);
}

TEST_P(FrameRingUse, ABufferThatIsTooSmallLeavesTheFrame)
{
  const FrameRing ring = make_frames(256, packed());
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  const Bytes sent = frame(1, 1, 40);
  ASSERT_EQ(producer->try_push(sent), Status::ok);
  Bytes small(39, std::byte{7});
  for (int i = 0; i < 2; ++i) {
    const rtlane::FramePop got = consumer->try_pop(small);
    EXPECT_EQ(got.status, Status::too_small);
    EXPECT_EQ(got.bytes, 40u);
    EXPECT_EQ(small, Bytes(39, std::byte{7}));
  }
  EXPECT_EQ(popped(*consumer), sent);
}

TEST_P(FrameRingUse, AFrameThatIsTooLongIsNeverFull)
{
  const FrameRing ring = make_frames(256, packed(40));
  auto producer = ring.producer();
  EXPECT_EQ(producer->try_push(Bytes(41)), Status::too_large);
  EXPECT_EQ(producer->claim(41).data(), nullptr);
  EXPECT_EQ(producer->last_status(), Status::too_large);
  EXPECT_EQ(producer->claim(SIZE_MAX).data(), nullptr);
  EXPECT_EQ(producer->claim(SIZE_MAX - 15).data(), nullptr);
  EXPECT_EQ(producer->last_status(), Status::too_large);
  EXPECT_EQ(ring.info().refused, 0u);
  EXPECT_EQ(producer->try_push(Bytes(40)), Status::ok);
}

// What is claimed may be committed shorter, and several with one commit; until then nothing is to be seen.
TEST_P(FrameRingUse, ShowsClaimedFramesAtTheCommitOnly)
{
  const FrameRing ring = make_frames(512, packed(128));
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  std::span<std::byte> place = producer->claim(100);
  ASSERT_EQ(place.size(), 100u);
  fill_frame(place.first(30), 1, 0);
  EXPECT_EQ(producer->claim(100).data(), place.data());
  EXPECT_FALSE(producer->commit(101));
  EXPECT_TRUE(producer->stage(30));
  EXPECT_FALSE(producer->stage(0));
  place = producer->claim(50);
  fill_frame(place, 1, 1);
  EXPECT_TRUE(producer->stage());
  EXPECT_EQ(consumer->peek().data(), nullptr);
  EXPECT_EQ(producer->used_bytes_estimate(), 0u);
  place = producer->claim(64);
  fill_frame(place.first(17), 1, 2);
  EXPECT_TRUE(producer->commit(17));
  EXPECT_EQ(popped(*consumer), frame(1, 0, 30));
  EXPECT_EQ(popped(*consumer), frame(1, 1, 50));
  EXPECT_EQ(popped(*consumer), frame(1, 2, 17));
  EXPECT_EQ(consumer->peek().data(), nullptr);

  // A push takes the claimed place, and shows what was staged before it.
  fill_frame(producer->claim(20), 1, 3);
  producer->stage();
  (void)producer->claim(20);
  ASSERT_EQ(producer->try_push(frame(1, 4, 10)), Status::ok);
  EXPECT_FALSE(producer->commit());
  EXPECT_EQ(popped(*consumer), frame(1, 3, 20));
  EXPECT_EQ(popped(*consumer), frame(1, 4, 10));

  fill_frame(producer->claim(20), 1, 5);
  producer->stage();
  producer->discard();
  EXPECT_FALSE(producer->commit());
  EXPECT_EQ(consumer->peek().data(), nullptr);
}

TEST_P(FrameRingUse, PushesABatchAsFarAsThereIsRoom)
{
  const FrameRing ring = make_frames(128, packed(64));
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  const Bytes a = frame(1, 0, 24);
  const Bytes b = frame(1, 1, 56);
  const Bytes c = frame(1, 2, 32);
  const std::span<const std::byte> batch[] = {a, b, c};
  EXPECT_EQ(producer->try_push_n(batch), 2u);
  EXPECT_EQ(producer->last_status(), Status::full);
  EXPECT_EQ(ring.info().refused, 1u);
  std::span<const std::byte> shown[4];
  ASSERT_EQ(consumer->peek_n(shown), 2u);
  EXPECT_EQ(bytes_of(shown[0]), a);
  EXPECT_EQ(bytes_of(shown[1]), b);
  EXPECT_FALSE(consumer->release_n(3));
  EXPECT_FALSE(consumer->release_n(0));
  EXPECT_TRUE(consumer->release_n(2));
  EXPECT_FALSE(consumer->release());
  EXPECT_EQ(producer->try_push_n({}), 0u);
}

TEST_P(FrameRingUse, ReleasesABatchInParts)
{
  const FrameRing ring = make_frames(512, packed());
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (std::uint64_t i = 0; i < 6; ++i)
    ASSERT_EQ(producer->try_push(frame(1, i, 10 * i)), Status::ok);
  std::span<const std::byte> shown[5];
  ASSERT_EQ(consumer->peek_n(shown), 5u);
  EXPECT_TRUE(consumer->release());
  EXPECT_EQ(popped(*consumer), frame(1, 1, 10));  // the next one, shown too
  EXPECT_TRUE(consumer->release_n(2));
  EXPECT_EQ(bytes_of(consumer->peek()), frame(1, 4, 40));
  EXPECT_TRUE(consumer->release());
  EXPECT_FALSE(consumer->release());
  EXPECT_EQ(popped(*consumer), frame(1, 5, 50));
}

TEST_P(FrameRingUse, EndsTheStreamBehindTheLastFrame)
{
  const FrameRing ring = make_frames(256, packed());
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_EQ(producer->try_push(frame(1, 1, 20)), Status::ok);
  (void)producer->claim(20);
  producer->stage();
  producer->close();
  EXPECT_EQ(producer->try_push({}), Status::closed);
  EXPECT_EQ(producer->claim(1000000).data(), nullptr);
  EXPECT_EQ(producer->last_status(), Status::closed);
  EXPECT_FALSE(producer->commit());
  EXPECT_EQ(popped(*consumer), frame(1, 1, 20));
  EXPECT_EQ(consumer->try_pop({}).status, Status::closed);
  EXPECT_EQ(ring.info().closed, 1u);
  *producer = FrameRing::Producer();
  EXPECT_EQ(consumer->try_pop({}).status, Status::closed);
  auto next = ring.producer();
  EXPECT_EQ(consumer->try_pop({}).status, Status::empty);
  ASSERT_EQ(next->try_push({}), Status::ok);
  EXPECT_EQ(consumer->try_pop({}).status, Status::ok);
  EXPECT_TRUE(consumer->producer_changed());
}

TEST_P(FrameRingUse, AnEndpointWithoutARingIsClosed)
{
  FrameRing::Producer producer;
  FrameRing::Consumer consumer;
  EXPECT_FALSE(producer);
  EXPECT_EQ(producer.try_push({}), Status::closed);
  EXPECT_EQ(producer.claim(5).data(), nullptr);
  EXPECT_FALSE(producer.commit());
  EXPECT_EQ(consumer.try_pop({}).status, Status::closed);
  EXPECT_EQ(consumer.peek().data(), nullptr);
  EXPECT_FALSE(consumer.release());
  EXPECT_FALSE(consumer.producer_changed());
  EXPECT_FALSE(consumer.redelivered());
  producer.close();
  producer.discard();
  EXPECT_EQ(producer.used_bytes_estimate() + consumer.used_bytes_estimate(), 0u);
  const FrameRing ring = make_frames(256);
  auto taken = ring.producer();
  FrameRing::Producer moved = std::move(*taken);
  EXPECT_EQ(taken->try_push({}), Status::closed);
  EXPECT_EQ(moved.try_push({}), Status::ok);
  const auto second = ring.producer();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EBUSY);
}

TEST_P(FrameRingUse, BeginsFramesWhereItSays)
{
  for (const std::uint64_t align : {8, 16, 32, 64, 128}) {
    FrameOptions options;
    options.frame_align = align;
    const FrameRing ring = make_frames(2048, options);
    EXPECT_EQ(ring.frame_align(), align);
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    for (std::uint64_t i = 0; i < 300; ++i) {
      const auto place = producer->claim(i % 512);
      ASSERT_NE(place.data(), nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place.data()) % align, 0u);
      producer->commit();
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(consumer->peek().data()) % align, 0u);
      EXPECT_TRUE(consumer->release());
    }
  }
}

TEST(FrameRingCreate, RefusesWhatMakesNoSense)
{
  FrameOptions options;
  for (const std::uint64_t align : {0, 1, 4, 24, 256}) {
    options.frame_align = align;
    const auto made = FrameRing::in_memory(1024, options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, EINVAL);
    EXPECT_NE(made.error().message.find(std::to_string(align)), std::string::npos);
  }
  options.frame_align = 64;
  EXPECT_EQ(FrameRing::in_memory(127, options).error().code, EINVAL);
  options.frame_bytes_max = 1017;
  EXPECT_EQ(FrameRing::in_memory(1024, options).error().code, EINVAL);
  options.frame_bytes_max = 1016;
  const auto ring = FrameRing::in_memory(1000, options);
  ASSERT_TRUE(ring) << ring.error().message;
  auto producer = ring->producer();
  auto consumer = ring->consumer();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(producer->try_push(Bytes(1016 - 300 * (i % 2))), Status::ok);  // alone it always fits
    EXPECT_EQ(popped(*consumer).size(), 1016u - 300 * (i % 2));
  }
}

TEST(FrameRingCreate, TakesAnExistingRingAsItIs)
{
  const TempNamespace space;
  FrameOptions options;
  options.memory = small_ring().memory;
  EXPECT_EQ(FrameRing::open("frames", options).error().code, ENOENT);
  options.frame_bytes_max = 100;
  options.frame_align = 16;
  const auto made = FrameRing::create("frames", 1024, options);
  ASSERT_TRUE(made) << made.error().message;
  FrameOptions any;
  any.memory = options.memory;
  const auto opened = FrameRing::open("frames", any);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->frame_bytes_max(), 100u);
  EXPECT_EQ(opened->frame_align(), 16u);
  any.frame_bytes_max = 200;
  any.frame_align = 16;
  EXPECT_EQ(FrameRing::create("frames", 1024, any).error().code, ERANGE);
  any.frame_bytes_max = 0;
  EXPECT_EQ(FrameRing::create("frames", 2048, any).error().code, ERANGE);
  any.frame_align = 64;
  EXPECT_EQ(FrameRing::create("frames", 1024, any).error().code, EPROTOTYPE);
}

// ---- who takes over

TEST_P(FrameRingUse, ASuccessorContinuesWhereTheProducerStopped)
{
  const FrameRing ring = make_frames(256, packed());
  auto consumer = ring.consumer();
  for (std::uint64_t run = 1; run < 30; ++run) {
    auto producer = ring.producer();
    ASSERT_EQ(producer->try_push(frame(run, 0, 16 + run % 40)), Status::ok);
    ASSERT_EQ(producer->try_push(frame(run, 1, 20)), Status::ok);
    fill_frame(producer->claim(30), run, 2);
    producer->stage();  // and is gone
    *producer = FrameRing::Producer();
    auto next = ring.producer();
    EXPECT_GT(next->used_bytes_estimate(), 0u);
    for (std::uint64_t i = 0; i < 2; ++i) {
      const auto name = whole_frame(popped(*consumer));
      ASSERT_TRUE(name);
      EXPECT_EQ(name->run, run);
      EXPECT_EQ(name->number, i);
      EXPECT_EQ(consumer->producer_changed(), i == 0 && run != 1);
    }
    EXPECT_EQ(consumer->peek().data(), nullptr);
  }
  EXPECT_EQ(ring.info().producer_takeovers, 0u);
}

TEST_P(FrameRingUse, FramesShownComeAgainToASuccessorWithAFlag)
{
  const FrameRing ring = make_frames(512, packed());
  auto producer = ring.producer();
  for (std::uint64_t i = 0; i < 6; ++i)
    ASSERT_EQ(producer->try_push(frame(1, i, 20 + i)), Status::ok);
  std::span<const std::byte> shown[8];
  {
    auto consumer = ring.consumer();
    ASSERT_EQ(consumer->peek_n({shown, 4}), 4u);
    EXPECT_FALSE(consumer->redelivered());
    EXPECT_TRUE(consumer->release());
  }
  {
    auto consumer = ring.consumer();
    EXPECT_EQ(ring.info().redelivered, 0u);
    EXPECT_FALSE(consumer->redelivered());                   // nothing taken yet
    EXPECT_EQ(bytes_of(consumer->peek()), frame(1, 1, 21));  // it looks at one of three
    EXPECT_TRUE(consumer->redelivered());
    EXPECT_EQ(ring.info().redelivered, 1u);
  }
  auto consumer = ring.consumer();
  ASSERT_EQ(consumer->peek_n(shown), 3u);  // 1, 2, 3; the batch ends where the doubt ends
  EXPECT_TRUE(consumer->redelivered());
  EXPECT_TRUE(consumer->release_n(3));
  EXPECT_TRUE(consumer->redelivered());
  EXPECT_EQ(popped(*consumer), frame(1, 4, 24));
  EXPECT_FALSE(consumer->redelivered());
  EXPECT_EQ(ring.info().redelivered, 4u);
}

TEST_P(FrameRingUse, ABatchEndsBeforeAnotherProducersFrame)
{
  const FrameRing ring = make_frames(512, packed());
  auto consumer = ring.consumer();
  for (std::uint64_t run = 0; run < 3; ++run) {
    auto producer = ring.producer();
    ASSERT_EQ(producer->try_push(frame(run, 0, 20)), Status::ok);
    ASSERT_EQ(producer->try_push(frame(run, 1, 20)), Status::ok);
  }
  std::span<const std::byte> shown[8];
  for (std::uint64_t run = 0; run < 3; ++run) {
    ASSERT_EQ(consumer->peek_n(shown), 2u);
    EXPECT_EQ(whole_frame(shown[0])->run, run);
    EXPECT_EQ(consumer->producer_changed(), run != 0);
    EXPECT_TRUE(consumer->release_n(2));
  }
}

TEST_P(FrameRingUse, TheMarkOfAChangedProducerIsToldOnce)
{
  const FrameRing ring = make_frames(512, packed());
  for (std::uint64_t run = 0; run < 3; ++run) {
    auto producer = ring.producer();
    ASSERT_EQ(producer->try_push(frame(run, 0, 20)), Status::ok);
    ASSERT_EQ(producer->try_push(frame(run, 1, 20)), Status::ok);
  }
  {
    auto consumer = ring.consumer();
    for (int i = 0; i < 3; ++i)
      (void)popped(*consumer);  // the third is another producer's; and gone without a question
  }
  {
    auto consumer = ring.consumer();
    EXPECT_TRUE(consumer->producer_changed());
    EXPECT_FALSE(consumer->producer_changed());
    (void)popped(*consumer);
    (void)consumer->peek();  // of the third producer, shown and not taken
    EXPECT_TRUE(consumer->producer_changed());
  }
  auto consumer = ring.consumer();
  EXPECT_FALSE(consumer->producer_changed());
  EXPECT_EQ(whole_frame(popped(*consumer))->run, 2u);
  EXPECT_TRUE(consumer->producer_changed());
  EXPECT_TRUE(consumer->redelivered());
}

// ---- published bug 16: a frame is used after it was given away

using FrameRingDeathTest = FrameRingUse;
INSTANTIATE_TEST_SUITE_P(FrameRingDeathTest, FrameRingDeathTest, both_places(), place_name);

TEST_P(FrameRingDeathTest, AddressSanitizerReportsWhatIsTouchedAfterwards)
{
  if (!rtlane::detail::bytes_can_be_hidden)
    GTEST_SKIP() << "not built with AddressSanitizer";
  const FrameRing ring = make_frames(1024);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  volatile std::byte* written = producer->claim(100).data();
  written[99] = std::byte{1};
  producer->commit();
  EXPECT_DEATH(written[99] = std::byte{2}, "use-after-poison");
  const auto shown = consumer->peek();
  const volatile std::byte* read = shown.data();
  EXPECT_TRUE(read[99] == std::byte{1});
  EXPECT_TRUE(consumer->release());
  EXPECT_DEATH((void)read[0], "use-after-poison");
  // And nothing is reported of those who use it rightly, lap after lap, with other lengths.
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(producer->try_push(frame(1, i, i % 257)), Status::ok);
    ASSERT_EQ(bytes_of(consumer->peek()), frame(1, i, i % 257));
    ASSERT_TRUE(consumer->release());
  }
}

}  // namespace
