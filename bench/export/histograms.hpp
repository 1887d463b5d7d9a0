// The histograms of a document of schema rtlane.bench/1, each under a name of its own.
#pragma once

#include <rtlane/channels/histogram.hpp>

#include <string>
#include <vector>

#include "../support/document.hpp"

namespace rtlane::bench {

struct NamedHistogram {
  std::string name;  // only letters, digits, '.', '_' and '-', so it may be a file's name and a tag
  Histogram histogram;
};

// Of results "rtlane_spsc-16-closed", with "-service" for the service times of an open loop, and "noise-cpu0". Throws
// BadDocument.
std::vector<NamedHistogram> histograms_of(const Place& document);

}  // namespace rtlane::bench
