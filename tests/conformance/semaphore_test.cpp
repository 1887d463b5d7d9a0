// Section F of the checklist: semaphores.
#include <rtlane/core/sync.h>

#include <cstdint>
#include <string>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

constexpr LONG most = INT32_MAX;

// How many units there are, of a few; takes them and gives them back.
LONG units(HANDLE semaphore)
{
  LONG count = 0;
  while (count < 100 && WaitForSingleObject(semaphore, 0) == WAIT_OBJECT_0)
    ++count;
  if (count > 0)
    EXPECT_DONE(ReleaseSemaphore(semaphore, count, nullptr));
  return count;
}

TEST_F(Conformance, F01_ANewSemaphoreGivesAHandleAndLastErrorZero)
{
  expect_all_spellings_meet(Kind::semaphore);
  for (const auto& [initial, maximum] : {std::pair<LONG, LONG>{0, 1}, {1, 1}, {3, 10}, {0, most}, {most, most}}) {
    for (const bool wide : {false, true}) {
      const Object semaphore = made_by([&, initial = initial, maximum = maximum] {
        return wide ? RtCreateSemaphoreW(nullptr, initial, maximum, L"name")
                    : RtCreateSemaphoreA(nullptr, initial, maximum, "name");
      });
      ASSERT_MADE(semaphore, ERROR_SUCCESS);
      if (initial < 100) {
        EXPECT_EQ(units(semaphore.handle), initial);
      }
    }
  }
  // A nameless one each time.
  const Object first = create_semaphore(nullptr, 1, 1);
  const Object second = create_semaphore(nullptr, 1, 1);
  EXPECT_WAIT(WaitForSingleObject(first.handle, 0), WAIT_OBJECT_0);
  EXPECT_WAIT(WaitForSingleObject(second.handle, 0), WAIT_OBJECT_0);
  expect_nameless(Kind::semaphore);
  expect_name_rules(Kind::semaphore);
}

TEST_F(Conformance, F02_CountsThatMakeNoSenseAreRefused)
{
  using Create = HANDLE (*)(LPSECURITY_ATTRIBUTES, LONG, LONG, LPCSTR);
  using CreateWide = HANDLE (*)(LPSECURITY_ATTRIBUTES, LONG, LONG, LPCWSTR);
  for (const auto& [initial, maximum] :
       {std::pair<LONG, LONG>{-1, 1}, {INT32_MIN, 1}, {2, 1}, {most, 1}, {0, 0}, {0, -1}, {-1, -1}, {0, INT32_MIN}}) {
    SCOPED_TRACE(std::to_string(initial) + " of " + std::to_string(maximum));
    for (const char* name : {"name", static_cast<const char*>(nullptr)}) {
      for (const Create create : {Create{RtCreateSemaphoreA}, Create{CreateSemaphoreA}})
        expect_refused(made_by([&, i = initial, m = maximum] { return create(nullptr, i, m, name); }),
                       ERROR_INVALID_PARAMETER);
    }
    for (const CreateWide create : {CreateWide{RtCreateSemaphoreW}, CreateWide{CreateSemaphoreW}})
      expect_refused(made_by([&, i = initial, m = maximum] { return create(nullptr, i, m, L"name"); }),
                     ERROR_INVALID_PARAMETER);
  }
  EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(Conformance, F03_AnExistingSemaphoreKeepsItsCountWhateverIsAskedFor)
{
  Peer peer;
  const Object semaphore = create_semaphore("name", 2, 3);
  for (const auto& [initial, maximum] : {std::pair<LONG, LONG>{0, 1}, {3, 3}, {most, most}, {-1, 1}, {2, 1}, {0, 0}}) {
    SCOPED_TRACE(std::to_string(initial) + " of " + std::to_string(maximum));
    expect_made(create_semaphore("name", initial, maximum), ERROR_ALREADY_EXISTS);
    const Worker::Answer theirs = peer.create_semaphore("name", initial, maximum);
    EXPECT_NE(theirs.handle, nullptr);
    EXPECT_EQ(theirs.error, DWORD{ERROR_ALREADY_EXISTS});
    EXPECT_EQ(units(semaphore.handle), 2);
  }
  EXPECT_DENIED(ReleaseSemaphore(semaphore.handle, 2, nullptr), ERROR_TOO_MANY_POSTS);
}

TEST_F(Conformance, F04_TheNameOfAnotherTypeIsRefused)
{
  expect_other_types_refused(Kind::semaphore);
}

TEST_F(Conformance, F05_OpeningFindsWhatExists)
{
  expect_opening(Kind::semaphore);
}

TEST_F(Conformance, F06_AWaitTakesOneUnit)
{
  Peer peer;
  const Object semaphore = create_semaphore("name", 4, 10);
  const HANDLE theirs = peer.open(Kind::semaphore, "name").handle;
  EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_OBJECT_0);
  EXPECT_EQ(units(semaphore.handle), 3);
  EXPECT_WAIT(RtWaitForSingleObject(semaphore.handle, INFINITE), WAIT_OBJECT_0);
  expect_answer(peer.wait(theirs, 10), WAIT_OBJECT_0);
  EXPECT_EQ(units(semaphore.handle), 1);
}

