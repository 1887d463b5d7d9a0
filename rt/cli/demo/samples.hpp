// What the sensor streams. 56 bytes each, so that an element and its sequence word share one cache
// line. A sample names its place in the stream and carries a checksum: `lost` and `torn` are then
// counted from the samples themselves and do not rest on the ring's own word.
#pragma once

#include <rtlane/channels/type_info.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rtlane::demo {

// From a recording (--imu).
struct ImuSample {
  std::uint64_t sequence;  // 0, 1, 2 ...
  std::int64_t sent_ns;    // CLOCK_MONOTONIC, just before it was published
  double time_s;           // in the recording
  float gyro_deg_s[3];
  float accel_g[3];
  std::uint64_t checksum;
};
RTLANE_TYPE(ImuSample, sequence, RTLANE_UNIT(sent_ns, "ns"), RTLANE_UNIT(time_s, "s"), RTLANE_UNIT(gyro_deg_s, "deg/s"),
            RTLANE_UNIT(accel_g, "g"), checksum);

// From the live source: how well the sensor's own tick began on time.
struct HostSample {
  std::uint64_t sequence;
  std::int64_t sent_ns;
  std::int64_t due_ns;     // when the tick had to begin
  std::int64_t late_ns;    // how much later it began
  std::int64_t wake_ns;    // how much later than asked the sleep ended
  std::int64_t margin_ns;  // how much before due_ns the sleep had to end
  std::uint64_t checksum;
};
RTLANE_TYPE(HostSample, sequence, RTLANE_UNIT(sent_ns, "ns"), RTLANE_UNIT(due_ns, "ns"), RTLANE_UNIT(late_ns, "ns"),
            RTLANE_UNIT(wake_ns, "ns"), RTLANE_UNIT(margin_ns, "ns"), checksum);

static_assert(sizeof(ImuSample) == 56 && sizeof(HostSample) == 56, "no padding: the checksum covers every byte");

// FNV-1a over all that comes before the checksum, a word at a time.
template <class Sample>
std::uint64_t checksum_of(const Sample& sample) noexcept
{
  static_assert(offsetof(Sample, checksum) == sizeof(Sample) - 8 && sizeof(Sample) % 8 == 0);
  std::uint64_t words[sizeof(Sample) / 8 - 1];
  std::memcpy(words, &sample, sizeof words);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint64_t word : words) {
    hash = (hash ^ word) * 0x100000001b3;
    hash ^= hash >> 32;  // a product carries only upward: bring the high bits back down
  }
  return hash;
}

}  // namespace rtlane::demo
