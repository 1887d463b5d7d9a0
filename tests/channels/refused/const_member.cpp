#include <rtlane/channels/spsc_ring.hpp>

struct Sample {
  const int id;
  int value;
};
RTLANE_TYPE(Sample, id, value);

auto make()
{
  return rtlane::SpscRing<Sample>::in_memory(8);
}
