#include "demo/child.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <rtlane/core/lease.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <rtlane/rt/clock.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>

#include "command.hpp"
#include "demo/process.hpp"
#include "output.hpp"

namespace rtlane::demo {
namespace {

constexpr int watch_interval_ms = 100;
constexpr std::int64_t slice_ns = 50'000'000;
// Locked as a whole by mlockall, so not the usual 8 MiB.
constexpr std::size_t stack_bytes = 1 << 20;
constexpr std::size_t touched_stack_bytes = 64 << 10;

std::uint64_t faults_of_this_thread()
{
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_minflt) + static_cast<std::uint64_t>(usage.ru_majflt);
}

const char* thread_name(Part part)
{
  return part == Part::sensor ? "rtlane-sensor" : "rtlane-control";
}

struct Job {
  Child* child;
  int (*work)(Child& child);
  int finished_fd;
  int status;
};

void* run_job(void* argument)
{
  Job& job = *static_cast<Job*>(argument);
  try {
    job.status = job.work(*job.child);
  } catch (const std::exception& error) {
    job.child->complain(error.what());
    job.status = cli::finding;
  }
  eventfd_write(job.finished_fd, 1);
  return nullptr;
}

}  // namespace

ChildFacts& Child::facts() const
{
  if (part_ == Part::sensor)
    return state().sensor;
  return state().controller;
}

void Child::complain(const std::string& sentence) const
{
  cli::say_err(fmt::format("rtlane demo: {}: {}\n", name_of(part_), cli::printable(sentence)));
}

std::optional<std::int64_t> Child::get_ready(const rtlane_shm_certificate& ring)
{
  const bool is_sensor = part_ == Part::sensor;
  rt::ThreadConfig config;
  config.name = thread_name(part_);
  config.cpu = is_sensor ? plan().sensor_cpu : plan().controller_cpu;
  config.fifo_priority = plan().fifo_priority;
  config.stack_touch_bytes = touched_stack_bytes;
  const rt::ThreadGrant grant = rt::configure_this_thread(config);

  std::string note;
  for (const std::string& refusal : grant.refused)
    note += refusal + "\n";
  if (mlockall(MCL_CURRENT) != 0)
    note += fmt::format(
        "locking the process's memory was refused ({}), page faults are possible; run as root or raise 'ulimit -l'\n",
        std::strerror(errno));

  ChildFacts& mine = facts();
  mine.pid = getpid();
  mine.policy = grant.policy;
  mine.priority = grant.priority;
  mine.cpu = grant.cpu;
  mine.ring_tier = ring.tier;
  mine.ring_page_bytes = ring.page_bytes;
  mine.ring_locked_bytes = ring.locked_bytes;
  note.copy(mine.note, sizeof mine.note - 1);
  mine.ready.store(1, std::memory_order_release);  // R1, pairs with R2

  while (!ending()) {
    const std::int64_t start_ns = state().start_ns.load(std::memory_order_acquire);  // G2, pairs with G1
    if (start_ns != 0) {
      faults_before_ = faults_of_this_thread();
      return start_ns;
    }
    rt::sleep_until_ns(rt::now_ns() + 1'000'000);
  }
  return std::nullopt;
}

bool Child::sleep_until(std::int64_t due_ns) const
{
  for (std::int64_t now = rt::now_ns(); now < due_ns; now = rt::now_ns()) {
    if (ending())
      return false;
    rt::sleep_until_ns(std::min(due_ns, now + slice_ns));
  }
  return !ending();
}

void Child::report_faults() const
{
  // relaxed: read after `finished`, or as a number that grows
  if (faults_before_)
    facts().faults.store(faults_of_this_thread() - *faults_before_, std::memory_order_relaxed);
}

// 1, 0, or a negative errno.
int Child::held(Part other) const
{
  return rtlane_lease_held(memory_.handle(), static_cast<std::uint32_t>(other));
}

