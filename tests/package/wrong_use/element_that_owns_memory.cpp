// error: constraint|ShmSafe
#include <rtlane/channels/spsc_ring.hpp>

#include <string>

struct Label {
#ifdef RIGHT
  char text[16];
#else
  std::string text;
#endif
};
#ifdef RIGHT
RTLANE_TYPE(Label, text);
#endif

void use()
{
  auto ring = rtlane::SpscRing<Label>::create("name", 8);
}
