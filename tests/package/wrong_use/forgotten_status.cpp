// error: ignoring return value|ignoring returned value
#include <rtlane/channels/spsc_ring.hpp>

void use(rtlane::SpscRing<int>::Producer& producer)
{
#ifdef RIGHT
  if (producer.try_push(1) != rtlane::Status::ok)
    return;
#else
  producer.try_push(1);
#endif
}