void Child::look_after_the_others()
{
  const Part peer = part_ == Part::sensor ? Part::controller : Part::sensor;
  const ChildFacts& other =
      peer == Part::sensor ? static_cast<ChildFacts&>(state().sensor) : static_cast<ChildFacts&>(state().controller);
  std::string why;
  // In this order: who finishes says so before it lets its lease go.
  if (other.ready.load(std::memory_order_acquire) == 1 && held(peer) == 0 &&  // R2, pairs with R1
      other.finished.load(std::memory_order_acquire) == 0) {                  // F2, pairs with F1
    peer_gone_.store(true, std::memory_order_relaxed);  // relaxed: an order without anything behind it
    why = fmt::format("the {} (process {}) is dead: the kernel has dropped its lease", name_of(peer), other.pid);
  }
  const int monitor = held(Part::monitor);
  if (monitor == 0) {
    // Nobody is left to let a stopped peer run on so that it can end, and we wait for its end.
    if (other.ready.load(std::memory_order_acquire) == 1 && held(peer) == 1)  // R2, pairs with R1
      kill(other.pid, SIGCONT);
    why += fmt::format("{}the monitor (process {}) is dead: the kernel has dropped its lease",
                       why.empty() ? "" : ", and ", plan().monitor_pid);
  } else if (monitor == -ESTALE) {
    // Other errors pass (too many open files); this one stays, and no death would ever be seen.
    peer_gone_.store(true, std::memory_order_relaxed);  // relaxed: as above
    why = "somebody removed the files of the demo: who is alive can no longer be told";
  }
  if (why.empty())
    return;
  // One of us said it already, the monitor if it lives.
  if (!complained_ && state().stop.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(Stop::peer_died))
    complain(why + "; ending");
  complained_ = true;
  // relaxed: as ask_stop; this reason outranks the others
  state().stop.store(static_cast<std::uint32_t>(Stop::peer_died), std::memory_order_relaxed);
}

void Child::watch(int signal_fd, int finished_fd)
{
  pollfd events[] = {{finished_fd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
  for (;;) {
    poll(events, 2, watch_interval_ms);
    if ((events[0].revents & POLLIN) != 0)
      return;
    if ((events[1].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (read(signal_fd, &info, sizeof info) == sizeof info)
        ask_stop(state(), Stop::asked);
    }
    look_after_the_others();
  }
}

int run_child(Part part, int argc, char** argv, int (*work)(Child& child))
{
  const auto refuse = [&](const std::string& sentence) {
    cli::say_err(fmt::format("rtlane demo: {}: {}\n", name_of(part), cli::printable(sentence)));
    return cli::finding;
  };
  if (argc != 2) {
    refuse("this command is started by 'rtlane demo'");
    return cli::usage;
  }
  // What tools show for the process; the real-time thread has the same name.
  pthread_setname_np(pthread_self(), thread_name(part));
  const int signal_fd = take_signals({SIGINT, SIGTERM, SIGHUP});
  auto memory = SharedMemory::open(argv[1]);
  if (!memory)
    return refuse(memory.error().code == ENOENT ? "the monitor is gone before the start" : memory.error().message);
  if (memory->size_bytes() < sizeof(State) || static_cast<State*>(memory->data())->plan.magic != plan_magic)
    return refuse(fmt::format("'{}' is not the state of a demo of this version", argv[1]));

  Child child(part, std::move(*memory));
  rtlane_lease lease{};
  if (const int result = rtlane_lease_acquire(child.handle(), static_cast<std::uint32_t>(part), &lease); result < 0)
    return refuse(Error::from_c(result).message);

  Job job{&child, work, eventfd(0, EFD_CLOEXEC), cli::finding};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, &run_job, &job);
  pthread_attr_destroy(&attributes);
  if (error != 0)
    return refuse(fmt::format("no thread can be started: {}", std::strerror(error)));
  child.watch(signal_fd, job.finished_fd);
  pthread_join(thread, nullptr);
  child.facts().finished.store(1, std::memory_order_release);  // F1, pairs with F2
  rtlane_lease_release(&lease);
  // Whoever of us noticed the death: all end with a finding.
  const bool died = child.state().stop.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(Stop::peer_died);
  return job.status == cli::good && died ? cli::finding : job.status;
}

}  // namespace rtlane::demo
