// What the columns say: verdicts, and sentences that need no other.
#pragma once

#include <string>

#include "columns.hpp"
#include "report.hpp"

namespace rtlane::bench {

const char* victim_text(Victim victim);

enum class StallVerdict : std::uint32_t { unaffected, delayed, stuck };

const char* stall_verdict_text(StallVerdict verdict);

// `control`: the same with nobody stopped. What is seen there as often, chance apart, has another cause.
StallVerdict stall_verdict_of(const Column& column, const Column& control);

// The object "stall" of a result.
cli::Json stall_json(const Column& column, const Column& control, const StallPlan& plan, const LinkInfo& info,
                     bool threads);

}  // namespace rtlane::bench
