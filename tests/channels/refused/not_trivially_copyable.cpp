#include <rtlane/channels/spsc_ring.hpp>

#include <string>

struct Sample {
  std::string text;
};

auto make()
{
  return rtlane::SpscRing<Sample>::in_memory(8);
}
