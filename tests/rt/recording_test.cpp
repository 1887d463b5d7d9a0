#include "demo/recording.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>

#include "recordings.hpp"

namespace rtlane::demo {
namespace {

using test::recording_header;
using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const std::string& text)
{
  const auto rows = parse_recording(text, "f.csv");
  return rows ? "accepted" : rows.error().message;
}

std::string with(const std::string& text, const std::string& old, const std::string& replacement)
{
  std::string changed = text;
  changed.replace(changed.find(old), old.size(), replacement);
  return changed;
}

TEST(Recording, ColumnsAreFoundByNameInAnyOrderAmongOthers)
{
  const auto rows = parse_recording(
      "Magnetometer X (uT), Accelerometer Z (g) ,accelerometer y (g),Accelerometer X (g),GYROSCOPE Z (deg/s),"
      "Gyroscope Y (deg/s),\"Gyroscope X (deg/s)\",Time (s)\r\n"
      "15.3,1.5,0.25,-0.5,3,2,1,0.125\r\n"
      "15.3,6,5,4,9,8,7,1e3\r\n\r\n",
      "f.csv");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].time_s, 0.125);
  EXPECT_THAT((*rows)[0].gyro_deg_s, testing::ElementsAre(1, 2, 3));
  EXPECT_THAT((*rows)[0].accel_g, testing::ElementsAre(-0.5f, 0.25f, 1.5f));
  EXPECT_EQ((*rows)[1].time_s, 1000.0);
}

TEST(Recording, OtherUnitsAreConverted)
{
  const auto rows = parse_recording(
      "Time (ms),Gyroscope X (rad/s),Gyroscope Y (rad/s),Gyroscope Z (rad/s),Accelerometer X (m/s^2),"
      "Accelerometer Y (m/s^2),Accelerometer Z (m/s^2)\n250,3.14159265358979,0,-1,0,4.903325,9.80665\n",
      "f.csv");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_DOUBLE_EQ((*rows)[0].time_s, 0.25);
  EXPECT_NEAR((*rows)[0].gyro_deg_s[0], 180.0, 1e-4);
  EXPECT_NEAR((*rows)[0].gyro_deg_s[2], -57.29578, 1e-4);
  EXPECT_NEAR((*rows)[0].accel_g[1], 0.5, 1e-6);
  EXPECT_NEAR((*rows)[0].accel_g[2], 1.0, 1e-6);
}

TEST(Recording, ALastLineWithoutNewlineAndAByteOrderMarkAreFine)
{
  const auto rows = parse_recording("\xef\xbb\xbf" + recording_header + "0,0,0,0,0,0,1\n1,0,0,0,0,0,1", "f.csv");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->size(), 2u);
}

TEST(Recording, AMissingColumnIsNamedWithTheOnesThatAreThere)
{
  EXPECT_THAT(
      refusal(with(recording_header, "Gyroscope Y", "Gyro Y") + "0,0,0,0,0,0,1\n"),
      AllOf(HasSubstr("f.csv: line 1"), HasSubstr("'Gyroscope Y (deg/s or rad/s)'"), HasSubstr("'Gyro Y (deg/s)'")));
}

TEST(Recording, AWrongUnitIsNamedWithTheOnesThatAreKnown)
{
  EXPECT_THAT(refusal(with(recording_header, "Gyroscope Z (deg/s)", "Gyroscope Z (rpm)") + "0,0,0,0,0,0,1\n"),
              AllOf(HasSubstr("'Gyroscope Z'"), HasSubstr("'rpm'"), HasSubstr("deg/s or rad/s")));
}

TEST(Recording, AColumnWithoutUnitIsRefused)
{
  EXPECT_THAT(refusal(with(recording_header, "Time (s)", "Time") + "0,0,0,0,0,0,1\n"),
              AllOf(HasSubstr("'Time' has no unit"), HasSubstr("Time (s or ms or us or ns)")));
}

TEST(Recording, AColumnThatIsThereTwiceIsRefused)
{
  EXPECT_THAT(refusal(with(recording_header, "Gyroscope Z", "Gyroscope X") + "0,0,0,0,0,0,1\n"),
              AllOf(HasSubstr("'Gyroscope X' is there twice"), HasSubstr("2 and 4")));
}

