// A gap meter on a thread of its own that is pinned to one CPU, and what it found.
#pragma once

#include <sys/mman.h>
#include <unistd.h>
#include <rtlane/rt/noise.hpp>
#include <rtlane/rt/thread.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rtlane::rt {

using Interval = std::pair<std::uint64_t, std::uint64_t>;  // in ticks

inline const TickClock& test_clock()
{
  static const TickClock clock = TickClock::calibrate();
  return clock;
}

inline int metered_cpu()
{
  return allowed_cpus().back();
}

// Nothing, or why this thread's user may not have SCHED_FIFO.
inline std::string why_no_fifo_here()
{
  std::string why;
  std::thread([&] {
    ThreadConfig config;
    config.fifo_priority = 1;
    if (const ThreadGrant grant = configure_this_thread(config); !grant.refused.empty())
      why = grant.refused.front();
  }).join();
  return why;
}

constexpr int meter_priority = 10;

struct Metered {
  std::vector<Gap> gaps;
  std::array<GapTotals, gap_class_count> totals;
  std::array<GapTotals, noise_cause_count> causes;
  GapTotals unexplained_short;
  std::uint64_t dropped = 0;
  std::uint64_t begin_ticks = 0;
  std::uint64_t end_ticks = 0;
  std::uint64_t watched_ticks = 0;
  std::uint64_t blind_ticks = 0;
  ThreadCounts moved;  // in the window, read apart from the meter
  std::optional<std::uint64_t> interrupts;

  const GapTotals& of(GapClass kind) const { return totals[static_cast<std::size_t>(kind)]; }
  const GapTotals& of(NoiseCause cause) const { return causes[static_cast<std::size_t>(cause)]; }
  std::uint64_t ns(GapClass kind) const { return test_clock().ns(of(kind).length_ticks); }

  // The gap that holds all of [from, to], give or take what two CPUs' counters may differ by; else null.
  const Gap* gap_over(std::uint64_t from, std::uint64_t to) const
  {
    const std::uint64_t slack = test_clock().ticks_of_ns(slack_ns);
    for (const Gap& gap : gaps) {
      if (gap.begin_ticks <= from + slack && gap.begin_ticks + gap.length_ticks + slack >= to)
        return &gap;
    }
    return nullptr;
  }
  bool covered(GapClass kind, std::uint64_t from, std::uint64_t to) const
  {
    const Gap* const gap = gap_over(from, to);
    return gap != nullptr && gap->kind == kind;
  }
  // Whether such a gap is explained by it for as long, whatever else was in it.
  bool explained(GapClass kind, std::uint64_t from, std::uint64_t to) const
  {
    const Gap* const gap = gap_over(from, to);
    return gap != nullptr && gap->parts[kind] + slack_ns >= test_clock().ns(to - from);
  }

  static constexpr std::uint64_t slack_ns = 50'000;
};

// In the calling thread. step() is called between two polls and answers whether to go on; begun(meter) before the
// first.
template <class Begun, class Step>
Metered meter_here(const GapMeterConfig& config, int cpu, Begun&& begun, Step&& step)
{
  Metered result;
  std::vector<Gap> buffer(1 << 14);
  GapMeter meter(buffer, test_clock(), config);
  const ThreadCounters counters;
  const InterruptCounts interrupts(cpu);
  begun(meter);
  const auto interrupts_before = interrupts.read();
  const ThreadCounts before = counters.read();
  meter.begin();
  result.begin_ticks = ticks();
  while (step(meter))
    meter.poll(ticks());
  meter.poll(ticks());
  meter.poll(ticks());  // a trip waits for one poll more
  result.end_ticks = ticks();
  result.moved = counters.read() - before;
  if (const auto interrupts_after = interrupts.read(); interrupts_before && interrupts_after)
    result.interrupts = *interrupts_after - *interrupts_before;
  result.gaps.assign(meter.gaps().begin(), meter.gaps().end());
  for (std::size_t i = 0; i < gap_class_count; ++i)
    result.totals[i] = meter.totals(static_cast<GapClass>(i));
  result.causes = totals_by_cause(meter, result.interrupts);
  result.unexplained_short = meter.unexplained_short();
  result.dropped = meter.dropped();
  result.watched_ticks = meter.watched_ticks();
  result.blind_ticks = meter.blind_ticks();
  return result;
}

// On a thread on metered_cpu(), SCHED_FIFO where a priority is given and permitted.
template <class Begun, class Step>
Metered meter_on_cpu(int fifo_priority, const GapMeterConfig& config, Begun&& begun, Step&& step)
{
  Metered result;
  std::thread([&] {
    ThreadConfig thread;
    thread.cpu = metered_cpu();
    thread.fifo_priority = fifo_priority;
    configure_this_thread(thread);
    result = meter_here(config, thread.cpu, begun, step);
  }).join();
  return result;
}

inline void do_nothing(GapMeter&) {}

// Polls for so long.
inline auto for_ns(std::uint64_t duration_ns)
{
  return [end = std::uint64_t{0}, duration_ns](GapMeter&) mutable {
    if (end == 0)
      end = ticks() + test_clock().ticks_of_ns(duration_ns);
    return ticks() < end;
  };
}

inline void spin_ns(std::uint64_t duration_ns)
{
  const std::uint64_t end = ticks() + test_clock().ticks_of_ns(duration_ns);
  while (ticks() < end) {
  }
}

// Pages that fault when they are touched for the first time, one after another.
class FreshPages {
public:
  static constexpr std::size_t count = 64;  // few: what gives them back is to be short

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

}  // namespace rtlane::rt
