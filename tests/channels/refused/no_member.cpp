#include <rtlane/channels/type_info.hpp>

struct Sample {};
RTLANE_TYPE(Sample);
