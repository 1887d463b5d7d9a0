// rtlane: the one command. Built-in subcommands are called, any other one is looked for as a program
// called rtlane-NAME, as git does.
#include <fmt/format.h>
#include <rtlane/core/api.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "output.hpp"
#include "subcommands.hpp"

namespace {

struct Command {
  std::string_view name;
  int (*run)(int argc, char** argv);
  std::string_view summary;  // "" = for rtlane itself
};

constexpr std::array commands = {
    Command{"ls", rtlane::cli::ls, "list the objects of the namespace: what there is, who holds it, how old it is"},
    Command{"info", rtlane::cli::info, "all about one object: the memory obtained, and what a channel holds"},
    Command{"echo", rtlane::cli::echo, "print the elements of a channel as they come, without disturbing it"},
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
    External{"micro", "measure what each call costs by itself, in time or in instructions",
             "it is built with the benchmarks where Google Benchmark is (Debian: libbenchmark-dev): configure with "
             "-DRTLANE_BUILD_BENCH=ON and build the target rtlane-micro"},
};

std::string help_text()
{
  std::string text = fmt::format(
      "rtlane {}: lock-free real-time IPC with typed channels\n"
      "\n"
      "Usage: rtlane COMMAND [ARGUMENTS]\n"
      "\n"
      "Commands:\n",
      rtlane_version());
  for (const Command& command : commands) {
    if (!command.summary.empty())
      text += fmt::format("  {:<8} {}\n", command.name, command.summary);
  }
  for (const External& external : externals)
    text += fmt::format("  {:<8} {} (a program of its own)\n", external.name, external.summary);
  return text +
         "\n"
         "'rtlane COMMAND --help' is the manual of a command. 'rtlane X' with another X runs the program rtlane-X\n"
         "from the folder of rtlane itself, or from " RTLANE_LIBEXEC_FROM_BIN
         " seen from there.\n"
         "\n"
         "Every command that reports knows --json [FILE]: FILE gets a JSON document beside the text; without\n"
         "FILE, or with -, it goes to standard output instead of the text. FILE keeps its content until the\n"
         "document is whole. ('echo' prints a JSON object a line instead.)\n"
         "\n"
         "Exit status: 0 good, 1 a finding or a failure, 2 wrong usage. Standard output that cannot be written is a\n"
         "failure, unless its reader went away.\n"
         "\n"
         "Environment: RTLANE_DIR is the folder of the namespace (default /dev/shm/rtlane-<euid>).\n";
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
  const std::vector<std::string> places = {folder, folder + "/" RTLANE_LIBEXEC_FROM_BIN};
  if (plausible && !folder.empty()) {
    for (const std::string& place : places) {
      const std::string path = place + "/rtlane-" + name;
      execv(path.c_str(), argv);
      if (errno != ENOENT && errno != ENOTDIR) {
        rtlane::cli::say_err(fmt::format("rtlane: {} cannot be run: {}\n", path, std::strerror(errno)));
        return rtlane::cli::finding;
      }
    }
  }
  for (const External& external : externals) {
    if (external.name == name) {
      rtlane::cli::say_err(fmt::format("rtlane: the program rtlane-{} is not there (looked in {} and {}): {}\n", name,
                                       places[0], places[1], external.source));
      return rtlane::cli::usage;
    }
  }
  std::string text = fmt::format("rtlane: there is no command '{}'", rtlane::cli::printable(name));
  if (plausible)
    text += fmt::format(", and no program rtlane-{} in {} or {}", rtlane::cli::printable(name), places[0], places[1]);
  rtlane::cli::say_err(text + "; 'rtlane --help' lists the commands\n");
  return rtlane::cli::usage;
}

int run(int argc, char** argv)
{
  if (argc < 2) {
    rtlane::cli::say_err(help_text());
    return rtlane::cli::usage;
  }
  const std::string name = argv[1];
  if (name == "--help" || name == "-h" || (name == "help" && argc == 2)) {
    rtlane::cli::say_out(help_text());
    return rtlane::cli::good;
  }
  if (name == "--version") {
    rtlane::cli::say_out(fmt::format("rtlane {}\n", rtlane_version()));
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
  return rtlane::cli::run_program("rtlane", argc, argv, &run);
}
