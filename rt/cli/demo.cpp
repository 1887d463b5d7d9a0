// rtlane demo
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rtlane/core/shm.h>
#include <rtlane/rt/thread.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "demo/monitor.hpp"
#include "options.hpp"
#include "output.hpp"
#include "report.hpp"
#include "subcommands.hpp"

namespace rtlane::cli {
namespace {

constexpr char manual[] =
    R"(Three processes. The sensor publishes samples into an SpscRing; the controller takes what has arrived at
each tick of a fixed grid and works on it; this process, the monitor, starts the two and shows them live (on a
terminal one screen, else a line a second). The ring's memory is made by RtCreateSharedMemory, page tier and
locking as RTLANE_HUGE and RTLANE_LOCK say. While it runs, 'rtlane ls' and 'rtlane info NAME' look into it.

Sources
  host    (without --imu) a real signal every machine has: the sensor sleeps until each tick of its grid and
          measures how late it woke. For the first quarter of the run nothing is done about it ("before"). Then the
          controller closes a loop: from the measured errors it learns how much earlier the sensor has to wake
          (the margin, which the sensor waits out by polling the clock), so that its ticks begin on time. The
          second half is judged ("after"). The margin follows the 99th percentile of the wake-up error and stays
          below half a period and 500 us.
  --imu   replays a recording of an inertial measurement unit at its own time stamps, --speed times as fast. The
          controller runs an attitude filter on it: the explicit complementary filter with bias correction of
          Mahony, Hamel and Pflimlin (IEEE Trans. Automatic Control 53(5), 2008), kp 1, ki 0.3, corrected by the
          accelerometer while that shows 1 g within 0.15. FILE is a regular file of CSV; line 1 names the columns with
          units, in any order: Time (s|ms|us|ns), Gyroscope X, Y, Z (deg/s|rad/s), Accelerometer X, Y, Z (g|m/s^2).
          Others are ignored. A file that cannot be understood is refused with line and column.

What the figures mean
  latency      from just before a sample is published until a controller's tick has it in hand; that includes
               the wait for the tick, and not what happened before: a sensor that waited for room, or was held up,
               is late. Percentiles are upper bounds, at most 3.2 % above the true value; max is exact
  replay late  (--imu) how long after its time in the recording each sample's turn came
  lost         numbers missing among the samples; torn: checksum wrong; doubled: came twice
  missed       ticks of the controller's grid whose time came while the one before was still at work, or the
               controller did not run: they are left out
  unread       of a run whose controller died: samples that were sent and that it did not get to use, whether they
               were in the ring or in its hands
  full ring    samples that found no room: the sensor waits then, it never drops

Both loops ask for a CPU of their own and SCHED_FIFO; what is refused is said, and why. They sleep between ticks,
so that the monitor can run also with one CPU.

Ending: by itself after --duration or the recording. Ctrl-C, SIGTERM or SIGHUP to any of the three ends all in order,
with the table; a second one kills. Those that the caller ignores stay ignored, so that nohup works. A process that is
killed is noticed by the others (the kernel drops its lease): they say so and end within a second, and no object is
left. Only a monitor killed before the others hold the two objects leaves these, for the next create or 'rtlane gc'. A
stopped process is not dead: it is waited for.

JSON: {"schema": "rtlane.demo/1", "source", "file", "speed", "outcome", "status", "elapsed_s", "rate_hz", "sent",
"received", "lost", "torn", "doubled", "unread", "ticks", "missed_ticks", "full_waits", "full_wait_ns", "latency": {"count",
"p50_ns", "p99_ns", "p99_9_ns", "max_ns"}, "tick_late": {the same}, "ring", "capacity", "page_size", "tier", "mapped_bytes",
"locked_bytes" (of the ring, in the controller), "page_reason", "page_fix", "lock_reason", "lock_fix", "sensor": {"pid",
"policy", "priority", "cpu", "page_faults", "not_granted", "missed_ticks"}, "controller": {...}, and with --imu
"replay_late": {percentiles}, "attitude": {"filter", "kp", "ki", "roll_deg", "pitch_deg" (at the end), "roll_max_deg",
"pitch_max_deg" (largest absolute)}, without it "loop": {"quantile", "margin_ns", "margin_limit_ns", "spin_share",
"before": {percentiles}, "after": {percentiles}}}. With the document on standard output, the text goes to standard
error.

Exit status: 0 nothing was lost, torn or doubled (also when interrupted); 1 something was, a process died, or standard
output cannot be written, which ends the run; 2 wrong usage or a recording that cannot be understood.)";

struct Arguments {
  std::string imu;
  double speed = 1.0;
  double rate_hz = 1000.0;
  double duration_s = -1.0;
  std::uint64_t capacity = 32768;
  std::string name;
  std::vector<int> cpus;
  int priority = 80;
  bool plain = false;
};

// Which CPUs for sensor and controller: two of their own, not the first if there are more, since that one serves
// most interrupts.
std::vector<int> choose_cpus(const std::vector<int>& allowed)
{
  if (allowed.empty())
    return {-1, -1};
  return {allowed[allowed.size() - std::min(allowed.size(), std::size_t{2})], allowed.back()};
}

std::string check_cpus(const std::vector<int>& cpus, const std::vector<int>& allowed)
{
  for (const int cpu : cpus) {
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
      return fmt::format("--cpus: this process may not run on CPU {}, only on {}", cpu, fmt::join(allowed, ","));
  }
  return {};
}

std::string check_name(const std::string& name)
{
  // ".state" is added for the second object
  if (name.size() > RTLANE_NAME_MAX - 6)
    return fmt::format("--name: at most {} bytes", RTLANE_NAME_MAX - 6);
  if (name.find('\\') != std::string::npos)
    return "--name: a name has no '\\'";
  return {};
}

}  // namespace

