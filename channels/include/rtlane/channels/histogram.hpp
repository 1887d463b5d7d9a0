// Counts durations in logarithmic buckets: fixed memory, no allocation, worst case kept exactly.
//
// Use it for latencies, where the tail matters and the range is wide. For a mean keep a sum beside it.
//
// Each power of two is cut into 32 buckets, so a percentile is stated as the upper bound of its
// bucket: never below the true value and at most 1/32 (3.2 %) above it; below 64 ns it is exact.
// Durations from 2^42 ns (73 minutes) upward share the last bucket, whose bound is max_ns(); that is exact for all.
// The idea of linear buckets within powers of two is that of HdrHistogram (Tene).
//
// One thread records; any other may read meanwhile, also in another process, where the histogram
// lies in shared memory (zero-filled memory is an empty one; the layout is fixed integers). A reader
// sees each word as of its own instant, so its percentiles may miss the records that are under way.
// Words are plain integers accessed as relaxed atomics: no word orders another, and none is read
// on the strength of another. Copy one that is being recorded to with snapshot(), not with =.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace rtlane {

class Histogram {
public:
  static constexpr unsigned precision_bits = 5;
  static constexpr unsigned range_bits = 42;
  static constexpr std::size_t bucket_count = (range_bits - precision_bits + 1) << precision_bits;

  // Counts one duration. Wait-free; no syscall. One thread only.
  void record(std::uint64_t ns) noexcept
  {
    add(counts_[bucket_of(ns)], 1);
    if (ns > read(max_))
      write(max_, ns);
  }

  // How many were recorded. 0 for an empty one.
  [[nodiscard]] std::uint64_t count() const noexcept
  {
    std::uint64_t sum = 0;
    for (const std::uint64_t& bucket : counts_)
      sum += read(bucket);
    return sum;
  }

  // The largest duration, exact; 0 when empty.
  [[nodiscard]] std::uint64_t max_ns() const noexcept { return read(max_); }

  // A duration that `percent` (0..100) of the records do not exceed: the upper bound of the bucket
  // in which that record lies, at most max_ns(). 0 when empty. Bounded: two passes over the buckets.
  [[nodiscard]] std::uint64_t percentile_ns(double percent) const noexcept
  {
    const std::uint64_t total = count();
    if (total == 0)
      return 0;
    const double wanted = std::ceil(static_cast<double>(total) * percent / 100.0);
    const std::uint64_t rank = wanted < 1.0                           ? 1
                               : wanted >= static_cast<double>(total) ? total
                                                                      : static_cast<std::uint64_t>(wanted);
    return rank_ns(rank).upper;
  }

  // Durations between which one lies, both included.
  struct Bounds {
    std::uint64_t lower = 0;
    std::uint64_t upper = 0;
  };

