// error: ignoring return value|ignoring returned value
#include <rtlane/core/event.hpp>

void use(rtlane::Event& event)
{
#ifdef RIGHT
  if (!event.wait())
    return;
#else
  event.wait();
#endif
}
