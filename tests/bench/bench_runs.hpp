// What the tests that start rtlane-bench have in common.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "rt/tool.hpp"

namespace rtlane::test {

inline std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more)
{
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

inline bool has_two_cpus()
{
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 2;
}

#define RTLANE_NEED_TWO_CPUS         \
  if (!rtlane::test::has_two_cpus()) \
  GTEST_SKIP() << "the benchmark runs on two CPUs, and this process may run on one only"

inline std::vector<pid_t> descendants_of(pid_t parent)
{
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream stat(entry.path() / "stat");
    pid_t pid = 0;
    std::string name;
    char state = 0;
    pid_t its_parent = 0;
    if (stat >> pid >> name >> state >> its_parent && its_parent == parent) {
      found.push_back(pid);
      const std::vector<pid_t> below = descendants_of(pid);
      found.insert(found.end(), below.begin(), below.end());
    }
  }
  return found;
}

inline const std::vector<std::string> short_hand_over = {"hand-over", "--rounds", "2", "--round-ms", "5"};
inline const std::vector<std::string> short_latency = {"latency", "--rounds", "3",       "--segment-ms", "2",
                                                       "--bytes", "16",       "--peers", "none"};
inline const std::vector<std::string> short_throughput = {"throughput", "--rounds", "3",       "--segment-ms", "2",
                                                          "--bytes",    "16",       "--peers", "none"};
inline const std::vector<std::string> short_stalls = {"stalls", "--tries", "3", "--peers", "none"};

}  // namespace rtlane::test
