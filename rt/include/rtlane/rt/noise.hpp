// Finds the moments in which a polling thread did not run, and says what took them.
//
//   std::vector<rtlane::rt::Gap> gaps(1024);
//   rtlane::rt::GapMeter meter(gaps, clock);      // in the thread that polls
//   meter.begin();
//   while (!message_there())
//     meter.poll(rtlane::ticks());
//
// A gap is a distance of two polls of at least threshold_ns. What happened in it is asked of the kernel's counters
// right after it:
//
//   preempted    another thread had the CPU (nivcsw or run_delay moved)
//   stopped      the thread was stopped by a signal, or slept (nvcsw moved)
//   fault        it took a page fault (minflt or majflt moved)
//   unexplained  nothing of this: an interrupt, the host, the firmware, or what the thread did between two polls
// and how much of the gap that can explain (explain()); its class is the largest part.
//
// Whose deltas are they? Counters are read at begin(), at resume(), and
//   - at each gap that could hold a page fault: from attribute_ns on, or from the cheapest page fault of this machine
//   on
//     where that is shorter (measured at construction);
//   - whenever the thread's trap (preemption_witness.hpp) tripped, gap or not. A switch often comes right after the
//     ticks were read and belongs to the next gap, so a trip without a gap waits for one poll more before they are
//     read;
//   - at every gap where there is no trap.
// So no switch and no fault is left over for a later gap to be blamed for. Two limits: with a threshold above the
// length of a page fault, faults in shorter distances are blamed on the next gap; and without the trap so are switches
// shorter than the threshold.
//
// A reading costs about 1.5 us, is no gap, and is not watched: the clock starts again after it, and blind_ticks() sums
// them. When something came between during a reading, that belongs to the gap: its length then includes the readings.
//
// The idea of poll gaps is that of sysjitter (Riddoch) and hiccups (Rigtorp).
#pragma once

#include <rtlane/core/tick_clock.hpp>
#include <rtlane/rt/preemption_witness.hpp>
#include <rtlane/rt/thread_counters.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace rtlane::rt {

enum class GapClass : std::uint8_t { preempted, stopped, fault, unexplained };
inline constexpr std::size_t gap_class_count = 4;

// What a page fault without a disk explains of a gap at most. An upper estimate: the kernel counts faults and not their
// time, and in a guest whose memory the host has yet to find, one was seen to take 10 to 42 us.
inline constexpr std::uint64_t longest_fault_ns = 50'000;

// Whose a gap is, in ns for each class; together its length.
class GapParts {
public:
  constexpr std::uint64_t& operator[](GapClass kind) noexcept { return ns_[static_cast<std::size_t>(kind)]; }
  constexpr std::uint64_t operator[](GapClass kind) const noexcept { return ns_[static_cast<std::size_t>(kind)]; }
  friend bool operator==(const GapParts&, const GapParts&) = default;

private:
  std::array<std::uint64_t, gap_class_count> ns_{};
};

// What the counters say of a gap. Each class gets what its evidence can explain and no more, since a thread that was
// preempted, slept or took a fault for a moment may have been slow by itself for the rest:
//   preempted  the wait for a CPU (run_delay; where the kernel does not count that, all time without a CPU)
//   stopped    the rest of the time without a CPU, when it gave up the CPU
//   fault      longest_fault_ns for each fault; with a disk also the time without a CPU
// What is left is unexplained. A switch itself is, and so is what a fault takes beyond longest_fault_ns.
constexpr GapParts explain(const ThreadCounts& moved, std::uint64_t length_ns) noexcept
{
  const bool gave_up_cpu = moved.nvcsw > 0 || moved.majflt > 0;
  const bool lost_cpu = moved.nivcsw > 0 || moved.run_delay_ns > 0;
  const std::uint64_t away = gave_up_cpu || lost_cpu ? std::min(moved.off_cpu_ns(), length_ns) : 0;
  const std::uint64_t waited = moved.run_delay_ns > 0 || gave_up_cpu ? std::min(moved.run_delay_ns, length_ns) : away;
  const std::uint64_t slept = gave_up_cpu && away > waited ? away - waited : 0;
  const std::uint64_t running = length_ns - waited - slept;
  const std::uint64_t faults = moved.minflt + moved.majflt;
  // Divided, since a product could overflow.
  const std::uint64_t faulted = faults > running / longest_fault_ns ? running : faults * longest_fault_ns;
  GapParts parts;
  parts[GapClass::preempted] = waited;
  parts[moved.majflt > 0 ? GapClass::fault : GapClass::stopped] = slept;
  parts[GapClass::fault] += faulted;
  parts[GapClass::unexplained] = running - faulted;
  return parts;
}

