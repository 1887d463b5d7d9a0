// The shared bytes of events and semaphores alone: what their words hold after each operation.
#include <gtest/gtest.h>

#include "../../core/src/event_state.hpp"
#include "../../core/src/semaphore_state.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "core/sync_support.hpp"

namespace rtlane::detail {
namespace {

using Taken = Waitable::Taken;

struct Event {
  explicit Event(bool manual_reset, bool set = false) { state.initialise(manual_reset, set); }

  Taken take(std::uint64_t mark) { return waitable.try_take(mark).taken; }
  std::uint32_t word() const { return state.word.load(); }
  // As a sleeper that is about to sleep.
  FutexSleep announce(std::uint64_t mark)
  {
    FutexSleep sleep;
    EXPECT_TRUE(waitable.prepare(mark, sleep));
    return sleep;
  }

  EventState state{};
  EventWaitable waitable{state};
};

class SyncState : public ::testing::Test {
protected:
  test::Watchdog watchdog_{60};
};

TEST_F(SyncState, AutoResetIsTakenOnce)
{
  Event event(false);
  const std::uint64_t mark = event.waitable.begin();
  EXPECT_EQ(event.take(mark), Taken::no);
  event.state.set();
  event.state.set();
  EXPECT_EQ(event.take(mark), Taken::yes);
  EXPECT_EQ(event.take(mark), Taken::no);
  EXPECT_EQ(event.word(), 0u);
}

TEST_F(SyncState, ManualResetStaysSet)
{
  Event event(true, true);
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::yes);
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::yes);
  event.state.reset();
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::no);
}

TEST_F(SyncState, ASleeperFindsAnotherValueAfterEverySignal)
{
  for (const bool manual_reset : {false, true}) {
    for (int signal = 0; signal < 3; ++signal) {
      Event event(manual_reset);
      const std::uint64_t mark = event.waitable.begin();
      const FutexSleep sleep = event.announce(mark);
      if (signal == 0)
        event.state.set();
      else if (signal == 1)
        event.state.pulse();
      else
        event.waitable.kick();
      EXPECT_EQ(futex_sleep(sleep, never), -EAGAIN) << "signal " << signal << " of manual reset " << manual_reset;
      EXPECT_NE(event.word() & (EventState::waiters | EventState::signaled), EventState::waiters)
          << "whoever sleeps again has to say so again";
      EXPECT_EQ(event.take(mark), signal == 2 ? Taken::no : Taken::yes);
    }
  }
}

TEST_F(SyncState, ManualSetAndResetReleaseThoseThatWaitedAlready)
{
  Event event(true);
  const std::uint64_t early = event.waitable.begin();
  event.announce(early);
  event.state.set();
  event.state.reset();
  EXPECT_EQ(event.take(early), Taken::yes);
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::no);
}

// A thread that stands between its look and its sleep while a set and a reset pass, and another comes to sleep.
TEST_F(SyncState, ManualSetAndResetAreNotMissedBeforeTheSleep)
{
  for (const bool pulse : {false, true}) {
    Event event(true);
    const std::uint64_t early = event.waitable.begin();
    const FutexSleep sleep = event.announce(early);
    if (pulse) {
      event.state.pulse();
    } else {
      event.state.set();
      event.state.reset();
    }
    event.announce(event.waitable.begin());
    EXPECT_EQ(futex_sleep(sleep, never), -EAGAIN);
    EXPECT_EQ(event.take(early), Taken::yes);
  }
}

TEST_F(SyncState, APulseAndASetReleaseOneEach)
{
  Event event(false);
  const std::uint64_t early = event.waitable.begin();
  event.announce(early);
  event.state.pulse();
  event.state.set();
  EXPECT_EQ(event.take(early), Taken::yes);
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::yes) << "the set is for anybody";
  EXPECT_EQ(event.take(early), Taken::no);
}

