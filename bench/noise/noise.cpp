// rtlane-bench noise: how often and how long the machine takes its CPUs away from threads that only poll, and why.
#include <rtlane/core/tick_clock.hpp>
#include <rtlane/rt/thread.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../benchmarks.hpp"
#include "../support/environment.hpp"
#include "measure_noise.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

constexpr char manual[] =
    R"(A thread on each CPU does nothing but read the tick counter. Two readings that lie --threshold-ns or more apart are a
gap: the CPU did something else. What it was is asked of the kernel's counters right after each gap:

  preempted  another thread had the CPU
  stopped    the thread was stopped by a signal, or slept
  fault      it took a page fault
  interrupt  nothing of these, shorter than 100 us, and the CPU got an interrupt
  host       nothing in this system explains it: the hypervisor, the firmware, the CPU itself

Interrupts are counted after each gap. Where that takes longer than 0.5 ms (machines with many CPUs) they are told by rate: as
long as the CPU got at least half as many interrupts as there were such gaps, all of these are `interrupt`, else `host`; that is
evidence for the lot and no proof of a single gap. The threads are pinned and, where that is permitted, SCHED_FIFO; they sleep
6 ms of each 100 so that other work goes on, and only what they polled counts.

JSON: {"schema": "rtlane.bench/1", "command": "noise", "started", "duration_s", "environment", "noise": [{"cpu", "seconds",
"threshold_ns", "gaps", "lost_ns", "max_ns", "classes": {"preempted": {"count", "ns", "max_ns"}, "stopped", "fault",
"interrupt", "host"}, "interrupts", "histogram": {"count", "max_ns", "buckets": [[upper_bound_ns, count], ...]}}]}.
"interrupts" is null where /proc/interrupts does not tell; unexplained gaps are the host's then. With the document on
standard output, the tables go to standard error.

Exit status: 0 measured; 1 it could not be; 2 wrong usage.)";

struct Options {
  NoiseOptions noise;
  std::string policy = "fifo";
};

// Fills in the CPUs that were not named. The value is an exit status: what is wrong was said.
std::optional<int> choose_cpus(const cli::Command& command, std::vector<int>& cpus)
{
  const std::vector<int> allowed = rt::allowed_cpus();
  for (const int cpu : cpus) {
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
      return command.fail(fmt::format("this process may not run on CPU {}, only on {}", cpu, fmt::join(allowed, ",")),
                          cli::usage);
    if (std::count(cpus.begin(), cpus.end(), cpu) > 1)
      return command.fail(fmt::format("--cpus names CPU {} twice: two pollers on one CPU preempt each other", cpu),
                          cli::usage);
  }
  if (cpus.empty())
    std::copy_n(allowed.begin(), std::min<std::size_t>(2, allowed.size()), std::back_inserter(cpus));
  if (cpus.empty())
    return command.fail("the CPUs that this process may use cannot be read");
  return {};
}

// Pollers end by the tick counter. If that stands still, or they are starved, this ends them.
void watch(double seconds)
{
  struct sigaction action = {};
  action.sa_handler = [](int) {
    constexpr std::string_view text =
        "rtlane-bench: noise: the polling threads do not end: are they starved or stopped?\n";
    cli::say_err(text);
    _exit(cli::finding);
  };
  sigaction(SIGALRM, &action, nullptr);
  alarm(static_cast<unsigned>(seconds * 10) + 30);
}

std::string per_second(const CpuNoise& cpu, std::uint64_t count)
{
  return fmt::format("{:.1f}", static_cast<double>(count) / cpu.seconds);
}

std::string share(const CpuNoise& cpu, std::uint64_t ns)
{
  return fmt::format("{:.3f} %", static_cast<double>(ns) / cpu.seconds / 1e7);
}

std::string duration_or_dash(const NoiseTotals& totals)
{
  return totals.count == 0 ? "-" : cli::duration_text(totals.max_ns);
}

// "-" with fewer than ten gaps beyond it.
std::string percentile(const CpuNoise& cpu, double percent)
{
  const double beyond = static_cast<double>(cpu.lengths.count()) * (100 - percent) / 100;
  return beyond < 9.999 ? "-" : cli::duration_text(cpu.lengths.percentile_ns(percent));
}

