#include "demo/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace rtlane::demo {
namespace {

bool is_ignored(int number)
{
  struct sigaction action = {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

int take_signals(std::initializer_list<int> signals)
{
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) {
    if (!is_ignored(number))
      sigaddset(&set, number);
  }
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

expected<Process> Process::start(Part part, const std::string& state_name)
{
  std::string program = "rtlane";
  std::string command = std::string("demo-") + name_of(part);
  std::string name = state_name;
  char* arguments[] = {program.data(), command.data(), name.data(), nullptr};

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // Signals that end the demo stay blocked until the child reads them, so that a Ctrl-C in between is not lost. It
  // inherits which of them are ignored.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&set, number);
  posix_spawnattr_setsigmask(&attributes, &set);

  Process process;
  process.part_ = part;
  const int error = posix_spawn(&process.pid_, "/proc/self/exe", &files, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0)
    return unexpected(Error{error, fmt::format("the {} cannot be started: {}", name_of(part), std::strerror(error))});
  return process;
}

void Process::look()
{
  for (;;) {
    siginfo_t info{};
    if (ended_ || waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) != 0 ||
        info.si_pid == 0)
      return;
    switch (info.si_code) {
      case CLD_STOPPED:
      case CLD_TRAPPED:
        stopped_ = true;
        break;
      case CLD_CONTINUED:
        stopped_ = false;
        break;
      case CLD_EXITED:
        ended_ = true;
        status_ = info.si_status;
        break;
      default:  // CLD_KILLED, CLD_DUMPED
        ended_ = true;
        signal_ = info.si_status;
    }
  }
}

std::string Process::end_text() const
{
  if (signal_ == 0)
    return fmt::format("ended with status {}", status_);
  const char* name = sigabbrev_np(signal_);
  return fmt::format("was killed by signal {}{}", signal_, name != nullptr ? fmt::format(" (SIG{})", name) : "");
}

std::string Process::who() const
{
  return fmt::format("the {} (process {})", name_of(part_), pid_);
}

void Process::signal(int number) const
{
  // An ended one was waited for: its number may be somebody else's.
  if (!ended_ && pid_ > 0)
    kill(pid_, number);
}

}  // namespace rtlane::demo
