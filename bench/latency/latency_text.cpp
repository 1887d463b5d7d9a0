#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "output.hpp"
#include "runs.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

std::string ns_cell(const Json& value)
{
  return value.is_null() ? "-" : cli::duration_text(static_cast<std::uint64_t>(std::lround(value.get<double>())));
}

std::string ratio_cell(const Json& value)
{
  return value.is_null() ? "-" : fmt::format("{:.3f}", value.get<double>());
}

// A percentile, or how many samples it needs.
std::string percentile_cell(const Json& figures, const char* key)
{
  if (!figures[key].is_null())
    return ns_cell(figures[key]);
  return figures["needs"].contains(key) ? fmt::format("n/a (needs {})", figures["needs"][key].get<std::uint64_t>())
                                        : "-";
}

std::string name_cell(const Json& result)
{
  return result["name"].get<std::string>() + (result["in_process"] == true ? " (threads)" : "") +
         (result["blocks"] == true ? " (blocks)" : "");
}

std::string attributed_cell(const Json& result, const char* key)
{
  return result.contains("attributed") ? ns_cell(result["attributed"][key]) : "-";
}

std::string bin_cell(const Json& bin)
{
  return fmt::format("{} ({})", ratio_cell(bin["median"]), bin["rounds"].get<std::uint64_t>());
}

using Rows = std::vector<std::vector<std::string>>;

Rows closed_rows(const std::vector<const Json*>& results)
{
  Rows rows = {{"bytes", "candidate", "max", "channel max", "clean max", "p99.99", "p99.9", "p99", "p50",
                "ratio to floor", "p10", "p90", "floor <250 ns", "floor >=250 ns", "rounds", "dropped"}};
  for (const Json* result : results) {
    const Json& rtt = (*result)["rtt_ns"];
    const Json& ratio = (*result)["ratio_to_floor"];
    rows.push_back({fmt::format("{}", (*result)["bytes"].get<std::uint64_t>()), name_cell(*result), ns_cell(rtt["max"]),
                    attributed_cell(*result, "channel_max_ns"), attributed_cell(*result, "clean_max_ns"),
                    percentile_cell(rtt, "p99_99"), percentile_cell(rtt, "p99_9"), percentile_cell(rtt, "p99"),
                    percentile_cell(rtt, "p50"), ratio_cell(ratio["median"]), ratio_cell(ratio["p10"]),
                    ratio_cell(ratio["p90"]), bin_cell(ratio["below_250ns"]), bin_cell(ratio["from_250ns"]),
                    fmt::format("{}", (*result)["rounds"].get<std::uint64_t>()),
                    fmt::format("{}", (*result)["dropped_rounds"].get<std::uint64_t>())});
  }
  return rows;
}

Rows open_rows(const std::vector<const Json*>& results)
{
  Rows rows = {
      {"bytes", "candidate", "", "max", "channel max", "clean max", "p99.99", "p99.9", "p99", "p50", "late", "lost"}};
  for (const Json* result : results) {
    for (const char* const part : {"response", "service"}) {
      const Json& figures = (*result)[std::string(part) + "_ns"];
      const bool first = part[0] == 'r';
      rows.push_back(
          {first ? fmt::format("{}", (*result)["bytes"].get<std::uint64_t>()) : "", first ? name_cell(*result) : "",
           part, ns_cell(figures["max"]), first ? attributed_cell(*result, "channel_max_ns") : "",
           first ? attributed_cell(*result, "clean_max_ns") : "", percentile_cell(figures, "p99_99"),
           percentile_cell(figures, "p99_9"), percentile_cell(figures, "p99"), percentile_cell(figures, "p50"),
           first ? fmt::format("{}", (*result)["late"].get<std::uint64_t>()) : "",
           first ? fmt::format("{}", (*result)["lost"].get<std::uint64_t>()) : ""});
    }
  }
  return rows;
}

std::string worst_text(const Json& result)
{
  if (!result.contains("worst") || result["worst"].empty())
    return "";
  std::string text = fmt::format("{}, {} bytes, the worst:\n", name_cell(result), result["bytes"].get<std::uint64_t>());
  for (std::size_t i = 0; i < std::min<std::size_t>(3, result["worst"].size()); ++i)
    text += fmt::format("  {}\n", result["worst"][i]["sentence"].get<std::string>());
  const Json& attributed = result["attributed"];
  const Json& expected = attributed["inside_expected"];
  return text + fmt::format("  inside operations: {} stalls, {} to expect of the host\n",
                            attributed["inside_stalls"].get<std::uint64_t>(),
                            expected.is_null() ? "-" : fmt::format("{:.1f}", expected.get<double>()));
}

}  // namespace

std::string latency_text(const Json& document)
{
  std::vector<const Json*> closed;
  std::vector<const Json*> open;
  std::string notes;
  for (const Json& result : document["results"]) {
    if (result.contains("skipped")) {
      notes +=
          fmt::format("skipped: {}: {}\n", result["name"].get<std::string>(), result["skipped"].get<std::string>());
      continue;
    }
    if (result.contains("failed"))
      notes += fmt::format("failed: {}, {} bytes: {}\n", result["name"].get<std::string>(),
                           result["bytes"].get<std::uint64_t>(), cli::printable(result["failed"].get<std::string>()));
    (result["mode"] == "open" ? open : closed).push_back(&result);
  }
  const Json& environment = document["environment"];
  std::string text;
  for (const Json& sentence : environment["refused"])
    text += fmt::format("note: {}\n", sentence.get<std::string>());
  if (document.contains("floor"))
    text += fmt::format("floor: {} a round trip (p10 {}, p90 {}); CPUs {} and {}: {}; {}; seed {}\n\n",
                        ns_cell(document["floor"]["rtt_ns"]["p50"]), ns_cell(document["floor"]["rtt_ns"]["p10"]),
                        ns_cell(document["floor"]["rtt_ns"]["p90"]), environment["cpus"][0].get<int>(),
                        environment["cpus"][1].get<int>(), environment["topology"].get<std::string>(),
                        environment["policy"].get<std::string>(), document["seed"].get<std::uint64_t>());
  if (!closed.empty())
    text += cli::table_text(closed_rows(closed)) + "\n";
  if (!open.empty())
    text += cli::table_text(open_rows(open)) + "\n";
  for (const Json* result : closed) {
    if (!result->contains("one_way_ns"))
      continue;
    const Json& one_way = (*result)["one_way_ns"];
    text +=
        fmt::format("{}, {} bytes, one way: there p50 {}, max {}; back p50 {}, max {}\n", name_cell(*result),
                    (*result)["bytes"].get<std::uint64_t>(), ns_cell(one_way["there"]["p50"]),
                    ns_cell(one_way["there"]["max"]), ns_cell(one_way["back"]["p50"]), ns_cell(one_way["back"]["max"]));
  }
  if (!closed.empty())
    text += fmt::format("(one way: the far CPU's tick counter is ahead of the near one's by {:.0f} to {:.0f} ns)\n\n",
                        environment["tick"]["offset_ns"][0].get<double>(),
                        environment["tick"]["offset_ns"][1].get<double>());
  for (const auto* const results : {&closed, &open}) {
    for (const Json* result : *results)
      text += worst_text(*result);
  }
  return text + notes;
}

}  // namespace rtlane::bench