std::string totals_text(const std::vector<CpuNoise>& noise)
{
  std::vector<std::vector<std::string>> rows = {
      {"cpu", "polled", "gaps", "gaps/s", "lost", "p50", "p90", "p99", "p99.9", "max", "interrupts/s"}};
  for (const CpuNoise& cpu : noise) {
    rows.push_back({fmt::format("{}", cpu.cpu), fmt::format("{:.2f} s", cpu.seconds), fmt::format("{}", cpu.gaps.count),
                    per_second(cpu, cpu.gaps.count), share(cpu, cpu.gaps.ns), percentile(cpu, 50), percentile(cpu, 90),
                    percentile(cpu, 99), percentile(cpu, 99.9), duration_or_dash(cpu.gaps),
                    cpu.interrupts ? per_second(cpu, *cpu.interrupts) : "?"});
  }
  return cli::table_text(rows);
}

std::string causes_text(const std::vector<CpuNoise>& noise)
{
  std::vector<std::vector<std::string>> rows = {{"cpu", "class", "gaps", "gaps/s", "lost", "max"}};
  for (const CpuNoise& cpu : noise) {
    for (std::size_t i = 0; i < cpu.causes.size(); ++i) {
      const NoiseTotals& totals = cpu.causes[i];
      rows.push_back({fmt::format("{}", cpu.cpu), name_of(static_cast<rt::NoiseCause>(i)),
                      fmt::format("{}", totals.count), per_second(cpu, totals.count), share(cpu, totals.ns),
                      duration_or_dash(totals)});
    }
  }
  return cli::table_text(rows);
}

std::string remarks_text(const std::vector<CpuNoise>& noise, const Options& options)
{
  std::string text;
  for (const CpuNoise& cpu : noise) {
    if (cpu.gaps.count > 0)
      text += fmt::format("cpu {}: the longest gap, {}, came after {:.3f} s: {}\n", cpu.cpu,
                          cli::duration_text(cpu.gaps.max_ns), cpu.longest_at_s, name_of(cpu.longest_cause));
    if (!cpu.interrupts)
      text += fmt::format(
          "cpu {}: /proc/interrupts does not tell its interrupts, so that unexplained gaps are all the host's\n",
          cpu.cpu);
    else if (!cpu.each_gap_proved)
      text += fmt::format(
          "cpu {}: interrupts are told by their rate, since counting them after each gap takes too long here\n",
          cpu.cpu);
    if (!cpu.has_trap)
      text += fmt::format(
          "cpu {}: the C library did not register rseq: switches shorter than the threshold are not seen\n", cpu.cpu);
    for (const std::string& sentence : cpu.refused)
      text += fmt::format("cpu {}: {}\n", cpu.cpu, sentence);
  }
  return text + fmt::format(
                    "A gap: {} ns or more between two readings. A percentile that fewer than 10 gaps lie beyond is "
                    "not shown.\n",
                    options.noise.threshold_ns);
}

}  // namespace

int noise(int argc, char** argv)
{
  cli::Command command("How often and how long the machine takes its CPUs away from threads that only poll, and why.",
                       "rtlane-bench noise", manual);
  Options options;
  command.option("--cpus", options.noise.cpus, "CPUs to poll on, as 0,1 (default: the first two that may be used)")
      .type_name("N,...")
      .separated_by_commas()
      .in_range(0, 1023);
  command.option("--seconds", options.noise.seconds, "How long to poll").shows_default().in_range(0.01, 86400.0);
  command.option("--threshold-ns", options.noise.threshold_ns, "From here on a distance is a gap")
      .shows_default()
      .in_range(50, 1'000'000'000);
  command.option("--policy", options.policy, "fifo: SCHED_FIFO where permitted; other: SCHED_OTHER, as most programs")
      .shows_default()
      .one_of({"fifo", "other"});
  cli::Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  if (const auto status = choose_cpus(command, options.noise.cpus))
    return *status;
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, cli::usage);
  if (options.policy == "other")
    options.noise.fifo_priority = 0;

  const std::string started = utc_now();
  const TickClock clock = TickClock::calibrate();
  watch(options.noise.seconds);
  const std::uint64_t before = ticks();
  const std::vector<CpuNoise> measured = measure_noise(options.noise, clock);
  const double duration_s = static_cast<double>(ticks() - before) / clock.frequency_hz();
  alarm(0);

  cli::Json environment = environment_json();
  environment["cpus"] = options.noise.cpus;
  environment["policy"] = options.policy;
  environment["tick"] = tick_json(clock);
  const bool written = report.write({{"schema", "rtlane.bench/1"},
                                     {"command", "noise"},
                                     {"started", started},
                                     {"duration_s", duration_s},
                                     {"environment", std::move(environment)},
                                     {"noise", noise_json(measured)}});
  cli::say(report.text(),
           totals_text(measured) + "\n" + causes_text(measured) + "\n" + remarks_text(measured, options));
  return written ? cli::good : cli::finding;
}

}  // namespace rtlane::bench
