// HdrHistogram's interval logs, .hlog: lines of a tag, a time, a length, a maximum and a compressed histogram, which
// its readers (Java, C, JavaScript, ...) add up, cut and plot.
#pragma once

#include <rtlane/channels/histogram.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rtlane::bench {

// The lines before the first histogram: log format 1.3, times relative to that one.
std::string hlog_head(std::int64_t start_unix_s);

// One histogram of ns, from start_s on for length_s. The maximum is in ms, as HdrHistogram's own writer has it. The tag
// may hold neither commas nor blanks nor line ends; "" for none.
std::string hlog_line(std::string_view tag, double start_s, double length_s, const Histogram& histogram);

// The V2 encoding, compressed by zlib and in base64. A reader whose counters have 32 bits, as those of hdr-histogram-js
// unless it is told otherwise, cannot hold more than 2^31 - 1 records in a bucket.
std::string hlog_histogram(const Histogram& histogram);

}  // namespace rtlane::bench
