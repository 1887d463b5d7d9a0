#include "launches.hpp"

#include <fmt/format.h>

#include <set>

#include "../support/document.hpp"

namespace rtlane::bench {
namespace {

std::optional<double> above_0(const Place& place, const char* key)
{
  const auto found = place.find(key);
  return found ? std::optional(found->number_above_0()) : std::nullopt;
}

// Times become floor round trips. A launch's own floor is what its ratio implies, p50 / ratio: it was measured beside
// it, round for round. Only a launch without a ratio is divided by the median floor of the whole document.
void add_launch(ResultLaunches& result, const Place& launch, std::optional<double> document_floor_ns)
{
  ++result.launches;
  const auto ratio = above_0(launch, "ratio_to_floor");
  if (ratio)
    result.values[ratio_figure].push_back(*ratio);
  if (const auto per_floor = above_0(launch, "per_floor"))
    result.values[throughput_figure].push_back(*per_floor);

  auto times = launch.find("rtt_ns");
  if (!times)
    times = launch.find("response_ns");
  if (!times)
    return;
  const auto p50 = above_0(*times, "p50");
  const auto floor_ns = ratio && p50 ? std::optional(*p50 / *ratio) : document_floor_ns;
  for (std::size_t i = p50_figure; i < throughput_figure; ++i) {
    const auto ns = above_0(*times, figures[i].key);
    // In units of its own floor p50 is the ratio.
    if (ns && floor_ns && !(ratio && i == p50_figure))
      result.values[i].push_back(*ns / *floor_ns);
  }
}

Machine machine_of(const Place& document, const std::string& file)
{
  Machine machine{file, {}};
  if (const auto environment = document.find("environment")) {
    for (const char* property : {"cpu_model", "kernel", "topology"})
      machine.properties[property] = environment->find_text(property).value_or("");
  }
  return machine;
}

void add_document(Side& side, const Place& document, const std::string& file)
{
  side.machines.push_back(machine_of(document, file));
  std::optional<double> floor_ns;
  if (const auto floor = document.find("floor")) {
    if (const auto rtt = floor->find("rtt_ns"))
      floor_ns = above_0(*rtt, "p50");
  }
  const auto list = document.find("results");
  if (!list || list->elements().empty())
    document.refuse("has no results: there is nothing to compare");
  std::set<ResultKey> seen;
  for (const Place& result : list->elements()) {
    const ResultKey key = key_of(result);
    // What others see of a stop or a kill is no figure of launches, and there is one for each victim.
    if (key.mode == "stop" || key.mode == "kill")
      continue;
    if (!seen.insert(key).second)
      result.refuse(fmt::format("is {} once more: which of the two is meant?", label(key)));
    ResultLaunches& pooled = side.results[key];
    const auto skipped = result.find_text("skipped");
    const auto failed = result.find_text("failed");
    if (skipped || failed) {
      pooled.absent = skipped ? "skipped: " + *skipped : "failed: " + *failed;
      continue;
    }
    if (const auto launches = result.find("launches")) {
      for (const Place& launch : launches->elements())
        add_launch(pooled, launch, floor_ns);
    }
  }
}

}  // namespace

Side read_side(const std::vector<std::string>& files)
{
  Side side;
  side.files = files;
  for (const std::string& file : files) {
    const cli::Json document = read_document(file);
    add_document(side, Place(document, file), file);
  }
  return side;
}

std::vector<std::string> differences(const Side& a, const Side& b)
{
  std::vector<Machine> machines = a.machines;
  machines.insert(machines.end(), b.machines.begin(), b.machines.end());
  std::vector<std::string> sentences;
  for (const auto& [property, name] : {std::pair("cpu_model", "CPU model"), std::pair("kernel", "kernel"),
                                       std::pair("topology", "topology of the CPUs")}) {
    const auto value = [&, key = property](const Machine& machine) {
      const auto found = machine.properties.find(key);
      return found == machine.properties.end() || found->second.empty() ? std::string("unknown") : found->second;
    };
    for (const Machine& machine : machines) {
      if (value(machine) == value(machines.front()))
        continue;
      sentences.push_back(fmt::format("the {} differs: {} in {}, {} in {}; a difference may be the machine's", name,
                                      value(machines.front()), machines.front().file, value(machine), machine.file));
      break;
    }
  }
  return sentences;
}

}  // namespace rtlane::bench
