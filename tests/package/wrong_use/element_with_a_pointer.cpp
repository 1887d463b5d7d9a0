// error: a pointer or reference has no meaning in another process
#include <rtlane/channels/spsc_ring.hpp>

struct Node {
#ifdef RIGHT
  unsigned next;
#else
  Node* next;
#endif
  int value;
};
RTLANE_TYPE(Node, next, value);

void use()
{
  auto ring = rtlane::SpscRing<Node>::create("name", 8);
}
