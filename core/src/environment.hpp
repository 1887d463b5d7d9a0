// Settings that come from the environment, checked.
#pragma once

#include <cstdint>

namespace rtlane::detail {

// The variable's text; nullptr when it is unset or empty, and in a set-user-ID or set-group-ID program, whose caller
// must not choose where it keeps its objects.
const char* environment_text(const char* variable) noexcept;

// Reads a decimal number. Returns 0 and stores it, or the fallback when there is no
// text; -EINVAL with a sentence when it is no number or out of [least, most].
int environment_number(const char* variable, std::uint64_t least, std::uint64_t most, std::uint64_t fallback,
                       std::uint64_t& value) noexcept;

inline constexpr std::uint64_t pool_unit_bytes = std::uint64_t{4} << 20;

// RTLANE_POOL_BYTES, 0 = no pool. -EINVAL when it is not a multiple of pool_unit_bytes.
int environment_pool_bytes(std::uint64_t& bytes) noexcept;

}  // namespace rtlane::detail
