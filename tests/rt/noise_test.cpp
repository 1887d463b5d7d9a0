// The method, proved by injection: what was done to the metering thread is what the meter says.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <rtlane/rt/clock.hpp>
#include <rtlane/rt/noise.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "metered.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"
#include "support/shared_page.hpp"
#include "support/watchdog.hpp"

namespace rtlane::rt {
namespace {

using Interval = std::pair<std::uint64_t, std::uint64_t>;  // in ticks

constexpr int meter_priority = 10;

// ---- stopped by a signal

TEST(GapMeter, ATimeInWhichTheProcessIsStoppedIsStopped)
{
  test::Watchdog watchdog(100);
  struct Shared {
    std::atomic<std::uint64_t> polls{0};
    std::atomic<bool> finish{false};
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> ns{0};
    std::atomic<unsigned> covered{0};
    Interval stops[3];
  };
  const test::SharedPage<Shared> shared;
  test_clock();  // for the child too
  test::Child child = test::Child::start([&] {
    ThreadConfig thread;
    thread.cpu = metered_cpu();
    configure_this_thread(thread);
    const Metered found = meter_here({}, thread.cpu, do_nothing, [&](GapMeter&) {
      ++shared->polls;
      return !shared->finish;
    });
    shared->count = found.of(GapClass::stopped).count;
    shared->ns = found.ns(GapClass::stopped);
    for (const auto& [from, to] : shared->stops)
      shared->covered += found.covered(GapClass::stopped, from, to) ? 1 : 0;
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
  EXPECT_GE(shared->count, 3u);
  EXPECT_GE(shared->ns, stopped_ns);
  EXPECT_EQ(shared->covered, 3u);
}

TEST(GapMeter, ASleepIsStopped)
{
  test::Watchdog watchdog(100);
  constexpr unsigned sleeps = 20;
  std::uint64_t slept_ns = 0;
  unsigned done = 0;
  const Metered found = meter_on_cpu(0, {}, do_nothing, [&](GapMeter&) {
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

TEST(GapMeter, WhatAThreadOfHigherPriorityTakesIsPreempted)
{
  if (const std::string why = why_no_fifo_here(); !why.empty())
    GTEST_SKIP() << why;
  test::Watchdog watchdog(100);
  constexpr unsigned stint_count = 20;
  std::vector<Interval> stints;
  std::atomic<bool> ready{false};
  std::atomic<bool> finish{false};
  std::thread taker([&] {
    ThreadConfig thread;
    thread.cpu = metered_cpu();
    thread.fifo_priority = meter_priority + 1;
    configure_this_thread(thread);
    while (!ready)
      test::sleep_us(1000);
    for (unsigned i = 0; i < stint_count; ++i) {
      test::sleep_us(3000);
      const std::uint64_t from = ticks();
      spin_ns(2'000'000);
      stints.emplace_back(from, ticks());
    }
    finish = true;
  });
  const Metered found = meter_on_cpu(
      meter_priority, {}, [&](GapMeter&) { ready = true; }, [&](GapMeter&) { return !finish; });
  taker.join();
  std::uint64_t taken_ns = 0;
  unsigned covered = 0;
  unsigned inside = 0;
  for (const auto& [from, to] : stints) {
    if (from < found.begin_ticks)
      continue;
    ++inside;
    taken_ns += test_clock().ns(to - from);
    covered += found.covered(GapClass::preempted, from, to) ? 1 : 0;
  }
  EXPECT_GE(inside, stint_count / 2);
  EXPECT_EQ(covered, inside);
  EXPECT_GE(found.of(GapClass::preempted).count, inside);
  EXPECT_GE(found.ns(GapClass::preempted), taken_ns);
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
  EXPECT_LE(switches, found.moved.nivcsw);
  EXPECT_GE(switches + 2, found.moved.nivcsw);  // one at each end may be outside the window
}

// ---- page faults

// Pages that fault when they are touched for the first time, one after another.
class FreshPages {
public:
  static constexpr std::size_t count = 512;

  FreshPages()
      : memory_(static_cast<char*>(
            mmap(nullptr, count * page_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
  {
    if (memory_ == MAP_FAILED)
      std::abort();
    madvise(memory_, count * page_bytes_, MADV_NOHUGEPAGE);
  }
  FreshPages(const FreshPages&) = delete;
  FreshPages& operator=(const FreshPages&) = delete;
  ~FreshPages() { munmap(memory_, count * page_bytes_); }

  // Faults each time.
  void touch()
  {
    if (next_ == count) {
      madvise(memory_, count * page_bytes_, MADV_DONTNEED);
      next_ = 0;
    }
    static_cast<volatile char*>(memory_)[next_++ * page_bytes_] = 1;
  }

private:
  const std::size_t page_bytes_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* memory_;
  std::size_t next_ = 0;
};

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

// ---- interrupts

// Timers of the calling thread's CPU that nobody waits for: each is one interrupt and nothing else.
class TimerStorm {
public:
  static constexpr unsigned count = 400;
  static constexpr std::int64_t distance_ns = 50'000;

  TimerStorm()
  {
    for (int& fd : fds_)
      fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  }
  TimerStorm(const TimerStorm&) = delete;
  TimerStorm& operator=(const TimerStorm&) = delete;
  ~TimerStorm()
  {
    for (const int fd : fds_)
      close(fd);
  }

  // Returns when the last one is due, by now_ns().
  std::int64_t start()
  {
    std::int64_t due_ns = now_ns() + 5'000'000;
    for (const int fd : fds_) {
      due_ns += distance_ns;
      itimerspec when{};
      when.it_value = {static_cast<time_t>(due_ns / 1'000'000'000), static_cast<long>(due_ns % 1'000'000'000)};
      EXPECT_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, nullptr), 0);
    }
    return due_ns;
  }

private:
  std::array<int, count> fds_{};
};

TEST(GapMeter, WhatAStormOfTimersTakesIsInterrupts)
{
  test::Watchdog watchdog(100);
  TimerStorm storm;
  std::int64_t end_ns = 0;
  const Metered found = meter_on_cpu(
      meter_priority, {}, [&](GapMeter&) { end_ns = storm.start() + 5'000'000; },
      [&](GapMeter&) { return now_ns() < end_ns; });
  ASSERT_TRUE(found.interrupts) << "/proc/interrupts cannot be read";
  EXPECT_GE(*found.interrupts, TimerStorm::count * 3 / 4);
  // Some hit a time in which another thread had the CPU, or the host.
  const auto taken = found.of(GapClass::preempted).length_ticks + found.of(NoiseCause::host).length_ticks;
  const auto hidden = test_clock().ns(taken) / TimerStorm::distance_ns;
  EXPECT_GE(found.of(NoiseCause::interrupt).count + hidden, TimerStorm::count * 3 / 4);
  EXPECT_GT(found.of(NoiseCause::interrupt).count, found.of(NoiseCause::host).count);
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
    EXPECT_EQ(gap.kind,
              gap.counters_read ? classify(gap.moved, test_clock().ns(gap.length_ticks)) : GapClass::unexplained);
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

// ---- whose deltas they are

// What a thread does itself between two polls moves no counter, so it is unexplained, unless something else came too.
unsigned own_gaps(const Metered& found, GapClass kind, std::uint64_t at_least_ns)
{
  unsigned count = 0;
  for (const Gap& gap : found.gaps)
    count += gap.kind == kind && test_clock().ns(gap.length_ticks) >= at_least_ns ? 1 : 0;
  return count;
}

TEST(GapMeter, AGapIsAsLongAsTheTimeBetweenTwoPollsAndEndsWithIt)
{
  test::Watchdog watchdog(100);
  std::vector<Interval> spins;
  const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter&) {
    const std::uint64_t from = ticks();
    spin_ns(50'000);
    spins.emplace_back(from, ticks());
    return spins.size() < 20;
  });
  for (const auto& [from, to] : spins) {
    bool found_it = false;
    for (const Gap& gap : found.gaps)
      found_it = found_it || (gap.begin_ticks <= from && gap.begin_ticks + gap.length_ticks >= to);
    EXPECT_TRUE(found_it);
  }
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 50'000), 10u);
}

TEST(GapMeter, WhatHappenedBeforeResumeIsNotBlamedOnTheNextGap)
{
  test::Watchdog watchdog(100);
  FreshPages pages;
  unsigned done = 0;
  std::uint64_t left_out_ticks = 0;
  const Metered found = meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter& meter) {
    const std::uint64_t before = ticks();
    test::sleep_us(1000);
    pages.touch();
    left_out_ticks += ticks() - before;
    meter.resume();
    spin_ns(50'000);
    return ++done < 40;
  });
  EXPECT_GE(found.moved.nvcsw, 20u);
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 50'000), 20u);
  EXPECT_LE(found.watched_ticks,
            found.end_ticks - found.begin_ticks - left_out_ticks + test_clock().ticks_of_ns(1'000));
}

TEST(GapMeter, WhatHappenedBeforeBeginIsForgotten)
{
  test::Watchdog watchdog(100);
  FreshPages pages;
  unsigned done = 0;
  unsigned unexplained = 0;
  meter_on_cpu(meter_priority, {}, do_nothing, [&](GapMeter& meter) {
    test::sleep_us(1000);
    pages.touch();
    meter.poll(ticks());
    meter.begin();
    EXPECT_TRUE(meter.gaps().empty());
    EXPECT_EQ(meter.totals(GapClass::stopped).count, 0u);
    spin_ns(50'000);
    if (meter.poll(ticks()))
      unexplained += meter.last().kind == GapClass::unexplained ? 1 : 0;
    return ++done < 40;
  });
  EXPECT_GE(unexplained, 20u);
}

// A switch that is no gap, since it is shorter than the threshold, is read all the same when the trap trips.
TEST(GapMeter, ASwitchBelowTheThresholdIsNotBlamedOnTheNextGap)
{
  test::Watchdog watchdog(100);
  if (!PreemptionWitness().is_available())
    GTEST_SKIP() << "there is no rseq here, and without it the meter does not promise this";
  GapMeterConfig config;
  config.threshold_ns = 1'000'000;
  config.attribute_ns = 1'000'000;
  unsigned done = 0;
  const Metered found = meter_on_cpu(meter_priority, config, do_nothing, [&](GapMeter& meter) {
    test::sleep_us(20);
    for (int i = 0; i < 3; ++i)
      meter.poll(ticks());
    spin_ns(1'200'000);
    return ++done < 40;
  });
  EXPECT_GE(found.moved.nvcsw, 20u);
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 1'200'000), 20u);
}

// Faults are read when they happen though attribute_ns says that such short gaps do not matter.
TEST(GapMeter, AFaultBelowTheAttributedLengthIsNotBlamedOnTheNextGap)
{
  test::Watchdog watchdog(100);
  GapMeterConfig config;
  config.attribute_ns = 40'000'000;
  FreshPages pages;
  unsigned done = 0;
  const Metered found = meter_on_cpu(meter_priority, config, do_nothing, [&](GapMeter& meter) {
    pages.touch();
    meter.poll(ticks());
    spin_ns(50'000);
    return ++done < 200;
  });
  EXPECT_GE(found.moved.minflt, 200u);
  EXPECT_GE(found.of(GapClass::fault).count, 150u);
  EXPECT_GE(own_gaps(found, GapClass::unexplained, 50'000), 100u);
}

// ---- the buffer

TEST(GapMeter, AFullBufferKeepsTheLongestAndCountsAll)
{
  test::Watchdog watchdog(100);
  std::vector<Gap> buffer(8);
  GapMeter meter(buffer, test_clock(), {.threshold_ns = 1'000, .attribute_ns = 1'000});
  meter.begin();
  std::vector<std::uint64_t> lengths;
  for (unsigned i = 0; i < 64; ++i) {
    spin_ns(10'000 + 10'000 * ((i * 29) % 64));  // in no order
    if (meter.poll(ticks()))
      lengths.push_back(meter.last().length_ticks);
  }
  ASSERT_GE(lengths.size(), 64u);
  EXPECT_EQ(meter.dropped(), lengths.size() - buffer.size());
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < gap_class_count; ++i) {
    count += meter.totals(static_cast<GapClass>(i)).count;
    sum += meter.totals(static_cast<GapClass>(i)).length_ticks;
  }
  EXPECT_EQ(count, lengths.size());
  EXPECT_EQ(sum, std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0}));
  std::sort(lengths.rbegin(), lengths.rend());
  std::vector<std::uint64_t> kept;
  for (const Gap& gap : meter.gaps())
    kept.push_back(gap.length_ticks);
  std::sort(kept.rbegin(), kept.rend());
  lengths.resize(buffer.size());
  EXPECT_EQ(kept, lengths);
}

TEST(GapMeter, WithoutABufferItCounts)
{
  GapMeter meter({}, test_clock());
  meter.begin();
  spin_ns(20'000);
  EXPECT_TRUE(meter.poll(ticks()));
  EXPECT_TRUE(meter.gaps().empty());
  EXPECT_GE(meter.dropped(), 1u);
}

TEST(GapMeter, DoesNotAllocate)
{
  if (!test::allocations_are_seen)
    GTEST_SKIP() << "this build brings its own malloc, whose calls are not seen";
  std::vector<Gap> buffer(4);
  FreshPages pages;
  GapMeter meter(buffer, test_clock());
  test::allocations = 0;
  test::counting_allocations = true;
  meter.begin();
  for (unsigned i = 0; i < 1000; ++i) {
    pages.touch();
    meter.poll(ticks());
  }
  meter.resume();
  test::counting_allocations = false;
  EXPECT_EQ(test::allocations, 0u);
  EXPECT_GT(meter.dropped(), 0u);
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
