// The controller: takes what has arrived at each tick of a fixed grid and works on it.
#include <fmt/format.h>
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/rt/clock.hpp>

#include <algorithm>
#include <cmath>

#include "command.hpp"
#include "demo/attitude.hpp"
#include "demo/child.hpp"
#include "demo/intake.hpp"
#include "demo/margin.hpp"
#include "demo/phases.hpp"
#include "demo/samples.hpp"
#include "subcommands.hpp"

namespace rtlane::demo {
namespace {

constexpr std::int64_t drain_poll_ns = 5'000'000;

// --imu: where is down?
class AttitudeJob {
public:
  AttitudeJob(State& state, std::int64_t) : mine_(state.controller) {}

  void use(const ImuSample& sample) noexcept
  {
    filter_.update({sample.gyro_deg_s[0], sample.gyro_deg_s[1], sample.gyro_deg_s[2]},
                   {sample.accel_g[0], sample.accel_g[1], sample.accel_g[2]}, sample.time_s - time_s_);
    time_s_ = sample.time_s;
    roll_max_deg_ = std::max(roll_max_deg_, std::abs(filter_.roll_deg()));
    pitch_max_deg_ = std::max(pitch_max_deg_, std::abs(filter_.pitch_deg()));
    // relaxed: figures for the monitor, each of its own
    mine_.roll_deg.store(filter_.roll_deg(), std::memory_order_relaxed);
    mine_.pitch_deg.store(filter_.pitch_deg(), std::memory_order_relaxed);
    mine_.roll_max_deg.store(roll_max_deg_, std::memory_order_relaxed);
    mine_.pitch_max_deg.store(pitch_max_deg_, std::memory_order_relaxed);
  }

private:
  State::Controller& mine_;
  AttitudeFilter filter_;
  double time_s_ = 0.0;
  double roll_max_deg_ = 0.0;
  double pitch_max_deg_ = 0.0;
};

// host: how much earlier has the sensor to wake so that its ticks begin on time?
class MarginJob {
public:
  MarginJob(State& state, std::int64_t start_ns)
      : mine_(state.controller),
        phases_(state.plan.duration_ns),
        start_ns_(start_ns),
        margin_(state.plan.margin_limit_ns)
  {}

  void use(const HostSample& sample) noexcept
  {
    const std::int64_t since_ns = sample.due_ns - start_ns_;
    const auto late_ns = static_cast<std::uint64_t>(std::max(sample.late_ns, std::int64_t{0}));
    if (since_ns < phases_.close_ns) {
      mine_.before.record(late_ns);
      return;
    }
    margin_.update(sample.wake_ns);
    mine_.margin_ns.store(margin_.margin_ns(), std::memory_order_relaxed);  // relaxed: the newest order counts
    if (since_ns >= phases_.judge_ns)
      mine_.after.record(late_ns);
  }

private:
  State::Controller& mine_;
  Phases phases_;
  std::int64_t start_ns_;
  MarginController margin_;
};

template <class Sample, class Job>
class ControlLoop {
public:
  ControlLoop(Child& child, typename SpscRing<Sample>::Consumer consumer, Job job, std::int64_t first_due_ns)
      : child_(child),
        mine_(child.state().controller),
        consumer_(std::move(consumer)),
        job_(std::move(job)),
        due_ns_(first_due_ns)
  {}

  int run()
  {
    const std::int64_t period_ns = child_.plan().period_ns;
    for (;;) {
      if (child_.sleep_until(due_ns_)) {
        mine_.tick_late.record(static_cast<std::uint64_t>(std::max(rt::now_ns() - due_ns_, std::int64_t{0})));
        count(mine_.ticks);
      } else {
        // It is ending: no ticks any more, but what the sensor has sent is still taken.
        rt::sleep_until_ns(rt::now_ns() + drain_poll_ns);
      }
      const Status status = take_all();
      publish();
      if (status == Status::closed)
        return cli::good;
      if (status == Status::corrupt) {
        child_.complain("the ring is corrupt; ending");
        ask_stop(child_.state(), Stop::asked);
        return cli::finding;
      }
      if (status == Status::empty && child_.peer_gone())
        return cli::finding;

      if (child_.ending())
        continue;
      // Overrun policy skip: the grid stays, slots whose time has come meanwhile are left out and counted.
      const std::int64_t slots = std::max((rt::now_ns() - due_ns_) / period_ns, std::int64_t{0});
      count(mine_.missed_ticks, static_cast<std::uint64_t>(slots));
      due_ns_ += (slots + 1) * period_ns;
    }
  }

private:
  // What is there, at most a ring full of it, so that a tick stays bounded while the sensor goes on.
  Status take_all() noexcept
  {
    for (std::uint64_t i = 0; i < consumer_.capacity(); ++i) {
      Sample sample;
      const Status status = consumer_.try_pop(sample);
      if (status != Status::ok)
        return status;
      if (!intake_.accept(sample))
        continue;
      mine_.latency.record(static_cast<std::uint64_t>(std::max(rt::now_ns() - sample.sent_ns, std::int64_t{0})));
      job_.use(sample);
    }
    return Status::ok;
  }

  void publish() noexcept
  {
    // relaxed: one writer, numbers for the monitor
    mine_.received.store(intake_.received, std::memory_order_relaxed);
    mine_.lost.store(intake_.lost, std::memory_order_relaxed);
    mine_.doubled.store(intake_.doubled, std::memory_order_relaxed);
    mine_.torn.store(intake_.torn, std::memory_order_relaxed);
  }

  Child& child_;
  State::Controller& mine_;
  typename SpscRing<Sample>::Consumer consumer_;
  Job job_;
  Intake intake_;
  std::int64_t due_ns_;
};

template <class Sample, class Job>
int control(Child& child, std::int64_t phase_ns)
{
  auto ring = SpscRing<Sample>::open(child.plan().ring);
  auto consumer = ring ? ring->consumer() : unexpected(ring.error());
  if (!consumer) {
    child.complain(consumer.error().message);
    return cli::finding;
  }
  const auto start_ns = child.get_ready(ring->certificate());
  if (!start_ns)
    return cli::good;
  ControlLoop<Sample, Job> loop(child, std::move(*consumer), Job(child.state(), *start_ns), *start_ns + phase_ns);
  const int status = loop.run();
  child.report_faults();
  return status;
}

int control(Child& child)
{
  if (child.plan().source == Source::imu)
    return control<ImuSample, AttitudeJob>(child, 0);
  // A quarter of a period after the sensor, which has published by then.
  return control<HostSample, MarginJob>(child, child.plan().period_ns / 4);
}

}  // namespace
}  // namespace rtlane::demo

int rtlane::cli::demo_controller(int argc, char** argv)
{
  return demo::run_child(demo::Part::controller, argc, argv, &demo::control);
}
