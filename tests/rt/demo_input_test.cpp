// Recordings that cannot be understood, end to end: what the user sees. The cases one by one: recording_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "demo.hpp"

namespace rtlane::test {
namespace {

using testing::HasSubstr;

TEST(DemoInput, ABadRecordingIsRefusedWithTheLineAndNothingIsLeft)
{
  struct Case {
    std::string text;
    const char* said;
  };
  const Case cases[] = {
      {"", "the file is empty"},
      {recording_header, "no samples"},
      {"Time (s),Gyroscope X (deg/s)\n0,1\n", "line 1: there is no column 'Gyroscope Y"},
      {recording_header + "0,0,0,0,0,0,one\n", "line 2: column 'Accelerometer Z' holds 'one'"},
      {recording_header + "1,0,0,0,0,0,1\n0,0,0,0,0,0,1\n", "line 3: time does not increase"},
  };
  Watchdog watchdog(100);
  TempNamespace space;
  const Scratch scratch;
  for (const Case& bad : cases) {
    const Outcome outcome = run_tool({"demo", "--imu", scratch.write("bad.csv", bad.text)});
    EXPECT_EQ(outcome.status, 2) << bad.said;
    EXPECT_THAT(outcome.err, HasSubstr(scratch.file("bad.csv") + ": "));
    EXPECT_THAT(outcome.err, HasSubstr(bad.said));
    EXPECT_EQ(outcome.out, "") << bad.said;
    EXPECT_TRUE(object_files(space.path()).empty()) << bad.said;
  }
}

TEST(DemoInput, AMissingFileIsRefused)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Outcome outcome = run_tool({"demo", "--imu", "/nonexistent/imu.csv"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("/nonexistent/imu.csv: cannot be read: No such file or directory"));
}

TEST(DemoInput, ARefusalDoesNotDriveTheTerminalWhateverTheFileIsCalled)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome = run_tool({"demo", "--imu", scratch.write("bad\x1b[31m\u202e.csv", "nonsense")});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("bad\\x1b[31m\\u202e.csv: line 1"));
  EXPECT_THAT(run_tool({"nonsense\x1b"}).err, HasSubstr("there is no command 'nonsense\\x1b'"));
  EXPECT_THAT(run_tool({"info", "no\u009b"}).err, HasSubstr("'no\\u009b'"));
}

TEST(DemoInput, ASingleSampleIsARecordingToo)
{
  Watchdog watchdog(60);
  TempNamespace space;
  const Scratch scratch;
  const Outcome outcome =
      run_tool({"demo", "--imu", scratch.write("one.csv", recording_header + "5,0,0,0,0,0.5,0.8660254\n"), "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["received"], 1);
  EXPECT_NEAR(outcome.json()["attitude"]["roll_deg"].get<double>(), 30.0, 0.01);
}

}  // namespace
}  // namespace rtlane::test
