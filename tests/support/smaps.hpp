// What the kernel says about the pages at an address of this process, read independently of rtlane.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

namespace rtlane::test {

// The value in kB of a key such as "KernelPageSize" for the mapping that contains address; -1 = no such mapping or key.
inline long smaps_kb(const volatile void* address, const std::string& key)
{
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2)
      inside = from <= wanted && wanted < to;
    else if (inside && line.rfind(key + ":", 0) == 0)
      return std::stol(line.substr(key.size() + 1));
  }
  return -1;
}

}  // namespace rtlane::test
