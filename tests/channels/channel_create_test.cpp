// Many creators, creators that die, creators that are stopped: the lease of the initializer decides, no clock.
#include <gtest/gtest.h>
#include <rtlane/core/lease.h>
#include <rtlane/channels/channel_header.hpp>
#include <rtlane/channels/spsc_ring.hpp>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "crash/syscall_stepper.hpp"
#include "ring_support.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using namespace rtlane::test;
using rtlane::SharedMemory;
using rtlane::SpscRing;
using rtlane::Status;
using Ring = SpscRing<Message>;

class ChannelCreate : public ::testing::Test {
protected:
  // What a process leaves behind that dies while it makes ring "ring" of 16: some of the header, no finished magic.
  SharedMemory half_made(std::uint64_t magic)
  {
    std::uint64_t bytes = 0;
    {
      const auto ring = Ring::create("ring", 16, small_ring());
      const auto layout = ring->channel().layout();
      bytes = layout.total_bytes;
      start_.resize(layout.slots_offset);
      std::memcpy(start_.data(), layout.base, start_.size());
    }
    auto memory = SharedMemory::create("ring", bytes, small_ring().memory).value();
    EXPECT_TRUE(memory.created());
    if (magic != 0)
      std::memcpy(memory.data(), start_.data(), 400);
    std::memcpy(memory.data(), &magic, sizeof magic);
    return memory;
  }

  // What the maker does last.
  void finish(SharedMemory& memory)
  {
    std::memcpy(memory.bytes().data() + 8, start_.data() + 8, start_.size() - 8);
    std::atomic_thread_fence(std::memory_order_release);
    std::memcpy(memory.data(), start_.data(), 8);
  }

  // Its table was longer than ours: what it had written lies where our slots are.
  static void scribble_over_slots(const SharedMemory& memory)
  {
    for (std::uint64_t i = 640; i < memory.size_bytes(); ++i)
      static_cast<unsigned char*>(memory.data())[i] = 0x63;
  }

  void expect_works(const Ring& ring)
  {
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    ASSERT_TRUE(producer && consumer);
    Message got{};
    for (std::uint64_t i = 0; i < 40; ++i) {
      ASSERT_EQ(producer->try_push(message(1, i)), Status::ok);
      ASSERT_EQ(consumer->try_pop(got), Status::ok);
      ASSERT_EQ(got.number, i);
    }
  }

  std::vector<std::byte> start_;
  const TempNamespace space_;
  const Watchdog watchdog_{100};
};

TEST_F(ChannelCreate, FinishesWhatADeadMakerLeft)
{
  for (const std::uint64_t magic : {std::uint64_t{0}, rtlane::channel_in_the_making}) {
    const SharedMemory left = half_made(magic);
    for (const bool read_only : {false, true}) {
      auto options = small_ring();
      options.memory.read_only = read_only;
      const auto opened = Ring::open("ring", options);
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code, EAGAIN) << opened.error().message;
      EXPECT_NE(opened.error().message.find(magic == 0 ? "all zero" : "left half made"), std::string::npos)
          << opened.error().message;
    }
    if (magic != 0)
      scribble_over_slots(left);
    const auto ring = Ring::create("ring", 16, small_ring());
    ASSERT_TRUE(ring) << ring.error().message;
    EXPECT_TRUE(ring->created());
    EXPECT_EQ(ring->info().published, 0u);
    expect_works(*ring);
    EXPECT_TRUE(Ring::open("ring", small_ring()));
  }
}

TEST_F(ChannelCreate, RefusesToFinishAnotherSize)
{
  const SharedMemory left = half_made(rtlane::channel_in_the_making);
  const auto ring = Ring::create("ring", 1024, small_ring());
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ERANGE) << ring.error().message;
  EXPECT_TRUE(Ring::create("ring", 16, small_ring()));
}

TEST_F(ChannelCreate, WaitsForALivingMakerAndThenSaysSo)
{
  const SharedMemory left = half_made(rtlane::channel_in_the_making);
  SharedPage<std::atomic<int>> holds;
  Child maker = Child::start([&] {
    const auto memory = SharedMemory::open("ring", small_ring().memory).value();
    rtlane_lease lease{};
    ASSERT_EQ(rtlane_lease_acquire(memory.handle(), RTLANE_ROLE_INITIALIZER, &lease), 0);
    *holds = 1;
    while (true)
      sleep_us(1000);
  });
  ASSERT_TRUE(eventually([&] { return *holds == 1; }));
  maker.signal(SIGSTOP);  // stopped is alive
  ASSERT_TRUE(maker.wait_stopped());
  const std::int64_t before = now_ns();
  const auto created = Ring::create("ring", 16, small_ring());
  EXPECT_GE(now_ns() - before, 1'900'000'000);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, EAGAIN) << created.error().message;
  const auto opened = Ring::open("ring", small_ring());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, EAGAIN) << opened.error().message;
  maker.kill_now();  // the kernel lets go of the lease
  EXPECT_TRUE(Ring::create("ring", 16, small_ring()));
}

// A maker that works while an opener is stopped at any entry or exit of its system calls: when it goes on, the opener
// gets the ring, whatever it saw of the maker between two of its looks. The maker is the test: a stopped opener may
// hold locks that a real one would wait for.
class ChannelOpen : public ChannelCreate, public ::testing::WithParamInterface<bool> {
protected:
  void SetUp() override
  {
    SyscallStepper probe([] {}, [] {});
    if (!probe.problem().empty())
      GTEST_SKIP() << probe.problem();
  }