TEST_F(SyncState, APulseIsForThoseThatWaitedAlready)
{
  Event event(false);
  const std::uint64_t early = event.waitable.begin();
  event.announce(early);
  event.state.pulse();
  const std::uint64_t late = event.waitable.begin();
  EXPECT_EQ(event.take(late), Taken::no);
  FutexSleep sleep;
  EXPECT_TRUE(event.waitable.prepare(late, sleep)) << "a pulse that is not meant for it is nothing to stay awake for";
  EXPECT_FALSE(event.waitable.prepare(early, sleep));
  EXPECT_EQ(event.take(early), Taken::yes);
  EXPECT_EQ(event.take(early), Taken::no);
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::no);
}

TEST_F(SyncState, APulseThatNobodyTakesReleasesNobodyLater)
{
  Event event(false);
  event.announce(event.waitable.begin());  // and is killed
  event.state.pulse();
  const std::uint64_t later = event.waitable.begin();
  EXPECT_EQ(event.take(later), Taken::no);
  event.state.pulse();
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::no);
  event.state.set();
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::yes);
  EXPECT_EQ(event.take(event.waitable.begin()), Taken::no);
}

TEST_F(SyncState, APulseWithoutWaitersLeavesTheEventReset)
{
  for (const bool manual_reset : {false, true}) {
    Event event(manual_reset, true);
    event.state.pulse();
    EXPECT_EQ(event.word(), 0u);
    event.announce(event.waitable.begin());
    event.state.set();
    event.state.pulse();
    EXPECT_EQ(event.take(event.waitable.begin()), Taken::no);
  }
}

struct Semaphore {
  Semaphore(std::uint32_t initial, std::uint32_t maximum) { state.initialise(initial, maximum); }

  int release(std::uint32_t count)
  {
    previous = UINT32_MAX;
    return state.release(count, previous);
  }

  SemaphoreState state{};
  SemaphoreWaitable waitable{state};
  std::uint32_t previous = UINT32_MAX;
};

TEST_F(SyncState, ASemaphoreCountsUpToItsMaximum)
{
  Semaphore semaphore(1, 3);
  EXPECT_EQ(semaphore.release(3), -EOVERFLOW);
  EXPECT_EQ(semaphore.release(UINT32_MAX), -EOVERFLOW);
  EXPECT_EQ(semaphore.previous, UINT32_MAX);
  EXPECT_EQ(semaphore.release(2), 0);
  EXPECT_EQ(semaphore.previous, 1u);
  EXPECT_EQ(semaphore.state.count(), 3u);
  EXPECT_EQ(semaphore.release(1), -EOVERFLOW);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(semaphore.state.take());
  EXPECT_FALSE(semaphore.state.take());
  EXPECT_EQ(semaphore.release(3), 0);
  EXPECT_EQ(semaphore.previous, 0u);
}

TEST_F(SyncState, TheLargestSemaphoreHoldsAllItsUnits)
{
  constexpr std::uint32_t most = INT32_MAX;
  Semaphore semaphore(0, most);
  EXPECT_EQ(semaphore.release(most), 0);
  EXPECT_EQ(semaphore.state.count(), most);
  EXPECT_EQ(semaphore.release(1), -EOVERFLOW);
  EXPECT_TRUE(semaphore.state.take());
  EXPECT_EQ(semaphore.state.count(), most - 1);
  EXPECT_EQ(semaphore.release(1), 0);
  EXPECT_EQ(semaphore.previous, most - 1);
}

TEST_F(SyncState, TheCountSurvivesTheEndOfItsWord)
{
  Semaphore semaphore(0, 10);
  // As after 2^31 - 2 releases and takes.
  constexpr std::uint64_t done = (std::uint64_t{1} << 31) - 2;
  semaphore.state.released = static_cast<std::uint32_t>(done) << 1;
  semaphore.state.acquired = done;
  semaphore.state.reserved = done;
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(semaphore.release(3), 0);
    EXPECT_EQ(semaphore.previous, 0u);
    EXPECT_EQ(semaphore.state.count(), 3u);
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(semaphore.state.take());
    EXPECT_FALSE(semaphore.state.take());
  }
}

