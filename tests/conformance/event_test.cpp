// Section D of the checklist: events. Rows with waiters have them in this process and in others.
#include <string>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

using EventCall = BOOL (*)(HANDLE);
constexpr EventCall setters[] = {RtSetEvent, SetEvent};
constexpr EventCall resetters[] = {RtResetEvent, ResetEvent};
constexpr EventCall pulsers[] = {RtPulseEvent, PulseEvent};

constexpr int waiters = 6;

TEST_F(Conformance, D01_ANewEventGivesAHandleAndLastErrorZero)
{
  expect_all_spellings_meet(Kind::event);
}

TEST_F(Conformance, D02_AnExistingEventKeepsItsKindAndState)
{
  Peer peer;
  const Object set = create_event("manual, set", TRUE, TRUE);
  const Object reset = create_event("automatic, reset", FALSE, FALSE);
  for (const Spelling& spelling : creators(Kind::event)) {
    SCOPED_TRACE(spelling.what);
    const Object again = made_by([&] { return spelling.call("manual, set"); });
    ASSERT_MADE(again, ERROR_ALREADY_EXISTS);
    for (int i = 0; i < 3; ++i)
      EXPECT_WAIT(WaitForSingleObject(again.handle, 0), WAIT_OBJECT_0);
  }
  const Worker::Answer theirs = peer.create_event("automatic, reset", true, true);
  ASSERT_NE(theirs.handle, nullptr);
  EXPECT_EQ(theirs.error, DWORD{ERROR_ALREADY_EXISTS});
  EXPECT_WAIT(WaitForSingleObject(reset.handle, 0), WAIT_TIMEOUT);
  EXPECT_DONE(SetEvent(reset.handle));
  expect_answer(peer.wait(theirs.handle, 0), WAIT_OBJECT_0);
  expect_answer(peer.wait(theirs.handle, 0), WAIT_TIMEOUT);
}

TEST_F(Conformance, D03_TheNameOfAnotherTypeIsRefused)
{
  expect_other_types_refused(Kind::event);
}

TEST_F(Conformance, D04_NameNullMakesANamelessEvent)
{
  expect_nameless(Kind::event);
}

TEST_F(Conformance, D05_NamesFollowTheRulesOfAllObjects)
{
  expect_name_rules(Kind::event);
}

TEST_F(Conformance, D06_OpeningFindsWhatExists)
{
  expect_opening(Kind::event);
}

TEST_F(Conformance, D07_AnEventThatIsInitiallySetIsTaken)
{
  for (const BOOL manual : {FALSE, TRUE, 0xff00}) {
    for (const BOOL initially : {TRUE, 0xff00}) {
      const Object event = create_event("name", manual, initially);
      EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_OBJECT_0);
      EXPECT_WAIT(RtWaitForSingleObject(event.handle, 0), manual != FALSE ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
    }
  }
}

TEST_F(Conformance, D08_AnEventThatIsNotInitiallySetTimesOut)
{
  for (const BOOL manual : {FALSE, TRUE}) {
    const Object event = create_event("name", manual);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
    EXPECT_WAIT(RtWaitForSingleObject(event.handle, 1), WAIT_TIMEOUT);
  }
}

TEST_F(Conformance, D09_AManualResetEventStaysSetForManyWaits)
{
  Peer peer;
  const Object event = create_event("name", TRUE);
  const HANDLE theirs = peer.open(Kind::event, "name").handle;
  for (const EventCall set : setters) {
    EXPECT_DONE(set(event.handle));
    for (int i = 0; i < 100; ++i)
      EXPECT_WAIT(WaitForSingleObject(event.handle, i % 2 == 0 ? 0 : 10), WAIT_OBJECT_0);
    for (int i = 0; i < 10; ++i)
      expect_answer(peer.wait(theirs, INFINITE), WAIT_OBJECT_0);
    EXPECT_DONE(ResetEvent(event.handle));
  }
}

TEST_F(Conformance, D10_AnAutoResetEventReleasesOneWait)
{
  const Object event = create_event("name", FALSE);
  for (const EventCall set : setters) {
    EXPECT_DONE(set(event.handle));
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_OBJECT_0);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
  }
}

TEST_F(Conformance, D11_ASetOfAnAutoResetEventReleasesOneOfManyWaiters)
{
  const Object event = create_event("name", FALSE);
  Crew crew(Kind::event, "name", waiters);
  crew.wait();
  for (int count = 1; count <= waiters; ++count) {
    EXPECT_DONE(setters[count % 2](event.handle));
    crew.expect_released(count);
  }
  for (const Crew::Member& member : crew.members)
    expect_answer(member.worker->finish(), WAIT_OBJECT_0);
  EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
}

TEST_F(Conformance, D12_ASetOfAManualResetEventReleasesAllWaiters)
{
  const Object event = create_event("name", TRUE);
  Crew crew(Kind::event, "name", waiters);
  for (const EventCall set : setters) {
    crew.wait();
    EXPECT_DONE(set(event.handle));
    crew.expect_released(waiters);
    for (const Crew::Member& member : crew.members)
      expect_answer(member.worker->finish(), WAIT_OBJECT_0);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_OBJECT_0);
    EXPECT_DONE(ResetEvent(event.handle));
  }
}