TEST_F(Conformance, F07_AWaitOfZeroWithoutUnitsTimesOut)
{
  Peer peer;
  const Object semaphore = create_semaphore("name", 0, 10);
  EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_TIMEOUT);
  EXPECT_WAIT(RtWaitForSingleObject(semaphore.handle, 0), WAIT_TIMEOUT);
  expect_answer(peer.wait(peer.open(Kind::semaphore, "name").handle, 0), WAIT_TIMEOUT);
}

TEST_F(Conformance, F08_AReleaseAddsAndTellsTheCountBefore)
{
  const Object semaphore = create_semaphore("name", 1, most);
  LONG previous = -1;
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 1, &previous));
  EXPECT_EQ(previous, 1);
  EXPECT_DONE(RtReleaseSemaphore(semaphore.handle, 5, &previous));
  EXPECT_EQ(previous, 2);
  EXPECT_EQ(units(semaphore.handle), 7);
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, most - 7, &previous));
  EXPECT_EQ(previous, 7);
  EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 1, &previous));
  EXPECT_EQ(previous, most - 1);
}

TEST_F(Conformance, F09_AReleaseBeyondTheMaximumChangesNothing)
{
  for (const auto release : {RtReleaseSemaphore, ReleaseSemaphore}) {
    const Object small = create_semaphore("small", 2, 3);
    const Object large = create_semaphore("large", most, most);
    const Object wrapping = create_semaphore("wrapping", 1, most);
    LONG previous = 12345;
    for (const LONG count : {LONG{2}, LONG{3}, most - 1, most}) {
      EXPECT_DENIED(release(small.handle, count, &previous), ERROR_TOO_MANY_POSTS);
      EXPECT_DENIED(release(large.handle, count, &previous), ERROR_TOO_MANY_POSTS);
      EXPECT_STRNE(rtlane_error_message(), "");
    }
    EXPECT_DENIED(release(wrapping.handle, most, &previous), ERROR_TOO_MANY_POSTS);
    EXPECT_DENIED(release(wrapping.handle, most, nullptr), ERROR_TOO_MANY_POSTS);
    EXPECT_EQ(previous, 12345);
    EXPECT_EQ(units(small.handle), 2);
    EXPECT_EQ(units(wrapping.handle), 1);
    EXPECT_DONE(release(small.handle, 1, &previous));
    EXPECT_EQ(previous, 2);
  }
}

TEST_F(Conformance, F10_AReleaseOfNothingIsRefused)
{
  const Object semaphore = create_semaphore("name", 1, 3);
  for (const auto release : {RtReleaseSemaphore, ReleaseSemaphore}) {
    LONG previous = 12345;
    for (const LONG count : {0, -1, INT32_MIN}) {
      EXPECT_DENIED(release(semaphore.handle, count, &previous), ERROR_INVALID_PARAMETER);
      EXPECT_STRNE(rtlane_error_message(), "");
    }
    EXPECT_EQ(previous, 12345);
    EXPECT_EQ(units(semaphore.handle), 1);
  }
}

TEST_F(Conformance, F11_TheCountBeforeNeedNotBeAskedFor)
{
  const Object semaphore = create_semaphore("name", 0, 10);
  EXPECT_DONE(RtReleaseSemaphore(semaphore.handle, 1, nullptr));
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 2, nullptr));
  EXPECT_EQ(units(semaphore.handle), 3);
}

