// The sensor: publishes samples, from a recording at its time stamps or from the host's own wake-ups.
#include <fmt/format.h>
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/rt/clock.hpp>

#include <algorithm>
#include <cmath>

#include "command.hpp"
#include "demo/child.hpp"
#include "demo/recording.hpp"
#include "demo/samples.hpp"
#include "subcommands.hpp"

namespace rtlane::demo {
namespace {

constexpr std::int64_t room_poll_ns = 50'000;

// Numbers, seals and publishes samples. When the ring is full it waits for room, as long as the controller
// lives and nobody asks to stop: nothing is dropped, and each wait is counted.
template <class Sample>
class Outlet {
public:
  Outlet(Child& child, typename SpscRing<Sample>::Producer producer)
      : child_(child), mine_(child.state().sensor), producer_(std::move(producer))
  {}

  // False: the stream has to end, the sample was not sent.
  [[nodiscard]] bool send(Sample& sample)
  {
    sample.sequence = sent_;
    std::int64_t waiting_since = 0;
    for (;;) {
      sample.sent_ns = rt::now_ns();
      sample.checksum = checksum_of(sample);
      const Status status = producer_.try_push(sample);
      if (status == Status::ok) {
        mine_.sent.store(++sent_, std::memory_order_relaxed);  // relaxed: one writer, a number for the monitor
        if (waiting_since != 0)
          count(mine_.full_wait_ns, static_cast<std::uint64_t>(sample.sent_ns - waiting_since));
        return true;
      }
      if (status != Status::full) {
        child_.complain(fmt::format("the ring answers '{}' to a push; ending", to_string(status)));
        failed_ = true;
        return false;
      }
      if (child_.ending())
        return false;
      if (waiting_since == 0) {
        waiting_since = sample.sent_ns;
        count(mine_.full_waits);
      }
      rt::sleep_until_ns(sample.sent_ns + room_poll_ns);
    }
  }

  // Tells the controller that nothing more comes.
  int finish()
  {
    producer_.close();
    child_.report_faults();
    return failed_ || child_.peer_gone() ? cli::finding : cli::good;
  }

private:
  Child& child_;
  State::Sensor& mine_;
  typename SpscRing<Sample>::Producer producer_;
  std::uint64_t sent_ = 0;
  bool failed_ = false;
};

void replay(Child& child, Outlet<ImuSample>& outlet, const std::vector<ImuRow>& rows, std::int64_t start_ns)
{
  const Plan& plan = child.plan();
  const std::int64_t end_ns = plan.duration_ns > 0 ? start_ns + plan.duration_ns : INT64_MAX;
  for (const ImuRow& row : rows) {
    // 9.2e18 ns are 292 years: a slow replay of a long recording waits for its end or yours
    const double after_ns = std::min((row.time_s - rows.front().time_s) / plan.speed * 1e9, 4e18);
    const std::int64_t due_ns = start_ns + std::llround(after_ns);
    if (!child.sleep_until(std::min(due_ns, end_ns)) || due_ns >= end_ns)
      return;
    child.state().sensor.replay_late.record(
        static_cast<std::uint64_t>(std::max(rt::now_ns() - due_ns, std::int64_t{0})));
    ImuSample sample{};
    sample.time_s = row.time_s;
    std::copy(row.gyro_deg_s.begin(), row.gyro_deg_s.end(), sample.gyro_deg_s);
    std::copy(row.accel_g.begin(), row.accel_g.end(), sample.accel_g);
    if (!outlet.send(sample))
      return;
  }
}

int stream_recording(Child& child)
{
  const Plan& plan = child.plan();
  auto rows = read_recording(plan.imu_path);
  if (!rows) {
    child.complain(rows.error().message);
    return cli::usage;
  }
  // relaxed: ready (R1) comes after
  child.state().sensor.total.store(rows->size(), std::memory_order_relaxed);

  auto ring = SpscRing<ImuSample>::open(plan.ring);
  auto producer = ring ? ring->producer() : unexpected(ring.error());
  if (!producer) {
    child.complain(producer.error().message);
    return cli::finding;
  }
  Outlet<ImuSample> outlet(child, std::move(*producer));
  const auto start_ns = child.get_ready(ring->certificate());
  if (start_ns)
    replay(child, outlet, *rows, *start_ns);
  return outlet.finish();
}

// The tick begins when the clock reaches its due time; the sleep before it ends `margin` earlier, and the
// rest is waited for by polling the clock, which is bounded by plan.margin_limit_ns.
void measure_wakeups(Child& child, Outlet<HostSample>& outlet, std::int64_t start_ns)
{
  const Plan& plan = child.plan();
  State& state = child.state();
  const std::int64_t end_ns = plan.duration_ns > 0 ? start_ns + plan.duration_ns : INT64_MAX;
  for (std::int64_t due_ns = start_ns; due_ns < end_ns;) {
    HostSample sample{};
    sample.due_ns = due_ns;
    // relaxed: the newest order counts, nothing hangs on it
    sample.margin_ns =
        std::clamp(state.controller.margin_ns.load(std::memory_order_relaxed), std::int64_t{0}, plan.margin_limit_ns);
    const std::int64_t wake_due_ns = due_ns - sample.margin_ns;
    if (!child.sleep_until(wake_due_ns))
      return;
    const std::int64_t woke_ns = rt::now_ns();
    std::int64_t now_ns = woke_ns;
    while (now_ns < due_ns)
      now_ns = rt::now_ns();
    sample.wake_ns = woke_ns - wake_due_ns;
    sample.late_ns = now_ns - due_ns;
    count(state.sensor.spin_ns, static_cast<std::uint64_t>(now_ns - woke_ns));
    if (!outlet.send(sample))
      return;

    // Overrun policy skip: the grid stays, slots whose time has come meanwhile are left out and counted.
    const std::int64_t over_ns = rt::now_ns() - due_ns;
    const std::int64_t slots = std::max(over_ns / plan.period_ns, std::int64_t{0});
    count(state.sensor.missed_ticks, static_cast<std::uint64_t>(slots));
    due_ns += (slots + 1) * plan.period_ns;
  }
}

int stream_host(Child& child)
{
  auto ring = SpscRing<HostSample>::open(child.plan().ring);
  auto producer = ring ? ring->producer() : unexpected(ring.error());
  if (!producer) {
    child.complain(producer.error().message);
    return cli::finding;
  }
  Outlet<HostSample> outlet(child, std::move(*producer));
  const auto start_ns = child.get_ready(ring->certificate());
  if (start_ns)
    measure_wakeups(child, outlet, *start_ns);
  return outlet.finish();
}

int sense(Child& child)
{
  return child.plan().source == Source::imu ? stream_recording(child) : stream_host(child);
}

}  // namespace
}  // namespace rtlane::demo

int rtlane::cli::demo_sensor(int argc, char** argv)
{
  return demo::run_child(demo::Part::sensor, argc, argv, &demo::sense);
}
