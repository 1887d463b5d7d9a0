// The method, proved by injection: what was done to the metering thread is what the meter says.
#include <gtest/gtest.h>
#include <unistd.h>
#include <rtlane/rt/clock.hpp>
#include <rtlane/rt/noise.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "metered.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/timer_storm.hpp"
#include "support/watchdog.hpp"

namespace rtlane::rt {
namespace {

// ---- stopped by a signal

TEST(GapMeter, ATimeInWhichTheProcessIsStoppedIsStopped)
{
  test::Watchdog watchdog(100);
  constexpr unsigned stop_count = 3;
  struct Shared {
    std::atomic<std::uint64_t> polls{0};
    std::atomic<bool> finish{false};
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> ns{0};
    std::atomic<unsigned> covered{0};
    std::atomic<unsigned> waited_longer{0};
    Interval stops[stop_count];
  };
  const test::SharedPage<Shared> shared;
  test_clock();  // for the child too
  test::Child child = test::Child::start([&] {
    ThreadConfig thread;
    thread.cpu = metered_cpu();
    thread.fifo_priority = meter_priority;
    configure_this_thread(thread);
    const Metered found = meter_here({}, thread.cpu, do_nothing, [&](GapMeter&) {
      ++shared->polls;
      return !shared->finish;
    });
    shared->count = found.of(GapClass::stopped).count;
    shared->ns = found.ns(GapClass::stopped);
    for (const auto& [from, to] : shared->stops) {
      if (found.covered(GapClass::stopped, from, to))
        ++shared->covered;
      else if (found.covered(GapClass::preempted, from, to))
        ++shared->waited_longer;
    }
  });
  std::uint64_t stopped_ns = 0;
  for (auto& [from, to] : shared->stops) {
    const std::uint64_t polls = shared->polls;
    ASSERT_TRUE(test::eventually([&] { return shared->polls > polls + 1000; }));
    child.signal(SIGSTOP);
    ASSERT_TRUE(child.wait_stopped());
    from = ticks();
    test::sleep_us(100'000);
    to = ticks();
    child.signal(SIGCONT);
    stopped_ns += test_clock().ns(to - from);
  }
  const std::uint64_t polls = shared->polls;
  ASSERT_TRUE(test::eventually([&] { return shared->polls > polls + 1000; }));
  shared->finish = true;
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(shared->covered + shared->waited_longer, stop_count);
  if (shared->waited_longer > 0)
    GTEST_SKIP() << "the CPU is so busy that the stopped thread waited for it for longer than it was stopped";
  EXPECT_GE(shared->count, stop_count);
  EXPECT_GE(shared->ns, stopped_ns);
}

TEST(GapMeter, ASleepIsStopped)
{
  test::Watchdog watchdog(100);
  constexpr unsigned sleeps = 20;
  std::uint64_t slept_ns = 0;
  unsigned done = 0;
  const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter&) {
    const std::uint64_t before = ticks();
    test::sleep_us(10'000);
    slept_ns += test_clock().ns(ticks() - before);
    return ++done < sleeps;
  });
  // On a busy CPU one may have waited for longer than it slept.
  EXPECT_GE(found.of(GapClass::stopped).count + found.of(GapClass::preempted).count, sleeps);
  EXPECT_GE(found.of(GapClass::stopped).count, sleeps / 2);
  EXPECT_GE(found.ns(GapClass::stopped) + found.ns(GapClass::preempted), slept_ns);
}

// ---- preempted

// A thread that takes the metered CPU for a known time, again and again, since its priority is higher.
class Taker {
public:
  Taker(unsigned stint_count, std::uint64_t stint_ns)
      : thread_([this, stint_count, stint_ns] {
          ThreadConfig config;
          config.cpu = metered_cpu();
          config.fifo_priority = meter_priority + 1;
          configure_this_thread(config);
          while (!ready_)
            test::sleep_us(1000);
          for (unsigned i = 0; i < stint_count; ++i) {
            test::sleep_us(2000);
            const std::uint64_t from = ticks();
            spin_ns(stint_ns);
            stints_.emplace_back(from, ticks());
          }
          finished_ = true;
        })
  {}
  ~Taker() { thread_.join(); }

  void begin() { ready_ = true; }
  bool finished() const { return finished_; }

