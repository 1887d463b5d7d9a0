// From a file to JSON, for everybody who reads documents of rtlane-bench: what the file may be, and the sentence when
// it is something else.
#pragma once

#include <rtlane/core/expected.hpp>

#include <cstddef>
#include <string>

#include "report.hpp"

namespace rtlane::bench {

// A run of all peers is about a megabyte. Who reads a device would wait for its end for ever.
inline constexpr std::size_t document_bytes_max = 64U << 20;
// What a run can come to, and far more. JSON that is nested deeper would overflow the stack of who copies it.
inline constexpr int document_depth_max = 32;

// All that the file holds; "-" is standard input. The error is a sentence that begins with the file.
[[nodiscard]] expected<std::string> read_document_text(const std::string& file);

// EINVAL: what is wrong with the text, as the end of a sentence: "is no JSON: ...".
[[nodiscard]] expected<cli::Json> parse_document_text(const std::string& text);

}  // namespace rtlane::bench
