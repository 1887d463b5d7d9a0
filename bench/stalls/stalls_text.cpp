// The text of a stalls document: a table with a line for each candidate, blow and victim; then a sentence for each that
// is not unaffected.
#include <fmt/format.h>

#include <cstdint>
#include <vector>

#include "../latency/runs.hpp"
#include "output.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;

std::string number(const Json& value)
{
  return fmt::format("{}", value.get<std::uint64_t>());
}

std::string name_of(const Json& result)
{
  return result["name"].get<std::string>() + (result["in_process"] == true ? " (threads)" : "") +
         (result["blocks"] == true ? " (blocks)" : "");
}

}  // namespace

std::string stalls_text(const Json& document)
{
  std::vector<std::vector<std::string>> rows = {{"bytes", "candidate", "", "who", "verdict", "longest wait", "nobody",
                                                 "tries", "inside", "delayed", "stuck", "lost", "doubled", "torn"}};
  std::string sentences;
  std::string notes;
  bool threads = false;
  bool blocks = false;
  for (const Json& result : document["results"]) {
    if (result["mode"] != "stop" && result["mode"] != "kill")
      continue;
    const std::string bytes = number(result["bytes"]);
    if (result.contains("skipped")) {
      if (result["mode"] == "stop")
        notes += fmt::format("skipped: {}: {}\n", name_of(result), result["skipped"].get<std::string>());
      continue;
    }
    if (result.contains("failed") && result["mode"] == "stop")
      notes += fmt::format("failed: {}, {} bytes: {}\n", name_of(result), bytes,
                           cli::printable(result["failed"].get<std::string>()));
    if (!result.contains("stall"))
      continue;
    threads = threads || result["in_process"] == true;
    blocks = blocks || result["blocks"] == true;
    const Json& stall = result["stall"];
    rows.push_back({bytes, name_of(result), result["mode"].get<std::string>(), stall["victim"].get<std::string>(),
                    stall["verdict"].get<std::string>(),
                    cli::duration_text(stall["longest_wait_ns"].get<std::uint64_t>()),
                    cli::duration_text(stall["control"]["longest_wait_ns"].get<std::uint64_t>()),
                    number(stall["tries"]), number(stall["inside"]), number(stall["delayed"]), number(stall["stuck"]),
                    number(stall["lost"]), number(stall["doubled"]), number(stall["torn"])});
    if (stall["verdict"] != "unaffected" || stall["doubled"] != 0 || stall["torn"] != 0)
      sentences += fmt::format("{}, {} bytes: {}\n", name_of(result), bytes, stall["sentence"].get<std::string>());
  }
  std::string text;
  if (rows.size() > 1) {
    text = cli::table_text(rows) +
           "\nnobody: the longest wait in as many tries with nobody stopped or killed, so what the machine does by "
           "itself.\ndelayed: of the tries, those in which somebody waited for half of the stop or more, until its "
           "end.\n";
    if (threads)
      text +=
          "threads: a thread cannot be stopped or killed alone; it is halted by a signal at whatever instruction it "
          "is, and after a kill for ever.\n";
    if (blocks)
      text +=
          "blocks: may sleep in a call for a while when there is no message or no room; stops are longer by that.\n";
  }
  return text + (sentences.empty() ? "" : "\n" + sentences) + notes;
}

}  // namespace rtlane::bench
