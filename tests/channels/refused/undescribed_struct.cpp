#include <rtlane/channels/spsc_ring.hpp>

struct Sample {
  int number;
};

auto make()
{
  return rtlane::SpscRing<Sample>::in_memory(8);
}
