// What latency, throughput and the rest have in common: which candidates, where, how long.
#pragma once

#include <rtlane/core/tick_clock.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../peers/any_link.hpp"
#include "candidates.hpp"
#include "pair.hpp"
#include "report.hpp"
#include "rounds.hpp"

namespace rtlane::cli {
class Command;
}

namespace rtlane::bench {

struct RunOptions {
  std::vector<std::string> channels;  // empty: all
  std::vector<std::size_t> bytes;
  std::string peers = "none";
  CpuPair cpus;
  bool threads = false;
  int priority = 50;  // of SCHED_FIFO; 0 = not
  std::uint64_t threshold_ns = 1000;
  RoundPlan plan;
  unsigned launches = 1;  // each with new workers and plan.rounds rounds

  // The options of a subcommand; what is set before are the defaults.
  void add_to(cli::Command& command);
  // Of them only those that say what is measured and where.
  void add_choice_to(cli::Command& command);

  // After the arguments were read. The value is an exit status: what is wrong was said.
  [[nodiscard]] std::optional<int> settle(const cli::Command& command);
  // Of the open loop: a status, with the sentence said, when no message would be due in a segment.
  [[nodiscard]] std::optional<int> check_rate(const cli::Command& command, double rate_hz) const;

  // What is asked for, for messages of that size.
  [[nodiscard]] Candidates candidates(std::size_t message_bytes) const;
  [[nodiscard]] AnyLinks links(std::size_t message_bytes) const;

private:
  template <class Table>
  [[nodiscard]] Table chosen(std::size_t message_bytes, const Table& of_ours, const Table& of_peers) const;
};

// Where a run takes place: the workers' placement, and this process itself, which orders with a higher priority and
// keeps its memory. Says what was refused in the document.
struct RunPlace {
  explicit RunPlace(const RunOptions& options);

  // Whether a time from one CPU's counter to the other's can be told: it may be off by environment.tick.offset_ns.
  [[nodiscard]] bool ticks_agree() const { return ticks_agree_; }

  Placement placement;
  cli::Json environment;

private:
  bool ticks_agree_ = false;
};

// The beginning of a document. The seed is that of all random choices of the run.
cli::Json new_document(const char* command, std::uint64_t seed, const RunPlace& place);

// The keys of a result that every mode has.
cli::Json new_result(const Candidate& candidate, const RunPlace& place, const char* mode);
cli::Json new_result(const AnyLinkMaker& link, const RunPlace& place, const char* mode);

// {"median", "rounds"} of each floor bin and the spread over all, for the key ratio_to_floor.
class FloorRatios {
public:
  void add(double ratio, double floor_ns);
  [[nodiscard]] std::size_t count() const { return all_.size(); }
  [[nodiscard]] cli::Json json() const;

private:
  std::vector<double> all_, below_, from_;
};

// What the floor was during a run: the key "floor".
struct FloorRecord {
  std::vector<double> rounds_ns;  // of one round trip
  unsigned dropped = 0;           // turns whose two floors differed

  [[nodiscard]] cli::Json json() const;
};

// Calls run(rounds, what) once for each launch, with workers of its own, and keeps of it what every mode has: failures,
// turns that did not count, the floor. `results` has one for each candidate.
void for_each_launch(const Candidates& candidates, const RunOptions& options, const RunPlace& place,
                     const std::string& what, std::vector<cli::Json>& results, FloorRecord& floor,
                     const std::function<void(Rounds& rounds, const std::string& what)>& run);

// Whether a candidate of the document failed. A peer that does not get over a kill is a result, one of ours is not.
bool any_failed(const cli::Json& document);

}  // namespace rtlane::bench
