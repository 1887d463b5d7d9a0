// The results of a document as a table for spreadsheets.
#pragma once

#include <string>

#include "../support/document.hpp"

namespace rtlane::bench {

// A heading and one row for each result, with commas between cells and quotes as RFC 4180 has them. A figure that a
// result does not have is an empty cell. Throws BadDocument.
std::string csv_text(const Place& document);

}  // namespace rtlane::bench
