#include "hgrm.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "hdr_layout.hpp"

namespace rtlane::bench {
namespace {

constexpr int ticks_per_half_distance = 5;

struct Bucket {
  double lowest;
  double highest;
  double width;
  double count;
};

std::vector<Bucket> buckets_of(const Histogram& histogram)
{
  std::vector<Bucket> buckets;
  hdr::for_each_bucket(histogram, [&](std::uint64_t index, std::uint64_t count) {
    const auto lowest = static_cast<double>(hdr::lowest_of(index));
    const auto highest = static_cast<double>(hdr::highest_of(index));
    buckets.push_back({lowest, highest, highest - lowest + 1, static_cast<double>(count)});
  });
  return buckets;
}

double median_equivalent(const Bucket& bucket)
{
  return bucket.lowest + std::floor(bucket.width / 2);
}

// The percentile after this one: a fifth of the way that was left at the last halving.
double next_level(double level)
{
  const double ticks = ticks_per_half_distance * std::exp2(std::ilogb(100 / (100 - level)) + 1);
  return level + 100 / ticks;
}

std::string line(const Bucket& bucket, double level, double count)
{
  std::string text = fmt::format("{:>12} {:>2} {:>10}", fixed_text(bucket.highest, hdr::significant_digits),
                                 fixed_text(level / 100, 12), fixed_text(count, 0));
  if (level < 100)
    text += fmt::format(" {:>14}", fixed_text(1 / (1 - level / 100), 2));
  return text + "\n";
}

// Each level is told at the first bucket that reaches it, then 100 % at the last.
std::string lines(const std::vector<Bucket>& buckets, double total)
{
  std::string text;
  double level = 0;
  double seen = 0;
  for (const Bucket& bucket : buckets) {
    seen += bucket.count;
    while (100 * seen / total >= level) {
      text += line(bucket, level, seen);
      if (seen >= total)
        return level < 100 ? text + line(bucket, 100, seen) : text;
      const double next = next_level(level);
      if (!(next > level))
        break;  // so many samples that a double does not tell this level from 100 %
      level = next;
    }
  }
  return text;
}

}  // namespace

std::string fixed_text(double value, int digits)
{
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value), std::chars_format::scientific).ptr;
  const std::string shortest(buffer.data(), end);
  const std::size_t e = shortest.find('e');
  const int exponent = std::atoi(shortest.c_str() + e + 1);
  std::string mantissa = shortest.substr(0, e);
  std::erase(mantissa, '.');

  // number is |value| * 10^digits, cut off behind the point.
  const int kept = exponent + 1 + digits;  // digits of the mantissa that are part of it
  const bool up =
      kept >= 0 && kept < static_cast<int>(mantissa.size()) && mantissa[static_cast<std::size_t>(kept)] >= '5';
  std::string number = kept > 0 ? mantissa.substr(0, static_cast<std::size_t>(kept)) : "";
  if (kept > static_cast<int>(number.size()))
    number.append(static_cast<std::size_t>(kept) - number.size(), '0');
  if (number.size() <= static_cast<std::size_t>(digits))
    number.insert(0, static_cast<std::size_t>(digits) + 1 - number.size(), '0');
  if (up) {
    std::size_t i = number.size();
    while (i > 0 && number[i - 1] == '9')
      number[--i] = '0';
    if (i == 0)
      number.insert(0, 1, '1');
    else
      ++number[i - 1];
  }
  if (digits > 0)
    number.insert(number.size() - static_cast<std::size_t>(digits), 1, '.');
  return value < 0 ? "-" + number : number;
}

std::string hgrm_text(const Histogram& histogram)
{
  const std::vector<Bucket> buckets = buckets_of(histogram);
  double total = 0;
  double sum = 0;
  for (const Bucket& bucket : buckets) {
    total += bucket.count;
    sum += median_equivalent(bucket) * bucket.count;
  }
  const double mean = total > 0 ? sum / total : 0;
  double squares = 0;
  for (const Bucket& bucket : buckets) {
    const double deviation = median_equivalent(bucket) - mean;
    squares += deviation * deviation * bucket.count;
  }
  const double standard_deviation = total > 0 ? std::sqrt(squares / total) : 0;
  const double max = buckets.empty() ? 0 : buckets.back().highest;
  const auto number = [](double value) { return fixed_text(value, hdr::significant_digits); };
  return "       Value     Percentile TotalCount 1/(1-Percentile)\n\n" + lines(buckets, total) +
         fmt::format(
             "#[Mean    = {:>12}, StdDeviation   = {:>12}]\n"
             "#[Max     = {:>12}, Total count    = {:>12}]\n"
             "#[Buckets = {:>12}, SubBuckets     = {:>12}]\n",
             number(mean), number(standard_deviation), number(max), fixed_text(total, 0),
             hdr::bucket_count(hdr::highest_trackable(histogram.max_ns())), hdr::sub_bucket_count);
}

}  // namespace rtlane::bench
