// Attribution on records that were made by hand: every trip and stall is known.
#include <rtlane/core/tick_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "latency/attribution.hpp"

namespace rtlane::bench {
namespace {

using cli::Json;
using rt::GapClass;
using testing::HasSubstr;

const TickClock& clock_of_this_machine()
{
  static const TickClock clock = TickClock::calibrate(20'000'000);
  return clock;
}

// Times are given in ns since `origin`, and in us since then to people.
class AttributionOf : public testing::Test {
protected:
  static constexpr std::uint64_t origin_ns = 1'000'000'000;

  std::uint64_t at(std::uint64_t ns) { return clock_.ticks_of_ns(origin_ns + ns); }

  void trip(std::uint64_t begin_ns, std::uint64_t length_ns)
  {
    room_->trips.add({at(begin_ns), clock_.ticks_of_ns(length_ns), 10, 10});
  }
  void stall(std::size_t side, std::uint64_t begin_ns, std::uint64_t length_ns, bool inside, GapClass evidence)
  {
    room_->sides[side].stalls.add({at(begin_ns), clock_.ticks_of_ns(length_ns), inside ? 1U : 0U, evidence});
  }
  Json attributed()
  {
    attribution_.add(*room_, 0);
    return attribution_.attributed_json();
  }
  static constexpr double rounding_ns = 3;

