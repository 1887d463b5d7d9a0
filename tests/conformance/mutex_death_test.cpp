// Section E of the checklist, continued: the owner of a mutex ends, as a thread or with its process.
#include <string>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

// The one that has been released, and its answer.
struct Released {
  const Crew::Member* member = nullptr;
  Worker::Answer answer = {};
};

Released take_released(const Crew& crew)
{
  Released released;
  for (const Crew::Member& member : crew.members) {
    if (member.worker->answered()) {
      EXPECT_EQ(released.member, nullptr) << "more than one was released";
      released = {&member, member.worker->finish()};
    }
  }
  EXPECT_NE(released.member, nullptr) << "nobody was released";
  return released;
}

// An owner of the mutex died while the crew waited for it: one of them owns it, with the sign; the others wait on, and
// get it one after the other without the sign.
// Deviation: INtime wakes all waiters with WAIT_ABANDONED.
void expect_one_heir(Crew& crew)
{
  crew.expect_released(1);
  Released heir = take_released(crew);
  expect_answer(heir.answer, WAIT_ABANDONED);
  for (std::size_t turn = 1; turn < crew.members.size() && heir.member != nullptr; ++turn) {
    crew.expect_released(0);
    expect_answer(heir.member->worker->release(heir.member->handle), TRUE);
    crew.expect_released(1);
    heir = take_released(crew);
    expect_answer(heir.answer, WAIT_OBJECT_0);
  }
  if (heir.member != nullptr)
    expect_answer(heir.member->worker->release(heir.member->handle), TRUE);
}

TEST_F(Conformance, E16_AfterTheOwnerThreadEndedTheNextWaitIsAbandonedAndOwns)
{
  Peer peer;
  const Object mutex = create_mutex("name");
  const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
  for (const DWORD timeout_ms : {DWORD{0}, DWORD{10}, DWORD{INFINITE}}) {
    for (const bool in_other_process : {false, true}) {
      Thread owner;
      expect_answer(owner.wait(mutex.handle, 0), WAIT_OBJECT_0);
      owner.end();
      if (in_other_process) {
        expect_answer(peer.wait(theirs, timeout_ms), WAIT_ABANDONED);
        EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_TIMEOUT);
        expect_answer(peer.release(theirs), TRUE);
      } else {
        EXPECT_WAIT(WaitForSingleObject(mutex.handle, timeout_ms), WAIT_ABANDONED);
        expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
        EXPECT_DONE(ReleaseMutex(mutex.handle));
      }
    }
  }
}

// The thread that created it owned it from the start.
TEST_F(Conformance, E16_AThreadThatCreatedItsMutexOwnedAbandonsItToo)
{
  Thread owner;
  const Worker::Answer made = owner.create_mutex("name", true);
  ASSERT_NE(made.handle, nullptr);
  owner.end();
  EXPECT_WAIT(WaitForSingleObject(made.handle, INFINITE), WAIT_ABANDONED);
  EXPECT_DONE(ReleaseMutex(made.handle));
  EXPECT_DONE(CloseHandle(made.handle));
}

TEST_F(Conformance, E17_WhenTheOwnerThreadEndsOneOfManyWaitersIsAbandonedAndOwns)
{
  const Object mutex = create_mutex("name");
  Crew crew(Kind::mutex, "name", 6);
  for (int round = 0; round < 2; ++round) {
    Thread owner;
    expect_answer(owner.wait(mutex.handle, 0), WAIT_OBJECT_0);
    crew.wait();
    owner.end();
    expect_one_heir(crew);
  }
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E18_AfterTheOwnerProcessEndedTheNextWaitIsAbandonedAndOwns)
{
  const Object mutex = create_mutex("name");
  for (const Ending ending : endings) {
    SCOPED_TRACE(static_cast<int>(ending));
    Peer owner;
    expect_answer(owner.wait(owner.open(Kind::mutex, "name").handle, 0), WAIT_OBJECT_0);
    owner.end(ending);
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, INFINITE), WAIT_ABANDONED);
    EXPECT_DONE(ReleaseMutex(mutex.handle));
    EXPECT_DENIED(ReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
  }
}

TEST_F(Conformance, E18_WhenTheOwnerProcessEndsOneOfManyWaitersIsAbandonedAndOwns)
{
  const Object mutex = create_mutex("name");
  Crew crew(Kind::mutex, "name", 6);
  for (const Ending ending : {Ending::is_killed, Ending::aborts, Ending::calls_exit}) {
    SCOPED_TRACE(static_cast<int>(ending));
    Peer owner;
    expect_answer(owner.wait(owner.open(Kind::mutex, "name").handle, 0), WAIT_OBJECT_0);
    crew.wait();
    owner.end(ending);
    expect_one_heir(crew);
  }
}

