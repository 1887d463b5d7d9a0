#include <rtlane/channels/type_info.hpp>

struct Sample {
  __int128 value;
};
RTLANE_TYPE(Sample, value);

const char* name_of_type()
{
  return rtlane::type_of<Sample>().name;
}
