// Eight processes on one event, semaphore or mutex, without a pause: no wake-up is lost, nothing is taken twice.
//
// Waits are alone, for several, with and without a time-out in turn, so that sleepers come and go while others signal.
// A wake-up that is lost stops everybody, which is seen as counters that stand still; what is taken twice is seen
// inside the section that it guards. 2 s each; with RTLANE_TEST_LONG 60 s.
#include <gtest/gtest.h>
#include <rtlane/core/sync.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <random>

#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

#ifdef RTLANE_TEST_LONG
#define SYNC_STRESS SyncStressSoak
constexpr int64_t kSeconds = 60;
#else
#define SYNC_STRESS SyncStress
constexpr int64_t kSeconds = 2;
#endif
constexpr unsigned kProcesses = 8;
// Nobody got anywhere for so long: they sleep for good.
constexpr int64_t kStandstillNs = 15'000'000'000;

struct Board {
  std::array<std::atomic<uint64_t>, kProcesses> rounds{};
  std::atomic<uint32_t> stop{0};
  std::atomic<uint32_t> inside{0};
  std::atomic<uint32_t> crowd{0};  // most that were inside at once
  std::atomic<uint32_t> acknowledged{0};
  volatile uint64_t plain = 0;  // changed inside without any order of its own
};

class SYNC_STRESS : public ::testing::Test {
protected:
  void SetUp() override
  {
    const char* given = std::getenv("RTLANE_TEST_SEED");
    seed_ = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
    std::printf("seed %lu (RTLANE_TEST_SEED)\n", seed_);
    ASSERT_EQ(rtlane_event_create(nullptr, 1, 0, nullptr, &never_), 0) << rtlane_error_message();
  }
  void TearDown() override
  {
    rtlane_close(object_);
    rtlane_close(never_);
  }

