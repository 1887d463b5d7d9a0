#include "demo/monitor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <rtlane/core/iwin32.h>
#include <rtlane/core/lease.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/core/shared_memory.hpp>
#include <rtlane/rt/clock.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <new>

#include "command.hpp"
#include "demo/process.hpp"
#include "demo/samples.hpp"
#include "demo/view.hpp"
#include "output.hpp"

namespace rtlane::demo {
namespace {

// Who was asked to end gets this long before being helped, and as long again before being killed.
constexpr std::int64_t patience_ns = 2'000'000'000;
// From "go" to the first tick.
constexpr std::int64_t lead_ns = 20'000'000;

// The ring's memory is made by RtCreateSharedMemory, as a program ported from INtime makes it, and then becomes a
// channel: both ways of making an object lead to the same one.
class RingMemory {
public:
  RingMemory() = default;
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;
  ~RingMemory()
  {
    if (handle_ != nullptr)
      CloseHandle(handle_);
  }

  template <class Sample>
  [[nodiscard]] expected<ChannelRef> create(const std::string& name, std::uint64_t capacity)
  {
    auto measure = SpscRing<Sample>::in_memory(capacity);
    if (!measure)
      return unexpected(measure.error());
    const std::uint64_t bytes = measure->channel().layout().total_bytes;
    LPVOID address = nullptr;
    handle_ = RtCreateSharedMemoryA(PAGE_READWRITE, static_cast<DWORD>(bytes >> 32), static_cast<DWORD>(bytes),
                                    name.c_str(), &address);
    if (handle_ == nullptr)
      return unexpected(Error{EINVAL, rtlane_error_message()});
    if (GetLastError() == ERROR_ALREADY_EXISTS)
      return unexpected(Error{EEXIST, fmt::format("an object called '{}' exists already", name)});
    auto ring = SpscRing<Sample>::create(name, capacity);
    if (!ring)
      return unexpected(ring.error());
    return ring->channel();
  }

private:
  HANDLE handle_ = nullptr;
};

class Lease {
public:
  Lease() = default;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { rtlane_lease_release(&lease_); }
  int acquire(rtlane_handle handle, Part part)
  {
    return rtlane_lease_acquire(handle, static_cast<std::uint32_t>(part), &lease_);
  }

private:
  rtlane_lease lease_{};
};

class Monitor {
public:
  explicit Monitor(Settings settings) : settings_(std::move(settings)), view_(settings_.text, settings_.plain) {}

  expected<bool> prepare();
  Result run();

private:
  State& state() { return *static_cast<State*>(state_memory_.data()); }
  expected<bool> make_state();
  void hear_signals();
  void look_at_children();
  void child_ended(const Process& child);
  void end_of_patience();
  void start_when_ready();
  bool all_ended() const { return sensor_.ended() && controller_.ended(); }
  void ask_end(Stop why);
  void say(const std::string& sentence) const;

  Settings settings_;
  View view_;
  SharedMemory state_memory_;
  RingMemory ring_memory_;
  ChannelRef ring_;
  Lease lease_;
  Process sensor_;
  Process controller_;
  int signal_fd_ = -1;

