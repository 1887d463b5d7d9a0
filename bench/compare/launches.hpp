// The launches of one side of a comparison: those of all its files, for each result, each launch one number a figure.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "../support/result_key.hpp"

namespace rtlane::bench {

// What is compared. Times are in floor round trips: comparing nanoseconds would compare the minutes they were measured
// in.
struct Figure {
  const char* name;       // in tables, documents and --fail-if
  const char* key;        // of rtt_ns, where it is one of its percentiles
  bool larger_is_better;  // a rate; all others are times
};

inline constexpr std::array figures = {
    Figure{"ratio", nullptr, false}, Figure{"p50", "p50", false},         Figure{"p90", "p90", false},
    Figure{"p99", "p99", false},     Figure{"p99.9", "p99_9", false},     Figure{"p99.99", "p99_99", false},
    Figure{"max", "max", false},     Figure{"throughput", nullptr, true},
};
inline constexpr std::size_t ratio_figure = 0;
inline constexpr std::size_t p50_figure = 1;
inline constexpr std::size_t throughput_figure = 7;

struct ResultLaunches {
  std::string absent;  // why it was not measured, "" if it was
  std::size_t launches = 0;
  std::array<std::vector<double>, figures.size()> values;  // a launch without a figure is left out
};

// Of an environment, what makes a difference by itself.
struct Machine {
  std::string file;
  std::map<std::string, std::string> properties;
};

struct Side {
  std::vector<std::string> files;
  std::vector<Machine> machines;                // one for each file
  std::map<ResultKey, ResultLaunches> results;  // in the order of their names
};

// Throws BadDocument.
Side read_side(const std::vector<std::string>& files);

// A sentence for each property of the machines that is not the same in all files of both sides.
std::vector<std::string> differences(const Side& a, const Side& b);

}  // namespace rtlane::bench