  // One wait of whatever kind; true when the object was taken.
  bool take(std::mt19937& random)
  {
    const uint32_t way = random() % 8;
    const int64_t timeout_ns = (way & 1) != 0 ? RTLANE_FOREVER : static_cast<int64_t>(random() % 200'000);
    const rtlane_handle both[] = {never_, object_};
    uint32_t index = 0;
    const int result = (way & 6) == 0 ? rtlane_wait_any(both, 2, timeout_ns, &index) : rtlane_wait(object_, timeout_ns);
    if (result == 0)
      return true;
    EXPECT_EQ(result, -ETIMEDOUT) << rtlane_error_message();
    return false;
  }

  void enter(uint32_t most)
  {
    const uint32_t now = ++board_->inside;
    if (now > most)
      board_->crowd = now;
    if (most == 1)
      board_->plain = board_->plain + 1;
  }
  void leave() { --board_->inside; }

  // Inside, so that others find nothing and sleep; outside, or one of them takes what it has just given back, time
  // after time.
  static void pause_sometimes(std::mt19937& random)
  {
    if (random() % 4 == 0)
      sleep_us(1);
  }

  // body(me, random) until it is time; returns when all have ended. Everybody passes on what he has.
  template <class Body>
  void run(Body&& body)
  {
    std::array<Child, kProcesses> children;
    for (unsigned i = 0; i < kProcesses; ++i) {
      children[i] = Child::start([&, i] {
        std::mt19937 random(static_cast<uint32_t>(seed_) + i);
        while (board_->stop == 0 && !HasFailure())
          body(i, random);
        if (i == 0 && open_at_end_)
          rtlane_event_set(object_);
      });
    }
    const int64_t end = now_ns() + kSeconds * 1'000'000'000;
    uint64_t before = 0;
    int64_t moved = now_ns();
    while (now_ns() < end) {
      sleep_us(20'000);
      if (const uint64_t now = sum(); now != before) {
        before = now;
        moved = now_ns();
      }
      ASSERT_LT(now_ns() - moved, kStandstillNs) << "everybody sleeps after " << before << " rounds: a lost wake-up";
    }
    board_->stop = 1;
    for (Child& child : children) {
      bool ended = false;
      eventually([&] {
        siginfo_t info = {};
        ended =
            waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
        return ended;
      });
      ASSERT_TRUE(ended) << "one sleeps for good: a lost wake-up";
      EXPECT_EQ(child.wait(), 0);
    }
    std::printf("%lu rounds\n", sum());
    EXPECT_GT(sum(), 0U);
  }

  uint64_t sum() const
  {
    uint64_t sum = 0;
    for (const auto& rounds : board_->rounds)
      sum += rounds;
    return sum;
  }

  Watchdog watchdog_{static_cast<unsigned>(kSeconds) + 100};
  TempNamespace space_;
  SharedPage<Board> board_;
  rtlane_handle object_ = 0;
  rtlane_handle never_ = 0;
  uint64_t seed_ = 0;
  bool open_at_end_ = false;  // process 0 lets the others go
};

// The one signal goes round.
TEST_F(SYNC_STRESS, AutoResetEvent)
{
  ASSERT_EQ(rtlane_event_create("object", 0, 1, nullptr, &object_), 0) << rtlane_error_message();
  run([&](unsigned me, std::mt19937& random) {
    if (!take(random))
      return;
    enter(1);
    ++board_->rounds[me];
    pause_sometimes(random);
    leave();
    EXPECT_EQ(rtlane_event_set(object_), 0);
    pause_sometimes(random);
  });
  EXPECT_EQ(board_->crowd, 0U) << "one signal released several";
  EXPECT_EQ(board_->plain, sum());
  EXPECT_EQ(rtlane_wait(object_, 0), 0) << "the signal is lost";
  EXPECT_EQ(rtlane_wait(object_, 0), -ETIMEDOUT);
}

TEST_F(SYNC_STRESS, Semaphore)
{
  constexpr uint32_t units = 3;
  ASSERT_EQ(rtlane_semaphore_create("object", units, units, nullptr, &object_), 0) << rtlane_error_message();
  run([&](unsigned me, std::mt19937& random) {
    if (!take(random))
      return;
    // Some take two and give both back at once.
    const bool another = random() % 4 == 0 && rtlane_wait(object_, 0) == 0;
    enter(units);
    ++board_->rounds[me];
    pause_sometimes(random);
    leave();
    EXPECT_EQ(rtlane_semaphore_release(object_, another ? 2 : 1, nullptr), 0) << rtlane_error_message();
    pause_sometimes(random);
  });
  EXPECT_EQ(board_->crowd, 0U) << "more were inside than there are units";
  for (uint32_t i = 0; i < units; ++i)
    EXPECT_EQ(rtlane_wait(object_, 0), 0) << "a unit is lost";
  EXPECT_EQ(rtlane_wait(object_, 0), -ETIMEDOUT);
}

TEST_F(SYNC_STRESS, Mutex)
{
  ASSERT_EQ(rtlane_mutex_create("object", 0, nullptr, &object_), 0) << rtlane_error_message();
  run([&](unsigned me, std::mt19937& random) {
    if (!take(random))
      return;
    const bool twice = random() % 4 == 0;
    if (twice) {
      EXPECT_EQ(rtlane_wait(object_, 0), 0);
    }
    enter(1);
    ++board_->rounds[me];
    pause_sometimes(random);
    leave();
    for (int i = 0; i < (twice ? 2 : 1); ++i)
      EXPECT_EQ(rtlane_mutex_unlock(object_), 0) << rtlane_error_message();
    pause_sometimes(random);
  });
  EXPECT_EQ(board_->crowd, 0U) << "several owned it at once";
  EXPECT_EQ(board_->plain, sum());
  EXPECT_EQ(rtlane_wait(object_, 0), 0);
  EXPECT_EQ(rtlane_mutex_unlock(object_), 0);
}

// One signals when the seven others are asleep: a set with a reset on its heels, and a pulse, release each of them
// once.
TEST_F(SYNC_STRESS, ManualResetEvent)
{
  ASSERT_EQ(rtlane_event_create("object", 1, 0, nullptr, &object_), 0) << rtlane_error_message();
  constexpr uint32_t others = kProcesses - 1;
  open_at_end_ = true;
  run([&](unsigned me, std::mt19937& random) {
    if (me != 0) {
      const rtlane_handle both[] = {never_, object_};
      const int result =
          random() % 2 == 0 ? rtlane_wait_any(both, 2, RTLANE_FOREVER, nullptr) : rtlane_wait(object_, RTLANE_FOREVER);
      EXPECT_EQ(result, 0) << rtlane_error_message();
      ++board_->acknowledged;
      ++board_->rounds[me];
      // Not before the next signal is due, or one would be released twice by a set that is not yet reset.
      while (board_->acknowledged != 0 && board_->stop == 0)
        sleep_us(1);
      return;
    }
    rtlane_sync_state state = {};
    for (;;) {
      EXPECT_EQ(rtlane_sync_get_state(object_, &state), 0);
      if (state.waiters == others)
        break;
      if (board_->stop != 0)
        return;
      sleep_us(1);
    }
    if (random() % 2 == 0) {
      rtlane_event_pulse(object_);
    } else {
      rtlane_event_set(object_);
      rtlane_event_reset(object_);
    }
    while (board_->acknowledged != others)
      sleep_us(1);
    ++board_->rounds[0];
    board_->acknowledged = 0;
  });
}

}  // namespace
}  // namespace rtlane::test
