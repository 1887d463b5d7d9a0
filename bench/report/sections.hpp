// The sections of the page, from top to bottom. Each says what is missing when the document has nothing for it.
#pragma once

#include "markup.hpp"
#include "run.hpp"

namespace rtlane::bench::report {

Markup headline(const Run& run);
Markup comparison_section(const Run& run);
Markup percentile_section(const Run& run);
Markup timeline_section(const Run& run);
Markup throughput_section(const Run& run);
Markup worst_section(const Run& run);
Markup attribution_section(const Run& run);
Markup stall_section(const Run& run);
Markup noise_section(const Run& run);
Markup floor_section(const Run& run);
Markup method_section();
Markup environment_section(const Run& run);
Markup figures_section(const Run& run);

}  // namespace rtlane::bench::report
