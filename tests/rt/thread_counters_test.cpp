#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>
#include <rtlane/rt/thread_counters.hpp>

#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>

#include "metered.hpp"
#include "support/shared_page.hpp"

namespace rtlane::rt {
namespace {

TEST(ThreadCounters, ASleepIsAVoluntarySwitch)
{
  const ThreadCounters counters;
  const ThreadCounts before = counters.read();
  for (int i = 0; i < 10; ++i)
    test::sleep_us(1000);
  // A host that holds up the CPU for so long makes a sleep end before it began.
  EXPECT_GE((counters.read() - before).nvcsw, 5u);
}

TEST(ThreadCounters, FirstTouchesAreMinorFaults)
{
  const ThreadCounters counters;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  auto* const memory =
      static_cast<volatile char*>(mmap(nullptr, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  madvise(const_cast<char*>(memory), 64 * page, MADV_NOHUGEPAGE);
  const ThreadCounts before = counters.read();
  for (std::size_t i = 0; i < 64; ++i)
    memory[i * page] = 1;
  EXPECT_GE((counters.read() - before).minflt, 64u);
  munmap(const_cast<char*>(memory), 64 * page);
}

// Two ordinary threads on one CPU take turns: each is switched away against its will, and waits.
TEST(ThreadCounters, LosingTheCpuIsAnInvoluntarySwitchAndADelay)
{
  std::atomic<bool> finish{false};
  const auto pinned = [] {
    ThreadConfig config;
    config.cpu = metered_cpu();
    configure_this_thread(config);
  };
  std::thread hog([&] {
    pinned();
    while (!finish) {
    }
  });
  ThreadCounts moved;
  bool has_run_delay = false;
  std::thread([&] {
    pinned();
    const ThreadCounters counters;
    has_run_delay = counters.has_run_delay();
    const ThreadCounts before = counters.read();
    // Without a sleep, which would be a switch of the other kind. The bound only ends a hang.
    for (int i = 0; i < 1000 && moved.nivcsw < 2; ++i) {
      spin_ns(10'000'000);
      moved = counters.read() - before;
    }
  }).join();
  finish = true;
  hog.join();
  EXPECT_GE(moved.nivcsw, 1u);
  if (has_run_delay) {
    EXPECT_GT(moved.run_delay_ns, 0u);
  }
}

// To the microsecond, which the tick of the kernel is not.
TEST(ThreadCounters, TimeOffTheCpuIsTheTimeAsleep)
{
  const ThreadCounters counters;
  std::uint64_t least_running_ns = UINT64_MAX;
  for (int i = 0; i < 20; ++i) {
    const ThreadCounts before = counters.read();
    spin_ns(300'000);
    const ThreadCounts between = counters.read();
    test::sleep_us(1'000);
    const ThreadCounts asleep = counters.read() - between;
    EXPECT_GE(asleep.off_cpu_ns(), 900'000u);
    EXPECT_LE(asleep.off_cpu_ns(), asleep.wall_ns);
    least_running_ns = std::min(least_running_ns, (between - before).off_cpu_ns());
  }
  EXPECT_LT(least_running_ns, 100'000u) << "it ran all the time, at least once in twenty times";
}

// Counts of another thread are none of this one's business.
TEST(ThreadCounters, AreTheThreadsOwn)
{
  const ThreadCounters counters;
  std::uint64_t others = 0;
  const ThreadCounts before = counters.read();
  std::thread([&] {
    const ThreadCounters own;
    const ThreadCounts start = own.read();
    for (int i = 0; i < 50; ++i)
      test::sleep_us(500);
    others = (own.read() - start).nvcsw;
  }).join();
  EXPECT_GE(others, 25u);
  EXPECT_LT((counters.read() - before).nvcsw, 25u);
}

TEST(ThreadCounts, DifferencesAndSumsAreFieldByField)
{
  const ThreadCounts a{10, 20, 30, 40, 50, 60, 70};
  const ThreadCounts b{1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(a - b, (ThreadCounts{9, 18, 27, 36, 45, 54, 63}));
  ThreadCounts sum = a;
  sum += b;
  EXPECT_EQ(sum, (ThreadCounts{11, 22, 33, 44, 55, 66, 77}));
}

constexpr char interrupts_of_three[] =
    "           CPU0       CPU2       CPU11      \n"
    " 24:          1          20        300  IO-APIC   5-edge      ACPI:Ged\n"
    "NMI:          0          0          7   Non-maskable interrupts\n"
    "LOC:       4000      50000     600000   Local timer interrupts\n"
    "ERR:     999999\n"
    "MIS:     999999\n";

TEST(InterruptCounts, AreTheSumOfTheCpusColumn)
{
  const auto of = [](int cpu) {
    std::istringstream text(interrupts_of_three);
    return detail::interrupts_in(text, cpu);
  };
  EXPECT_EQ(of(0), 4001u);
  EXPECT_EQ(of(2), 50020u);
  EXPECT_EQ(of(11), 600307u);
  EXPECT_EQ(of(1), std::nullopt) << "a CPU that is offline";
  std::istringstream nothing;
  EXPECT_EQ(detail::interrupts_in(nothing, 0), std::nullopt);
}

TEST(InterruptCounts, ReadsTheMachines)
{
  const InterruptCounts counts(metered_cpu());
  const auto before = counts.read();
  if (!before)
    GTEST_SKIP() << "/proc/interrupts cannot be read";
  // Whatever else happens, a CPU on which a thread runs gets interrupts.
  EXPECT_TRUE(test::eventually([&] {
    std::thread([] {
      ThreadConfig config;
      config.cpu = metered_cpu();
      configure_this_thread(config);
      spin_ns(20'000'000);
    }).join();
    return counts.read() > before;
  }));
  EXPECT_EQ(InterruptCounts(CPU_SETSIZE + 7).read(), std::nullopt);
}

}  // namespace
}  // namespace rtlane::rt
