#include "hlog.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <ctime>
#include <stdexcept>

#include "hdr_layout.hpp"
#include "hgrm.hpp"

namespace rtlane::bench {
namespace {

// Big-endian, as Java writes.
template <class Number>
void put(std::string& bytes, Number value)
{
  for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> shift & 0xff);
}

// ZigZag LEB128, of which a ninth byte has 8 bits. A count is itself, a run of n empty buckets is -n.
void put_variable(std::string& bytes, std::int64_t value)
{
  auto rest = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (int i = 0; i < 8 && rest >= 0x80; ++i) {
    bytes += static_cast<char>((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes += static_cast<char>(rest);
}

std::string counts_of(const Histogram& histogram)
{
  std::string bytes;
  std::uint64_t next = 0;  // the bucket that comes
  hdr::for_each_bucket(histogram, [&](std::uint64_t index, std::uint64_t count) {
    if (index > next)
      put_variable(bytes, index - next == 1 ? 0 : -static_cast<std::int64_t>(index - next));
    put_variable(bytes, static_cast<std::int64_t>(count));
    next = index + 1;
  });
  return bytes;
}

std::string encoded(const Histogram& histogram)
{
  const std::string counts = counts_of(histogram);
  std::string bytes;
  put<std::uint32_t>(bytes, 0x1c849313);  // V2
  put(bytes, static_cast<std::uint32_t>(counts.size()));
  put<std::uint32_t>(bytes, 0);  // normalizing index offset
  put<std::uint32_t>(bytes, hdr::significant_digits);
  put<std::uint64_t>(bytes, 1);  // lowest discernible value
  put(bytes, hdr::highest_trackable(histogram.max_ns()));
  put(bytes, std::bit_cast<std::uint64_t>(1.0));  // integer to double conversion ratio
  return bytes + counts;
}

std::string compressed(const std::string& bytes)
{
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string small(size, '\0');
  if (compress(reinterpret_cast<Bytef*>(small.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
               static_cast<uLong>(bytes.size())) != Z_OK)
    throw std::runtime_error("zlib has no memory to compress a histogram");
  small.resize(size);
  return small;
}

std::string base64(const std::string& bytes)
{
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      group = group << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    for (int shift = 18; shift >= 0; shift -= 6)
      text += digits[group >> shift & 0x3f];
  }
  const std::size_t missing = (3 - bytes.size() % 3) % 3;
  return text.replace(text.size() - missing, missing, missing, '=');
}

}  // namespace

std::string hlog_head(std::int64_t start_unix_s)
{
  const std::time_t start = start_unix_s;
  std::tm utc{};
  gmtime_r(&start, &utc);
  return fmt::format(
      "#[Values in ns, Interval_Max in ms]\n"
      "#[Histogram log format version 1.3]\n"
      "#[StartTime: {0}.000 (seconds since epoch), {1:%Y-%m-%dT%H:%M:%SZ}]\n"
      "#[BaseTime: {0}.000 (seconds since epoch)]\n"
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      start_unix_s, utc);
}

std::string hlog_histogram(const Histogram& histogram)
{
  const std::string small = compressed(encoded(histogram));
  std::string bytes;
  put<std::uint32_t>(bytes, 0x1c849314);  // V2, compressed
  put(bytes, static_cast<std::uint32_t>(small.size()));
  return base64(bytes + small);
}

std::string hlog_line(std::string_view tag, double start_s, double length_s, const Histogram& histogram)
{
  return fmt::format("{}{}{}{},{},{},{}\n", tag.empty() ? "" : "Tag=", tag, tag.empty() ? "" : ",",
                     fixed_text(start_s, 3), fixed_text(length_s, 3),
                     fixed_text(static_cast<double>(histogram.max_ns()) / 1e6, 3), hlog_histogram(histogram));
}

}  // namespace rtlane::bench
