// From the text of a document to a Run.
#pragma once

#include <rtlane/core/expected.hpp>

#include <string>

#include "run.hpp"

namespace rtlane::bench::report {

// EINVAL: what is wrong with the document, with the path of the key ("results[3].rtt_ns.p50: a number is expected
// here, not a string").
expected<Run> read_run(const std::string& text);

}  // namespace rtlane::bench::report
