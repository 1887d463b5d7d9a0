// The stall and kill columns of links of which it is known what a stop or a kill does to the others.
#include <rtlane/rt/thread.hpp>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bench/stalls_links.hpp"
#include "latency/pair.hpp"
#include "stalls/columns.hpp"
#include "stalls/stalls_result.hpp"
#include "support/sanitizer.hpp"
#include "support/shm.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::bench {
namespace {

using test::Watchdog;
using testing::HasSubstr;

template <template <class> class Link>
AnyLinkMaker maker_of()
{
  constexpr std::size_t bytes = 16;
  return {Link<Message<bytes>>::info, bytes, &detail::make_any_link<Link, bytes>};
}

// Alive or dead; a clean-up's shell is one, too.
std::set<pid_t> children()
{
  std::set<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string line;
    std::getline(std::ifstream(entry.path() / "stat"), line);
    pid_t parent = 0;
    const std::size_t after_name = line.rfind(')');
    if (after_name != std::string::npos && std::sscanf(line.c_str() + after_name, ") %*c %d", &parent) == 1 &&
        parent == ::getpid())
      found.insert(std::stoi(line));
  }
  return found;
}

class Stalls : public testing::Test {
protected:
  void SetUp() override
  {
    const std::vector<int> cpus = rt::allowed_cpus();
    if (cpus.size() < 2)
      GTEST_SKIP() << "who is stopped and who goes on need a CPU each, and this process may run on one only";
    if (test::built_with_sanitizer)
      GTEST_SKIP() << "a sanitizer's run time takes locks of its own, in which a killed process leaves others";
    place_.cpus = {cpus[0], cpus[1]};
    plan_.tries = 12;
    // Far beyond what a busy machine takes at a time.
    plan_.stop_ns = 100'000'000;
    plan_.seed = std::random_device{}();
    plan_.column_s_max = 1000;
    RecordProperty("seed", std::to_string(plan_.seed));
    std::printf("seed %ju\n", static_cast<std::uintmax_t>(plan_.seed));
    adopt_orphans();
  }

  StallFigures measure(const AnyLinkMaker& maker)
  {
    const std::set<pid_t> before = children();
    StallFigures figures = measure_columns(maker, plan_, place_, [](std::size_t, std::size_t) {});
    for (const Column& column : figures.columns)
      std::printf("%s\n", text(column).c_str());
    EXPECT_EQ(children(), before);
    EXPECT_TRUE(test::object_files(space_.path()).empty());
    return figures;
  }

  static std::string text(const Column& column)
  {
    return fmt::format(
        "{} {}: tries {} inside {} delayed {} stuck {} successors {} refused {} longest {} ns lost {} doubled {} torn "
        "{} {}",
        victim_text(column.victim), static_cast<int>(column.blow), column.tries, column.inside, column.delayed,
        column.stuck, column.successors, column.refused, column.longest_wait_ns, column.lost, column.doubled,
        column.torn, column.note.data());
  }

  void expect(const StallFigures& figures, Victim victim, Blow blow, StallVerdict verdict)
  {
    ASSERT_EQ(figures.failure, "");
    const Column* const column = figures.find(victim, blow);
    const Column* const control = figures.find(victim, Blow::none);
    ASSERT_NE(column, nullptr);
    ASSERT_NE(control, nullptr);
    EXPECT_EQ(column->tries, plan_.tries);
    EXPECT_GT(column->inside, 0u) << text(*column);
    EXPECT_EQ(control->inside, 0u);
    EXPECT_STREQ(stall_verdict_text(stall_verdict_of(*column, *control)), stall_verdict_text(verdict))
        << text(*column) << "\n"
        << text(*control);
    for (const Column* const one : {column, control}) {
      EXPECT_EQ(one->doubled, 0u) << text(*one);
      EXPECT_EQ(one->torn, 0u) << text(*one);
    }
    // A survivor that is stuck, or a thread in whose place nobody comes, has taken nothing.
    if (blow != Blow::kill) {
      EXPECT_EQ(column->lost, 0u) << text(*column);
    }
    EXPECT_EQ(control->lost, 0u) << text(*control);
  }

  StallPlan plan_;
  test::TempNamespace space_;
  Placement place_{{}, 0, false, TickClock::calibrate(), 1000};
};

TEST_F(Stalls, ASpinLockDelaysAndThenHoldsTheOthersForEver)
{
  Watchdog watchdog(110);
  const StallFigures figures = measure(maker_of<SpinLockLink>());
  for (const Victim victim : {Victim::producer, Victim::consumer}) {
    expect(figures, victim, Blow::stop, StallVerdict::delayed);
    expect(figures, victim, Blow::kill, StallVerdict::stuck);
  }
}

TEST_F(Stalls, ARobustMutexDelaysAndIsPassedOn)
{
  Watchdog watchdog(110);
  const auto is_delayed = [](const StallFigures& figures, Victim victim) {
    const Column* const column = figures.find(victim, Blow::stop);
    return column != nullptr && column->delayed != 0;
  };
  // A victim has the lock in 2 to 4 of 10 stops, so of 12 it may have it in none.
  StallFigures figures = measure(maker_of<RobustMutexLink>());
  for (int again = 0; again < 5 && !(is_delayed(figures, Victim::producer) && is_delayed(figures, Victim::consumer));
       ++again)
    figures = measure(maker_of<RobustMutexLink>());
  for (const Victim victim : {Victim::producer, Victim::consumer}) {
    expect(figures, victim, Blow::stop, StallVerdict::delayed);
    expect(figures, victim, Blow::kill, StallVerdict::unaffected);
    EXPECT_EQ(figures.find(victim, Blow::kill)->successors, plan_.tries);
    // What a killed consumer had in hand.
    EXPECT_LE(figures.find(victim, Blow::kill)->lost_most, victim == Victim::consumer ? 1u : 0u);
  }
}

