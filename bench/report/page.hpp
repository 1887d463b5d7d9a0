// The page: one document that is whole by itself. No script, and nothing is loaded from anywhere; its own policy
// forbids it.
#pragma once

#include <string>

#include "run.hpp"

namespace rtlane::bench::report {

// `name` is that of the document, for the title.
std::string page(const Run& run, const std::string& name);

// The style sheet. Holds neither '<' nor '&', so that it can stand in XML as it is.
extern const char style[];

}  // namespace rtlane::bench::report
