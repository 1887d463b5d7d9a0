// --json: a document for programs beside the text for people.
#pragma once

#include <nlohmann/json.hpp>
#include <rtlane/core/expected.hpp>

#include <cstdio>
#include <string>

#include "options.hpp"
#include "output_file.hpp"

namespace rtlane::cli {

// Keys in the order in which they are written, as people read them.
using Json = nlohmann::ordered_json;

// --json FILE: a document beside the text. --json alone, or --json -: the document on standard output, and
// no text there; the same for a FILE that is standard output. FILE is whole or as it was: OutputFile says how.
class Report {
public:
  void add_option(Command& command);

  // Finds out whether FILE can be written, before the work and without changing it. EINVAL: what the user has to
  // hear. Call it once, after the arguments were read.
  [[nodiscard]] expected<bool> open();

  [[nodiscard]] bool wanted() const { return given_; }
  [[nodiscard]] bool on_stdout() const { return given_ && file_.on_stdout(); }
  // Whether FILE is this file too, which is only read.
  [[nodiscard]] bool is_same_file(const std::string& path) const { return given_ && file_.is_same_file(path); }
  // What followed --json; "" or "-" for nothing. Also before open().
  [[nodiscard]] const std::string& path() const { return path_; }
  // Where text goes: standard output, or standard error for a program that has to say something all the
  // same while the document has standard output.
  [[nodiscard]] std::FILE* text() const { return on_stdout() ? stderr : stdout; }

  // Writes the document, if one is wanted: before the text, so that no trouble with the text costs it. False after
  // saying on stderr why FILE could not be written; standard output is for run_program() to judge.
  [[nodiscard]] bool write(const Json& document);

private:
  Option option_;
  std::string path_;
  bool given_ = false;
  OutputFile file_;
};

}  // namespace rtlane::cli
