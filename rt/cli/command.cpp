#include "command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>

#include "output.hpp"

namespace rtlane::cli {
namespace {

// A closed standard descriptor would become the next file that is opened, and that would get our text. /dev/null opened
// the wrong way round holds its place, and what is written to it is still refused.
void hold_standard_descriptors() noexcept
{
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
      return;
  }
}

// A reader that goes away is then an error of the write. A handler and not SIG_IGN, since exec takes a handler back:
// programs that are started from here are as their user expects them.
void hear_broken_pipes() noexcept
{
  struct sigaction action = {};
  sigaction(SIGPIPE, nullptr, &action);
  if (action.sa_handler == SIG_IGN)
    return;
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  sigaction(SIGPIPE, &action, nullptr);
}

}  // namespace

int run_program(const char* name, int argc, char** argv, int (*run)(int argc, char** argv))
{
  hold_standard_descriptors();
  hear_broken_pipes();
  try {
    const int status = run(argc, argv);
    const int error = flush_out();
    if (error == 0 || error == EPIPE)
      return status;
    say_err(fmt::format("{}: standard output cannot be written: {}\n", name, std::strerror(error)));
    return std::max(status, finding);
  } catch (const std::exception& error) {
    say_err(fmt::format("{}: {}\n", name, printable(error.what())));
    return finding;
  }
}

}  // namespace rtlane::cli
