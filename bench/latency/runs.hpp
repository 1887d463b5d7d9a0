// The measurements, for the subcommands of their names and for `all`.
#pragma once

#include <string>

#include "../stalls/columns.hpp"
#include "report.hpp"
#include "run_options.hpp"

namespace rtlane::bench {

// mode: "closed" or "open", which takes rate_hz messages a second.
cli::Json measure_latency(const RunOptions& options, const std::string& mode, double rate_hz, const RunPlace& place);
cli::Json measure_throughput(const RunOptions& options, const RunPlace& place);
// Results of mode stop and kill, one for each victim. Whatever the policy of `place`, who takes part is ordinary.
cli::Json measure_stalls(const RunOptions& options, const StallPlan& plan, const RunPlace& place);

// Documents as text for people.
std::string latency_text(const cli::Json& document);
std::string throughput_text(const cli::Json& document);
std::string stalls_text(const cli::Json& document);

}  // namespace rtlane::bench
