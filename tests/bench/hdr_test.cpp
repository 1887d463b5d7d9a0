// Our histograms in the layout of HdrHistogram, its percentile text and its log, without its code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/hdr_layout.hpp"
#include "support/hgrm.hpp"
#include "support/hlog.hpp"

namespace rtlane::bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(HdrLayout, StatesEveryOneOfOurBoundsExactly)
{
  for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
    const std::uint64_t bound = Histogram::upper_bound_ns(bucket);
    const std::uint64_t index = hdr::index_of(bound);
    ASSERT_EQ(hdr::highest_of(index), bound);
    // theirs do not reach into the next or the last of ours
    ASSERT_GE(hdr::lowest_of(index), Histogram::lower_bound_ns(bucket));
    ASSERT_EQ(hdr::index_of(hdr::lowest_of(index)), index);
    ASSERT_EQ(hdr::index_of(bound + 1), index + 1);
  }
}

TEST(HdrLayout, ABoundAboveTheMaximumIsTheMaximum)
{
  for (const std::uint64_t max_ns : {std::uint64_t{1'000'000}, std::uint64_t{1} << 50}) {
    Histogram histogram;
    histogram.record(10);
    histogram.record(max_ns);
    std::vector<std::uint64_t> indexes;
    hdr::for_each_bucket(histogram, [&](std::uint64_t index, std::uint64_t) { indexes.push_back(index); });
    ASSERT_EQ(indexes.size(), 2u);
    EXPECT_LE(hdr::lowest_of(indexes[1]), max_ns);
    EXPECT_GE(hdr::highest_of(indexes[1]), max_ns);
    EXPECT_LE(hdr::highest_of(indexes[1]) - max_ns, max_ns / 128);
  }
}

TEST(FixedText, RoundsTheShortestDecimalNumberHalvesAway)
{
  const std::pair<std::pair<double, int>, const char*> cases[] = {
      {{0, 2}, "0.00"},
      {{1, 2}, "1.00"},
      {{1234.5, 2}, "1234.50"},
      {{1.005, 2}, "1.01"},
      {{0.125, 2}, "0.13"},
      {{0.124999, 2}, "0.12"},
      {{0.005, 2}, "0.01"},
      {{0.0049, 2}, "0.00"},
      {{0.004, 3}, "0.004"},
      {{9.995, 2}, "10.00"},
      {{99.999, 2}, "100.00"},
      {{0.96, 1}, "1.0"},
      {{1e15, 0}, "1000000000000000"},
      {{123456789, 0}, "123456789"},
      {{1e-9, 2}, "0.00"},
      {{2.5, 0}, "3"},
      {{-1.005, 2}, "-1.01"},
      {{0.9999999999995, 12}, "1.000000000000"},
  };
  for (const auto& [number, text] : cases)
    EXPECT_EQ(fixed_text(number.first, number.second), text);
}

Histogram some()
{
  Histogram histogram;
  for (int i = 0; i < 90; ++i)
    histogram.record(100);
  for (int i = 0; i < 9; ++i)
    histogram.record(1'000);
  histogram.record(1'234'567);
  return histogram;
}

// What hdr-histogram-js 3.0.1 printed for the log of some().
constexpr char some_hgrm[] = R"(       Value     Percentile TotalCount 1/(1-Percentile)

      101.00 0.000000000000         90           1.00
      101.00 0.100000000000         90           1.11
      101.00 0.200000000000         90           1.25
      101.00 0.300000000000         90           1.43
      101.00 0.400000000000         90           1.67
      101.00 0.500000000000         90           2.00
      101.00 0.550000000000         90           2.22
      101.00 0.600000000000         90           2.50
      101.00 0.650000000000         90           2.86
      101.00 0.700000000000         90           3.33
      101.00 0.750000000000         90           4.00
      101.00 0.775000000000         90           4.44
      101.00 0.800000000000         90           5.00
      101.00 0.825000000000         90           5.71
      101.00 0.850000000000         90           6.67
      101.00 0.875000000000         90           8.00
      101.00 0.887500000000         90           8.89
      101.00 0.900000000000         90          10.00
     1007.00 0.912500000000         99          11.43
     1007.00 0.925000000000         99          13.33
     1007.00 0.937500000000         99          16.00
     1007.00 0.943750000000         99          17.78
     1007.00 0.950000000000         99          20.00
     1007.00 0.956250000000         99          22.86
     1007.00 0.962500000000         99          26.67
     1007.00 0.968750000000         99          32.00
     1007.00 0.971875000000         99          35.56
     1007.00 0.975000000000         99          40.00
     1007.00 0.978125000000         99          45.71
     1007.00 0.981250000000         99          53.33
     1007.00 0.984375000000         99          64.00
     1007.00 0.985937500000         99          71.11
     1007.00 0.987500000000         99          80.00
     1007.00 0.989062500000         99          91.43
  1236991.00 0.990625000000        100         106.67
  1236991.00 1.000000000000        100
#[Mean    =     12510.40, StdDeviation   =    122653.64]
#[Max     =   1236991.00, Total count    =          100]
#[Buckets =           35, SubBuckets     =          256]
)";

