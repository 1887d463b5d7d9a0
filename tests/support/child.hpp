// Real processes for tests: start, signal, wait.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>

namespace rtlane::test {

// A forked process. It is killed when its Child goes out of scope, and when the thread that started it ends.
// EXPECT and ASSERT work in its body: a failure there is printed and becomes exit status 1.
class Child {
public:
  Child() = default;

  // body: int() or void(); its value is the exit status. The process ends by _exit, so atexit handlers run only when
  // the body calls exit itself.
  template <class Body>
  static Child start(Body&& body)
  {
    std::fflush(nullptr);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid != 0)
      return Child(pid);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // 0: the parent is outside this PID namespace.
    if (getppid() != parent && getppid() != 0)
      _exit(1);
    // Failures of the parent's so far are in the copy too, and are no failure of the child.
    const bool failed_before = ::testing::Test::HasFailure();
    int status = 0;
    if constexpr (std::is_void_v<decltype(body())>)
      body();
    else
      status = body();
    std::fflush(nullptr);
    _exit(status == 0 && !failed_before && ::testing::Test::HasFailure() ? 1 : status);
  }

  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&& other) noexcept
  {
    if (this != &other) {
      end();
      pid_ = std::exchange(other.pid_, -1);
    }
    return *this;
  }
  ~Child() { end(); }

  pid_t pid() const { return pid_; }
  bool running() const { return pid_ > 0; }
  void signal(int number) const { kill(pid_, number); }

  // Waits for the end: the exit status, or minus the number of the signal that ended it.
  int wait()
  {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR)
        return -1000;
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

  // Somebody else has waited for it.
  void forget() { pid_ = -1; }

  // Waits until it is stopped (true) or ended (false, wait() then says how).
  bool wait_stopped() const
  {
    siginfo_t info = {};
    while (waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) < 0) {
      if (errno != EINTR)
        return false;
    }
    return info.si_code == CLD_STOPPED;
  }

  // SIGKILL, and waits until the kernel has torn it down.
  void kill_now()
  {
    signal(SIGKILL);
    wait();
  }

private:
  explicit Child(pid_t pid) : pid_(pid) {}
  void end()
  {
    if (pid_ > 0)
      kill_now();
  }

  pid_t pid_ = -1;
};

}  // namespace rtlane::test
