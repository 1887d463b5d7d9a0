// Launches drawn at random as a benchmark gives them: 3 % of scatter, and a tenth of them disturbed, which makes them
// 20 % to 120 % slower. The same for the same seed, with every standard library.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

namespace rtlane::test {

class LaunchNoise {
public:
  explicit LaunchNoise(std::uint64_t seed) : bits_(seed) {}

  double uniform() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }
  double exponential() { return -std::log1p(-uniform()); }
  double normal()
  {
    const double length = std::sqrt(2 * exponential());
    return length * std::cos(2 * std::numbers::pi * uniform());
  }
  // By how much a launch is slower for being disturbed; 1 for most.
  double disturbance() { return uniform() < 0.1 ? 1.2 + uniform() : 1; }
  double launch()
  {
    const double scatter = std::exp(0.03 * normal());
    return scatter * disturbance();
  }
  std::vector<double> launches(std::size_t count, double typical)
  {
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(typical * launch());
    return values;
  }

private:
  std::mt19937_64 bits_;
};

}  // namespace rtlane::test
