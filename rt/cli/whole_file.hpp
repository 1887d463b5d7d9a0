// Files that hold all of a text or what they held before.
#pragma once

#include <string>
#include <string_view>

namespace rtlane::cli {

// As /dev/stdout is, and a file that standard output was redirected to.
bool is_standard_output(const std::string& path);

// Gives the file at path this text. It keeps what it holds until the text is whole: that is written to a temporary file
// beside it, which then takes its name and its mode. Where that cannot be (a device or a pipe, a folder that may not be
// written) the text goes into the file itself. `fd` is the file opened for writing when it is there already, else -1.
// 0, or an errno.
[[nodiscard]] int replace_file(const std::string& path, int fd, std::string_view text);

// The same for a file that was not opened before. Standard output is written to, not replaced, and for run_program() to
// judge.
[[nodiscard]] int write_whole_file(const std::string& path, std::string_view text);

}  // namespace rtlane::cli
