#include <rtlane/channels/type_info.hpp>

struct Inner {
  int number;
};
struct Outer {
  Inner inner;
};
RTLANE_TYPE(Outer, inner);

const char* name_of_type()
{
  return rtlane::type_of<Outer>().name;
}
