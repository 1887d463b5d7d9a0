#include "histograms.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "../support/percentiles.hpp"
#include "../support/result_key.hpp"

namespace rtlane::bench {
namespace {

class Names {
public:
  // What is not allowed in a name becomes '_'; a name that is taken gets a number.
  std::string make(const std::string& wanted)
  {
    std::string name;
    for (const char c : wanted.substr(0, 100))
      name +=
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ? c : '_';
    if (name.empty() || name[0] == '.')
      name.insert(0, 1, '_');
    std::string unique = name;
    for (int i = 2; !taken_.insert(unique).second; ++i)
      unique = fmt::format("{}_{}", name, i);
    return unique;
  }

private:
  std::set<std::string> taken_;
};

void add(std::vector<NamedHistogram>& all, std::string name, const Place& place)
{
  auto histogram = histogram_from_json(place.json());
  if (!histogram)
    place.refuse(histogram.error().message);
  all.push_back({std::move(name), *histogram});
}

std::string name_of(const ResultKey& key)
{
  std::string name = fmt::format("{}-{:g}", key.name, key.bytes);
  if (!key.mode.empty())
    name += "-" + key.mode;
  if (key.rate_hz)
    name += fmt::format("-{:g}-per-s", *key.rate_hz);
  return name + (key.in_process ? "-in-process" : "") + (key.blocks ? "-blocks" : "");
}

}  // namespace

std::vector<NamedHistogram> histograms_of(const Place& document)
{
  std::vector<NamedHistogram> all;
  Names names;
  if (const auto results = document.find("results")) {
    for (const Place& result : results->elements()) {
      const std::string name = name_of(key_of(result));
      if (const auto histogram = result.find("histogram"))
        add(all, names.make(name), *histogram);
      if (const auto histogram = result.find("service_histogram"))
        add(all, names.make(name + "-service"), *histogram);
    }
  }
  if (const auto noise = document.find("noise")) {
    for (const Place& cpu : noise->elements()) {
      if (const auto histogram = cpu.find("histogram"))
        add(all, names.make(fmt::format("noise-cpu{:g}", cpu.at("cpu").number())), *histogram);
    }
  }
  return all;
}

}  // namespace rtlane::bench