TEST(Hgrm, IsTheTextThatHdrHistogramPrints)
{
  EXPECT_EQ(hgrm_text(some()), some_hgrm);
}

TEST(Hgrm, OfNothingHasNoLineButTheFooter)
{
  EXPECT_EQ(hgrm_text(Histogram()),
            "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
            "#[Mean    =         0.00, StdDeviation   =         0.00]\n"
            "#[Max     =         0.00, Total count    =            0]\n"
            "#[Buckets =           35, SubBuckets     =          256]\n");
}

// ---- the log, read back by hand

std::string decoded_base64(const std::string& text)
{
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  return bytes;
}

std::uint64_t big_endian(const std::string& bytes, std::size_t at, std::size_t size)
{
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + size; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes.at(i));
  return value;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> counts_in(const std::string& payload, std::size_t at)
{
  std::vector<std::pair<std::uint64_t, std::uint64_t>> counts;
  std::uint64_t index = 0;
  while (at < payload.size()) {
    std::uint64_t zigzag = 0;
    for (unsigned i = 0; i < 9; ++i) {
      const std::uint64_t byte = static_cast<unsigned char>(payload.at(at++));
      zigzag |= (i < 8 ? byte & 0x7f : byte) << (7 * i);
      if (i < 8 && byte < 0x80)
        break;
    }
    const std::int64_t value = static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1);
    if (value > 0)
      counts.emplace_back(index, value);
    index += value < 0 ? static_cast<std::uint64_t>(-value) : 1;
  }
  return counts;
}

TEST(Hlog, HoldsEveryBucket)
{
  Histogram many;
  const Histogram::Bucket buckets[] = {
      {0, 1}, {1, 1}, {3, 63}, {63, 64}, {65, 8191}, {127, 8192}, {1'048'575, (std::uint64_t{1} << 53) - 1}};
  ASSERT_TRUE(many.restore(buckets, 1'040'000));
  for (const Histogram& histogram : {Histogram(), some(), many}) {
    const std::string outer = decoded_base64(hlog_histogram(histogram));
    EXPECT_EQ(big_endian(outer, 0, 4), 0x1c849314u);
    EXPECT_EQ(big_endian(outer, 4, 4), outer.size() - 8);
    std::string payload(10'000, '\0');
    uLongf size = payload.size();
    ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(payload.data()), &size,
                         reinterpret_cast<const Bytef*>(outer.data() + 8), outer.size() - 8),
              Z_OK);
    payload.resize(size);
    EXPECT_EQ(big_endian(payload, 0, 4), 0x1c849313u);
    EXPECT_EQ(big_endian(payload, 4, 4), payload.size() - 40);
    EXPECT_EQ(big_endian(payload, 8, 4), 0u);
    EXPECT_EQ(big_endian(payload, 12, 4), 2u);
    EXPECT_EQ(big_endian(payload, 16, 8), 1u);
    EXPECT_EQ(big_endian(payload, 24, 8), (std::uint64_t{1} << 42) - 1);
    EXPECT_EQ(big_endian(payload, 32, 8), 0x3ff0000000000000u);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> expected;
    hdr::for_each_bucket(histogram,
                         [&](std::uint64_t index, std::uint64_t count) { expected.emplace_back(index, count); });
    EXPECT_EQ(counts_in(payload, 40), expected);
  }
}

TEST(Hlog, HasAHeadAndTaggedLines)
{
  EXPECT_EQ(hlog_head(1'764'100'800),
            "#[Values in ns, Interval_Max in ms]\n"
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: 1764100800.000 (seconds since epoch), 2025-11-25T20:00:00Z]\n"
            "#[BaseTime: 1764100800.000 (seconds since epoch)]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n");
  EXPECT_THAT(hlog_line("rtlane_spsc", 0, 12.5, some()), StartsWith("Tag=rtlane_spsc,0.000,12.500,1.235,HISTF"));
  EXPECT_THAT(hlog_line("", 0, 12.5, some()), StartsWith("0.000,12.500,1.235,HISTF"));
}

}  // namespace
}  // namespace rtlane::bench
