// Text for people and JSON for programs.
#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>
#include <rtlane/core/expected.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

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

  // Writes the document, if one is wanted. False after saying on stderr why it could not.
  [[nodiscard]] bool write(const Json& document);

private:
  CLI::Option* option_ = nullptr;
  std::string path_;
  bool given_ = false;
  std::FILE* file_ = nullptr;
};

// Of enum rtlane_tier: "small", "thp", "hugetlb".
const char* tier_text(std::uint32_t tier);

// "512 B", "4 KiB", "2.5 MiB": exact where it is a whole number of a unit, else one digit.
std::string bytes_text(std::uint64_t bytes);
// "850 ns", "51.2 us", "1.34 ms", "2.5 s".
std::string duration_text(std::uint64_t ns);
// "12 s", "3 min", "5 h", "2 d" since that instant of CLOCK_REALTIME; "?" when it lies ahead.
std::string age_text(std::int64_t created_unix_ns);
double age_s(std::int64_t created_unix_ns);
// Without control characters: names and files may hold any byte.
std::string printable(std::string_view text);

// Columns as wide as their widest cell, two blanks apart. The first row is the heading.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

}  // namespace rtlane::cli
