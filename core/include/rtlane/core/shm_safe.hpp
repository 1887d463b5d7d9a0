// Which types may lie in shared memory.
#pragma once

#include <type_traits>

namespace rtlane {

// May be copied byte by byte between processes. That it holds no pointers cannot be asked of a type:
// RTLANE_TYPE (rtlane/channels/type_info.hpp) refuses pointer members when it describes one.
template <class T>
concept ShmSafe = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && !std::is_pointer_v<T> &&
                  !std::is_member_pointer_v<T> && !std::is_reference_v<T>;

}  // namespace rtlane