TEST_F(Stalls, AClaimedSlotHoldsUpTheOtherProducersMessages)
{
  Watchdog watchdog(110);
  plan_.tries = 3;  // all but a few fall between claim and publication, and those that are stuck take their time
  const StallFigures figures = measure(maker_of<ClaimLink>());
  expect(figures, Victim::one_of_two_producers, Blow::stop, StallVerdict::delayed);
  expect(figures, Victim::one_of_two_producers, Blow::kill, StallVerdict::stuck);
  // Of a pair nobody waits for the producer: there is nothing else to come.
  expect(figures, Victim::producer, Blow::stop, StallVerdict::unaffected);
  // A new producer's messages lie behind the slot.
  expect(figures, Victim::producer, Blow::kill, StallVerdict::stuck);
}

TEST_F(Stalls, ASpscRingLosesAtMostWhatTheDeadConsumerHadInHand)
{
  Watchdog watchdog(110);
  const StallFigures figures = measure(maker_of<SpscLink>());
  for (const Victim victim : {Victim::producer, Victim::consumer}) {
    expect(figures, victim, Blow::stop, StallVerdict::unaffected);
    expect(figures, victim, Blow::kill, StallVerdict::unaffected);
    EXPECT_EQ(figures.find(victim, Blow::kill)->successors, plan_.tries);
    EXPECT_LE(figures.find(victim, Blow::kill)->lost_most, victim == Victim::consumer ? 1u : 0u);
  }
}

TEST_F(Stalls, WhatIsLostDoubledOrTornIsCounted)
{
  Watchdog watchdog(110);
  plan_.tries = 6;
  const StallFigures figures = measure(maker_of<FaultyLink>());
  ASSERT_EQ(figures.failure, "");
  const Column& kill = *figures.find(Victim::producer, Blow::kill);
  ASSERT_EQ(kill.successors, plan_.tries) << text(kill);
  // The torn one did not come as what it was.
  EXPECT_EQ(kill.lost, 2 * plan_.tries) << text(kill);
  EXPECT_EQ(kill.lost_most, 2u) << text(kill);
  EXPECT_EQ(kill.doubled, plan_.tries) << text(kill);
  EXPECT_EQ(kill.torn, plan_.tries) << text(kill);
  EXPECT_THAT(stall_json(kill, *figures.find(Victim::producer, Blow::none), plan_, maker_of<FaultyLink>().info, false)
                  .at("sentence")
                  .get<std::string>(),
              HasSubstr("12 lost (at most 2 in a try), 6 doubled, 6 torn"));
}

TEST_F(Stalls, AThreadIsHaltedAtARandomInstructionToo)
{
  Watchdog watchdog(110);
  plan_.tries = 6;  // nearly all fall where the others wait
  const StallFigures figures = measure(maker_of<ThreadsLink>());
  for (const Victim victim : {Victim::producer, Victim::consumer}) {
    expect(figures, victim, Blow::stop, StallVerdict::delayed);
    expect(figures, victim, Blow::kill, StallVerdict::stuck);
  }
}

TEST_F(Stalls, ALinkThatCannotBeMadeIsAFailureWithItsSentence)
{
  Watchdog watchdog(110);
  EXPECT_EQ(measure(maker_of<NoLink>()).failure, "there is no such thing");
  EXPECT_EQ(measure(maker_of<CrashingLink>()).failure, "its process was killed by signal 11");
}

TEST(StallVerdictTest, ComparesWithWhatHappensWithNobodyStopped)
{
  Column column{};
  Column control{};
  column.tries = control.tries = 40;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::unaffected);
  column.delayed = 1;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::delayed);
  control.delayed = 1;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::unaffected);
  column.delayed = 3;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::unaffected);
  column.delayed = 4;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::delayed);
  column.stuck = 1;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::stuck);
  control.stuck = 1;
  EXPECT_EQ(stall_verdict_of(column, control), StallVerdict::delayed);
}

TEST(StallVerdictTest, SaysItInASentence)
{
  StallPlan plan;
  Column column{};
  Column control{};
  column.victim = control.victim = Victim::consumer;
  column.blow = Blow::stop;
  column.tries = control.tries = 40;
  column.inside = 31;
  column.longest_wait_ns = 12'300;
  control.longest_wait_ns = 41'000;
  const LinkInfo info = {"test/sentence", "spsc", "", Reach::processes, false};
  EXPECT_EQ(stall_json(column, control, plan, info, false)["sentence"],
            "The consumer was stopped for 20 ms at a random instant, 31 of 40 times inside an operation: in none of 40 "
            "tries the producer had to wait for it: the longest wait was 12.3 us, and 41 us with nobody stopped. "
            "Nothing was lost, doubled or torn.");
  column.blow = Blow::kill;
  column.stuck = 9;
  EXPECT_THAT(stall_json(column, control, plan, info, false)["sentence"].get<std::string>(),
              HasSubstr("in 9 of 40 tries the producer or who came in its place made no headway for 200 ms"));
}

}  // namespace
}  // namespace rtlane::bench