TEST(Recording, ABadNumberIsShownWithLineAndColumn)
{
  for (const std::string bad : {"abc", "", "1.5x", "nan", "inf", "-inf", "1e999", "0x10", "1 2", "--1"})
    EXPECT_THAT(refusal(recording_header + "0,0,0,0,0,0,1\n1,0,0,0,0," + bad + ",1\n"),
                AllOf(HasSubstr("f.csv: line 3"), HasSubstr("'Accelerometer Y'"), HasSubstr("'" + bad + "'")))
        << bad;
}

TEST(Recording, AValueThatNoFloatHoldsIsRefused)
{
  EXPECT_THAT(refusal(recording_header + "0,0,0,0,0,1e300,1\n"), AllOf(HasSubstr("line 2"), HasSubstr("too large")));
}

TEST(Recording, AnotherNumberOfFieldsIsRefusedWithTheLine)
{
  EXPECT_THAT(refusal(recording_header + "0,0,0,0,0,0,1\n1,0,0,0,0,0\n"),
              HasSubstr("line 3 has 6 fields, line 1 has 7"));
  EXPECT_THAT(refusal(recording_header + "0,0,0,0,0,0,1,\n"), HasSubstr("line 2 has 8 fields, line 1 has 7"));
}

TEST(Recording, TimeHasToIncrease)
{
  EXPECT_THAT(refusal(recording_header + "0,0,0,0,0,0,1\n2,0,0,0,0,0,1\n\n1.5,0,0,0,0,0,1\n"),
              AllOf(HasSubstr("line 5: time does not increase"), HasSubstr("1.5 s after 2 s")));
  EXPECT_THAT(refusal(recording_header + "1,0,0,0,0,0,1\n1,0,0,0,0,0,1\n"),
              HasSubstr("line 3: time does not increase"));
}

TEST(Recording, TimesBeyondTheClockAreRefused)
{
  EXPECT_THAT(refusal(recording_header + "1e18,0,0,0,0,0,1\n"), HasSubstr("out of range"));
}

TEST(Recording, EmptyFilesAndFilesWithoutSamplesAreRefused)
{
  EXPECT_THAT(refusal(""), HasSubstr("the file is empty"));
  EXPECT_THAT(refusal(recording_header), HasSubstr("no samples"));
  EXPECT_THAT(refusal("\n" + recording_header), HasSubstr("there is no column"));
}

TEST(Recording, AFileThatCannotBeReadSaysWhy)
{
  const auto missing = read_recording("/nonexistent/imu.csv");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
  const auto folder = read_recording("/");
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("directory"));
}

TEST(Recording, WhatIsNoRegularFileIsRefusedWithoutWaitingForIt)
{
  char place[] = "/tmp/rtlane-recording-XXXXXX";
  ASSERT_NE(mkdtemp(place), nullptr);
  const std::string fifo = std::string(place) + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {fifo, std::string("/dev/zero"), std::string("/dev/null")}) {
    const auto rows = read_recording(path);
    ASSERT_FALSE(rows) << path;
    EXPECT_THAT(rows.error().message, AllOf(HasSubstr(path + ": is no regular file"), HasSubstr("save it to one")));
  }
  std::filesystem::remove_all(place);
}

TEST(Recording, MessagesShowNoControlCharactersOfTheFile)
{
  const std::string message = refusal("\x1b[2J\x07" + recording_header + "0,0,0,0,0,0,1\n");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\x07'), std::string::npos);
}

// Whatever is done to a good file, the answer is rows or a sentence, never a crash (run under ASan and UBSan too).
TEST(Recording, ManyDamagedFilesGiveRowsOrASentence)
{
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string good = recording_header + "0,1,2,3,4,5,6\n0.5,1,2,3,4,5,6\n1,1,2,3,4,5,6\n";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0:
          text.insert(at, 1, static_cast<char>(random()));
          break;
        case 1:
          text.resize(at);
          break;
        default:
          if (at < text.size())
            text[at] = ",.\n-+e\"()"[random() % 9];
      }
    }
    const auto rows = parse_recording(text, "f.csv");
    if (rows)
      EXPECT_FALSE(rows->empty());
    else
      EXPECT_THAT(rows.error().message, HasSubstr("f.csv"));
  }
}

}  // namespace
}  // namespace rtlane::demo
