// Runs a shell command and gives its status and everything it printed.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace hygiene {

struct CommandResult {
  int status = -1;  // of exit; -1 when a signal ended it
  std::string output;
};

inline CommandResult run_command(const std::string& command)
{
  CommandResult result;
  FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "re");
  if (pipe == nullptr)
    return result;
  std::array<char, 4096> bytes{};
  while (const std::size_t count = fread(bytes.data(), 1, bytes.size(), pipe))
    result.output.append(bytes.data(), count);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

inline bool has_program(const std::string& name)
{
  return run_command("command -v " + name).status == 0;
}

}  // namespace hygiene
