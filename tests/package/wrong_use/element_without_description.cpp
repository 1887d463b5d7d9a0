// error: this type is not described: add RTLANE_TYPE
#include <rtlane/channels/spsc_ring.hpp>

struct Point {
  int x;
  int y;
};
#ifdef RIGHT
RTLANE_TYPE(Point, x, y);
#endif

void use()
{
  auto ring = rtlane::SpscRing<Point>::create("name", 8);
}