TEST_F(Conformance, F12_AReleaseLetsAsManyWaitersGo)
{
  const Object semaphore = create_semaphore("name", 0, most);
  Crew crew(Kind::semaphore, "name", 6);
  crew.wait();
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 1, nullptr));
  crew.expect_released(1);
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 3, nullptr));
  crew.expect_released(4);
  EXPECT_EQ(units(semaphore.handle), 0);
  EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 5, nullptr));
  crew.expect_released(6);
  for (const Crew::Member& member : crew.members)
    expect_answer(member.worker->finish(), WAIT_OBJECT_0);
  EXPECT_EQ(units(semaphore.handle), 3);
}

// So many that the kernel's word cannot take them in one step.
TEST_F(Conformance, F12_ALargeReleaseLetsAllWaitersGoAndKeepsTheRest)
{
  for (const LONG count : {LONG{2047}, LONG{2048}, LONG{5000}, LONG{1000003}, most}) {
    SCOPED_TRACE(count);
    const Object semaphore = create_semaphore("name", 0, most);
    Crew crew(Kind::semaphore, "name", 4);
    crew.wait();
    LONG previous = -1;
    EXPECT_DONE(ReleaseSemaphore(semaphore.handle, count, &previous));
    EXPECT_EQ(previous, 0);
    crew.expect_released(4);
    for (const Crew::Member& member : crew.members)
      expect_answer(member.worker->finish(), WAIT_OBJECT_0);
    rtlane_sync_state state = {};
    const auto handle = static_cast<rtlane_handle>(reinterpret_cast<std::uintptr_t>(semaphore.handle));
    ASSERT_EQ(rtlane_sync_get_state(handle, &state), 0);
    EXPECT_EQ(state.count, static_cast<std::uint32_t>(count - 4));
    EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 1, &previous));
    EXPECT_EQ(previous, count - 4);
  }
}

TEST_F(Conformance, F13_AnyoneMayReleaseWithoutHavingWaited)
{
  Peer peer;
  Thread thread;
  const Object semaphore = create_semaphore("name", 0, 10);
  expect_answer(thread.release(semaphore.handle, 1), TRUE);
  expect_answer(peer.release(peer.open(Kind::semaphore, "name").handle, 2), TRUE);
  EXPECT_EQ(units(semaphore.handle), 3);
}

TEST_F(Conformance, F14_TheUnitOfADeadHolderIsNotGivenBack)
{
  const Object semaphore = create_semaphore("name", 10, 10);
  LONG left = 10;
  for (const Ending ending : endings) {
    Peer peer;
    expect_answer(peer.wait(peer.open(Kind::semaphore, "name").handle, 0), WAIT_OBJECT_0);
    peer.end(ending);
    EXPECT_EQ(units(semaphore.handle), --left);
  }
  {
    Thread thread;
    expect_answer(thread.wait(semaphore.handle, 0), WAIT_OBJECT_0);
  }
  EXPECT_EQ(units(semaphore.handle), --left);
}

// A waiter has no unit: none goes with it.
TEST_F(Conformance, F14_AWaiterThatIsKilledTakesNoUnitAlong)
{
  const Object semaphore = create_semaphore("name", 0, 10);
  for (int round = 0; round < 5; ++round) {
    Peer killed;
    killed.start_wait(killed.open(Kind::semaphore, "name").handle, INFINITE);
    EXPECT_TRUE(soon([&] { return killed.sleeps(); }));
    killed.end(Ending::is_killed);
    EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 1, nullptr));
    EXPECT_WAIT(WaitForSingleObject(semaphore.handle, INFINITE), WAIT_OBJECT_0);
  }
}

TEST_F(Conformance, F15_AReleaseOfWhatIsNoSemaphoreIsRefused)
{
  Object closed = create_semaphore("closed", 0, 1);
  const HANDLE stale = closed.handle;
  EXPECT_TRUE(closed.close());
  const Memory memory = create("memory", 64);
  const Object event = create_event("event", FALSE);
  const Object mutex = create_mutex("mutex", TRUE);
  LONG previous = 12345;
  for (const HANDLE handle :
       {HANDLE{nullptr}, stale, INVALID_HANDLE_VALUE, HANDLE{untouched}, memory.handle, event.handle, mutex.handle}) {
    EXPECT_DENIED(RtReleaseSemaphore(handle, 1, &previous), ERROR_INVALID_HANDLE);
    EXPECT_DENIED(ReleaseSemaphore(handle, 1, nullptr), ERROR_INVALID_HANDLE);
    EXPECT_STRNE(rtlane_error_message(), "");
  }
  EXPECT_EQ(previous, 12345);
  EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

}  // namespace
}  // namespace rtlane::conformance
