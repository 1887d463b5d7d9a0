// What the tests that start rtlane-bench have in common.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

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

inline const std::vector<std::string> short_hand_over = {"hand-over", "--rounds", "2", "--round-ms", "5"};
inline const std::vector<std::string> short_latency = {"latency", "--rounds", "3",       "--segment-ms", "2",
                                                       "--bytes", "16",       "--peers", "none"};
inline const std::vector<std::string> short_throughput = {"throughput", "--rounds", "3",       "--segment-ms", "2",
                                                          "--bytes",    "16",       "--peers", "none"};

}  // namespace rtlane::test
