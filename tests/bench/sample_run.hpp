// A document of schema "rtlane.bench/1" as a run might give it, for tests of what reads such documents. Its figures are
// made up.
#pragma once

#include <cstdint>

#include "report.hpp"

namespace rtlane::test {

// Two channels of rtlane and a dozen peers in every mode, with what goes wrong in a real run: candidates that were
// skipped or failed, percentiles that lack samples, dropped rounds. The same seed gives the same document.
cli::Json sample_run(std::uint64_t seed);

}  // namespace rtlane::test
