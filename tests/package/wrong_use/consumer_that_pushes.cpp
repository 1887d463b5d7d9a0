// error: has no member named .try_push
#include <rtlane/channels/spsc_ring.hpp>

int use(rtlane::SpscRing<int>::Consumer& consumer)
{
  int value = 0;
#ifdef RIGHT
  return consumer.try_pop(value) == rtlane::Status::ok ? value : 0;
#else
  return consumer.try_push(value) == rtlane::Status::ok ? value : 0;
#endif
}
