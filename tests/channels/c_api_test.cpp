// Runs the checks of c_api.c, and meets a C program's ring from C++.
#include "c_api.h"

#include <gtest/gtest.h>
#include <rtlane/channels/channels.h>
#include <rtlane/channels/spsc_ring.hpp>
#include <rtlane/channels/type_table.hpp>

#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace {

using rtlane::SpscRing;
using rtlane::Status;

enum class Mode : std::uint32_t { idle = 0, run = 3 };
RTLANE_ENUM(Mode, idle, run);
struct Point {
  float x;
  float y;
};
RTLANE_TYPE(Point, RTLANE_UNIT(x, "m"), y);
struct Imu {
  std::int64_t t_ns;
  float gyro[3];
  Mode mode;
  char name[8];
  Point corners[2];
};
RTLANE_TYPE(Imu, RTLANE_UNIT(t_ns, "ns"), RTLANE_UNIT(gyro, "deg/s"), mode, name, corners);

class SpscCApi : public ::testing::Test {
protected:
  const rtlane::test::TempNamespace space_;
  const rtlane::test::Watchdog watchdog_{60};
};

TEST_F(SpscCApi, AnswersMisuseWithAnError)
{
  EXPECT_STREQ(c_misuse(), nullptr);
}

TEST_F(SpscCApi, StreamsElementsInEveryWay)
{
  EXPECT_STREQ(c_stream("c ring"), nullptr);
}

TEST_F(SpscCApi, OpensARingOfItsTypeOfAnyTypeAndToLookOnly)
{
  EXPECT_STREQ(c_open("c ring"), nullptr);
}

TEST_F(SpscCApi, TellsSuccessorsWhatCameBefore)
{
  EXPECT_STREQ(c_successors("c ring"), nullptr);
}

TEST_F(SpscCApi, OpensARingOfAStrideThatWasAskedFor)
{
  EXPECT_STREQ(c_stride("c ring"), nullptr);
}

TEST_F(SpscCApi, TellsWhatAChannelIs)
{
  EXPECT_STREQ(c_inspect("c ring"), nullptr);
}

TEST_F(SpscCApi, ACTypeIsTheSameAsTheCppOne)
{
  const auto c = rtlane::TypeTable::of(*c_imu_type());
  const auto cpp = rtlane::TypeTable::of(rtlane::type_of<Imu>());
  ASSERT_TRUE(c && cpp);
  EXPECT_EQ(cpp->difference(*c), "");
  EXPECT_EQ(c->hash(), cpp->hash());

  rtlane_spsc* ring = nullptr;
  rtlane_spsc_producer* producer = nullptr;
  ASSERT_EQ(rtlane_spsc_create("both", 8, c_imu_type(), nullptr, &ring), 0) << rtlane_error_message();
  ASSERT_EQ(rtlane_spsc_producer_attach(ring, &producer), 0);
  const auto met = SpscRing<Imu>::open("both");
  ASSERT_TRUE(met) << met.error().message;
  auto consumer = met->consumer();
  const Imu sent{9, {1, 2, 3}, Mode::run, "right", {}};
  ASSERT_EQ(rtlane_spsc_try_push(producer, &sent), RTLANE_OK);
  Imu got{};
  ASSERT_EQ(consumer->try_pop(got), Status::ok);
  EXPECT_EQ(got.t_ns, 9);
  EXPECT_STREQ(got.name, "right");
  rtlane_spsc_producer_detach(producer);
  rtlane_spsc_close(ring);
}

}  // namespace
