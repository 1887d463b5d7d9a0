// Runs an operation in a child and stops it at every entry and every exit of its system calls (ptrace).
//
// Used where an operation shows something to other processes by system calls alone (creating, opening and closing an
// object): then the stops are all the states there are. Tests check that condition too: nothing that others see may
// differ between the exit of one call and the entry of the next.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
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
      std::fflush(nullptr);
      _exit(::testing::Test::HasFailure() ? 1 : 0);
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

  // At an entry: the call is not made and answers error instead; goes to its exit. False where that is not possible.
  bool fail_call(int error)
  {
#if defined(__x86_64__)
    const auto register_at = [](size_t offset) { return reinterpret_cast<void*>(offset); };
    if (at_exit_ || ptrace(PTRACE_POKEUSER, pid_, register_at(offsetof(user, regs.orig_rax)), -1L) != 0)
      return false;
    const long call = call_;
    if (!advance())
      return false;
    call_ = call;
    return ptrace(PTRACE_POKEUSER, pid_, register_at(offsetof(user, regs.rax)), static_cast<long>(-error)) == 0;
#else
    (void)error;
    return false;
#endif
  }

  // Lets the child run on freely; its exit status, or minus the signal that ended it.
  int run_to_end()
  {
    if (pid_ <= 0)
      return status_;
    ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

  long call() const
  {
    return call_;
  }
  bool at_exit() const
  {
    return at_exit_;
  }
  pid_t pid() const
  {
    return pid_;
  }

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
        // An operation may end the process; by a signal it may not.
        status_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
        if (status_ != 0)
          problem_ = "the child ended inside the operation with " + std::to_string(status_);
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
  int status_ = 0;
  std::string problem_;
};

}  // namespace rtlane::test
