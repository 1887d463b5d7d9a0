#include "output.hpp"

#include <gtest/gtest.h>

#include <ctime>

namespace rtlane::cli {
namespace {

TEST(Output, BytesAreExactWhereTheyAreAWholeNumberOfAUnit)
{
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(56), "56 B");
  EXPECT_EQ(bytes_text(4096), "4 KiB");
  EXPECT_EQ(bytes_text(2 << 20), "2 MiB");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text((5ULL << 30) + (1ULL << 29)), "5.5 GiB");
  EXPECT_EQ(bytes_text(1048577), "1.0 MiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16.0 EiB");
}

TEST(Output, DurationsHaveAUnitThatFits)
{
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(51'234), "51.2 us");
  EXPECT_EQ(duration_text(999'600), "1 ms");
  EXPECT_EQ(duration_text(1'340'000), "1.34 ms");
  EXPECT_EQ(duration_text(2'500'000'000), "2.5 s");
}

TEST(Output, AnAgeThatLiesAheadIsUnknown)
{
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t now_ns = now.tv_sec * std::int64_t{1'000'000'000};
  EXPECT_EQ(age_text(0), "?");
  EXPECT_EQ(age_text(now_ns + std::int64_t{3600} * 1'000'000'000), "?");
  EXPECT_EQ(age_text(now_ns - std::int64_t{3600} * 5 * 1'000'000'000), "5 h");
}

TEST(Output, TextOfOthersCannotDriveTheTerminal)
{
  EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a\\x1b[2Jb\\x0ac\\x7f");
  EXPECT_EQ(printable("csi \u009b31m"), "csi \\u009b31m");
  EXPECT_EQ(printable("turned \u202etxt.exe\u2069 \u061c\u200f"), "turned \\u202etxt.exe\\u2069 \\u061c\\u200f");
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\x9b31m");
}

TEST(Output, TextThatAnyoneMayShowStaysAsItIs)
{
  for (const char* text : {"robot/imu 7", "\u00e4\u00a0\u20ac\u65e5\u672c", "\U0001f916", "\U0010ffff"})
    EXPECT_EQ(printable(text), text);
}

TEST(Output, BytesThatAreNoUtf8AreSpelledOut)
{
  EXPECT_EQ(printable("a\xff\xfe"), "a\\xff\\xfe");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                                      // cut short
  EXPECT_EQ(printable("\xe2\x82-"), "\\xe2\\x82-");                           // cut short before more
  EXPECT_EQ(printable("\xc0\x9b\xe0\x82\x9b"), "\\xc0\\x9b\\xe0\\x82\\x9b");  // longer spellings of U+001B and U+009B
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");                    // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");           // beyond U+10FFFF
  EXPECT_EQ(printable("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
}

TEST(Output, WhatIsPrintableAlreadyIsNotChanged)
{
  const std::string once = printable("\x1b\u202e\xff");
  EXPECT_EQ(printable(once), once);
}

TEST(Output, ATableAlignsItsColumnsByCharactersNotBytes)
{
  EXPECT_EQ(table_text({{"NAME", "N"}, {"\xc3\xa4\xc3\xb6", "1"}, {"longer", "22"}}),
            "NAME    N\n\xc3\xa4\xc3\xb6      1\nlonger  22\n");
}

}  // namespace
}  // namespace rtlane::cli