  void open() const
  {
    auto options = small_ring();
    options.memory.read_only = GetParam();
    const auto ring = Ring::open("ring", options);
    EXPECT_TRUE(ring) << ring.error().message;
  }

  // How many stops there are when the ring is there; an opener that waits comes to more of the same.
  int stops() const
  {
    const auto ring = Ring::create("ring", 16, small_ring());
    SyscallStepper opener([] {}, [&] { open(); });
    int count = 0;
    while (opener.next())
      ++count;
    return count + 30;
  }
};

TEST_P(ChannelOpen, FindsTheRingOfAMakerThatFinishedMeanwhile)
{
  const int count = stops();
  for (int stop = 1; stop <= count && !HasFailure(); ++stop) {
    SCOPED_TRACE("stopped at " + std::to_string(stop));
    SharedMemory memory = half_made(rtlane::channel_in_the_making);
    rtlane_lease lease{};
    ASSERT_EQ(rtlane_lease_acquire(memory.handle(), RTLANE_ROLE_INITIALIZER, &lease), 0);
    SyscallStepper opener([] {}, [&] { open(); });
    for (int i = 0; i < stop; ++i)
      ASSERT_TRUE(opener.next());
    finish(memory);
    rtlane_lease_release(&lease);
    EXPECT_EQ(opener.run_to_end(), 0);
  }
}

TEST_P(ChannelOpen, FindsTheRingOfAMakerThatBeganAndFinishedMeanwhile)
{
  const int count = stops();
  for (int stop = 1; stop <= count && !HasFailure(); ++stop) {
    SCOPED_TRACE("stopped at " + std::to_string(stop));
    SharedMemory memory = half_made(0);
    SyscallStepper opener([] {}, [&] { open(); });
    for (int i = 0; i < stop; ++i)
      ASSERT_TRUE(opener.next());
    finish(memory);
    EXPECT_EQ(opener.run_to_end(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(ChannelOpen, ChannelOpen, ::testing::Bool(),
                         [](const auto& of) { return of.param ? "ReadOnly" : "ReadWrite"; });

// Each round: several processes create the same name at once and stream one message through what they got.
TEST_F(ChannelCreate, RacingCreatorsMeetInOneRing)
{
  constexpr int creators = 4;
  struct Board {
    std::atomic<int> ready{0};
    std::atomic<int> go{0};
    std::atomic<int> made{0};
    std::atomic<int> failed{0};
    std::atomic<int> done{0};
    std::atomic<int> leave{0};
    std::atomic<int> left{0};
  };
  SharedPage<Board> board;
  const int rounds = sanitized ? 20 : 100;
  std::vector<Child> crowd;
  for (int i = 0; i < creators; ++i) {
    crowd.push_back(Child::start([&] {
      for (int round = 1; round <= rounds; ++round) {
        board->ready++;
        while (board->go < round)
          sched_yield();
        {
          const auto ring = Ring::create("ring", 16, small_ring());
          if (!ring) {
            std::fprintf(stderr, "%s\n", ring.error().message.c_str());
            board->failed++;
          } else {
            board->made += ring->created() ? 1 : 0;
          }
          board->done++;
          while (board->leave < round)
            sched_yield();
        }
        board->left++;
      }
    }));
  }
  for (int round = 1; round <= rounds; ++round) {
    ASSERT_TRUE(eventually([&] { return board->ready == creators * round; }));
    board->go = round;
    ASSERT_TRUE(eventually([&] { return board->done == creators * round; }));
    ASSERT_EQ(board->made, round);
    ASSERT_EQ(board->failed, 0);
    {
      const auto ring = Ring::open("ring", small_ring());
      ASSERT_TRUE(ring) << ring.error().message;
      ASSERT_EQ(ring->info().published, 0u);
      expect_works(*ring);
    }
    board->leave = round;
    ASSERT_TRUE(eventually([&] { return board->left == creators * round; }));
    ASSERT_FALSE(Ring::open("ring", small_ring())) << "round " << round;
  }
  for (Child& child : crowd)
    EXPECT_EQ(child.wait(), 0);
}

// A keeper holds the object open, so that what a killed creator leaves is really met by the next one.
TEST_F(ChannelCreate, CreatorsKilledAtRandomLeaveNothingThatTheNextOneTripsOver)
{
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("RTLANE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::uint64_t kills = test_count("RTLANE_TEST_KILLS", 100);
  std::uint64_t bytes = 0;
  {
    const auto ring = Ring::create("ring", 16, small_ring());
    bytes = ring->channel().layout().total_bytes;
  }
  SharedPage<std::atomic<int>> started;
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const auto keeper = SharedMemory::create("ring", bytes, small_ring().memory);
    ASSERT_TRUE(keeper && keeper->created());
    *started = 0;
    Child creator = Child::start([&] {
      while (true) {
        std::memset(keeper->data(), 0, 8);  // start over, as if it had just been made
        std::memset(keeper->bytes().data() + 8, 0, 2000);
        *started = 1;
        const auto ring = Ring::create("ring", 16, small_ring());
        ASSERT_TRUE(ring) << ring.error().message;
      }
    });
    ASSERT_TRUE(eventually([&] { return *started == 1; }));
    sleep_us(static_cast<std::int64_t>(random() % 500));
    creator.kill_now();
    // Killed in its own memset, the creator may leave a header without a magic word; that is not the library's doing.
    std::uint64_t magic = 0;
    std::memcpy(&magic, keeper->data(), sizeof magic);
    if (magic == 0)
      std::memset(keeper->data(), 0, 2000);
    const auto ring = Ring::create("ring", 16, small_ring());
    ASSERT_TRUE(ring) << ring.error().message;
    expect_works(*ring);
  }
}

}  // namespace
