#include "process.hpp"

#include <rtlane/rt/thread.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "options.hpp"
#include "output.hpp"

namespace rtlane::bench {

namespace {

std::span<char> place_to_die_into;

}  // namespace

void die_into(std::span<char> place)
{
  place_to_die_into = place;
}

void die(const std::string& sentence)
{
  if (!place_to_die_into.empty()) {
    const std::size_t length = sentence.copy(place_to_die_into.data(), place_to_die_into.size() - 1);
    place_to_die_into[length] = '\0';
    std::_Exit(cli::finding);
  }
  cli::say_err(fmt::format("rtlane-bench: {}\n", cli::printable(sentence)));
  std::_Exit(cli::finding);
}

void die_of_errno(const char* who, int error)
{
  die(fmt::format("{}: {}", who, std::strerror(error)));
}

void Patience::look_at_clock(const char* what)
{
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (since_ == 0)
    since_ = now.tv_sec;
  if (now.tv_sec - since_ > 10)
    die(fmt::format("waited 10 s for {}: is the other process on the same CPU, or starved?", what));
}

void add_cpu_options(cli::Command& command, CpuPair& cpus, const std::string& far_process)
{
  command
      .option_for<std::vector<int>>(
          "--cpus",
          [&cpus](const std::vector<int>& two) {
            cpus = {two.front(), two.back()};
          },
          fmt::format("CPUs of the measuring and of the {} process (default: the first two allowed)", far_process))
      .separated_by_commas()
      .expects(2)
      .type_name("A,B")
      .in_range(0, 1023);
}

std::string whole_number(const std::string& text)
{
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size()
             ? ""
             : fmt::format("'{}' is no whole number from 0 on, written in digits", text);
}

std::optional<int> choose_cpus(const cli::Command& command, CpuPair& cpus, const std::string& why)
{
  const std::vector<int> allowed = rt::allowed_cpus();
  for (const int cpu : {cpus.near, cpus.far}) {
    if (cpu >= 0 && std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
      return command.fail(fmt::format("this process may not run on CPU {}, only on {}", cpu, fmt::join(allowed, ",")),
                          cli::usage);
  }
  if (cpus.near >= 0 && cpus.near == cpus.far)
    return command.fail(fmt::format("--cpus: the two must differ: {}", why), cli::usage);
  for (const int cpu : allowed) {
    if (cpus.near < 0 && cpu != cpus.far)
      cpus.near = cpu;
    else if (cpus.far < 0 && cpu != cpus.near)
      cpus.far = cpu;
  }
  if (cpus.near < 0 || cpus.far < 0)
    return command.fail(fmt::format("this process may run on one CPU only, and {}: two are needed", why));
  return {};
}

void pin(int cpu)
{
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    die(fmt::format("cannot run on CPU {}: {}", cpu, std::strerror(errno)));
}

void join_far_process(pid_t process)
{
  int status = 0;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0)
    die("the other process failed");
}

}  // namespace rtlane::bench
