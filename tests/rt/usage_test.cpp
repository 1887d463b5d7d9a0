#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/watchdog.hpp"
#include "tool.hpp"

namespace rtlane::test {
namespace {

using testing::HasSubstr;

TEST(Usage, NoCommandIsWrongUsageWithTheHelp)
{
  const Outcome outcome = run_tool({});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("Usage: rtlane COMMAND"));
  EXPECT_EQ(outcome.out, "");
}

TEST(Usage, HelpNamesEveryCommandAndTheVersionIsThere)
{
  const Outcome help = run_tool({"--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* command : {"ls", "info", "echo", "gc", "demo", "bench", "micro"})
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + command));
  EXPECT_EQ(run_tool({"help"}).out, help.out);
  EXPECT_THAT(run_tool({"--version"}).out, testing::MatchesRegex("rtlane [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Usage, EveryCommandHasAManualWithJsonAndExitStatus)
{
  for (const std::string command : {"ls", "info", "echo", "gc", "demo"}) {
    const Outcome help = run_tool({command, "--help"});
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_EQ(help.err, "") << command;
    EXPECT_THAT(help.out, HasSubstr("\"schema\": \"rtlane." + command + "/1\""));
    EXPECT_THAT(help.out, HasSubstr("Exit status: 0"));
    EXPECT_EQ(run_tool({"help", command}).out, help.out);
  }
}

TEST(Usage, WrongArgumentsAreNamedAndGiveStatusTwo)
{
  struct Case {
    std::vector<std::string> arguments;
    const char* said;
  };
  const Case cases[] = {
      {{"ls", "extra"}, "extra"},
      {{"ls", "--wrong"}, "--wrong"},
      {{"gc", "extra"}, "extra"},
      {{"info"}, "NAME is missing"},
      {{"info", "--json", "robot"}, "'robot' was taken as the FILE of --json"},
      {{"info", "a", "b"}, "b"},
      {{"echo"}, "NAME is missing"},
      {{"echo", "a", "b"}, "b"},
      {{"echo", "a", "--count", "0"}, "--count"},
      {{"echo", "a", "--once", "--count", "2"}, "--once"},
      {{"echo", "a", "--json", "--csv"}, "--csv"},
      {{"echo", "a", "--rate", "0"}, "--rate"},
      {{"echo", "a", "--rate", "nan"}, "nan is not a finite number"},
      {{"echo", "a", "--from", "here"}, "--from"},
      {{"demo", "extra"}, "extra"},
      {{"demo", "--speed", "2"}, "--speed requires --imu"},
      {{"demo", "--imu"}, "--imu"},
      {{"demo", "--imu", ""}, "--imu"},
      {{"demo", "--rate", "0"}, "--rate"},
      {{"demo", "--rate", "fast"}, "fast"},
      {{"demo", "--duration", "-1"}, "--duration"},
      {{"demo", "--rate", "nan"}, "--rate: nan is not a finite number"},
      {{"demo", "--duration", "-nan"}, "--duration: -nan is not a finite number"},
      {{"demo", "--duration", "inf"}, "--duration"},
      {{"demo", "--imu", "x.csv", "--speed", "NaN"}, "--speed: NaN is not a finite number"},
      {{"demo", "--capacity", "0"}, "--capacity"},
      {{"demo", "--priority", "99"}, "--priority"},
      {{"demo", "--cpus", "0"}, "--cpus"},
      {{"demo", "--cpus", "0,1023"}, "--cpus"},
      {{"demo", "--name", "a\\b"}, "--name"},
      {{"demo", "--json", "/nonexistent/file"}, "/nonexistent/file"},
      {{"demo", "--imu", "x.csv", "--speed", "0"}, "--speed"},
      {{"demo-sensor"}, "started by 'rtlane demo'"},
      {{"nonsense"}, "there is no command 'nonsense'"},
      {{"../bin/sh"}, "there is no command"},
  };
  Watchdog watchdog(100);
  TempNamespace space;
  for (const Case& wrong : cases) {
    const Outcome outcome = run_tool(wrong.arguments);
    const std::string shown = testing::PrintToString(wrong.arguments);
    EXPECT_EQ(outcome.status, 2) << shown << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(wrong.said)) << shown;
    EXPECT_EQ(outcome.out, "") << shown;
  }
  EXPECT_TRUE(space.files().empty());
}

}  // namespace
}  // namespace rtlane::test
