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
  EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
}

TEST(Output, ATableAlignsItsColumnsByCharactersNotBytes)
{
  EXPECT_EQ(table_text({{"NAME", "N"}, {"\xc3\xa4\xc3\xb6", "1"}, {"longer", "22"}}),
            "NAME    N\n\xc3\xa4\xc3\xb6      1\nlonger  22\n");
}

}  // namespace
}  // namespace rtlane::cli
