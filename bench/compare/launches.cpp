#include "launches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "../support/document.hpp"

namespace rtlane::bench {
namespace {

std::optional<double> from_0(const Place& place, const char* key)
{
  const auto found = place.find(key);
  return found ? std::optional(found->number_from_0()) : std::nullopt;
}

// A floor of 0 is none: it divides.
std::optional<double> above_0(std::optional<double> value)
{
  return value && *value > 0 ? value : std::nullopt;
}

// Times become floor round trips. A launch's own floor is what its ratio implies, p50 / ratio: it was measured beside
// it, round for round. Only a launch without a ratio is divided by the median floor of the whole document.
void add_launch(ResultLaunches& result, const Place& launch, std::optional<double> document_floor_ns)
{
  ++result.launches;
  const auto ratio = from_0(launch, "ratio_to_floor");
  if (ratio)
    result.values[ratio_figure].push_back(*ratio);
  if (const auto per_floor = from_0(launch, "per_floor"))
    result.values[throughput_figure].push_back(*per_floor);

  auto times = launch.find("rtt_ns");
  if (!times)
    times = launch.find("response_ns");
  if (!times)
    return;
  const auto p50 = above_0(from_0(*times, "p50"));
  const auto floor_ns = above_0(ratio) && p50 ? std::optional(*p50 / *ratio) : document_floor_ns;
  for (std::size_t i = p50_figure; i < throughput_figure; ++i) {
    const auto ns = from_0(*times, figures[i].key);
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

// When a document was begun, in text whose order is that of time.
std::string start_of(const Place& document)
{
  return document.find_text("started").value_or("");
}

void add_document(Side& side, const Place& document, const std::string& file)
{
  side.machines.push_back(machine_of(document, file));
  side.starts.push_back(start_of(document));
  std::optional<double> floor_ns;
  if (const auto floor = document.find("floor")) {
    if (const auto rtt = floor->find("rtt_ns"))
      floor_ns = above_0(from_0(*rtt, "p50"));
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
      side.prints.push_back({file, label(key), start_of(document) + " " + label(key) + " " + launches->json().dump()});
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

void refuse_repeated_launches(const Side& a, const Side& b)
{
  std::vector<std::string> files = a.files;
  files.insert(files.end(), b.files.begin(), b.files.end());
  constexpr char rule[] = "a launch counts once: leave one of them out";
  for (auto one = files.begin(); one != files.end(); ++one) {
    for (auto other = files.begin(); other != one; ++other) {
      std::error_code none;
      if (*one == *other)
        throw BadDocument(fmt::format("{}: is named twice; {}", *one, rule));
      if (std::filesystem::equivalent(*one, *other, none) && !none)
        throw BadDocument(fmt::format("{}: is the same file as {}; {}", *one, *other, rule));
    }
  }
  std::map<std::string, const Side::Print*> seen;
  for (const Side* side : {&a, &b}) {
    for (const Side::Print& print : side->prints) {
      const auto [first, is_new] = seen.emplace(print.launches, &print);
      if (!is_new)
        throw BadDocument(fmt::format("{}: holds the launches of {} that are in {} too; {}", print.file, print.result,
                                      first->second->file, rule));
    }
  }
}

std::string alternation_problem(const Side& a, const Side& b)
{
  struct Run {
    std::string start;
    char side;
  };
  std::vector<Run> runs;
  for (const auto& [side, name] : {std::pair(&a, 'A'), std::pair(&b, 'B')}) {
    for (std::size_t i = 0; i < side->starts.size(); ++i) {
      if (side->starts[i].empty())
        return fmt::format("{} does not say when it was started: whether launches of A and B alternated is not known",
                           side->files[i]);
      runs.push_back({side->starts[i], name});
    }
  }
  std::stable_sort(runs.begin(), runs.end(), [](const Run& x, const Run& y) { return x.start < y.start; });
  // Runs that began in the same second have no order.
  std::size_t changes = 0;
  bool told_apart = true;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    changes += runs[i].side != runs[i - 1].side ? 1 : 0;
    told_apart = told_apart && (runs[i].side == runs[i - 1].side || runs[i].start != runs[i - 1].start);
  }
  if (!told_apart || changes >= std::max<std::size_t>(2, std::min(a.starts.size(), b.starts.size())))
    return "";
  return changes == 1 ? fmt::format(
                            "all launches of {} were before those of {}: what the machine did meanwhile looks "
                            "like a difference; alternate short runs: A, B, A, B",
                            runs.front().side, runs.back().side)
                      : "launches of A and B took turns too seldom: what the machine did meanwhile looks like a "
                        "difference; alternate short runs: A, B, A, B";
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
