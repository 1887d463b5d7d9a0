// error: use of deleted function
#include <rtlane/channels/spsc_ring.hpp>

using Producer = rtlane::SpscRing<int>::Producer;

Producer use(Producer& producer)
{
#ifdef RIGHT
  return std::move(producer);
#else
  return producer;
#endif
}
