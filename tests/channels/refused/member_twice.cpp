#include <rtlane/channels/type_info.hpp>

struct Sample {
  int first;
  int second;
};
RTLANE_TYPE(Sample, first, first);
