#include <rtlane/channels/type_info.hpp>

struct Sample {
  int first;
  int second;  // fits into what could be padding
  double third;
};
RTLANE_TYPE(Sample, first, third);
