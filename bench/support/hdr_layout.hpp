// Our histograms as those of HdrHistogram (Tene), which cut a power of two into 2^k buckets for some numbers of
// significant decimal digits: 16 buckets for one digit, 128 for two, 1024 for three. None has our 32.
//
// Two digits it is, and a unit of 1 ns. Then each of our buckets is 4 of theirs (or, below 256 ns, as many as it has
// values), cut at the same places, and all its records are told as its upper bound. That value is the highest of the
// last of those 4, so what their readers state of it, highestEquivalentValue, is exactly our bound: every percentile is
// what Histogram::percentile_ns() says. As there, the bound of the highest bucket is the maximum, if that is less; it
// lies in one of the 4, whose upper bound is at most 1/128 above it. Their mean takes the middle of such a bucket of
// theirs, so it is up to 3 % too large, as our percentiles are.
#pragma once

#include <rtlane/channels/histogram.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace rtlane::bench::hdr {

inline constexpr unsigned significant_digits = 2;
inline constexpr unsigned half_bits = 7;
inline constexpr std::uint64_t half_count = std::uint64_t{1} << half_bits;  // buckets of a power of two
inline constexpr std::uint64_t sub_bucket_count = 2 * half_count;

// What all of theirs have to be able to hold, so that logs can be added up: our whole range, or a maximum beyond it.
constexpr std::uint64_t highest_trackable(std::uint64_t max_ns)
{
  const std::uint64_t range = (std::uint64_t{1} << Histogram::range_bits) - 1;
  return max_ns > range ? max_ns : range;
}

constexpr std::uint64_t index_of(std::uint64_t value)
{
  const auto shift = static_cast<unsigned>(std::bit_width(value | (sub_bucket_count - 1))) - half_bits - 1;
  return (std::uint64_t{shift} + 1) * half_count + (value >> shift) - half_count;
}

constexpr unsigned shift_of(std::uint64_t index)
{
  return index < sub_bucket_count ? 0 : static_cast<unsigned>(index / half_count) - 1;
}

constexpr std::uint64_t lowest_of(std::uint64_t index)
{
  return (index - std::uint64_t{shift_of(index)} * half_count) << shift_of(index);
}

constexpr std::uint64_t highest_of(std::uint64_t index)
{
  return lowest_of(index) + (std::uint64_t{1} << shift_of(index)) - 1;
}

// "Buckets" of theirs are powers of two.
constexpr unsigned bucket_count(std::uint64_t highest_trackable_value)
{
  return static_cast<unsigned>(std::bit_width(highest_trackable_value | (sub_bucket_count - 1))) - half_bits;
}

static_assert(index_of(0) == 0 && index_of(255) == 255 && index_of(256) == 256 && index_of(257) == 256);
static_assert(highest_of(index_of(1000)) == 1003 && lowest_of(index_of(1000)) == 1000);
static_assert(bucket_count(255) == 1 && bucket_count(256) == 2);

// Calls f(index, count) for each bucket of theirs that is not empty, in order.
template <class F>
void for_each_bucket(const Histogram& histogram, F&& f)
{
  const std::uint64_t max_ns = histogram.max_ns();
  histogram.for_each_bucket([&](std::size_t bucket, std::uint64_t count) {
    const std::uint64_t bound = Histogram::upper_bound_ns(bucket);
    f(index_of(bucket + 1 < Histogram::bucket_count && bound < max_ns ? bound : max_ns), count);
  });
}

}  // namespace rtlane::bench::hdr
