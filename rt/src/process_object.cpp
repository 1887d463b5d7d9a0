#include "process_object.hpp"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace rtlane::rt::detail {
namespace {

// What is known about the end: nothing yet, the code, or that nobody tells it.
constexpr std::uint64_t code_known = std::uint64_t{1} << 32;
constexpr std::uint64_t code_unknown = std::uint64_t{2} << 32;

// glibc's P_PIDFD is younger than the kernel's.
constexpr auto by_pidfd = static_cast<idtype_t>(3);

constexpr std::size_t watcher_stack_bytes = std::size_t{64} << 10;

struct WatcherStart {
  std::shared_ptr<WatchedProcess> process;
  int stop;
};

std::uint64_t this_process() noexcept
{
  return 1 + Process::instance().fork_count();
}

}  // namespace

WatchedProcess::WatchedProcess(pid_t pid, bool own_child) noexcept : pid_(pid), own_child_(own_child)
{
  ended_.initialise(true, false);
}

int WatchedProcess::open() noexcept
{
  pidfd_ = rtlane::detail::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (pidfd_.get() >= 0)
    return 0;
  const int error = errno;
  // A child that has ended and was waited for already: SIGCHLD is ignored, or handled by somebody who waits for all.
  if (own_child_ && error == ESRCH) {
    result_.store(code_unknown, std::memory_order_release);  // PR1, pairs with PR2
    ended_.set();
    return 0;
  }
  if (error == ESRCH || error == EINVAL)
    return fail(EINVAL, "there is no process %d", static_cast<int>(pid_));
  if (error == ENOSYS)
    return fail(EOPNOTSUPP, "handles of processes need Linux 5.3 or later");
  return fail(error, "process %d cannot be opened: %s", static_cast<int>(pid_), std::strerror(error));
}

int WatchedProcess::watch(const std::shared_ptr<WatchedProcess>& process) noexcept
{
  WatchedProcess& self = *process;
  if (self.result_.load(std::memory_order_acquire) != 0)  // PR2, pairs with PR1
    return 0;
  std::uint64_t before = self.watched_in_.load(std::memory_order_relaxed);  // relaxed: it only decides who starts one
  if (before == this_process() || !self.watched_in_.compare_exchange_strong(
                                      before, this_process(), std::memory_order_relaxed))  // relaxed: as above
    return 0;
  const auto give_up = [&](int error) {
    self.watched_in_.store(0, std::memory_order_relaxed);  // relaxed: as above
    return fail(error, "process %d cannot be watched: %s", static_cast<int>(self.pid_), std::strerror(error));
  };
  self.stop_ = rtlane::detail::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (self.stop_.get() < 0)
    return give_up(errno);
  auto* start = new (std::nothrow) WatcherStart{process, self.stop_.get()};
  if (start == nullptr)
    return give_up(ENOMEM);

  // Signals are for the program's own threads. But those that ask a program to end must still do so when it has no
  // other thread left.
  sigset_t all;
  sigset_t mask;
  ::sigfillset(&all);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    struct sigaction action = {};
    if (::sigaction(number, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
        action.sa_handler == SIG_DFL)
      ::sigdelset(&all, number);
  }
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, stack_size_for(watcher_stack_bytes));
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_sigmask(SIG_SETMASK, &all, &mask);
  pthread_t watcher;
  const int error = ::pthread_create(&watcher, &attributes, run_watcher, start);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) {
    delete start;
    return give_up(error);
  }
  return 0;
}

void* WatchedProcess::run_watcher(void* argument)
{
  const std::unique_ptr<WatcherStart> start(static_cast<WatcherStart*>(argument));
  ::pthread_setname_np(::pthread_self(), "rtlane-watch");
  start->process->watch_until_end(start->stop);
  return nullptr;
}