int demo(int argc, char** argv)
{
  Command command("Stream sensor data between three processes and watch it.", "rtlane demo", manual);
  Arguments given;
  const Option imu =
      command.option("--imu", given.imu, "Replay this recording instead of measuring the host").type_name("FILE");
  command.option("--speed", given.speed, "Replay so many times as fast (default 1)")
      .type_name("X")
      .in_range(1e-3, 1e9)
      .needs(imu);
  command.option("--rate", given.rate_hz, "Ticks of the controller per second, and of the host source (default 1000)")
      .type_name("HZ")
      .in_range(1.0, 10000.0);
  command
      .option("--duration", given.duration_s,
              "End after so many seconds; 0 = no limit (default 12, with --imu the whole recording)")
      .type_name("S")
      .in_range(0.0, 1e9);
  command
      .option("--capacity", given.capacity,
              "Samples the ring holds, rounded up to a power of two (default 32768: 2 MiB of slots, so that huge pages "
              "are tried; with the header two of 2 MiB)")
      .type_name("N")
      .in_range(1, 1 << 24);
  command.option("--name", given.name, "Name of the ring (default demo-<pid>)").type_name("NAME");
  command
      .option("--cpus", given.cpus, "CPUs of sensor and controller (default: two of those allowed, if there are two)")
      .type_name("S,C")
      .separated_by_commas()
      .expects(2)
      .in_range(0, 1023);
  command.option("--priority", given.priority, "SCHED_FIFO priority of both; 0 = an ordinary thread (default 80)")
      .type_name("P")
      .in_range(0, 98);
  command.flag("--plain", given.plain, "Lines instead of a screen, also on a terminal");
  Report report;
  report.add_option(command);
  if (const auto status = command.parse(argc, argv))
    return *status;
  const std::vector<int> allowed = rt::allowed_cpus();
  for (const std::string& problem : {check_name(given.name), check_cpus(given.cpus, allowed)}) {
    if (!problem.empty())
      return command.fail(problem, usage);
  }
  demo::Settings settings;
  if (given.imu.size() >= sizeof settings.plan.imu_path)
    return command.fail("--imu: the path is too long", usage);
  if (imu.count() > 0 && given.imu.empty())
    return command.fail("--imu: the path is empty", usage);
  if (const auto opened = report.open(); !opened)
    return command.fail(opened.error().message, usage);
  if (report.is_same_file(given.imu))
    return command.fail(fmt::format("--json {}: that is the recording; name another file", report.path()), usage);

  const bool replay = !given.imu.empty();
  const std::vector<int> cpus = given.cpus.empty() ? choose_cpus(allowed) : given.cpus;
  const double duration_s = given.duration_s >= 0 ? given.duration_s : replay ? 0.0 : 12.0;
  demo::Plan& plan = settings.plan;
  plan.source = replay ? demo::Source::imu : demo::Source::host;
  plan.sensor_cpu = cpus.front();
  plan.controller_cpu = cpus.back();
  plan.fifo_priority = given.priority;
  plan.speed = given.speed;
  plan.period_ns = std::llround(1e9 / given.rate_hz);
  plan.duration_ns = std::llround(duration_s * 1e9);
  plan.margin_limit_ns = std::min(plan.period_ns / 2, std::int64_t{500'000});
  given.imu.copy(plan.imu_path, sizeof plan.imu_path - 1);
  settings.name = given.name;
  settings.capacity = given.capacity;
  settings.text = report.text();
  settings.plain = given.plain;

  const auto result = demo::monitor(std::move(settings));
  if (!result)
    return command.fail(result.error().message);
  const bool written = report.write(demo::result_json(*result));
  if (result->started)
    say(report.text(), demo::result_text(*result));
  return written ? result->status : std::max(result->status, finding);
}

}  // namespace rtlane::cli