  const TickClock& clock_ = clock_of_this_machine();
  std::unique_ptr<SampleRoom> room_ = std::make_unique<SampleRoom>();
  Attribution attribution_{clock_, {4, 5}};
};

TEST_F(AttributionOf, TripsThatNothingHeldUpAreClean)
{
  trip(0, 1'000);
  trip(2'000, 5'000);
  stall(0, 1'200, 700, false, GapClass::unexplained);  // between the two
  stall(1, 7'000, 9'000, false, GapClass::unexplained);
  const Json json = attributed();
  EXPECT_EQ(json["clean_count"], 2);
  EXPECT_NEAR(json["clean_max_ns"].get<double>(), 5'000, rounding_ns);
  EXPECT_EQ(json["host_count"], 0);
  EXPECT_EQ(attribution_.round_trips().count(), 2u);
}

TEST_F(AttributionOf, EachEvidenceHasItsCause)
{
  const std::array causes = {std::pair("preempted", GapClass::preempted), std::pair("stopped", GapClass::stopped),
                             std::pair("fault", GapClass::fault), std::pair("host", GapClass::unexplained)};
  std::uint64_t begin_ns = 0;
  for (const auto& [name, evidence] : causes) {
    trip(begin_ns, 500'000);
    stall(1, begin_ns + 100, 400'000, false, evidence);
    begin_ns += 1'000'000;
  }
  const Json json = attributed();
  EXPECT_EQ(json["clean_count"], 0);
  for (const auto& [name, evidence] : causes) {
    EXPECT_EQ(json[std::string(name) + "_count"], 1) << name;
    EXPECT_NEAR(json[std::string(name) + "_ns"].get<double>(), 400'000, rounding_ns) << name;
  }
  const Json worst = attribution_.worst_json();
  ASSERT_EQ(worst.size(), 4u);
  for (const Json& sample : worst) {
    EXPECT_EQ(sample["cpu"], 5);
    EXPECT_THAT(sample["sentence"].get<std::string>(), HasSubstr("400 us"));
    EXPECT_THAT(sample["sentence"].get<std::string>(), HasSubstr("channel at most 100 us"));
  }
}

// What is slow inside the channel is never written off, unless the counters prove that somebody else had the CPU.
TEST_F(AttributionOf, AnUnexplainedStallInsideAnOperationStaysWithTheChannel)
{
  trip(0, 500'000);
  stall(0, 100, 400'000, true, GapClass::unexplained);
  trip(1'000'000, 500'000);
  stall(0, 1'000'100, 400'000, true, GapClass::preempted);
  room_->sides[0].interrupts = 1000;
  const Json json = attributed();
  EXPECT_EQ(json["inside_count"], 1);
  EXPECT_EQ(json["host_count"], 0);
  EXPECT_EQ(json["interrupt_count"], 0);
  EXPECT_EQ(json["preempted_count"], 1);
  EXPECT_THAT(attribution_.worst_json()[0]["sentence"].get<std::string>() +
                  attribution_.worst_json()[1]["sentence"].get<std::string>(),
              HasSubstr("inside an operation of the channel on cpu 4"));
}

TEST_F(AttributionOf, ShortStallsAreInterruptsWhereTheCpuGotAsMany)
{
  for (const std::uint64_t interrupts : {0u, 4u, 5u}) {
    *room_ = SampleRoom{};
    for (std::uint64_t i = 0; i < 10; ++i) {
      trip(i * 100'000, 50'000);
      stall(0, i * 100'000 + 100, 20'000, false, GapClass::unexplained);
    }
    trip(2'000'000, 900'000);
    stall(0, 2'000'100, 800'000, false, GapClass::unexplained);  // no handler takes that long
    room_->sides[0].interrupts = interrupts;
    Attribution one(clock_, {4, 5});
    one.add(*room_, 0);
    EXPECT_EQ(one.attributed_json()["interrupt_count"], interrupts == 5 ? 10 : 0) << interrupts;
    EXPECT_EQ(one.attributed_json()["host_count"], interrupts == 5 ? 1 : 11) << interrupts;
  }
}

TEST_F(AttributionOf, StallsOfBothSidesAtOnceAreNotCountedTwice)
{
  trip(0, 1'000'000);
  stall(0, 100'000, 400'000, false, GapClass::unexplained);
  stall(1, 300'000, 400'000, false, GapClass::preempted);
  static_cast<void>(attributed());
  // 100 us to 700 us are explained.
  EXPECT_THAT(attribution_.worst_json()[0]["sentence"].get<std::string>(), HasSubstr("channel at most 400 us"));
}

TEST_F(AttributionOf, AStallCountsForTheTripThatItLiesIn)
{
  trip(0, 100'000);
  trip(100'000, 100'000);
  trip(200'000, 100'000);
  stall(1, 90'000, 120'000, false, GapClass::preempted);  // 10 us, 100 us, 10 us of the three
  stall(1, 250'000, 2'000, false, GapClass::fault);
  const Json json = attributed();
  EXPECT_EQ(json["preempted_count"], 3);
  EXPECT_NEAR(json["preempted_ns"].get<double>(), 120'000, 3 * rounding_ns);
  EXPECT_EQ(json["fault_count"], 0);  // less than what took most
}

TEST_F(AttributionOf, SaysHowManyInsideStallsTheHostExplains)
{
  for (std::uint64_t i = 0; i < 40; ++i)
    stall(0, i * 1'000'000, 300'000, false, GapClass::unexplained);
  stall(0, 50'000'000, 300'000, true, GapClass::unexplained);
  trip(50'000'000, 400'000);
  room_->sides[0].inside_ticks = clock_.ticks_of_ns(10'000'000);
  room_->sides[0].outside_ticks = clock_.ticks_of_ns(40'000'000);
  const Json json = attributed();
  EXPECT_EQ(json["inside_stalls"], 1);
  EXPECT_NEAR(json["inside_expected"].get<double>(), 10, 0.01);
  EXPECT_THAT(attribution_.worst_json()[0]["sentence"].get<std::string>(),
              HasSubstr("40 stalls of this run were as long"));
}

TEST_F(AttributionOf, KeepsTheWorstAndALineForEachSegment)
{
  for (std::uint64_t i = 0; i < 30; ++i)
    trip(i * 100'000, 1'000 + (i * 7) % 30 * 1'000);
  attribution_.add(*room_, 1.5);
  const Json worst = attribution_.worst_json();
  ASSERT_EQ(worst.size(), Attribution::worst_kept);
  for (std::size_t i = 0; i < worst.size(); ++i)
    EXPECT_NEAR(worst[i]["ns"].get<double>(), 30'000 - 1'000.0 * static_cast<double>(i), rounding_ns);
  ASSERT_EQ(attribution_.timeline_json().size(), 1u);
  EXPECT_EQ(attribution_.timeline_json()[0][0], 1.5);
  EXPECT_EQ(attribution_.timeline_json()[0][1], worst[0]["ns"]);
  EXPECT_EQ(attribution_.timeline_json()[0][2], "clean");
}

}  // namespace
}  // namespace rtlane::bench
