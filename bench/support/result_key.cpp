#include "result_key.hpp"

#include <fmt/format.h>

namespace rtlane::bench {

ResultKey key_of(const Place& result)
{
  ResultKey key;
  key.name = result.at("name").text();
  key.bytes = result.find_number("bytes").value_or(0);
  key.mode = result.find_text("mode").value_or("");
  if (const auto in_process = result.find("in_process"))
    key.in_process = in_process->truth();
  if (const auto blocks = result.find("blocks"))
    key.blocks = blocks->truth();
  key.rate_hz = result.find_number("rate_hz");
  return key;
}

std::string label(const ResultKey& key)
{
  std::string text = fmt::format("{} {:g} B", key.name, key.bytes);
  if (!key.mode.empty())
    text += " " + key.mode;
  if (key.rate_hz)
    text += fmt::format(" {:g}/s", *key.rate_hz);
  if (key.in_process)
    text += " in process";
  if (key.blocks)
    text += " blocks";
  return text;
}

}  // namespace rtlane::bench
