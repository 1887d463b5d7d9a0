#include "environment.hpp"

#include <rtlane/core/api.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rtlane::bench {
namespace {

using cli::Json;

std::string first_line(const std::string& path)
{
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

std::string cpu_file(int cpu, const char* name)
{
  return first_line(fmt::format("/sys/devices/system/cpu/cpu{}/{}", cpu, name));
}

std::string cpu_model()
{
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos && (line.starts_with("model name") || line.starts_with("CPU part")))
      return line.substr(colon + 2);
  }
  return "unknown";
}

// The name that a hypervisor gives itself; "" on the bare machine.
std::string hypervisor()
{
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned hypervisor_bit = 1U << 31;  // CPUID 1, ECX
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & hypervisor_bit) == 0)
    return "";
  __cpuid(0x40000000, eax, ebx, ecx, edx);
  std::string name;
  for (const unsigned part : {ebx, ecx, edx}) {
    for (int byte = 0; byte < 4; ++byte) {
      if (const char c = static_cast<char>(part >> (8 * byte) & 0xff); c != '\0')
        name += c;
    }
  }
  return name == "KVMKVMKVM" ? "KVM" : name.empty() ? "unknown" : name;
#else
  return first_line("/sys/hypervisor/type");
#endif
}

std::string compiler()
{
#if defined(__clang__)
  return fmt::format("clang++ {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

std::string topology_of(int cpu_a, int cpu_b)
{
  // What a guest is told of cores and caches need not be where its CPUs run, and that changes.
  if (!hypervisor().empty())
    return "unknown (guest)";
  const auto same = [&](const char* name) {
    const std::string a = cpu_file(cpu_a, name);
    return !a.empty() && a == cpu_file(cpu_b, name);
  };
  if (cpu_file(cpu_a, "topology/core_id").empty())
    return "unknown";
  if (!same("topology/physical_package_id"))
    return "across sockets";
  if (same("topology/thread_siblings_list"))
    return "SMT siblings";
  return same("cache/index3/shared_cpu_list") ? "same L3" : "across L3";
}

Json tick_json(const TickClock& clock)
{
  constexpr int pairs = 10'000;
  std::uint64_t step = UINT64_MAX;
  std::vector<std::uint64_t> distances;
  distances.reserve(pairs);
  for (int i = 0; i < pairs; ++i) {
    const std::uint64_t before = ticks();
    const std::uint64_t distance = ticks() - before;
    distances.push_back(distance);
    if (distance != 0)
      step = std::min(step, distance);
  }
  std::nth_element(distances.begin(), distances.begin() + pairs / 2, distances.end());
  const auto in_ns = [&](std::uint64_t count) { return static_cast<double>(count) / clock.ticks_per_ns(); };
  return {{"source", TickClock::source()},
          {"invariant", TickClock::is_invariant()},
          {"hz", clock.frequency_hz()},
          {"smallest_step_ns", in_ns(step)},
          {"overhead_ns", in_ns(distances[pairs / 2])},
          {"drift_ppm", clock.drift_ppm()}};
}

Json environment_json()
{
  utsname system{};
  ::uname(&system);
  std::array<double, 3> load{};
  ::getloadavg(load.data(), 3);
  const std::string over = hypervisor();
  return {{"version", rtlane_version()},
          {"compiler", compiler()},
          {"flags", RTLANE_BENCH_FLAGS},
          {"build", RTLANE_BENCH_BUILD},
          {"kernel", system.release},
          {"machine", system.machine},
          {"command_line", first_line("/proc/cmdline")},
          {"cpu_model", cpu_model()},
          {"hypervisor", over.empty() ? Json(nullptr) : Json(over)},
          {"cpu_count", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"huge_pages", first_line("/sys/kernel/mm/transparent_hugepage/enabled")},
          {"mitigations_off", first_line("/proc/cmdline").find("mitigations=off") != std::string::npos},
          {"load_average", load}};
}

std::string utc_now()
{
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace rtlane::bench
