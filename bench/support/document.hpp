// Documents of schema rtlane.bench/1 as input: whatever is wrong with one becomes a sentence that names the file and
// the place in it.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "report.hpp"

namespace rtlane::bench {

// what() is the sentence.
class BadDocument : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A place in a document. It refers to the document, which has to outlive it. What is asked of a place that holds
// something else throws BadDocument.
class Place {
public:
  Place(const cli::Json& json, std::string file) : json_(&json), file_(std::move(file)) {}

  // Nothing where the key is absent or its value null.
  [[nodiscard]] std::optional<Place> find(const std::string& key) const;
  [[nodiscard]] Place at(const std::string& key) const;
  [[nodiscard]] std::vector<Place> elements() const;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool truth() const;
  [[nodiscard]] double number() const;
  [[nodiscard]] double number_from_0() const;

  [[nodiscard]] std::optional<std::string> find_text(const std::string& key) const;
  [[nodiscard]] std::optional<double> find_number(const std::string& key) const;

  [[nodiscard]] const cli::Json& json() const { return *json_; }
  // Throws BadDocument: the file, this place, and the rest of the sentence: "is ...", "has ...".
  [[noreturn]] void refuse(const std::string& rest) const;

private:
  Place(const cli::Json& json, std::string file, std::string path)
      : json_(&json), file_(std::move(file)), path_(std::move(path))
  {}
  [[noreturn]] void refuse_kind(const char* wanted) const;

  const cli::Json* json_;
  std::string file_;
  std::string path_;  // "results[3].launches"
};

// The document in that file, of which the schema was looked at and nothing else. Throws BadDocument.
[[nodiscard]] cli::Json read_document(const std::string& file);

}  // namespace rtlane::bench