// The largest part; where two are as large, the one that is explained.
constexpr GapClass classify(const GapParts& parts) noexcept
{
  GapClass largest = GapClass::unexplained;
  for (const GapClass kind : {GapClass::fault, GapClass::stopped, GapClass::preempted}) {
    if (parts[kind] > 0 && parts[kind] >= parts[largest])
      largest = kind;
  }
  return largest;
}

struct Gap {
  std::uint64_t begin_ticks = 0;  // the last poll before it
  std::uint64_t length_ticks = 0;
  ThreadCounts moved;                     // the evidence; all 0 where the counters were not read
  bool counters_read = false;             // false: too short for what they count
  bool trap_tripped = false;              // the thread entered the kernel, which alone explains nothing
  GapClass kind = GapClass::unexplained;  // of the largest part
  GapParts parts;
  std::uint64_t reading_ticks = 0;  // of the unexplained part, what the meter's own readings took at least
};

struct GapTotals {
  std::uint64_t count = 0;
  std::uint64_t length_ticks = 0;  // their sum
  std::uint64_t max_ticks = 0;

  void add(std::uint64_t ticks) noexcept
  {
    ++count;
    length_ticks += ticks;
    max_ticks = std::max(max_ticks, ticks);
  }
  GapTotals& operator+=(const GapTotals& more) noexcept
  {
    count += more.count;
    length_ticks += more.length_ticks;
    max_ticks = std::max(max_ticks, more.max_ticks);
    return *this;
  }
};

struct GapMeterConfig {
  std::uint64_t threshold_ns = 300;   // from here on a distance is a gap; at least a few polls long
  std::uint64_t attribute_ns = 1000;  // from here on the counters are read in any case
};

// An unexplained gap below this can be an interrupt; one that long has no cause in the guest.
inline constexpr std::uint64_t longest_interrupt_ns = 100'000;

namespace detail {

// The price of the cheapest page fault there is: a first read of anonymous memory, which gets the zero page. No value
// when none were taken.
inline std::optional<std::uint64_t> cheapest_fault_ticks() noexcept
{
  constexpr std::size_t pages = 32;
  constexpr std::size_t stride = 65536;  // the largest page of any CPU
  constexpr std::size_t bytes = pages * stride;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return {};
  ::madvise(memory, bytes, MADV_NOHUGEPAGE);
  // mlockall(MCL_FUTURE) has faulted it in.
  ::munlock(memory, bytes);
  ::madvise(memory, bytes, MADV_DONTNEED);
  const auto faults = [] {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
  };
  const auto* const bytes_of = static_cast<const volatile char*>(memory);
  std::uint64_t cheapest = UINT64_MAX;
  const long before = faults();
  for (std::size_t page = 0; page < pages; ++page) {
    const std::uint64_t start = ticks_begin();
    (void)bytes_of[page * stride];
    cheapest = std::min(cheapest, ticks_end() - start);
  }
  const bool all_faulted = faults() - before >= static_cast<long>(pages);
  ::munmap(memory, bytes);
  return all_faulted ? std::optional(cheapest) : std::nullopt;
}

}  // namespace detail

// Belongs to the thread that made it: made, used and destroyed there. Have it pinned before: counters of two CPUs'
// ticks need not agree.
class GapMeter {
public:
  // `buffer` outlives the meter and keeps the longest gaps. Set-up: opens a file and takes some page faults to learn
  // their price.
  GapMeter(std::span<Gap> buffer, const TickClock& clock, const GapMeterConfig& config = {}) noexcept
      : threshold_ticks_(std::max<std::uint64_t>(clock.ticks_of_ns(config.threshold_ns), 1)),
        buffer_(buffer),
        clock_(clock),
        attribute_ticks_(threshold_ticks_),
        short_ticks_(clock.ticks_of_ns(longest_interrupt_ns))
  {
    if (const auto fault = detail::cheapest_fault_ticks(); fault && witness_.is_available())
      attribute_ticks_ = std::max(threshold_ticks_, std::min(clock.ticks_of_ns(config.attribute_ns), *fault));
    for (int i = 0; i < 16; ++i) {
      const std::uint64_t before = ticks();
      read_ = counters_.read();
      reading_ticks_ = std::min(reading_ticks_, ticks() - before);
    }
    disturbed_ticks_ = 2 * reading_ticks_ + threshold_ticks_;
  }

