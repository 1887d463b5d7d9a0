// Starting a part of the demo as a process of its own, and knowing how it is.
#pragma once

#include <sys/types.h>
#include <rtlane/core/expected.hpp>

#include <initializer_list>
#include <string>

#include "demo/state.hpp"

namespace rtlane::demo {

// Blocks these signals in the process and makes them readable: a descriptor of struct signalfd_siginfo. Those that the
// caller of the program ignores (nohup, a shell's background) stay ignored.
int take_signals(std::initializer_list<int> signals);

// A child process running this program with a hidden subcommand.
class Process {
public:
  [[nodiscard]] static expected<Process> start(Part part, const std::string& state_name);

  // Reads what the kernel has to tell about it, without waiting. Call it after SIGCHLD.
  void look();

  [[nodiscard]] Part part() const { return part_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  // Of an ended one: exit status 0; else why it ended, as the rest of a sentence about it.
  [[nodiscard]] bool well() const { return ended_ && signal_ == 0 && status_ == 0; }
  [[nodiscard]] int status() const { return signal_ == 0 ? status_ : -1; }
  [[nodiscard]] bool killed() const { return signal_ != 0; }
  [[nodiscard]] std::string end_text() const;
  // "the sensor (process 12)"
  [[nodiscard]] std::string who() const;

  void signal(int number) const;

private:
  Part part_ = Part::sensor;
  pid_t pid_ = 0;
  bool ended_ = false;
  bool stopped_ = false;
  int signal_ = 0;
  int status_ = 0;
};

}  // namespace rtlane::demo