// Killed before they owned it: nobody is abandoned, and nobody sleeps for ever.
TEST_F(Conformance, E18_WaitersThatAreKilledHandNothingOn)
{
  const Object mutex = create_mutex("name", TRUE);
  Peer survivor;
  const HANDLE theirs = survivor.open(Kind::mutex, "name").handle;
  for (int round = 0; round < 5; ++round) {
    Peer killed;
    killed.start_wait(killed.open(Kind::mutex, "name").handle, INFINITE);
    EXPECT_TRUE(soon([&] { return killed.sleeps(); }));
    survivor.start_wait(theirs, INFINITE);
    EXPECT_TRUE(soon([&] { return survivor.sleeps(); }));
    killed.end(Ending::is_killed);
    EXPECT_DONE(ReleaseMutex(mutex.handle));
    expect_answer(survivor.finish(), WAIT_OBJECT_0);
    expect_answer(survivor.release(theirs), TRUE);
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, INFINITE), WAIT_OBJECT_0);
  }
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E19_AfterTheHeirReleasedNothingIsAbandonedAnyMore)
{
  Peer other;
  const Object mutex = create_mutex("name");
  const HANDLE theirs = other.open(Kind::mutex, "name").handle;
  Peer owner;
  expect_answer(owner.wait(owner.open(Kind::mutex, "name").handle, 0), WAIT_OBJECT_0);
  owner.end(Ending::is_killed);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_ABANDONED);
  // Nor for the heir, who may wait again.
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  for (int i = 0; i < 3; ++i) {
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
    EXPECT_DONE(ReleaseMutex(mutex.handle));
    expect_answer(other.wait(theirs, INFINITE), WAIT_OBJECT_0);
    expect_answer(other.release(theirs), TRUE);
  }
}

// An heir that ends as well leaves the next one the sign.
TEST_F(Conformance, E19_AnHeirThatIsKilledAbandonsAgain)
{
  const Object mutex = create_mutex("name");
  for (int generation = 0; generation < 4; ++generation) {
    Peer owner;
    expect_answer(owner.wait(owner.open(Kind::mutex, "name").handle, 0),
                  generation == 0 ? WAIT_OBJECT_0 : WAIT_ABANDONED);
    owner.end(Ending::is_killed);
  }
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_ABANDONED);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E20_TheHeirOwnsItOnceHoweverOftenTheDeadDid)
{
  Peer other;
  const Object mutex = create_mutex("name");
  const HANDLE theirs = other.open(Kind::mutex, "name").handle;
  Peer owner;
  const HANDLE owned = owner.open(Kind::mutex, "name").handle;
  for (int i = 0; i < 5; ++i)
    expect_answer(owner.wait(owned, 0), WAIT_OBJECT_0);
  owner.end(Ending::is_killed);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_ABANDONED);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  EXPECT_DENIED(ReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
  expect_answer(other.wait(theirs, 0), WAIT_OBJECT_0);
}

TEST_F(Conformance, E21_CreatingTheMutexOfADeadOwnerAgainOwnsNothingAndTheFirstWaitIsAbandoned)
{
  Peer creator;
  ASSERT_NE(creator.create_mutex("name", true).handle, nullptr);
  const Object kept = open(Kind::mutex, "name");
  creator.end(Ending::is_killed);
  Peer third;
  const Worker::Answer again = third.create_mutex("name", true);
  ASSERT_NE(again.handle, nullptr);
  EXPECT_EQ(again.error, DWORD{ERROR_ALREADY_EXISTS});
  expect_answer(third.release(again.handle), FALSE, ERROR_NOT_OWNER);
  expect_answer(third.wait(again.handle, 0), WAIT_ABANDONED);
  EXPECT_WAIT(WaitForSingleObject(kept.handle, 0), WAIT_TIMEOUT);
  expect_answer(third.release(again.handle), TRUE);
  EXPECT_WAIT(WaitForSingleObject(kept.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(kept.handle));
}

// Sources written for INtime and RTX ask so whether a peer is alive.
TEST_F(Conformance, E23_AMutexTellsWhetherItsHolderIsAlive)
{
  const Object mutex = create_mutex("alive");
  for (const Ending ending : endings) {
    SCOPED_TRACE(static_cast<int>(ending));
    Peer peer;
    expect_answer(peer.wait(peer.open(Kind::mutex, "alive").handle, 0), WAIT_OBJECT_0);
    for (int i = 0; i < 3; ++i)
      EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_TIMEOUT);
    peer.end(ending);
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_ABANDONED);
    EXPECT_DONE(ReleaseMutex(mutex.handle));
  }
}

}  // namespace
}  // namespace rtlane::conformance