  // Compares with what was found, once it has finished.
  void expect_in(const Metered& found) const
  {
    unsigned explained = 0;
    unsigned inside = 0;
    for (const auto& [from, to] : stints_) {
      if (from < found.begin_ticks)
        continue;
      ++inside;
      explained += found.explained(GapClass::preempted, from, to) ? 1 : 0;
    }
    EXPECT_GE(inside, stints_.size() / 2);
    // A host that took the CPU right before or after, and for longer, has some of them.
    EXPECT_GE(explained, inside * 3 / 4);
    EXPECT_GE(found.of(GapClass::preempted).count, inside * 3 / 4);
  }

private:
  std::atomic<bool> ready_{false};
  std::atomic<bool> finished_{false};
  std::vector<Interval> stints_;
  std::thread thread_;
};

TEST(GapMeter, WhatAThreadOfHigherPriorityTakesIsPreempted)
{
  if (const std::string why = why_no_fifo_here(); !why.empty())
    GTEST_SKIP() << why;
  test::Watchdog watchdog(100);
  Taker taker(20, 2'000'000);
  const Metered found = meter_on_cpu(
      meter_priority, {}, [&](GapMeter&) { taker.begin(); }, [&](GapMeter&) { return !taker.finished(); });
  taker.expect_in(found);
}

// Every poll finds a gap here, so that a good part of the time goes into reading the counters.
TEST(GapMeter, WhatIsTakenFromAReadingIsPreempted)
{
  if (const std::string why = why_no_fifo_here(); !why.empty())
    GTEST_SKIP() << why;
  test::Watchdog watchdog(100);
  FreshPages pages;
  Taker taker(100, 1'000'000);
  const Metered found = meter_on_cpu(
      meter_priority, {}, [&](GapMeter&) { taker.begin(); },
      [&](GapMeter&) {
        pages.touch();
        return !taker.finished();
      });
  EXPECT_GT(found.blind_ticks, (found.end_ticks - found.begin_ticks) / 50) << "readings take too little to be hit";
  taker.expect_in(found);
}

TEST(GapMeter, WhatAnOrdinaryThreadTakesFromAnOrdinaryOneIsPreempted)
{
  test::Watchdog watchdog(100);
  std::atomic<bool> finish{false};
  std::atomic<bool> runs{false};
  std::thread hog([&] {
    ThreadConfig thread;
    thread.cpu = metered_cpu();
    configure_this_thread(thread);
    runs = true;
    while (!finish) {
    }
  });
  clockid_t hog_clock{};
  pthread_getcpuclockid(hog.native_handle(), &hog_clock);
  const auto hog_ns = [&] {
    timespec used{};
    clock_gettime(hog_clock, &used);
    return std::uint64_t(used.tv_sec) * 1'000'000'000 + std::uint64_t(used.tv_nsec);
  };
  std::uint64_t hog_begin_ns = 0;
  std::uint64_t hog_end_ns = 0;
  auto in_time = for_ns(300'000'000);
  const Metered found = meter_on_cpu(
      0, {}, [&](GapMeter&) { test::eventually([&] { return runs.load(); }); },
      [&](GapMeter& meter) {
        if (hog_begin_ns == 0)
          hog_begin_ns = hog_ns();
        if (in_time(meter))
          return true;
        hog_end_ns = hog_ns();
        return false;
      });
  finish = true;
  hog.join();
  // The hog can only have run while the meter did not.
  const std::uint64_t taken_ns = hog_end_ns - hog_begin_ns;
  ASSERT_GT(taken_ns, 10'000'000u) << "the hog did not run: nothing was injected";
  EXPECT_GE(found.of(GapClass::preempted).count, 2u);
  EXPECT_GE(found.ns(GapClass::preempted), taken_ns);
  // Every switch that the kernel counted is in a gap's evidence.
  std::uint64_t switches = 0;
  for (const Gap& gap : found.gaps)
    switches += gap.moved.nivcsw;
  EXPECT_GE(switches, found.of(GapClass::preempted).count / 2);
  EXPECT_LE(switches, found.moved.nivcsw);
  EXPECT_GE(switches + 2, found.moved.nivcsw);  // one at each end may be outside the window
}

// ---- page faults

TEST(GapMeter, APageFaultBetweenTwoPollsIsAFault)
{
  test::Watchdog watchdog(100);
  constexpr unsigned faults = 2000;
  FreshPages pages;
  unsigned touched = 0;
  const Metered found = meter_on_cpu(0, {}, do_nothing, [&](GapMeter&) {
    pages.touch();
    return ++touched < faults;
  });
  ASSERT_GE(found.moved.minflt, faults) << "the faults did not happen";
  // A fault during which the thread was preempted is named after what took longer.
  EXPECT_GE(found.of(GapClass::fault).count + found.of(GapClass::preempted).count, faults * 9 / 10);
  EXPECT_GE(found.of(GapClass::fault).count, faults * 3 / 4);
  std::uint64_t evidence = 0;
  for (const Gap& gap : found.gaps) {
    if (gap.kind == GapClass::fault) {
      EXPECT_GE(gap.moved.minflt + gap.moved.majflt, 1u);
    }
    evidence += gap.moved.minflt;
  }
  EXPECT_LE(evidence, found.moved.minflt);
}

// ---- what a thread does itself is not explained by what else came

TEST(GapMeter, OfAGapOnlyWhatTheEvidenceExplains)
{
  test::Watchdog watchdog(100);
  constexpr std::uint64_t spun_ns = 300'000;
  constexpr std::uint64_t slept_ns = 100'000;
  unsigned asleep = 0;
  unsigned faulting = 0;
  // Where the kernel takes the host's time off, that is time without a CPU: not in each gap, on a busy host in most.
  for (int again = 0; again < 5 && (asleep < 10 || faulting < 10); ++again) {
    FreshPages pages;
    unsigned done = 0;
    const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter&) {
      if (done % 2 == 0)
        test::sleep_us(slept_ns / 1'000);
      else
        pages.touch();
      spin_ns(spun_ns);
      return ++done < 40;
    });
    asleep = faulting = 0;
    for (const Gap& gap : found.gaps) {
      const std::uint64_t length_ns = test_clock().ns(gap.length_ticks);
      if (length_ns < spun_ns)
        continue;
      const std::uint64_t stopped_ns = gap.parts[GapClass::stopped];
      // A sleep begins with the call, before the thread leaves the CPU.
      if (gap.moved.nvcsw > 0 && stopped_ns + 20'000 >= slept_ns && stopped_ns <= length_ns - spun_ns + 10'000)
        ++asleep;
      EXPECT_LE(gap.parts[GapClass::fault], (gap.moved.minflt + gap.moved.majflt) * longest_fault_ns);
      if (gap.moved.minflt > 0 && gap.parts[GapClass::fault] > 0 && gap.kind == GapClass::unexplained)
        ++faulting;
    }
  }
  EXPECT_GE(asleep, 10u);
  EXPECT_GE(faulting, 10u);
}

// ---- interrupts

TEST(GapMeter, WhatAStormOfTimersTakesIsInterrupts)
{
  test::Watchdog watchdog(100);
  test::TimerStorm storm;
  std::int64_t end_ns = 0;
  const Metered found = meter_on_cpu(
      meter_priority, {}, [&](GapMeter&) { end_ns = storm.start() + 5'000'000; },
      [&](GapMeter&) { return now_ns() < end_ns; });
  ASSERT_TRUE(found.interrupts) << "/proc/interrupts cannot be read";
  // A host that takes the CPU for a while makes one interrupt of all that came due meanwhile.
  const std::uint64_t merged = std::min<std::uint64_t>(*found.interrupts, test::TimerStorm::count);
  ASSERT_GE(merged, test::TimerStorm::count / 10);
  // Some hit a time in which another thread had the CPU, or the host.
  const auto taken = found.of(GapClass::preempted).length_ticks + found.of(NoiseCause::host).length_ticks;
  const auto hidden = test_clock().ns(taken) / test::TimerStorm::distance_ns;
  EXPECT_GE(found.of(NoiseCause::interrupt).count + hidden, merged * 3 / 4);
  // A host that takes as long for each as they are apart makes of many one that is too long for an interrupt.
  EXPECT_GE(found.of(NoiseCause::interrupt).count, test::TimerStorm::count / 40);
  EXPECT_GT(found.of(NoiseCause::interrupt).count, found.of(NoiseCause::preempted).count);
  EXPECT_EQ(found.of(NoiseCause::stopped).count, 0u);
}

// ---- nothing injected

TEST(GapMeter, NothingIsNamedWithoutItsEvidence)
{
  test::Watchdog watchdog(100);
  const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, for_ns(300'000'000));
  EXPECT_EQ(found.dropped, 0u);
  std::uint64_t count = 0;
  ThreadCounts evidence;
  for (const Gap& gap : found.gaps) {
    EXPECT_GE(gap.begin_ticks + gap.length_ticks, gap.begin_ticks);
    EXPECT_LE(gap.begin_ticks + gap.length_ticks, found.end_ticks);
    const std::uint64_t length_ns = test_clock().ns(gap.length_ticks);
    EXPECT_EQ(gap.parts, explain(gap.moved, length_ns));
    EXPECT_EQ(gap.kind, classify(gap.parts));
    if (!gap.counters_read) {
      EXPECT_EQ(gap.moved, ThreadCounts{});
    }
    count += gap.kind == GapClass::preempted || gap.kind == GapClass::stopped ? 1 : 0;
    evidence += gap.moved;
  }
  EXPECT_LE(count, found.moved.nivcsw + found.moved.nvcsw);
  EXPECT_LE(evidence.nivcsw, found.moved.nivcsw);
  EXPECT_LE(evidence.nvcsw, found.moved.nvcsw);
  EXPECT_LE(evidence.minflt, found.moved.minflt);
  EXPECT_LE(evidence.run_delay_ns, found.moved.run_delay_ns);
  EXPECT_GE(test_clock().ns(found.watched_ticks), 299'000'000u);
  EXPECT_GT(found.blind_ticks, 0u);
  EXPECT_LT(found.blind_ticks, found.watched_ticks);
}

// ---- without the trap

// The same program where libc was told not to register rseq: the meter has only the counters.
TEST(GapMeter, NamesTheSameWithoutTheTrap)
{
  test::Watchdog watchdog(100);
  test::Child child = test::Child::start([] {
    setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
    execl("/proc/self/exe", "rt_noise_test",
          "--gtest_filter=PreemptionWitness.*:GapMeter.*IsStopped:GapMeter.*IsPreempted:GapMeter.*IsAFault:"
          "GapMeter.*Evidence:GapMeter.*Resume*",
          static_cast<char*>(nullptr));
    return 127;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace rtlane::rt