  // Of the record that is the rank-th when all are sorted, the smallest being the first; beyond the last it is the
  // largest. Bounded: one pass over the buckets.
  [[nodiscard]] Bounds rank_ns(std::uint64_t rank) const noexcept
  {
    const std::uint64_t largest = max_ns();
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      seen += read(counts_[i]);
      if (seen >= rank && seen > 0)
        return {lower_bound_ns(i), capped_bound_ns(i, largest)};
    }
    return {largest, largest};
  }

  // Calls f(bucket, count) for each bucket that is not empty, the shortest durations first.
  template <class F>
  void for_each_bucket(F&& f) const
  {
    for (std::size_t i = 0; i < bucket_count; ++i) {
      if (const std::uint64_t records = read(counts_[i]); records > 0)
        f(i, records);
    }
  }

  struct Bucket {
    std::uint64_t upper_bound_ns = 0;
    std::uint64_t count = 0;
  };

  // Takes over what for_each_bucket() and max_ns() of another one told, in that order. False, and nothing is changed,
  // when no histogram could have told it. One thread only.
  [[nodiscard]] bool restore(std::span<const Bucket> buckets, std::uint64_t max_ns) noexcept
  {
    Histogram restored;
    std::uint64_t total = 0;
    std::size_t end = 0;  // of the buckets that were seen
    for (const Bucket& bucket : buckets) {
      const std::size_t i = bucket_of(bucket.upper_bound_ns);
      if (i < end || upper_bound_ns(i) != bucket.upper_bound_ns || bucket.count == 0 ||
          bucket.count > UINT64_MAX - total)
        return false;
      restored.counts_[i] = bucket.count;
      total += bucket.count;
      end = i + 1;
    }
    if (total == 0 ? max_ns != 0 : bucket_of(max_ns) + 1 != end)
      return false;
    for (std::size_t i = 0; i < bucket_count; ++i)
      write(counts_[i], restored.counts_[i]);
    write(max_, max_ns);
    return true;
  }

  // Adds all records of other, which may be under way. One thread only.
  void merge(const Histogram& other) noexcept
  {
    for (std::size_t i = 0; i < bucket_count; ++i)
      add(counts_[i], read(other.counts_[i]));
    if (other.max_ns() > read(max_))
      write(max_, other.max_ns());
  }

  // A private copy of one that may be recorded to meanwhile.
  [[nodiscard]] Histogram snapshot() const noexcept
  {
    Histogram copy;
    copy.merge(*this);
    return copy;
  }

  // What was recorded since `earlier`, a snapshot of this one. max_ns() of the answer is the upper
  // bound of its highest bucket: the exact value is kept over all time only.
  [[nodiscard]] Histogram since(const Histogram& earlier) const noexcept
  {
    Histogram difference;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      const std::uint64_t now = read(counts_[i]);
      const std::uint64_t before = read(earlier.counts_[i]);
      if (now > before) {
        difference.counts_[i] = now - before;
        difference.max_ = capped_bound_ns(i, max_ns());
      }
    }
    return difference;
  }

  // The bucket of a duration, and the smallest and the largest duration that a bucket counts (the last one counts all
  // that are larger, too).
  [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t ns) noexcept
  {
    if (ns >= std::uint64_t{1} << range_bits)
      return bucket_count - 1;
    const auto width = static_cast<unsigned>(std::bit_width(ns));
    if (width <= precision_bits)
      return static_cast<std::size_t>(ns);
    const unsigned shift = width - 1 - precision_bits;
    return (static_cast<std::size_t>(shift) << precision_bits) + static_cast<std::size_t>(ns >> shift);
  }
  [[nodiscard]] static constexpr std::uint64_t upper_bound_ns(std::size_t bucket) noexcept
  {
    constexpr std::size_t per_power = std::size_t{1} << precision_bits;
    if (bucket < 2 * per_power)
      return bucket;
    const std::size_t shift = bucket / per_power - 1;
    const std::uint64_t lower = static_cast<std::uint64_t>(bucket - shift * per_power) << shift;
    return lower + (std::uint64_t{1} << shift) - 1;
  }
  [[nodiscard]] static constexpr std::uint64_t lower_bound_ns(std::size_t bucket) noexcept
  {
    return bucket == 0 ? 0 : upper_bound_ns(bucket - 1) + 1;
  }

private:
  // The largest duration that a bucket can hold when none is above `largest`.
  static constexpr std::uint64_t capped_bound_ns(std::size_t bucket, std::uint64_t largest) noexcept
  {
    return bucket + 1 < bucket_count && upper_bound_ns(bucket) < largest ? upper_bound_ns(bucket) : largest;
  }

  // relaxed: every word is a fact of its own; only the recording thread writes it, so no
  // read-modify-write is needed
  static std::uint64_t read(const std::uint64_t& word) noexcept
  {
    return std::atomic_ref<std::uint64_t>(const_cast<std::uint64_t&>(word)).load(std::memory_order_relaxed);
  }
  static void write(std::uint64_t& word, std::uint64_t value) noexcept
  {
    std::atomic_ref<std::uint64_t>(word).store(value, std::memory_order_relaxed);  // relaxed: as read()
  }
  static void add(std::uint64_t& word, std::uint64_t value) noexcept { write(word, read(word) + value); }

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t max_ = 0;
};

static_assert(std::is_trivially_copyable_v<Histogram> && std::is_standard_layout_v<Histogram>,
              "a histogram may lie in shared memory");
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free, "shared words must be plain machine words");
static_assert(Histogram::upper_bound_ns(Histogram::bucket_count - 1) ==
              (std::uint64_t{1} << Histogram::range_bits) - 1);
static_assert(Histogram::bucket_of(63) == 63 && Histogram::upper_bound_ns(Histogram::bucket_of(64)) == 65);

}  // namespace rtlane
