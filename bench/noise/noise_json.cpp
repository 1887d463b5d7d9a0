#include <cstddef>

#include "../support/percentiles.hpp"
#include "measure_noise.hpp"

namespace rtlane::bench {

using cli::Json;

Json noise_json(const std::vector<CpuNoise>& noise)
{
  Json all = Json::array();
  for (const CpuNoise& cpu : noise) {
    Json classes = Json::object();
    for (std::size_t i = 0; i < cpu.causes.size(); ++i) {
      const NoiseTotals& totals = cpu.causes[i];
      classes[name_of(static_cast<rt::NoiseCause>(i))] = {
          {"count", totals.count}, {"ns", totals.ns}, {"max_ns", totals.max_ns}};
    }
    all.push_back({{"cpu", cpu.cpu},
                   {"seconds", cpu.seconds},
                   {"threshold_ns", cpu.threshold_ns},
                   {"gaps", cpu.gaps.count},
                   {"lost_ns", cpu.gaps.ns},
                   {"max_ns", cpu.gaps.max_ns},
                   {"classes", classes},
                   {"interrupts", cpu.interrupts ? Json(*cpu.interrupts) : Json(nullptr)},
                   {"histogram", histogram_json(cpu.lengths)}});
  }
  return all;
}

}  // namespace rtlane::bench
