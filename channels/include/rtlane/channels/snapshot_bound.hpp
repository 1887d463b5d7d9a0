// How deep a snapshot must be so that no load is ever overtaken.
//
// The argument. A reader finds `latest` = n at time t and has copied until t + C. Its copy is worthless only if n + K
// was begun before t + C (K is the depth). n + 1 was not published at t, so it was begun after t - W, W being the
// time from the begin of a store to its publication. Stores begin at least P apart, so n + K begins after
// t - W + (K - 1) P. Hence no copy is overtaken when
//
//     (K - 1) P  >=  C + W
//
// and then every load succeeds at its first attempt. Without that promise a load still makes at most
// snapshot_attempts_max = 4 attempts of C each and then answers `busy`: each of the four had K - 1 values published
// within it. Four, because when the promise holds but for an interruption (a reader kept from running for longer than
// was said), each attempt that is overtaken takes an interruption of its own of about (K - 1) P.
//
// P is the shortest distance, not the mean: a writer that catches up after a delay stores in a burst. C and W are
// modelled as fixed + lines x line_ns + interruption_ns, alike for both sides.
#pragma once

#include <cstdint>

namespace rtlane {

// What a copy of a value may take. The defaults are cautious for lines that come from another socket and for ordinary
// threads of a Linux that is not tuned; measure your own with `rtlane-bench noise`.
struct SnapshotCopyTime {
  std::uint64_t fixed_ns = 500;               // the lines of `latest` and of the slot's number
  std::uint64_t line_ns = 150;                // each 64 bytes, one after the other
  std::uint64_t interruption_ns = 1'000'000;  // longest time that a thread may be kept from running within it

  [[nodiscard]] constexpr std::uint64_t of(std::uint64_t value_bytes) const noexcept
  {
    return fixed_ns + (value_bytes + 63) / 64 * line_ns + interruption_ns;
  }
};

inline constexpr std::uint64_t snapshot_depth_max = std::uint64_t{1} << 20;

// Whether no load of a snapshot of that depth is ever overtaken. Sizes up to 2^32, times up to 2^40 ns.
[[nodiscard]] constexpr bool snapshot_never_overtaken(std::uint64_t depth, std::uint64_t value_bytes,
                                                      std::uint64_t writer_period_ns,
                                                      const SnapshotCopyTime& copy = {}) noexcept
{
  return depth >= 2 && (depth - 1) * writer_period_ns >= 2 * copy.of(value_bytes);
}

// The smallest such depth, a power of two; snapshot_depth_max when none is (then snapshot_never_overtaken says no).
[[nodiscard]] constexpr std::uint64_t snapshot_depth(std::uint64_t value_bytes, std::uint64_t writer_period_ns,
                                                     const SnapshotCopyTime& copy = {}) noexcept
{
  std::uint64_t depth = 2;
  while (depth < snapshot_depth_max && !snapshot_never_overtaken(depth, value_bytes, writer_period_ns, copy))
    depth *= 2;
  return depth;
}

}  // namespace rtlane
