// Attribution on records that were made by hand: every trip and stall is known.
#include <rtlane/core/tick_clock.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

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
  // All of it is what the evidence says, or only so much and the rest unexplained.
  Stall& stall(std::size_t side, std::uint64_t begin_ns, std::uint64_t length_ns, bool inside, GapClass evidence,
               std::uint64_t explained_ns = UINT64_MAX)
  {
    auto& stalls = room_->sides[side].stalls;
    Stall one{at(begin_ns), clock_.ticks_of_ns(length_ns), 0, 0, {}, inside ? 1U : 0U, 0};
    one.parts[GapClass::unexplained] = length_ns - std::min(explained_ns, length_ns);
    one.parts[evidence] += std::min(explained_ns, length_ns);
    stalls.add(one);
    return stalls.entries[stalls.count - 1];
  }
  void add(Attribution& attribution, double at_s)
  {
    attribution.add(*room_, std::span(room_->trips.entries).first(room_->trips.kept()), at_s);
  }
  Json attributed()
  {
    add(attribution_, 0);
    return attribution_.attributed_json();
  }
  std::string sentence() { return attribution_.worst_json()[0]["sentence"]; }
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
  EXPECT_NEAR(json["channel_max_ns"].get<double>(), 5'000, rounding_ns);
  EXPECT_EQ(json["unexplained_ns"], 0);
  EXPECT_EQ(attribution_.trips().count(), 2u);
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
    room_ = std::make_unique<SampleRoom>();
    for (std::uint64_t i = 0; i < 10; ++i) {
      trip(i * 100'000, 30'000);
      stall(0, i * 100'000 + 100, 20'000, false, GapClass::unexplained);
    }
    trip(2'000'000, 900'000);
    stall(0, 2'000'100, 800'000, false, GapClass::unexplained);  // no handler takes that long
    room_->sides[0].interrupts = interrupts;
    Attribution one(clock_, {4, 5});
    add(one, 0);
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
  EXPECT_NEAR(attribution_.worst_json()[0]["channel_ns"].get<double>(), 400'000, rounding_ns);
}

TEST_F(AttributionOf, AStallCountsForTheTripThatItLiesIn)
{
  trip(0, 100'000);
  trip(100'000, 100'000);
  trip(200'000, 100'000);
  stall(1, 90'000, 120'000, false, GapClass::preempted);  // 10 us, 100 us, 10 us of the three
  stall(1, 250'000, 2'000, false, GapClass::fault);
  const Json json = attributed();
  EXPECT_EQ(json["preempted_count"], 1);
  EXPECT_NEAR(json["preempted_ns"].get<double>(), 100'000, rounding_ns);
  EXPECT_EQ(json["inside_count"], 2);
  EXPECT_NEAR(json["inside_ns"].get<double>(), 90'000 + 88'000, 2 * rounding_ns);
  EXPECT_EQ(json["fault_count"], 0);  // less than what took most
}

// ---- a trip is acquitted only of what a stall explains

TEST_F(AttributionOf, ASlowTripThatASmallStallTouchesIsTheChannels)
{
  trip(0, 40'000);
  stall(1, 10'000, 1'000, false, GapClass::unexplained);
  room_->sides[1].interrupts = 1;
  const Json json = attributed();
  EXPECT_EQ(json["interrupt_count"], 0);
  EXPECT_EQ(json["inside_count"], 1);
  EXPECT_NEAR(json["inside_ns"].get<double>(), 39'000, rounding_ns);
  EXPECT_NEAR(json["clean_max_ns"].get<double>(), 39'000, rounding_ns);
  EXPECT_NEAR(json["channel_max_ns"].get<double>(), 39'000, rounding_ns);
  EXPECT_NEAR(json["unexplained_ns"].get<double>(), 39'000, rounding_ns);
  EXPECT_EQ(json["inside_stalls"], 0) << "no operation stalled";
  EXPECT_NEAR(attribution_.worst_json()[0]["channel_ns"].get<double>(), 39'000, rounding_ns);
  EXPECT_THAT(sentence(), HasSubstr("39 us of it neither side was held up: the channel's own; others: interrupt 1 us"));
}

TEST_F(AttributionOf, TheClassIsThatOfTheLargestPartAndTheRestStaysVisible)
{
  trip(0, 40'000);
  stall(0, 5'000, 22'000, false, GapClass::preempted);
  const Json json = attributed();
  EXPECT_EQ(json["preempted_count"], 1);
  EXPECT_EQ(json["inside_count"], 0);
  EXPECT_NEAR(json["clean_max_ns"].get<double>(), 18'000, rounding_ns);
  EXPECT_NEAR(json["channel_max_ns"].get<double>(), 18'000, rounding_ns);
  EXPECT_NEAR(json["unexplained_ns"].get<double>(), 18'000, rounding_ns);
}

TEST_F(AttributionOf, StallsInsideOperationsOfBothSidesAreToldTogether)
{
  trip(0, 110'000);
  stall(0, 1'000, 48'000, true, GapClass::unexplained);
  stall(1, 50'000, 50'000, true, GapClass::unexplained);
  attributed();
  EXPECT_THAT(sentence(), HasSubstr("98 us passed inside operations of the channel, most on cpu 5, and"));
}

// What an operation that stalls may have done itself is in no clean time, and is the channel's at most.
TEST_F(AttributionOf, AStallInsideIsTheChannelsButNotClean)
{
  trip(0, 40'000);
  stall(0, 5'000, 30'000, true, GapClass::unexplained);
  const Json json = attributed();
  EXPECT_EQ(json["inside_count"], 1);
  EXPECT_NEAR(json["inside_ns"].get<double>(), 40'000, rounding_ns);
  EXPECT_NEAR(json["clean_max_ns"].get<double>(), 10'000, rounding_ns);
  EXPECT_NEAR(json["channel_max_ns"].get<double>(), 40'000, rounding_ns);
}

TEST_F(AttributionOf, AnOperationThatIsHeldUpForAMomentIsAcquittedOfThat)
{
  for (const GapClass evidence : {GapClass::preempted, GapClass::fault, GapClass::stopped}) {
    room_ = std::make_unique<SampleRoom>();
    trip(0, 500'000);
    stall(0, 100, 400'000, true, evidence, 5'000).continued = 1;
    Attribution one(clock_, {4, 5});
    add(one, 0);
    const Json json = one.attributed_json();
    EXPECT_EQ(json["inside_count"], 1) << json;
    EXPECT_NEAR(json["channel_max_ns"].get<double>(), 495'000, rounding_ns);
    EXPECT_NEAR(json["inside_ns"].get<double>(), 495'000, rounding_ns);
    EXPECT_EQ(json["inside_stalls"], 1);
    EXPECT_THAT(one.worst_json()[0]["sentence"].get<std::string>(),
                HasSubstr("395 us passed inside an operation of the channel on cpu 4"));
  }
}

// Who goes to sleep in an operation does so on the channel's behalf, unless a signal stopped it.
TEST_F(AttributionOf, ASleepInsideAnOperationIsTheChannels)
{
  trip(0, 500'000);
  stall(0, 100, 400'000, true, GapClass::stopped);
  trip(1'000'000, 500'000);
  stall(0, 1'000'100, 400'000, true, GapClass::stopped).continued = 1;
  trip(2'000'000, 500'000);
  stall(0, 2'000'100, 400'000, false, GapClass::stopped);
  const Json json = attributed();
  EXPECT_EQ(json["inside_count"], 1);
  EXPECT_EQ(json["stopped_count"], 2);
  EXPECT_EQ(json["inside_stalls"], 1);
}

// A trip that shares a stall with another one is acquitted of what was in it for sure.
TEST_F(AttributionOf, OfAStallThatReachesBeyondATripOnlyWhatMustLieInIt)
{
  trip(0, 100'000);
  trip(100'000, 100'000);
  stall(0, 50'000, 100'000, true, GapClass::preempted, 60'000);  // 50 us in each
  const Json json = attributed();
  EXPECT_NEAR(json["channel_max_ns"].get<double>(), 90'000, rounding_ns);
  EXPECT_NEAR(json["unexplained_ns"].get<double>(), 180'000, 2 * rounding_ns);
}

TEST_F(AttributionOf, PartsThatMayLieAtTheSameTimeAreNotCountedTwice)
{
  trip(0, 1'000'000);
  stall(0, 100'000, 400'000, true, GapClass::preempted, 200'000);
  stall(1, 300'000, 400'000, true, GapClass::preempted, 300'000);
  // They share 200 us, in which all of the first may lie.
  EXPECT_NEAR(attributed()["channel_max_ns"].get<double>(), 700'000, rounding_ns);
}

TEST_F(AttributionOf, OnePartSharesWithManyNoMoreThanItIs)
{
  trip(0, 1'000'000);
  stall(0, 0, 900'000, true, GapClass::preempted, 10'000);
  for (std::uint64_t i = 0; i < 20; ++i)
    stall(1, i * 40'000, 5'000, false, GapClass::preempted);
  EXPECT_NEAR(attributed()["channel_max_ns"].get<double>(), 900'000, 10 * rounding_ns);
}

// ---- the observer

TEST_F(AttributionOf, ReadingTheCountersIsTheObservers)
{
  // The reading of the far side holds up the next trip, which no stall touches.
  trip(0, 1'000);
  trip(10'000, 4'500);
  stall(1, 2'000, 8'000, false, GapClass::preempted).observer_ticks = clock_.ticks_of_ns(3'500);
  const Json json = attributed();
  EXPECT_EQ(json["clean_count"], 1);
  EXPECT_EQ(json["observer_count"], 1);
  EXPECT_NEAR(json["observer_ns"].get<double>(), 3'500, rounding_ns);
  EXPECT_EQ(json["host_count"], 0);
  EXPECT_EQ(json["preempted_count"], 0);
  EXPECT_NEAR(json["clean_max_ns"].get<double>(), 1'000, rounding_ns);
  EXPECT_NEAR(json["channel_max_ns"].get<double>(), 1'000, rounding_ns);
  EXPECT_THAT(sentence(), HasSubstr("this benchmark read counters on cpu 5 for 3.5 us; channel at most 1 us"));
}

TEST_F(AttributionOf, AReadingWithoutAStallAndOneInsideAStallAreTheObserversToo)
{
  trip(0, 4'000);
  stall(0, 100, 0, true, GapClass::unexplained).observer_ticks = clock_.ticks_of_ns(3'000);
  trip(10'000, 21'000);
  stall(0, 10'100, 20'000, true, GapClass::preempted, 15'000).reading_ticks = clock_.ticks_of_ns(4'000);
  const Json json = attributed();
  EXPECT_EQ(json["observer_count"], 1);
  EXPECT_EQ(json["preempted_count"], 1);
  EXPECT_NEAR(json["unexplained_ns"].get<double>(), 1'000 + 2'000, 2 * rounding_ns);
  EXPECT_EQ(json["inside_stalls"], 0);
}

// ---- what the host does inside operations

// By how often it strikes inside the floor's, on each side.
TEST_F(AttributionOf, SaysHowManyInsideStallsTheHostCauses)
{
  const auto floor = std::make_unique<SampleRoom>();
  for (std::uint64_t i = 0; i < 30; ++i)
    floor->sides[0].stalls.add({at(i * 1'000'000), clock_.ticks_of_ns(3'000), 0, 0, {}, 1, 0});
  for (std::uint64_t i = 0; i < 4; ++i)
    floor->sides[1].stalls.add({at(i * 1'000'000), clock_.ticks_of_ns(3'000), 0, 0, {}, i == 0 ? 0U : 1U, 0});
  floor->sides[0].inside_ticks = clock_.ticks_of_ns(20'000'000);
  floor->sides[1].inside_ticks = clock_.ticks_of_ns(10'000'000);

  for (std::uint64_t i = 0; i < 40; ++i)
    stall(0, i * 1'000'000, 300'000, false, GapClass::unexplained);
  stall(0, 50'000'000, 300'000, true, GapClass::unexplained);
  trip(50'000'000, 400'000);
  room_->sides[0].inside_ticks = clock_.ticks_of_ns(10'000'000);
  room_->sides[1].inside_ticks = clock_.ticks_of_ns(20'000'000);
  room_->sides[0].outside_ticks = clock_.ticks_of_ns(40'000'000);
  EXPECT_TRUE(attributed()["inside_expected"].is_null()) << "nothing to measure it by";
  attribution_.add_floor(*floor);
  const Json json = attribution_.attributed_json();
  EXPECT_EQ(json["inside_stalls"], 1);
  EXPECT_EQ(json["inside_floor_stalls"], 33);
  EXPECT_NEAR(json["inside_expected"].get<double>(), 15 + 6, 0.01);
  EXPECT_THAT(sentence(), HasSubstr("40 stalls of this run were as long"));
}

// ---- what is kept

TEST_F(AttributionOf, KeepsTheWorstAndALineForEachSegment)
{
  for (std::uint64_t i = 0; i < 30; ++i)
    trip(i * 100'000, 1'000 + (i * 7) % 30 * 1'000);
  add(attribution_, 1.5);
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
