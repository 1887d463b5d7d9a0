#include <rtlane/channels/type_info.hpp>

struct Named {
  int number;
  const char* name;
};
RTLANE_TYPE(Named, number, name);

const char* name_of_type()
{
  return rtlane::type_of<Named>().name;
}
