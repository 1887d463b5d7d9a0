// rtlane: the one command. Built-in subcommands are called, any other one is looked for as a program
// called rtlane-NAME, as git does.
#include <fmt/format.h>
#include <rtlane/core/api.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"

namespace {

struct Command {
  std::string_view name;
  int (*run)(int argc, char** argv);
  std::string_view summary;  // "" = for rtlane itself
};

constexpr std::array commands = {
    Command{"ls", rtlane::cli::ls, "list the objects of the namespace: what there is, who holds it, how old it is"},
    Command{"info", rtlane::cli::info, "all about one object: the memory obtained, and what a channel holds"},
    Command{"gc", rtlane::cli::gc, "remove what killed processes left behind; never touches a live object"},
    Command{"demo", rtlane::cli::demo, "stream sensor data between three processes and watch it"},
    Command{"demo-sensor", rtlane::cli::demo_sensor, ""},
    Command{"demo-controller", rtlane::cli::demo_controller, ""},
};

// Commands that are programs of their own, and how one comes by them.
struct External {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
};

constexpr std::array externals = {
    External{
        "bench", "measure latency and throughput, worst case first",
        "it is built with the benchmarks: configure with -DRTLANE_BUILD_BENCH=ON and build the target rtlane-bench"},
};

void print_help(std::FILE* to)
{
  fmt::print(to,
             "rtlane {}: lock-free real-time IPC with typed channels\n"
             "\n"
             "Usage: rtlane COMMAND [ARGUMENTS]\n"
             "\n"
             "Commands:\n",
             rtlane_version());
  for (const Command& command : commands) {
    if (!command.summary.empty())
      fmt::print(to, "  {:<8} {}\n", command.name, command.summary);
  }
  for (const External& external : externals)
    fmt::print(to, "  {:<8} {} (a program of its own)\n", external.name, external.summary);
  fmt::print(to,
             "\n"
             "'rtlane COMMAND --help' is the manual of a command. 'rtlane X' with another X runs the program rtlane-X\n"
             "from the folder of rtlane itself, or from ../libexec/rtlane beside it.\n"
             "\n"
             "Every command that reports knows --json [FILE]: FILE gets a JSON document beside the text; without\n"
             "FILE, or with -, it goes to standard output instead of the text.\n"
             "\n"
             "Exit status: 0 good, 1 a finding or a failure, 2 wrong usage.\n"
             "\n"
             "Environment: RTLANE_DIR is the folder of the namespace (default /dev/shm/rtlane-<euid>).\n");
}

std::string own_folder()
{
  std::array<char, 4096> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0)
    return {};
  const std::string_view whole(path.data(), static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.rfind('/')));
}

// Becomes rtlane-NAME; returns only when there is none or it cannot be run.
int run_external(const std::string& name, char** argv)
{
  const bool plausible = name.find('/') == std::string::npos && name.front() != '-';
  const std::string folder = own_folder();
  const std::vector<std::string> places = {folder, folder + "/../libexec/rtlane"};
  if (plausible && !folder.empty()) {
    for (const std::string& place : places) {
      const std::string path = place + "/rtlane-" + name;
      execv(path.c_str(), argv);
      if (errno != ENOENT && errno != ENOTDIR) {
        fmt::print(stderr, "rtlane: {} cannot be run: {}\n", path, std::strerror(errno));
        return rtlane::cli::finding;
      }
    }
  }
  for (const External& external : externals) {
    if (external.name == name) {
      fmt::print(stderr, "rtlane: the program rtlane-{} is not there (looked in {} and {}): {}\n", name, places[0],
                 places[1], external.source);
      return rtlane::cli::usage;
    }
  }
  fmt::print(stderr, "rtlane: there is no command '{}'", name);
  if (plausible)
    fmt::print(stderr, ", and no program rtlane-{} in {} or {}", name, places[0], places[1]);
  fmt::print(stderr, "; 'rtlane --help' lists the commands\n");
  return rtlane::cli::usage;
}

int run(int argc, char** argv)
{
  if (argc < 2) {
    print_help(stderr);
    return rtlane::cli::usage;
  }
  const std::string name = argv[1];
  if (name == "--help" || name == "-h" || (name == "help" && argc == 2)) {
    print_help(stdout);
    return rtlane::cli::good;
  }
  if (name == "--version") {
    fmt::print("rtlane {}\n", rtlane_version());
    return rtlane::cli::good;
  }
  if (name == "help") {
    std::string help = "--help";
    std::array<char*, 4> arguments = {argv[0], argv[2], help.data(), nullptr};
    return run(3, arguments.data());
  }
  for (const Command& command : commands) {
    if (command.name == name)
      return command.run(argc - 1, argv + 1);
  }
  return name.empty() ? run(1, argv) : run_external(name, argv + 1);
}

}  // namespace

int main(int argc, char** argv)
{
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "rtlane: {}\n", error.what());
    return rtlane::cli::finding;
  }
}