  // Starts a window: forgets what was before, reads the counters, sets the trap. About 1.5 us.
  void begin() noexcept
  {
    kept_ = 0;
    dropped_ = 0;
    blind_ticks_ = 0;
    watched_ticks_ = 0;
    totals_ = {};
    unexplained_short_ = {};
    unexplained_long_ = {};
    start();
  }

  // The thread did something else since its last poll (slept, wrote, calculated): goes on without looking at it.
  // About 1.5 us.
  void resume() noexcept
  {
    watched_ticks_ += last_ - since_;
    start();
  }

  // To be called as often as possible, with ticks() of just now. True when a gap ended, which last() then holds.
  // Wait-free: two comparisons and a load as long as nothing happens; about 1.5 us and three system calls after a gap.
  bool poll(std::uint64_t now) noexcept
  {
    const std::uint64_t distance = now - last_;
    last_ = now;
    // Signed, for a counter that went back.
    if (static_cast<std::int64_t>(distance) < static_cast<std::int64_t>(threshold_ticks_) && !witness_.tripped())
        [[likely]]
      return false;
    return look(now, distance);
  }

  // The latest gap; only after poll() answered true.
  [[nodiscard]] const Gap& last() const noexcept { return gap_; }

  // The gaps of the window, the longest of them where dropped() is not 0. In no order: sort them by begin_ticks.
  [[nodiscard]] std::span<const Gap> gaps() const noexcept { return buffer_.first(kept_); }
  // How many found no room in the buffer; they are counted in totals() all the same.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  // All gaps of the window of a class, each whole under the class of its largest part.
  [[nodiscard]] const GapTotals& totals(GapClass kind) const noexcept
  {
    return totals_[static_cast<std::size_t>(kind)];
  }
  // The unexplained ones below longest_interrupt_ns, and those from there on.
  [[nodiscard]] const GapTotals& unexplained_short() const noexcept { return unexplained_short_; }
  [[nodiscard]] const GapTotals& unexplained_long() const noexcept { return unexplained_long_; }

  // From begin() to the last poll, without what resume() left out; and how much of it went into readings.
  [[nodiscard]] std::uint64_t watched_ticks() const noexcept { return watched_ticks_ + (last_ - since_); }
  [[nodiscard]] std::uint64_t blind_ticks() const noexcept { return blind_ticks_; }
  // From where the next distance counts: the latest poll, or the end of the reading that came after it.
  [[nodiscard]] std::uint64_t last_ticks() const noexcept { return last_; }

  [[nodiscard]] const PreemptionWitness& witness() const noexcept { return witness_; }
  [[nodiscard]] const ThreadCounters& counters() const noexcept { return counters_; }
  // The shortest gap whose counters are read though the trap did not trip.
  [[nodiscard]] std::uint64_t attribute_ticks() const noexcept { return attribute_ticks_; }

private:
  void start() noexcept
  {
    suspect_ = false;
    witness_.arm();
    read_ = counters_.read();
    since_ = last_ = ticks();
  }

  // A gap, or the trap tripped.
  [[gnu::noinline, gnu::cold]] bool look(std::uint64_t now, std::uint64_t distance) noexcept
  {
    if (static_cast<std::int64_t>(distance) < 0)
      distance = 0;
    if (distance < threshold_ticks_ && !suspect_) {
      suspect_ = true;  // the gap that belongs to it may end at the next poll
      return false;
    }
    gap_ = Gap{};
    gap_.begin_ticks = now - distance;
    gap_.length_ticks = distance;
    gap_.trap_tripped = witness_.tripped();
    gap_.parts[GapClass::unexplained] = clock_.ns(distance);
    if (gap_.trap_tripped || distance >= attribute_ticks_)
      ask();
    if (gap_.length_ticks < threshold_ticks_)
      return false;
    totals_[static_cast<std::size_t>(gap_.kind)].add(gap_.length_ticks);
    if (gap_.kind == GapClass::unexplained)
      (gap_.length_ticks < short_ticks_ ? unexplained_short_ : unexplained_long_).add(gap_.length_ticks);
    keep();
    return true;
  }

  // Reads the counters until nothing came between, which else is part of the gap.
  void ask() noexcept
  {
    suspect_ = false;
    gap_.counters_read = true;
    for (int tries = 0; tries < 4; ++tries) {
      witness_.arm();  // first: what comes while they are read trips it, and they are read once too often
      const ThreadCounts counts = counters_.read();
      const std::uint64_t done = ticks();
      gap_.moved += counts - read_;
      read_ = counts;
      const std::uint64_t spent = done - last_;
      last_ = done;
      if (spent < disturbed_ticks_) {
        blind_ticks_ += spent;
        break;
      }
      gap_.length_ticks += spent;
      gap_.reading_ticks += reading_ticks_;
    }
    gap_.parts = explain(gap_.moved, clock_.ns(gap_.length_ticks));
    gap_.kind = classify(gap_.parts);
  }

