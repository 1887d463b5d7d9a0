// Documents of schema rtlane.bench/1 that are made up, as the tools for them meet them.
#pragma once

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/launch_noise.hpp"

namespace rtlane::test {

using OrderedJson = nlohmann::ordered_json;

inline OrderedJson made_up_launch(LaunchNoise& noise, double ratio, double floor_ns)
{
  const double p50 = ratio * floor_ns;
  const auto percentile = [&](double factor) { return p50 * factor * std::exp(0.05 * noise.normal()); };
  return {{"ratio_to_floor", ratio},
          {"rtt_ns",
           {{"p50", p50},
            {"p90", percentile(1.1)},
            {"p99", percentile(1.5)},
            {"p99_9", percentile(4)},
            {"p99_99", nullptr},
            {"max", percentile(1000)}}}};
}

inline OrderedJson made_up_result(LaunchNoise& noise, const std::string& name, double ratio, std::size_t launches)
{
  OrderedJson result = {{"name", name},
                        {"kind", "spsc"},
                        {"bytes", 16},
                        {"mode", "closed"},
                        {"in_process", false},
                        {"blocks", false},
                        {"launches", nlohmann::json::array()}};
  for (std::size_t i = 0; i < launches; ++i)
    result["launches"].push_back(
        made_up_launch(noise, ratio * std::exp(0.01 * noise.normal()), 80 + 400 * noise.uniform()));
  return result;
}

inline OrderedJson made_up_document(OrderedJson results)
{
  return {{"schema", "rtlane.bench/1"},
          {"command", "latency"},
          {"started", "2026-11-25T20:00:00Z"},
          {"duration_s", 12.5},
          {"environment", {{"kernel", "6.18.0"}, {"cpu_model", "Test CPU"}, {"topology", "same L3"}}},
          {"floor", {{"rounds", 400}, {"dropped_rounds", 3}, {"rtt_ns", {{"p10", 90}, {"p50", 100}, {"p90", 110}}}}},
          {"results", std::move(results)}};
}

}  // namespace rtlane::test
