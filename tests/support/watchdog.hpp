// Ends a test that hangs.
#pragma once

#include <unistd.h>

#include <csignal>
#include <cstring>

namespace rtlane::test {

// Ends the process with a sentence when the scope lasts longer than the given seconds. One at a time in a process; fork
// children do not inherit it (Child dies with its parent).
class Watchdog {
public:
  explicit Watchdog(unsigned seconds)
  {
    struct sigaction action = {};
    action.sa_handler = [](int) {
      static const char text[] = "watchdog: the test takes too long, something hangs\n";
      if (write(2, text, sizeof(text) - 1) < 0)
        _exit(124);
      _exit(124);
    };
    sigaction(SIGALRM, &action, &before_);
    alarm(seconds);
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog()
  {
    alarm(0);
    sigaction(SIGALRM, &before_, nullptr);
  }

private:
  struct sigaction before_ = {};
};

}  // namespace rtlane::test
