#include "demo/intake.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace rtlane::demo {
namespace {

ImuSample numbered(std::uint64_t sequence)
{
  ImuSample sample{};
  sample.sequence = sequence;
  sample.time_s = 0.01 * static_cast<double>(sequence);
  sample.checksum = checksum_of(sample);
  return sample;
}

TEST(Intake, AWholeStreamIsReceivedAndNothingElseIsCounted)
{
  Intake intake;
  for (std::uint64_t i = 0; i < 100; ++i)
    EXPECT_TRUE(intake.accept(numbered(i)));
  EXPECT_EQ(intake.received, 100u);
  EXPECT_EQ(intake.lost + intake.doubled + intake.torn, 0u);
}

TEST(Intake, AGapIsCountedAsSoManyLost)
{
  Intake intake;
  EXPECT_TRUE(intake.accept(numbered(0)));
  EXPECT_TRUE(intake.accept(numbered(4)));
  EXPECT_EQ(intake.lost, 3u);
  EXPECT_EQ(intake.received, 2u);
}

TEST(Intake, TheFirstSamplesMayBeMissingToo)
{
  Intake intake;
  EXPECT_TRUE(intake.accept(numbered(2)));
  EXPECT_EQ(intake.lost, 2u);
}

TEST(Intake, ASampleThatComesAgainIsDoubledAndNotUsed)
{
  Intake intake;
  EXPECT_TRUE(intake.accept(numbered(0)));
  EXPECT_TRUE(intake.accept(numbered(1)));
  EXPECT_FALSE(intake.accept(numbered(0)));
  EXPECT_EQ(intake.doubled, 1u);
  EXPECT_EQ(intake.received, 2u);
}

TEST(Intake, ASampleOfTwoHalvesIsTornWhereverTheyMeet)
{
  const ImuSample older = numbered(7);
  ImuSample newer = numbered(9);
  newer.gyro_deg_s[2] = 1.5f;
  newer.accel_g[1] = -0.25f;
  newer.checksum = checksum_of(newer);
  for (std::size_t cut = 8; cut < sizeof newer; cut += 8) {
    ImuSample mixed = older;
    std::memcpy(&mixed, &newer, cut);
    if (std::memcmp(&mixed, &newer, sizeof mixed) == 0)
      continue;
    Intake intake;
    intake.next = 7;
    EXPECT_FALSE(intake.accept(mixed)) << cut;
    EXPECT_EQ(intake.torn, 1u) << cut;
  }
}

TEST(Intake, EveryFlippedBitIsSeen)
{
  for (std::size_t bit = 0; bit < sizeof(HostSample) * 8; ++bit) {
    HostSample sample{};
    sample.due_ns = 123456789;
    sample.wake_ns = 4711;
    sample.checksum = checksum_of(sample);
    auto* bytes = reinterpret_cast<unsigned char*>(&sample);
    bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ (1u << bit % 8));
    Intake intake;
    ASSERT_FALSE(intake.accept(sample)) << "bit " << bit;
    ASSERT_EQ(intake.torn, 1u);
  }
}

TEST(Intake, ATornSampleTakesThePlaceOfTheOneThatWasDue)
{
  Intake intake;
  EXPECT_TRUE(intake.accept(numbered(0)));
  ImuSample broken = numbered(1);
  broken.checksum ^= 1;
  EXPECT_FALSE(intake.accept(broken));
  EXPECT_TRUE(intake.accept(numbered(2)));
  EXPECT_EQ(intake.lost, 0u);
  EXPECT_EQ(intake.torn, 1u);
}

}  // namespace
}  // namespace rtlane::demo