  // A heap from the first gap on, with the shortest in front: no gap costs more than the logarithm of their number.
  void keep() noexcept
  {
    const auto longer = [](const Gap& a, const Gap& b) { return a.length_ticks > b.length_ticks; };
    if (kept_ == buffer_.size()) {
      ++dropped_;
      if (buffer_.empty() || !longer(gap_, buffer_.front()))
        return;
      std::pop_heap(buffer_.begin(), buffer_.end(), longer);
      --kept_;
    }
    buffer_[kept_++] = gap_;
    std::push_heap(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(kept_), longer);
  }

  std::uint64_t last_ = 0;  // the latest poll, or the end of the reading after it
  std::uint64_t threshold_ticks_;
  PreemptionWitness witness_;
  bool suspect_ = false;  // it tripped at the poll before
  ThreadCounters counters_;
  ThreadCounts read_;  // as of the latest reading
  Gap gap_;
  std::span<Gap> buffer_;
  std::size_t kept_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t since_ = 0;  // begin() or the latest resume()
  std::uint64_t watched_ticks_ = 0;
  std::uint64_t blind_ticks_ = 0;
  std::array<GapTotals, gap_class_count> totals_{};
  GapTotals unexplained_short_;
  GapTotals unexplained_long_;
  TickClock clock_;
  std::uint64_t attribute_ticks_;
  std::uint64_t reading_ticks_ = UINT64_MAX;  // the shortest
  std::uint64_t disturbed_ticks_ = 0;         // a reading that takes longer was interrupted itself
  std::uint64_t short_ticks_;
};

// What took the time, as far as a window can tell: unexplained gaps are the interrupts' or the host's.
enum class NoiseCause : std::uint8_t { preempted, stopped, fault, interrupt, host };
inline constexpr std::size_t noise_cause_count = 5;

// Whether the unexplained gaps of a window that are shorter than longest_interrupt_ns count as interrupts: when the CPU
// got at least half as many interrupts in that time as there were such gaps; unknown is no.
//
// This is evidence by rate, no proof of any single gap: from half on, one is more likely an interrupt than not, since
// an interrupt makes one gap. In a guest with a timer of 250 Hz nearly half of the short gaps were seen to lie on the
// grid of the host's own timer of 100 Hz, and went by the name of the others. Who can afford InterruptCounts::read()
// after each gap tells them apart, as rtlane-bench noise does. Interrupts while the thread was not polling (it slept,
// or another one ran) count too, so take the count right around the polling.
[[nodiscard]] constexpr bool short_gaps_are_interrupts(std::uint64_t unexplained_short_count,
                                                       std::optional<std::uint64_t> interrupts) noexcept
{
  return interrupts && *interrupts >= unexplained_short_count - unexplained_short_count / 2;
}

// The cause of one gap, given what the window said.
[[nodiscard]] constexpr NoiseCause cause_of(GapClass kind, std::uint64_t length_ns, bool short_are_interrupts) noexcept
{
  switch (kind) {
    case GapClass::preempted:
      return NoiseCause::preempted;
    case GapClass::stopped:
      return NoiseCause::stopped;
    case GapClass::fault:
      return NoiseCause::fault;
    case GapClass::unexplained:
      break;
  }
  return short_are_interrupts && length_ns < longest_interrupt_ns ? NoiseCause::interrupt : NoiseCause::host;
}

// The totals of a window by cause, in the order of NoiseCause. `interrupts` of the CPU in that time.
[[nodiscard]] inline std::array<GapTotals, noise_cause_count> totals_by_cause(
    const GapMeter& meter, std::optional<std::uint64_t> interrupts) noexcept
{
  const bool short_are_interrupts = short_gaps_are_interrupts(meter.unexplained_short().count, interrupts);
  std::array<GapTotals, noise_cause_count> totals{};
  const auto of = [&](NoiseCause cause) -> GapTotals& { return totals[static_cast<std::size_t>(cause)]; };
  for (const GapClass kind : {GapClass::preempted, GapClass::stopped, GapClass::fault})
    of(cause_of(kind, 0, short_are_interrupts)) += meter.totals(kind);
  of(cause_of(GapClass::unexplained, 0, short_are_interrupts)) += meter.unexplained_short();
  of(NoiseCause::host) += meter.unexplained_long();
  return totals;
}

}  // namespace rtlane::rt
