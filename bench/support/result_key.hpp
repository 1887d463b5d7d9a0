// What makes two results of documents the same one.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "document.hpp"

namespace rtlane::bench {

struct ResultKey {
  std::string name;
  double bytes = 0;
  std::string mode;
  bool in_process = false;
  bool blocks = false;
  std::optional<double> rate_hz;

  auto operator<=>(const ResultKey&) const = default;  // NOLINT(modernize-use-nullptr): there is none
};

// Of one of a document's results. Throws BadDocument.
ResultKey key_of(const Place& result);

// "rtlane/spsc 16 B closed", with the rate, "in process" and "blocks" where they apply.
std::string label(const ResultKey& key);

}  // namespace rtlane::bench
