#include <rtlane/channels/type_info.hpp>

enum class Mode { idle, run };
struct Sample {
  Mode mode;
};
RTLANE_TYPE(Sample, mode);

const char* name_of_type()
{
  return rtlane::type_of<Sample>().name;
}

RTLANE_ENUM(Mode, idle, run);
