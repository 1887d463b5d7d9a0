// The measurements, for the subcommands of their names and for `all`.
#pragma once

#include <string>

#include "report.hpp"
#include "run_options.hpp"

namespace rtlane::bench {

// mode: "closed" or "open", which takes rate_hz messages a second.
cli::Json measure_latency(const RunOptions& options, const std::string& mode, double rate_hz, const RunPlace& place);
cli::Json measure_throughput(const RunOptions& options, const RunPlace& place);

// Documents as text for people.
std::string latency_text(const cli::Json& document);
std::string throughput_text(const cli::Json& document);

}  // namespace rtlane::bench
