#include "pair.hpp"

#include <rtlane/core/namespace.h>
#include <rtlane/rt/thread.hpp>

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "../peers/link_room.hpp"
#include "../support/process.hpp"

namespace rtlane::bench {
namespace {

using namespace std::chrono_literals;

// A segment that takes so much longer than planned hangs. Setting up is slow where a peer's daemon has to be found.
constexpr auto hang_time = 5s;
constexpr auto set_up_time = 30s;
constexpr auto look_time = 100ms;

constexpr std::uint32_t quit_order = UINT32_MAX;

constexpr std::size_t index_of(Side side) noexcept
{
  return static_cast<std::size_t>(side);
}

constexpr Side other(Side side) noexcept
{
  return side == Side::near ? Side::far : Side::near;
}

pid_t thread_id()
{
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

void end_of(pid_t child)
{
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// ---- in a leader: the far process that it started

pid_t far_of_leader = 0;
std::span<char> place_of_loss;
const std::atomic<std::uint32_t>* ordered_number = nullptr;

// Leaves it to who orders to reap it, and its number taken until then.
bool far_has_ended(int options)
{
  siginfo_t info = {};
  while (::waitid(P_PID, static_cast<id_t>(far_of_leader), &info, WEXITED | WNOWAIT | options) != 0 && errno == EINTR) {
  }
  return info.si_pid == far_of_leader;
}

void look_for_far(int)
{
  static constexpr char text[] = "the far process has ended";
  // relaxed: it ends when it is told to, which comes before its end
  if (far_of_leader == 0 || ordered_number->load(std::memory_order_relaxed) == quit_order || !far_has_ended(WNOHANG))
    return;
  if (place_of_loss[0] == '\0')
    std::memcpy(place_of_loss.data(), text, sizeof text);
  ::_exit(1);
}

}  // namespace

rt::MemoryLockConfig worker_memory()
{
  rt::MemoryLockConfig config;
  config.stack_bytes = 256 * 1024;
  return config;
}

void adopt_orphans()
{
  must(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "prctl");
}

Pair::Pair(const Candidate& candidate, const Placement& placement, SampleRoom& room)
    : candidate_(candidate),
      placement_(placement),
      room_(room),
      control_room_(sizeof(Control) + 2 * cache_line_bytes),
      control_(control_room_.make<Control>()),
      orders_{need(Event::create("")), need(Event::create(""))},
      done_(need(Semaphore::create("", 0, 2)))
{
  if (candidate.info.prepare != nullptr)
    candidate.info.prepare();
  const pid_t orderer = ::getpid();
  leader_ = ::fork();
  must(leader_ >= 0, "fork");
  if (leader_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != orderer && ::getppid() != 0)  // 0: it is outside this PID namespace
      std::_Exit(1);
    lead();
  }
  // Ready when both sides are attached.
  const auto deadline = std::chrono::steady_clock::now() + set_up_time;
  for (int ready = 0; ready < 2 && !failed();) {
    if (done_.try_acquire_for(look_time))
      ++ready;
    else if (has_ended())
      give_up("");
    else if (std::chrono::steady_clock::now() > deadline)
      give_up(fmt::format("its two sides did not find each other within {} s", set_up_time / 1s));
  }
}

Pair::~Pair()
{
  if (failed())
    return;
  control_.number.store(quit_order, std::memory_order_relaxed);  // relaxed: ordered by the event
  order(Side::near).set();
  order(Side::far).set();
  const auto deadline = std::chrono::steady_clock::now() + hang_time;
  while (!has_ended() && std::chrono::steady_clock::now() < deadline) {
    constexpr timespec rest{0, 1'000'000};
    ::nanosleep(&rest, nullptr);
  }
  give_up("the end of the run");
}

bool Pair::run(const SegmentPlan& plan)
{
  if (failed())
    return false;
  control_.plan = plan;
  control_.number.store(++segment_, std::memory_order_relaxed);  // relaxed: ordered by the event
  room_.groups.clear();
  room_.trips.clear();
  for (SideRecord& side : room_.sides)
    side.clear();
  order(Side::near).set();
  order(Side::far).set();
  const auto deadline = std::chrono::steady_clock::now() + hang_time;
  for (int finished = 0; finished < 2;) {
    if (done_.try_acquire_for(look_time)) {
      ++finished;
      continue;
    }
    if (has_ended()) {
      give_up("");
      return false;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      give_up(
          fmt::format("no end of a segment within {} s: {}; {}", hang_time / 1s, where(Side::near), where(Side::far)));
      return false;
    }
  }
  return true;
}

pid_t Pair::worker(Side side) const
{
  return control_.thread[index_of(side)].load(std::memory_order_relaxed);  // relaxed: ordered by the semaphore
}

std::string Pair::where(Side side) const
{
  const std::size_t i = index_of(side);
  const char* const name = side == Side::near ? "near" : "far";
  const pid_t thread = worker(side);
  std::string line;
  std::getline(std::ifstream(fmt::format("/proc/{}/stat", thread)), line);
  // P4, pairs with P3; P2, pairs with P1
  const bool finished = control_.finished[i].segment.load(std::memory_order_acquire) == segment_;
  const bool serving = control_.serving[i].segment.load(std::memory_order_acquire) == segment_;
  const char* const doing = finished ? "has finished" : serving ? "is at it" : "has not begun";
  const std::size_t after_name = line.rfind(')');
  if (after_name == std::string::npos)
    return fmt::format("the {} side {} and is gone", name, doing);
  // "PID (NAME) STATE PPID ...": the 37th field after STATE is the CPU
  std::size_t at = after_name + 2;
  const char state = line[at];
  for (int field = 0; field < 36 && at != std::string::npos; ++field)
    at = line.find(' ', at + 1);
  const std::string cpu = at == std::string::npos ? "?" : line.substr(at + 1, line.find(' ', at + 1) - at - 1);
  return fmt::format("the {} side {} on CPU {}, in state {}", name, doing, cpu, state);
}

bool Pair::has_ended()
{
  if (leader_ == 0)
    return true;
  if (::waitpid(leader_, &leader_status_, WNOHANG) != leader_)
    return false;
  leader_ = 0;
  end_of_far();
  return true;
}

void Pair::give_up(const std::string& why)
{
  failure_ = why;
  if (control_.failure.sentence[0] != '\0')
    failure_ = control_.failure.sentence.data();
  if (failure_.empty())
    failure_ = WIFSIGNALED(leader_status_)
                   ? fmt::format("its process was killed by signal {}", WTERMSIG(leader_status_))
                   : fmt::format("its process ended with status {}", WEXITSTATUS(leader_status_));
  if (leader_ == 0)
    return;
  ::kill(leader_, SIGKILL);
  end_of(leader_);
  leader_ = 0;
  end_of_far();
}

// A child of the leader is this process's when that has ended (adopt_orphans()).
void Pair::end_of_far()
{
  const pid_t far = control_.far_process.load(std::memory_order_relaxed);  // relaxed: nothing follows
  // The leader does not reap it, so the number is still its own; another process is never killed.
  if (far > 0 && ::waitpid(far, nullptr, WNOHANG) == 0) {
    ::kill(far, SIGKILL);
    end_of(far);
  }
  rtlane_gc(nullptr, nullptr);  // what killed processes held is there until somebody looks
}

// ---- the workers

void Pair::lead()
{
  die_into(control_.failure.sentence);
  SharedRoom link_room(link_bytes(candidate_.bytes));
  LinkRoom room{link_room, link_name(candidate_.info, candidate_.bytes)};
  std::unique_ptr<LinkWork> work = candidate_.make(room);
  if (placement_.threads || candidate_.info.reach == Reach::threads) {
    std::thread far([&] { serve(Side::far, *work); });
    serve(Side::near, *work);
    far.join();
    work.reset();
    std::_Exit(0);
  }
  ordered_number = &control_.number;
  place_of_loss = control_.failure.sentence;
  struct sigaction action = {};
  action.sa_handler = look_for_far;
  action.sa_flags = SA_NOCLDSTOP | SA_RESTART;
  ::sigaction(SIGCHLD, &action, nullptr);
  const pid_t leader = ::getpid();
  const pid_t far = ::fork();
  must(far >= 0, "fork");
  if (far == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != leader)
      std::_Exit(1);
    serve(Side::far, *work);
    std::_Exit(0);
  }
  control_.far_process.store(far, std::memory_order_relaxed);  // relaxed: for who finds this process ended
  far_of_leader = far;
  look_for_far(SIGCHLD);  // it may have ended before the line above
  serve(Side::near, *work);
  ::signal(SIGCHLD, SIG_DFL);
  far_has_ended(0);
  work.reset();
  std::_Exit(0);
}

void Pair::serve(Side side, LinkWork& work)
{
  const std::size_t i = index_of(side);
  control_.thread[i].store(thread_id(), std::memory_order_relaxed);  // relaxed: as worker()
  const int cpu = side == Side::near ? placement_.cpus.near : placement_.cpus.far;
  pin(cpu);
  static_cast<void>(rt::lock_memory(worker_memory()));  // RunPlace has said what is refused
  // Before it attaches: threads that a peer's library makes there inherit it.
  if (placement_.fifo_priority != 0) {
    rt::ThreadConfig config;
    config.fifo_priority = placement_.fifo_priority;
    config.block_signals = false;
    rt::configure_this_thread(config);
  }
  work.attach(side, placement_.clock, placement_.threshold_ns);
  done_.release();
  const rt::InterruptCounts interrupts(cpu);
  for (;;) {
    if (order(side).wait().status != WaitStatus::ok)
      die("a worker cannot wait for its orders");
    const std::uint32_t number = control_.number.load(std::memory_order_relaxed);  // relaxed: as above
    if (number == quit_order) {
      work.detach(side);
      return;
    }
    // Before the two meet: it takes longer than many messages, which would wait for the later one.
    const std::uint64_t interrupts_before = interrupts.read().value_or(0);
    control_.serving[i].segment.store(number, std::memory_order_release);  // P1, pairs with P2
    const std::atomic<std::uint32_t>& there = control_.serving[index_of(other(side))].segment;
    while (there.load(std::memory_order_acquire) != number) {  // P2, pairs with P1
    }
    const SegmentOrder segment{control_.plan, number, control_.finished[index_of(Side::far)].segment};
    if (side == Side::near)
      work.near(segment, room_);
    else
      work.far(segment, room_);
    room_.sides[i].interrupts = interrupts.read().value_or(0) - interrupts_before;
    control_.finished[i].segment.store(number, std::memory_order_release);  // P3, pairs with P4; N1, pairs with N2
    done_.release();
  }
}

}  // namespace rtlane::bench