// Who waited at the set is released, even when he runs only after a reset.
TEST_F(Conformance, D12_ASetThatIsTakenBackAtOnceReleasesAllWaiters)
{
  const Object event = create_event("name", TRUE);
  Peer peers[3];
  for (Peer& peer : peers) {
    peer.start_wait(peer.open(Kind::event, "name").handle, INFINITE);
    EXPECT_TRUE(soon([&] { return peer.sleeps(); }));
    peer.stop();
  }
  EXPECT_DONE(SetEvent(event.handle));
  EXPECT_DONE(ResetEvent(event.handle));
  for (Peer& peer : peers) {
    peer.go_on();
    expect_answer(peer.finish(), WAIT_OBJECT_0);
  }
  EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
}

TEST_F(Conformance, D13_TwoSetsOfAnAutoResetEventReleaseOneWait)
{
  Peer peer;
  const Object event = create_event("name", FALSE);
  const HANDLE theirs = peer.open(Kind::event, "name").handle;
  EXPECT_DONE(RtSetEvent(event.handle));
  EXPECT_DONE(SetEvent(event.handle));
  expect_answer(peer.wait(theirs, 0), WAIT_OBJECT_0);
  expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
  EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
}

TEST_F(Conformance, D14_SettingASetAndResettingAResetEventSucceeds)
{
  for (const BOOL manual : {FALSE, TRUE}) {
    const Object event = create_event("name", manual);
    for (int i = 0; i < 4; ++i)
      EXPECT_DONE(resetters[i % 2](event.handle));
    for (int i = 0; i < 4; ++i)
      EXPECT_DONE(setters[i % 2](event.handle));
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_OBJECT_0);
  }
}

TEST_F(Conformance, D15_AResetTakesTheSignalBack)
{
  for (const BOOL manual : {FALSE, TRUE}) {
    const Object event = create_event("name", manual);
    for (const EventCall reset : resetters) {
      EXPECT_DONE(SetEvent(event.handle));
      EXPECT_DONE(reset(event.handle));
      EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
    }
  }
}

TEST_F(Conformance, D16_APulseOfAManualResetEventReleasesAllWhoWaitAndEndsReset)
{
  const Object event = create_event("name", TRUE);
  Crew crew(Kind::event, "name", waiters);
  for (const EventCall pulse : pulsers) {
    crew.wait();
    EXPECT_DONE(pulse(event.handle));
    crew.expect_released(waiters);
    for (const Crew::Member& member : crew.members)
      expect_answer(member.worker->finish(), WAIT_OBJECT_0);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
  }
}

TEST_F(Conformance, D17_APulseOfAnAutoResetEventReleasesOneWhoWaitsAndEndsReset)
{
  const Object event = create_event("name", FALSE);
  Crew crew(Kind::event, "name", waiters);
  crew.wait();
  for (int count = 1; count <= waiters; ++count) {
    EXPECT_DONE(pulsers[count % 2](event.handle));
    crew.expect_released(count);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
  }
  for (const Crew::Member& member : crew.members)
    expect_answer(member.worker->finish(), WAIT_OBJECT_0);
}

TEST_F(Conformance, D18_APulseWithoutWaitersEndsReset)
{
  for (const BOOL manual : {FALSE, TRUE}) {
    for (const EventCall pulse : pulsers) {
      const Object event = create_event("name", manual, TRUE);
      EXPECT_DONE(pulse(event.handle));
      EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
      // And is not remembered for who comes later.
      EXPECT_DONE(pulse(event.handle));
      EXPECT_WAIT(WaitForSingleObject(event.handle, 5), WAIT_TIMEOUT);
    }
  }
}

TEST_F(Conformance, D19_EventCallsRefuseWhatIsNoEvent)
{
  Object closed = create_event("closed", TRUE);
  const HANDLE stale = closed.handle;
  EXPECT_TRUE(closed.close());
  const Memory memory = create("memory", 64);
  const Object mutex = create_mutex("mutex");
  const Object semaphore = create_semaphore("semaphore", 0, 1);
  for (const auto& calls : {setters, resetters, pulsers}) {
    for (int i = 0; i < 2; ++i) {
      for (const HANDLE handle : {HANDLE{nullptr}, stale, INVALID_HANDLE_VALUE, HANDLE{untouched}, memory.handle,
                                  mutex.handle, semaphore.handle}) {
        EXPECT_DENIED(calls[i](handle), ERROR_INVALID_HANDLE);
        EXPECT_STRNE(rtlane_error_message(), "");
      }
    }
  }
  EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_TIMEOUT);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, D20_AProcessThatOnlyOpenedAnEventSetsAndResetsIt)
{
  Peer peer;
  for (const bool manual : {false, true}) {
    const Object event = create_event("name", manual ? TRUE : FALSE);
    const HANDLE theirs = peer.open(Kind::event, "name").handle;
    expect_answer(peer.set(theirs), TRUE);
    expect_answer(peer.reset(theirs), TRUE);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
    Thread thread;
    thread.start_wait(event.handle, INFINITE);
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    expect_answer(peer.set(theirs), TRUE);
    expect_answer(thread.finish(), WAIT_OBJECT_0);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), manual ? WAIT_OBJECT_0 : WAIT_TIMEOUT);
    peer.close(theirs);
  }
}

}  // namespace
}  // namespace rtlane::conformance
