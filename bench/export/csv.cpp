#include "csv.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "../support/result_key.hpp"

namespace rtlane::bench {
namespace {

std::string quoted(const std::string& text)
{
  if (text.find_first_of(",\"\r\n") == std::string::npos)
    return text;
  std::string safe = "\"";
  for (const char c : text)
    safe += c == '"' ? std::string("\"\"") : std::string(1, c);
  return safe + "\"";
}

struct Figure {
  const char* column;
  const char* group;  // "" for the result itself
  const char* key;
};

constexpr Figure columns[] = {
    {"rounds", "", "rounds"},
    {"dropped_rounds", "", "dropped_rounds"},
    {"ratio_median", "ratio_to_floor", "median"},
    {"ratio_p10", "ratio_to_floor", "p10"},
    {"ratio_p90", "ratio_to_floor", "p90"},
    {"rtt_count", "rtt_ns", "count"},
    {"rtt_p50_ns", "rtt_ns", "p50"},
    {"rtt_p90_ns", "rtt_ns", "p90"},
    {"rtt_p99_ns", "rtt_ns", "p99"},
    {"rtt_p99_9_ns", "rtt_ns", "p99_9"},
    {"rtt_p99_99_ns", "rtt_ns", "p99_99"},
    {"rtt_max_ns", "rtt_ns", "max"},
    {"response_count", "response_ns", "count"},
    {"response_p50_ns", "response_ns", "p50"},
    {"response_p90_ns", "response_ns", "p90"},
    {"response_p99_ns", "response_ns", "p99"},
    {"response_p99_9_ns", "response_ns", "p99_9"},
    {"response_p99_99_ns", "response_ns", "p99_99"},
    {"response_max_ns", "response_ns", "max"},
    {"service_p50_ns", "service_ns", "p50"},
    {"service_p99_ns", "service_ns", "p99"},
    {"service_max_ns", "service_ns", "max"},
    {"late", "", "late"},
    {"lost", "", "lost"},
    {"throughput_msgs_per_s", "", "throughput_msgs_per_s"},
    {"per_floor", "", "per_floor"},
};

std::string cell(const std::optional<double>& value)
{
  return value ? fmt::format("{}", *value) : "";
}

std::string row(const Place& result)
{
  const ResultKey key = key_of(result);
  std::string text =
      fmt::format("{},{},{:g},{},{},{},{},{}", quoted(key.name), quoted(result.find_text("kind").value_or("")),
                  key.bytes, quoted(key.mode), cell(key.rate_hz), key.in_process, key.blocks,
                  quoted(result.find_text("topology").value_or("")));
  for (const Figure& figure : columns) {
    const auto group = *figure.group == '\0' ? std::optional(result) : result.find(figure.group);
    text += "," + (group ? cell(group->find_number(figure.key)) : "");
  }
  return text + "," + quoted(result.find_text("skipped").value_or("")) + "," +
         quoted(result.find_text("failed").value_or("")) + "\n";
}

}  // namespace

std::string csv_text(const Place& document)
{
  std::string text = "name,kind,bytes,mode,rate_hz,in_process,blocks,topology";
  for (const Figure& figure : columns)
    text += fmt::format(",{}", figure.column);
  text += ",skipped,failed\n";
  if (const auto results = document.find("results")) {
    for (const Place& result : results->elements())
      text += row(result);
  }
  return text;
}

}  // namespace rtlane::bench
