// The messages of a benchmark as elements of our channels.
#pragma once

#include <rtlane/channels/type_info.hpp>

#include "../peers/link.hpp"

namespace rtlane::bench {

using Message16 = Message<16>;
using Message48 = Message<48>;
using Message64 = Message<64>;
using Message256 = Message<256>;
using Message1024 = Message<1024>;

RTLANE_TYPE(Message16, number, words);
RTLANE_TYPE(Message48, number, words);
RTLANE_TYPE(Message64, number, words);
RTLANE_TYPE(Message256, number, words);
RTLANE_TYPE(Message1024, number, words);

}  // namespace rtlane::bench
