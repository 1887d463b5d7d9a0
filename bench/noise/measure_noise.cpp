#include "measure_noise.hpp"

#include <fmt/format.h>
#include <rtlane/rt/clock.hpp>
#include <rtlane/rt/thread.hpp>

#include <algorithm>
#include <cstddef>
#include <thread>

namespace rtlane::bench {
namespace {

// Of each 100 ms. A little more sleep than the 5 % that the kernel takes by force from who does not leave them.
constexpr std::uint64_t awake_ns = 94'000'000;
constexpr std::int64_t asleep_ns = 6'000'000;
// So long everything is touched first: code, counters, memory.
constexpr std::uint64_t warm_up_ns = 10'000'000;

// Counts of interrupts are read after each gap where a reading takes no longer than this.
constexpr std::uint64_t dear_reading_ns = 500'000;

class Poller {
public:
  Poller(const NoiseOptions& options, const TickClock& clock, CpuNoise& result)
      // Every gap's counters are read: nothing here is spoilt by the time that takes.
      : clock_(clock),
        interrupts_(result.cpu),
        meter_({}, clock, {.threshold_ns = options.threshold_ns, .attribute_ns = options.threshold_ns}),
        prove_each_gap_(options.prove_each_gap),
        wanted_ticks_(clock.ticks_of_ns(static_cast<std::uint64_t>(options.seconds * 1e9))),
        result_(result)
  {}

  void run()
  {
    result_.has_trap = meter_.witness().is_available();
    result_.each_gap_proved = prove_each_gap_ && reading_is_cheap();
    meter_.begin();
    poll(clock_.ticks_of_ns(warm_up_ns));
    result_.lengths = Histogram();
    longest_ = rt::Gap();
    causes_ = {};
    rt::sleep_until_ns(rt::now_ns() + asleep_ns);

    std::optional<std::uint64_t> interrupts = 0;
    bool first = true;
    while (first || meter_.watched_ticks() < wanted_ticks_) {
      const auto before = interrupts_.read();
      read_ = before;
      first ? meter_.begin() : meter_.resume();
      if (first)
        start_ticks_ = ticks();
      first = false;
      poll(std::min(clock_.ticks_of_ns(awake_ns), wanted_ticks_ - meter_.watched_ticks()));
      const auto after = interrupts_.read();
      interrupts = interrupts && before && after ? std::optional(*interrupts + (*after - *before)) : std::nullopt;
      rt::sleep_until_ns(rt::now_ns() + asleep_ns);
    }
    tell(interrupts);
  }

private:
  bool reading_is_cheap()
  {
    std::uint64_t cheapest = UINT64_MAX;
    for (int i = 0; i < 5; ++i) {
      const std::uint64_t before = ticks();
      if (!interrupts_.read())
        return false;
      cheapest = std::min(cheapest, ticks() - before);
    }
    return clock_.ns(cheapest) <= dear_reading_ns;
  }

  // At least one poll after the end, so that a gap across it counts: long ones would be missed more often than short
  // ones.
  void poll(std::uint64_t duration_ticks)
  {
    std::uint64_t now = ticks();
    const std::uint64_t end = now + duration_ticks;
    do {
      now = ticks();
      if (meter_.poll(now))
        count(meter_.last());
    } while (now < end);
  }

  void count(const rt::Gap& gap)
  {
    result_.lengths.record(clock_.ns(gap.length_ticks));
    rt::NoiseCause cause = rt::NoiseCause::host;
    if (result_.each_gap_proved) {
      // Of whatever class it is: they are not to be the next one's.
      const auto interrupts = interrupts_.read();
      cause = rt::cause_of(gap.kind, clock_.ns(gap.length_ticks), interrupts != read_);
      read_ = interrupts;
      causes_[static_cast<std::size_t>(cause)].add(gap.length_ticks);
      meter_.resume();
    }
    if (gap.length_ticks > longest_.length_ticks) {
      longest_ = gap;
      result_.longest_cause = cause;
    }
  }

  void tell(std::optional<std::uint64_t> interrupts)
  {
    result_.seconds = static_cast<double>(meter_.watched_ticks()) / clock_.frequency_hz();
    result_.interrupts = interrupts;
    if (!result_.each_gap_proved) {
      causes_ = rt::totals_by_cause(meter_, interrupts);
      result_.longest_cause = rt::cause_of(longest_.kind, clock_.ns(longest_.length_ticks),
                                           rt::short_gaps_are_interrupts(meter_.unexplained_short().count, interrupts));
    }
    rt::GapTotals all;
    for (std::size_t i = 0; i < causes_.size(); ++i) {
      result_.causes[i] = in_ns(causes_[i]);
      all += causes_[i];
    }
    result_.gaps = in_ns(all);
    if (all.count > 0)
      result_.longest_at_s = static_cast<double>(longest_.begin_ticks - start_ticks_) / clock_.frequency_hz();
  }

  [[nodiscard]] NoiseTotals in_ns(const rt::GapTotals& totals) const
  {
    return {totals.count, clock_.ns(totals.length_ticks), clock_.ns(totals.max_ticks)};
  }

  const TickClock& clock_;
  rt::InterruptCounts interrupts_;
  std::optional<std::uint64_t> read_;  // as of the latest gap
  rt::GapMeter meter_;
  std::array<rt::GapTotals, rt::noise_cause_count> causes_{};
  bool prove_each_gap_;
  std::uint64_t wanted_ticks_;
  std::uint64_t start_ticks_ = 0;
  rt::Gap longest_;
  CpuNoise& result_;
};

void measure_cpu(const NoiseOptions& options, const TickClock& clock, CpuNoise& result)
{
  rt::ThreadConfig thread;
  thread.name = fmt::format("noise/{}", result.cpu);
  thread.cpu = result.cpu;
  thread.fifo_priority = options.fifo_priority;
  thread.stack_touch_bytes = 64 << 10;
  const rt::ThreadGrant grant = rt::configure_this_thread(thread);
  result.is_fifo = grant.policy == SCHED_FIFO;
  result.refused = grant.refused;
  Poller(options, clock, result).run();
}

}  // namespace

const char* name_of(rt::NoiseCause cause)
{
  constexpr std::array names = {"preempted", "stopped", "fault", "interrupt", "host"};
  static_assert(names.size() == rt::noise_cause_count);
  return names[static_cast<std::size_t>(cause)];
}

std::vector<CpuNoise> measure_noise(const NoiseOptions& options, const TickClock& clock)
{
  std::vector<CpuNoise> noise(options.cpus.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < noise.size(); ++i) {
    noise[i].cpu = options.cpus[i];
    noise[i].threshold_ns = options.threshold_ns;
    threads.emplace_back([&options, &clock, &result = noise[i]] { measure_cpu(options, clock, result); });
  }
  for (std::thread& thread : threads)
    thread.join();
  return noise;
}

}  // namespace rtlane::bench