  std::string failure_;  // the first thing that went wrong
  int failure_status_ = cli::finding;
  bool interrupted_ = false;
  std::int64_t asked_ns_ = 0;  // when the end was asked for
  bool helped_ = false;
};

void Monitor::say(const std::string& sentence) const
{
  cli::flush_out();
  cli::say_err(fmt::format("rtlane demo: {}\n", cli::printable(sentence)));
}

expected<bool> Monitor::make_state()
{
  ShmOptions options;
  options.exclusive = true;
  // Without a wish, the process number makes the name; another PID namespace on the same directory may have it too.
  const bool own_name = settings_.name.empty();
  const std::string base = own_name ? fmt::format("demo-{}", getpid()) : settings_.name;
  for (int attempt = 1;; ++attempt) {
    const std::string name = attempt == 1 ? base : fmt::format("{}-{}", base, attempt);
    auto memory = SharedMemory::create(name + ".state", sizeof(State), options);
    if (memory) {
      state_memory_ = std::move(*memory);
      settings_.name = name;
      return true;
    }
    if (memory.error().code != EEXIST || !own_name || attempt == 100)
      return unexpected(memory.error());
  }
}

expected<bool> Monitor::prepare()
{
  // A child that ends must be waited for, whatever the parent of this process ignores.
  signal(SIGCHLD, SIG_DFL);
  signal_fd_ = take_signals({SIGINT, SIGTERM, SIGHUP, SIGCHLD});

  if (auto made = make_state(); !made)
    return made;
  auto ring = settings_.plan.source == Source::imu
                  ? ring_memory_.create<ImuSample>(settings_.name, settings_.capacity)
                  : ring_memory_.create<HostSample>(settings_.name, settings_.capacity);
  if (!ring)
    return unexpected(ring.error());
  ring_ = std::move(*ring);

  new (state_memory_.data()) State();
  Plan& plan = state().plan;
  plan = settings_.plan;
  plan.magic = plan_magic;
  plan.monitor_pid = getpid();
  settings_.name.copy(plan.ring, sizeof plan.ring - 1);

  if (const int result = lease_.acquire(state_memory_.handle(), Part::monitor); result < 0)
    return unexpected(Error::from_c(result));
  auto sensor = Process::start(Part::sensor, settings_.name + ".state");
  if (!sensor)
    return unexpected(sensor.error());
  sensor_ = *sensor;
  auto controller = Process::start(Part::controller, settings_.name + ".state");
  if (!controller) {
    // The sensor sees the monitor's lease go and ends.
    return unexpected(controller.error());
  }
  controller_ = *controller;
  return true;
}

void Monitor::ask_end(Stop why)
{
  ask_stop(state(), why);
  if (asked_ns_ == 0)
    asked_ns_ = rt::now_ns();
}

void Monitor::hear_signals()
{
  signalfd_siginfo info{};
  while (read(signal_fd_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD)
      continue;
    if (interrupted_) {
      say("asked twice: killing sensor and controller");
      sensor_.signal(SIGKILL);
      controller_.signal(SIGKILL);
    }
    interrupted_ = true;
    ask_end(Stop::asked);
  }
}

void Monitor::child_ended(const Process& child)
{
  if (child.well())
    return;
  if (!failure_.empty()) {
    // Said already why; only a violent end is news.
    if (child.killed())
      say(fmt::format("{} {}", child.who(), child.end_text()));
    return;
  }
  failure_ = fmt::format("{} {}", child.who(), child.end_text());
  failure_status_ = child.status() == cli::usage ? cli::usage : cli::finding;
  // Bad input was explained by the sensor itself.
  if (failure_status_ != cli::usage)
    say(failure_ + (all_ended() ? "" : "; ending the others"));
  ask_end(Stop::peer_died);
}

void Monitor::look_at_children()
{
  for (Process* child : {&sensor_, &controller_}) {
    const bool ended_before = child->ended();
    child->look();
    if (child->ended() && !ended_before)
      child_ended(*child);
  }
  // One of them was interrupted: that ends the whole.
  if (!interrupted_ && state().stop.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(Stop::asked) &&
      failure_.empty()) {
    interrupted_ = true;
    ask_end(Stop::asked);
  }
}

void Monitor::end_of_patience()
{
  if (asked_ns_ == 0 || rt::now_ns() - asked_ns_ < patience_ns)
    return;
  for (const Process* child : {&sensor_, &controller_}) {
    if (child->ended())
      continue;
    if (helped_) {
      say(fmt::format("{} still does not end; killing it", child->who()));
      child->signal(SIGKILL);
    } else if (child->stopped()) {
      say(fmt::format("{} is stopped; letting it run on so that it can end", child->who()));
      child->signal(SIGCONT);
    }
  }
  helped_ = true;
  asked_ns_ = rt::now_ns();
}

void Monitor::start_when_ready()
{
  State& shared = state();
  if (shared.start_ns.load(std::memory_order_relaxed) != 0 ||      // relaxed: only this thread writes it
      shared.sensor.ready.load(std::memory_order_acquire) == 0 ||  // R2, pairs with R1
      shared.controller.ready.load(std::memory_order_acquire) == 0)
    return;
  shared.start_ns.store(rt::now_ns() + lead_ns, std::memory_order_release);  // G1, pairs with G2
}

Result Monitor::run()
{
  constexpr int start_poll_ms = 2;
  std::int64_t next_view_ns = 0;
  while (!all_ended()) {
    const bool started = state().start_ns.load(std::memory_order_relaxed) != 0;  // relaxed: as above
    const std::int64_t view_in_ms = std::max((next_view_ns - rt::now_ns()) / 1'000'000 + 1, std::int64_t{0});
    pollfd event{signal_fd_, POLLIN, 0};
    poll(&event, 1, started ? static_cast<int>(std::min(view_in_ms, std::int64_t{100})) : start_poll_ms);
    hear_signals();
    look_at_children();
    start_when_ready();
    end_of_patience();
    if (rt::now_ns() >= next_view_ns && started && asked_ns_ == 0) {
      next_view_ns = rt::now_ns() + view_.interval_ms() * std::int64_t{1'000'000};
      if (const int error = view_.show(state(), sensor_, controller_); error != 0) {
        // A reader that went away has asked for the end; of anything else run_program() says what it was.
        interrupted_ = true;
        if (error != EPIPE)
          failure_ = fmt::format("standard output cannot be written ({}): ended", std::strerror(error));
        ask_end(Stop::asked);
      }
    }
  }

  Result result;
  const std::int64_t start_ns = state().start_ns.load(std::memory_order_relaxed);  // relaxed: as above
  result.started = start_ns != 0;
  result.fill(state(), ring_.certificate(), controller_.well());
  result.capacity = ring_.layout().capacity;
  result.elapsed_s = result.started ? std::max(static_cast<double>(rt::now_ns() - start_ns) / 1e9, 0.0) : 0.0;
  result.outcome = !failure_.empty() ? failure_ : interrupted_ ? "interrupted" : "complete";
  const bool whole = result.lost == 0 && result.torn == 0 && result.doubled == 0;
  result.status = !failure_.empty() ? failure_status_ : whole ? cli::good : cli::finding;
  return result;
}

}  // namespace

expected<Result> monitor(Settings settings)
{
  Monitor monitor(std::move(settings));
  if (auto prepared = monitor.prepare(); !prepared)
    return unexpected(prepared.error());
  return monitor.run();
}

}  // namespace rtlane::demo
