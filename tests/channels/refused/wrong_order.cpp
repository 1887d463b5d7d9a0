#include <rtlane/channels/type_info.hpp>

struct Sample {
  int first;
  int second;
};
RTLANE_TYPE(Sample, second, first);

const char* name_of_type()
{
  return rtlane::type_of<Sample>().name;
}
