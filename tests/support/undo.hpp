// A clean-up that also happens when the test is killed.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

namespace rtlane::test {

// Runs a shell command at the end of the scope, or when the process that made it is gone with all its fork children.
// The command runs in a shell of its own session: ctest ends a test that takes too long together with its descendants,
// and a forked copy of the test would keep the test's shared memory alive.
class Undo {
public:
  explicit Undo(const std::string& command)
  {
    int order[2];
    int done[2];
    int started[2];
    if (pipe2(order, O_CLOEXEC) != 0 || pipe2(done, O_CLOEXEC) != 0 || pipe2(started, O_CLOEXEC) != 0)
      std::abort();
    const std::string script = "read -r line; " + command;
    const pid_t middle = fork();
    if (middle == 0) {
      setsid();
      if (fork() != 0)
        _exit(0);  // the shell belongs to init now
      struct sigaction plain = {};
      plain.sa_handler = SIG_IGN;
      for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaction(number, &plain, nullptr);
      alarm(0);
      const int null = open("/dev/null", O_RDWR);
      if (dup2(order[0], 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(done[1], 3) < 0 ||
          dup3(started[1], 4, O_CLOEXEC) < 0)
        _exit(127);
      // Close-on-exec takes the rest; 3 stays open until the shell ends, which is how the end is seen.
      for (int fd = 5; fd < 1024; ++fd)
        close(fd);
      execl("/bin/sh", "sh", "-c", script.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    int status = 0;
    waitpid(middle, &status, 0);
    close(order[0]);
    close(done[1]);
    close(started[1]);
    // Until the exec the shell-to-be is a copy of this process, with all that it holds.
    char byte;
    while (read(started[0], &byte, 1) > 0) {
    }
    close(started[0]);
    order_ = order[1];
    done_ = done[0];
    owner_ = getpid();
  }

  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;

  ~Undo()
  {
    if (getpid() == owner_) {
      char byte = '\n';
      if (write(order_, &byte, 1) == 1) {
        while (read(done_, &byte, 1) > 0) {
        }
      }
    }
    close(order_);
    close(done_);
  }

private:
  int order_ = -1;
  int done_ = -1;
  pid_t owner_ = 0;
};

}  // namespace rtlane::test
