// Events, semaphores and mutexes: SIGKILL inside each operation, while 0, 1 or 8 other processes sleep on the object,
// half of them in a wait for several.
//
// Checked after each kill: nobody sleeps while there is something to take; the operation happened or not, but for a
// release, which may have cost room of what it was about to add; a pulse leaves no event set; of those that wait for a
// dead owner's mutex exactly one gets it and is told, the others wait until it unlocks; then every survivor is released
// by one signal of its own.
//
// At every change of the object's bytes, at every system call, and at a sample of the instructions: fewer with more
// survivors. Built with RTLANE_TEST_EVERY_INSTRUCTION it leaves none out.
#include <gtest/gtest.h>

#include "crash/sync_kill.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {
namespace {

#ifdef RTLANE_TEST_EVERY_INSTRUCTION
constexpr unsigned kWatchdogSeconds = 3500;
#else
constexpr unsigned kWatchdogSeconds = 280;
#endif

class SyncKill : public ::testing::TestWithParam<unsigned> {
protected:
  void SetUp() override
  {
    if (const char* reason = step_unavailable())
      GTEST_SKIP() << reason;
    const char* given = std::getenv("RTLANE_TEST_SEED");
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
    std::printf("seed %lu (RTLANE_TEST_SEED)\n", seed);
    random_.seed(seed);
    // What the dynamic linker does at a first call is not to be swept over in each child.
    use_all_calls();
  }
  void TearDown() override { std::printf("%lu kills\n", kills_); }

  void use_all_calls()
  {
    Scene event(Kind::auto_event, 0, space_);
    Scene semaphore(Kind::semaphore, 1, space_);
    Scene mutex(Kind::mutex, 0, space_);
    for (const auto call : {set, reset, set, wait, pulse})
      call(event.object());
    release<1>(semaphore.object());
    for (const Wait waits : kWaits) {
      EXPECT_EQ(waits(mutex.object()), 0);
      EXPECT_EQ(waits(semaphore.object()), 0);
      EXPECT_EQ(rtlane_mutex_unlock(mutex.object()), 0);
    }
  }

  unsigned survivors() const { return GetParam(); }
  // One in so many instructions; cost: how much longer than others the kills of a test take.
  Density density(uint64_t cost = 1)
  {
#ifdef RTLANE_TEST_EVERY_INSTRUCTION
    static_cast<void>(cost);
    return {1, nullptr};
#else
    return {cost * (survivors() == 0 ? 12 : survivors() == 1 ? 48 : 300), &random_};
#endif
  }

  Watchdog watchdog_{kWatchdogSeconds};
  TempNamespace space_;
  std::mt19937_64 random_;
  uint64_t kills_ = 0;
};

TEST_P(SyncKill, WhoSignalsOrTakesWhatIsThere)
{
  for (const SignalCase& operation : kSignalCases) {
    SCOPED_TRACE(operation.name);
    kills_ += sweep_kills(density(), 1, [&](const StepPlan& plan, bool several) {
      return kill_signal(operation, survivors(), several, plan, space_);
    });
  }
}

TEST_P(SyncKill, WhoUnlocksAMutex)
{
  for (const unsigned depth : {1U, 2U}) {
    SCOPED_TRACE("locked " + std::to_string(depth) + " times");
    std::vector<int> answers;
    kills_ += sweep_kills(
        density(), 1,
        [&](const StepPlan& plan, bool several) { return kill_unlocker(depth, survivors(), several, plan, space_); },
        &answers);
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.front(), RTLANE_WAIT_ABANDONED);
  }
}

TEST_P(SyncKill, WhoLocksAFreeMutex)
{
  for (const Wait waits : kWaits) {
    std::vector<int> answers;
    kills_ += sweep_kills(
        density(), 1,
        [&](const StepPlan& plan, bool several) { return kill_locker(waits, survivors(), several, plan, space_); },
        &answers);
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back(), RTLANE_WAIT_ABANDONED);
  }
}

TEST_P(SyncKill, WhoGoesToSleep)
{
  for (const Kind kind : {Kind::auto_event, Kind::manual_event, Kind::semaphore, Kind::mutex}) {
    for (const Wait waits : kWaits) {
      SCOPED_TRACE(std::string(waits == wait_any ? "for several, kind " : "kind ") +
                   std::to_string(static_cast<int>(kind)));
      kills_ += sweep_kills(density(2), 1, [&](const StepPlan& plan, bool several) {
        return kill_waiter(kind, waits, survivors(), several, plan, Moment::asleep, space_);
      });
    }
  }
}

TEST_P(SyncKill, WhoIsWokenBeforeItRuns)
{
  unsigned abandoned = 0;
  for (const Kind kind : {Kind::auto_event, Kind::semaphore, Kind::mutex}) {
    for (const Wait waits : kWaits) {
      const bool last = survivors() == 0 && kind == Kind::mutex && waits == wait_alone;
      for (unsigned round = 0; round < 6 || (round < 60 && last && abandoned == 0); ++round) {
        const Verdict verdict =
            kill_waiter(kind, waits, survivors(), round % 2 == 0, StepPlan{}, Moment::woken, space_);
        ASSERT_EQ(verdict.problem, "") << "kind " << static_cast<int>(kind);
        abandoned += verdict.answer == RTLANE_WAIT_ABANDONED ? 1 : 0;
        ++kills_;
      }
    }
  }
  std::printf("%u were handed a mutex and killed\n", abandoned);
  // Among others it may have lost its place to one of them, as a wait begins anew after each slice.
  if (survivors() == 0) {
    EXPECT_GT(abandoned, 0U) << "the kernel never handed the mutex to the one that was killed";
  }
}

// The event is not left set for who comes later, nor are the others left out.
TEST_P(SyncKill, WhoIsPulsedBeforeItRuns)
{
  for (unsigned round = 0; round < 6; ++round) {
    const Verdict verdict = kill_pulsed(kWaits[round % 2], survivors(), round % 4 < 2, space_);
    ASSERT_EQ(verdict.problem, "");
    ++kills_;
  }
}

TEST_P(SyncKill, WhoRunsOnAfterItWasWoken)
{
  for (const Kind kind : {Kind::auto_event, Kind::semaphore, Kind::mutex}) {
    for (const Wait waits : kWaits) {
      SCOPED_TRACE(std::string(waits == wait_any ? "for several, kind " : "kind ") +
                   std::to_string(static_cast<int>(kind)));
      const uint64_t asleep_at = kill_waiter(kind, waits, 0, false, StepPlan{}, Moment::asleep, space_).instructions;
      ASSERT_GT(asleep_at, 0U);
      kills_ += sweep_kills(density(2), asleep_at + 1, [&](const StepPlan& plan, bool several) {
        return kill_waiter(kind, waits, survivors(), several, plan, Moment::runs, space_);
      });
    }
  }
}

#ifdef RTLANE_TEST_EVERY_INSTRUCTION
INSTANTIATE_TEST_SUITE_P(SurvivorsSoak, SyncKill, ::testing::Values(0U, 1U, kSurvivors),
                         [](const auto& survivors) { return std::to_string(survivors.param); });
#else
INSTANTIATE_TEST_SUITE_P(Survivors, SyncKill, ::testing::Values(0U, 1U, kSurvivors),
                         [](const auto& survivors) { return std::to_string(survivors.param); });
#endif

}  // namespace
}  // namespace rtlane::test
