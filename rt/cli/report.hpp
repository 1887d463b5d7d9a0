// --json: a document for programs beside the text for people.
#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>
#include <rtlane/core/expected.hpp>

#include <cstdio>
#include <string>

namespace rtlane::cli {

// Keys in the order in which they are written, as people read them.
using Json = nlohmann::ordered_json;

// --json FILE: a document beside the text. --json alone, or --json -: the document on standard output, and
// no text there.
class Report {
public:
  Report() = default;
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report();

  void add_option(CLI::App& app);

  // Opens FILE, so that one that cannot be written is known before the work. EINVAL: what the user has to
  // hear. Call it once, after the arguments were read.
  [[nodiscard]] expected<bool> open();

  [[nodiscard]] bool wanted() const { return given_; }
  [[nodiscard]] bool on_stdout() const { return given_ && path_ == "-"; }
  // What followed --json; "-" for nothing.
  [[nodiscard]] const std::string& path() const { return path_; }
  // Where text goes: standard output, or standard error for a program that has to say something all the
  // same while the document has standard output.
  [[nodiscard]] std::FILE* text() const { return on_stdout() ? stderr : stdout; }

  // Writes the document, if one is wanted: before the text, so that no trouble with the text costs it. False after
  // saying on stderr why FILE could not be written; standard output is for run_program() to judge.
  [[nodiscard]] bool write(const Json& document);

private:
  CLI::Option* option_ = nullptr;
  std::string path_;
  bool given_ = false;
  std::FILE* file_ = nullptr;
};

}  // namespace rtlane::cli
