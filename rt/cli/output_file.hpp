// A file of results: whole or not at all.
#pragma once

#include <rtlane/core/expected.hpp>

#include <string>

namespace rtlane::cli {

// FILE keeps what it holds until the new content is whole: that is written to a temporary file beside it, which then
// takes its name and its mode. Where that cannot be (a device or a pipe, a folder that may not be written) the content
// goes into FILE itself, at the end. "-" is standard output, and so is a FILE that leads there.
class OutputFile {
public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Finds out whether `path` can be written, before the work and without changing it. EINVAL: what the user has to
  // hear. Call it once.
  [[nodiscard]] expected<void> open(const std::string& path);

  [[nodiscard]] bool on_stdout() const { return path_ == "-"; }
  // Whether FILE is this file too, which is only read.
  [[nodiscard]] bool is_same_file(const std::string& path) const;
  [[nodiscard]] const std::string& path() const { return path_; }

  // 0, or the errno for which FILE could not be written; standard output is for run_program() to judge.
  [[nodiscard]] int write(const std::string& text);

private:
  [[nodiscard]] int write_file(const std::string& text);

  std::string path_;
  int fd_ = -1;  // of a FILE that was there already
};

}  // namespace rtlane::cli
