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

  [[nodiscard]] bool failed() const { return absent.starts_with("failed"); }
};

// Of an environment, what makes a difference by itself.
struct Machine {
  std::string file;
  std::map<std::string, std::string> properties;
};

struct Side {
  // What tells the launches of one document from those of all others.
  struct Print {
    std::string file;
    std::string result;
    std::string launches;
  };

  std::vector<std::string> files;
  std::vector<Machine> machines;                // one for each file
  std::vector<std::string> starts;              // one for each file: when it was begun, "" if it does not say
  std::vector<Print> prints;                    // one for each result of each file that has launches
  std::map<ResultKey, ResultLaunches> results;  // in the order of their names
};

// Throws BadDocument.
Side read_side(const std::vector<std::string>& files);

// Throws BadDocument when a file is there twice, or one that holds the same launches.
void refuse_repeated_launches(const Side& a, const Side& b);

// A sentence when the runs of A and B did not take turns, "" when they did, or were begun within one second.
std::string alternation_problem(const Side& a, const Side& b);

// A sentence for each property of the machines that is not the same in all files of both sides.
std::vector<std::string> differences(const Side& a, const Side& b);

}  // namespace rtlane::bench
