// Runs an operation in a child and stops it at every entry and every exit of its system calls (ptrace).
//
// Used where an operation shows something to other processes by system calls alone (creating, opening and closing an
// object): then the stops are all the states there are. Tests check that condition too: nothing that others see may
// differ between the exit of one call and the entry of the next.
#pragma once

#include <elf.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>

namespace rtlane::test {

class SyscallStepper {
public:
  // The child makes these (unused) calls around the operation.
  static constexpr long kBegin = 0x72740001;
  static constexpr long kEnd = 0x72740002;

  // prepare() runs freely, then operation() under the stepper; whatever follows is not run: the child is killed.
  template <class Prepare, class Operation>
  SyscallStepper(Prepare&& prepare, Operation&& operation)
  {
    std::fflush(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent && getppid() != 0)
        _exit(1);
      prepare();
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
        _exit(77);
      raise(SIGSTOP);
      syscall(kBegin);
      operation();
      syscall(kEnd);
      _exit(0);
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    if (!WIFSTOPPED(status)) {
      problem_ = WIFEXITED(status) && WEXITSTATUS(status) == 77 ? "ptrace is refused here"
                                                                : "the child ended before the operation";
      pid_ = -1;
      return;
    }
    ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    while (advance()) {
      if (call_ == kBegin && at_exit_)
        return;
    }
  }

  SyscallStepper(const SyscallStepper&) = delete;
  SyscallStepper& operator=(const SyscallStepper&) = delete;
  ~SyscallStepper() { kill_now(); }

  // Not empty: there is nothing to step, and why.
  const std::string& problem() const { return problem_; }

  // Goes to the next stop; false when the operation has returned or the child is gone.
  bool next() { return advance() && call_ != kEnd; }

  long call() const { return call_; }
  bool at_exit() const { return at_exit_; }
  pid_t pid() const { return pid_; }

  // SIGKILL, and waits until the kernel has torn the child down.
  void kill_now()
  {
    if (pid_ <= 0)
      return;
    kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status)) {
    }
    pid_ = -1;
  }

private:
  bool advance()
  {
    long deliver = 0;
    for (;;) {
      int status = 0;
      if (pid_ <= 0 || ptrace(PTRACE_SYSCALL, pid_, nullptr, deliver) != 0 || waitpid(pid_, &status, 0) != pid_)
        return false;
      if (!WIFSTOPPED(status)) {
        problem_ = "the child ended inside the operation, wait status " + std::to_string(status);
        pid_ = -1;
        return false;
      }
      if (WSTOPSIG(status) == (SIGTRAP | 0x80))
        break;
      deliver = WSTOPSIG(status);
    }
    struct __ptrace_syscall_info info = {};
    ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof(info), &info);
    at_exit_ = info.op == PTRACE_SYSCALL_INFO_EXIT;
    if (!at_exit_)
      call_ = static_cast<long>(info.entry.nr);
    return true;
  }

  pid_t pid_ = -1;
  long call_ = -1;
  bool at_exit_ = false;
  std::string problem_;
};

}  // namespace rtlane::test
