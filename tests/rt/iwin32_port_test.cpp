// Sources as they would stand in projects for RTX and INtime, built unchanged with the compat headers.
#include <gmock/gmock.h>

#include "rt/iwin32.hpp"
#include "rt/tool.hpp"

namespace rtlane::test {
namespace {

constexpr char station_says[] = "station: at least 5 ticks: 1, of 2 each: 1, worker said 42\n";

class Iwin32Port : public Iwin32 {};

TEST_F(Iwin32Port, AStationInCRuns)
{
  const Outcome outcome = Tool::start({"run"}, PORT_STATION).wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out, station_says);
  EXPECT_EQ(Tool::start({}, PORT_STATION).wait().status, 2);
}

TEST_F(Iwin32Port, AStarterInCxxWithUnicodeStartsIt)
{
  const Outcome outcome = Tool::start({PORT_STATION}, PORT_STARTER).wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, testing::HasSubstr("counted 4000 with two threads\n"));
  EXPECT_THAT(outcome.out, testing::HasSubstr(station_says));
  EXPECT_THAT(outcome.out, testing::HasSubstr("it ended with 0\n"));
  EXPECT_EQ(Tool::start({}, PORT_STARTER).wait().status, 2);
  EXPECT_THAT(Tool::start({"no-such-program"}, PORT_STARTER).wait().out,
              testing::HasSubstr("RtCreateProcess error = 2\n"));
}

}  // namespace
}  // namespace rtlane::test