void WatchedProcess::watch_until_end(int stop) noexcept
{
  // Nobody stops the watcher of a child that has to be waited for.
  pollfd descriptors[] = {{pidfd_.get(), POLLIN, 0}, {own_child_ ? -1 : stop, POLLIN, 0}};
  while (::poll(descriptors, 2, -1) < 0 && errno == EINTR) {
  }
  if (descriptors[0].revents == 0)
    return;
  look();
  if (own_child_) {
    siginfo_t info = {};
    ::waitid(by_pidfd, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
  }
}

void WatchedProcess::let_go() noexcept
{
  if (watched_in_.load(std::memory_order_relaxed) == this_process())  // relaxed: the last handle is gone
    ::eventfd_write(stop_.get(), 1);
}

// Finds out whether and how it ended, and tells; any number of threads may look at once.
std::uint64_t WatchedProcess::look() noexcept
{
  std::uint64_t known = result_.load(std::memory_order_acquire);  // PR2, pairs with PR1
  if (known != 0)
    return known;
  pollfd descriptor = {pidfd_.get(), POLLIN, 0};
  if (::poll(&descriptor, 1, 0) <= 0)
    return 0;
  std::uint64_t found = 0;
  siginfo_t info = {};
  // It is left to be waited for: by the watcher when RtCreateProcess made it, else by the program.
  if (::waitid(by_pidfd, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
      info.si_pid != 0) {
    const std::uint64_t ordered = terminate_code_.load(std::memory_order_relaxed);  // relaxed: a number of its own
    if (info.si_code == CLD_EXITED)
      found = code_known | static_cast<unsigned>(info.si_status);
    else if (info.si_status == SIGKILL && ordered != 0)
      found = ordered;
    else
      found = code_known | (128u + static_cast<unsigned>(info.si_status));
  } else {
    // Nobody tells how a process ended that is no child; perhaps it was killed from here.
    const std::uint64_t ordered = terminate_code_.load(std::memory_order_relaxed);  // relaxed: as above
    found = ordered != 0 ? ordered : code_unknown;
  }
  if (!result_.compare_exchange_strong(known, found, std::memory_order_release,  // PR1, pairs with PR2
                                       std::memory_order_acquire))               // PR2, pairs with PR1
    found = known;
  ended_.set();
  return found;
}

int WatchedProcess::exit_code(DWORD& code) noexcept
{
  const std::uint64_t known = look();
  if (known == code_unknown)
    return fail(EOPNOTSUPP,
                "process %d has ended, but its exit code is told to its parent only, and once: let that one ask",
                static_cast<int>(pid_));
  code = known == 0 ? STILL_ACTIVE : static_cast<DWORD>(known);
  return 0;
}

int WatchedProcess::terminate(UINT code) noexcept
{
  if (pid_ == ::getpid())
    ::_exit(static_cast<int>(code));
  if (look() != 0)
    return fail(EACCES, "process %d has ended already", static_cast<int>(pid_));
  terminate_code_.store(code_known | code, std::memory_order_relaxed);  // relaxed: the signal comes after it
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0) == 0)
    return 0;
  const int error = errno;
  terminate_code_.store(0, std::memory_order_relaxed);  // relaxed: there was no signal
  return error == ESRCH
             ? fail(EACCES, "process %d has ended already", static_cast<int>(pid_))
             : fail(EACCES, "killing process %d was refused: %s; it is another user's: run as that one or as root",
                    static_cast<int>(pid_), std::strerror(error));
}

Waitable* ProcessObject::waitable() noexcept
{
  // In a fork child there is none yet. When it cannot be had the wait ends by its time-out only.
  (void)WatchedProcess::watch(process_);
  return &waitable_;
}

std::shared_ptr<ProcessObject> first_thread_of(HANDLE handle)
{
  if (handle == ::GetCurrentThread())
    return nullptr;
  std::shared_ptr<ProcessObject> object = target_of<ProcessObject>(handle, "process");
  return object != nullptr && object->is_first_thread() ? object : nullptr;
}

int spawn(const char* program, const std::vector<std::string>& words, pid_t& pid)
{
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  short flags = POSIX_SPAWN_SETSIGMASK;
  if (::sched_getscheduler(0) != SCHED_OTHER) {
    const sched_param ordinary = {};
    ::posix_spawnattr_setschedpolicy(&attributes, SCHED_OTHER);
    ::posix_spawnattr_setschedparam(&attributes, &ordinary);
    flags |= POSIX_SPAWN_SETSCHEDULER;
  }
  ::posix_spawnattr_setflags(&attributes, flags);
  const int error = ::posix_spawnp(&pid, program, nullptr, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  return error == 0
             ? 0
             : fail(error == E2BIG ? EINVAL : error, "'%s' cannot be started: %s", program, std::strerror(error));
}

}  // namespace rtlane::rt::detail
