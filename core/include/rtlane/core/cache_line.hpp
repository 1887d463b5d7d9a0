// The distance kept between words that different threads write.
//
// 128 and not 64: x86 prefetches the neighbour of a line, and some aarch64 parts have lines of 128
// bytes. Never std::hardware_destructive_interference_size in a shared layout: it changes with the
// compiler's tuning flags, so two programs could disagree about where a word is.
#pragma once

#include <cstddef>

namespace rtlane {

inline constexpr std::size_t cache_line_bytes = 128;

}  // namespace rtlane