// With waiters the kernel adds, in steps that its operand holds.
TEST_F(SyncState, AnyCountArrivesWholeWhenSomebodySleeps)
{
  for (const std::uint32_t count : {1u, 1023u, 1024u, 5000u, 0x55555555u, static_cast<std::uint32_t>(INT32_MAX)}) {
    Semaphore semaphore(0, INT32_MAX);
    std::thread sleeper([&] {
      FutexSleep sleep;
      while (!semaphore.state.take()) {
        if (semaphore.waitable.prepare(0, sleep))
          futex_sleep(sleep, never);
      }
    });
    while (futex_sleepers(semaphore.state.released) == 0)
      std::this_thread::yield();
    EXPECT_EQ(semaphore.release(count), 0);
    sleeper.join();
    EXPECT_EQ(semaphore.state.count(), count - 1);
  }
}

TEST_F(SyncState, AReleaseThatFindsNobodyAsleepTakesTheMarkOff)
{
  Semaphore semaphore(0, 10);
  FutexSleep sleep;
  EXPECT_TRUE(semaphore.waitable.prepare(0, sleep));
  EXPECT_EQ(semaphore.state.released.load() & SemaphoreState::waiters, SemaphoreState::waiters);
  EXPECT_EQ(semaphore.release(1), 0);
  EXPECT_EQ(semaphore.state.released.load() & SemaphoreState::waiters, 0u);
  EXPECT_EQ(futex_sleep(sleep, never), -EAGAIN);
  EXPECT_TRUE(semaphore.state.take());
}

// Never there; tells how often it was kicked.
struct Nothing final : Waitable {
  [[nodiscard]] std::uint64_t begin() const noexcept override { return 0; }
  [[nodiscard]] Attempt try_take(std::uint64_t) noexcept override { return {}; }
  [[nodiscard]] Outlook outlook(std::uint64_t) const noexcept override { return Outlook::wait; }
  [[nodiscard]] bool prepare(std::uint64_t, FutexSleep&) noexcept override { return false; }
  void kick() noexcept override { ++kicks; }

  int kicks = 0;
};

TEST_F(SyncState, ACloseWaitsForTheWaitsBeforeItOnly)
{
  Nothing nothing;
  nothing.end_waits(nothing.count_close());
  EXPECT_EQ(nothing.kicks, 0) << "nobody waits";
  const std::uint64_t closes = nothing.closes();
  {
    const Waitable::Scope before(nothing, closes - 1);
    EXPECT_TRUE(before.ended());
    const Waitable::Scope later(nothing, closes + 1);
    nothing.end_waits(nothing.count_close());
    EXPECT_EQ(nothing.kicks, 0) << "of the waits of this round there is none";
  }
  const Waitable::Scope now(nothing, nothing.closes());
  EXPECT_FALSE(now.ended());
  nothing.end_waits(nothing.count_close());
  EXPECT_GT(nothing.kicks, 0);
  EXPECT_TRUE(now.ended());
}

TEST_F(SyncState, NobodyWaitsInAForkChild)
{
  Nothing nothing;
  const Waitable::Scope of_the_parent(nothing, 0);
  nothing.forget_waits_in_fork_child();
  nothing.end_waits(nothing.count_close());
  EXPECT_EQ(nothing.kicks, 0);
}

// A state that only somebody else's writes can bring about: wrong, but no hang.
TEST_F(SyncState, ADamagedSemaphoreEndsNoCallInALoop)
{
  Semaphore semaphore(0, 10);
  semaphore.state.acquired = 1000;
  semaphore.release(1);
  semaphore.state.take();
  EXPECT_LE(semaphore.state.count(), UINT32_MAX >> 1);
}

}  // namespace
}  // namespace rtlane::detail
