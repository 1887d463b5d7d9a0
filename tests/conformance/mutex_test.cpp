// Section E of the checklist: mutexes. What happens when an owner ends is in mutex_death_test.cpp.
#include <fcntl.h>
#include <sched.h>

#include <fstream>
#include <string>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

TEST_F(Conformance, E01_ANewMutexIsFreeAndLastErrorZero)
{
  expect_all_spellings_meet(Kind::mutex);
  Peer peer;
  const Object mutex = create_mutex("name", FALSE);
  EXPECT_DENIED(ReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
  expect_answer(peer.wait(peer.open(Kind::mutex, "name").handle, 0), WAIT_OBJECT_0);
}

TEST_F(Conformance, E02_ANewMutexThatIsInitiallyOwnedBelongsToTheCallingThread)
{
  Peer peer;
  Thread thread;
  for (const BOOL owned : {TRUE, 0xff00}) {
    const Object mutex = create_mutex("name", owned);
    ASSERT_MADE(mutex, ERROR_SUCCESS);
    const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
    expect_answer(thread.wait(mutex.handle, 0), WAIT_TIMEOUT);
    expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
    EXPECT_DONE(ReleaseMutex(mutex.handle));
    EXPECT_DENIED(ReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
    expect_answer(peer.wait(theirs, 0), WAIT_OBJECT_0);
    expect_answer(peer.release(theirs), TRUE);
    peer.close(theirs);
  }
}

TEST_F(Conformance, E03_AnExistingMutexIsNotOwnedByWhoCreatesItAgain)
{
  Peer peer;
  const Object mutex = create_mutex("name", FALSE);
  const Object again = create_mutex("name", TRUE);
  ASSERT_MADE(again, ERROR_ALREADY_EXISTS);
  EXPECT_DENIED(ReleaseMutex(again.handle), ERROR_NOT_OWNER);
  const Worker::Answer theirs = peer.create_mutex("name", true);
  EXPECT_EQ(theirs.error, DWORD{ERROR_ALREADY_EXISTS});
  expect_answer(peer.release(theirs.handle), FALSE, ERROR_NOT_OWNER);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E04_TheNameOfAnotherTypeIsRefused)
{
  expect_other_types_refused(Kind::mutex);
}

TEST_F(Conformance, E05_NamesFollowTheRulesOfAllObjects)
{
  expect_nameless(Kind::mutex);
  expect_name_rules(Kind::mutex);
}

TEST_F(Conformance, E06_OpeningFindsWhatExists)
{
  expect_opening(Kind::mutex);
}

TEST_F(Conformance, E07_AWaitForAFreeMutexOwnsIt)
{
  Peer peer;
  const Object mutex = create_mutex("name");
  const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
  for (const DWORD timeout_ms : {DWORD{0}, DWORD{10}, DWORD{INFINITE}}) {
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, timeout_ms), WAIT_OBJECT_0);
    expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
    EXPECT_DONE(ReleaseMutex(mutex.handle));
    expect_answer(peer.wait(theirs, timeout_ms), WAIT_OBJECT_0);
    EXPECT_WAIT(RtWaitForSingleObject(mutex.handle, 0), WAIT_TIMEOUT);
    expect_answer(peer.release(theirs), TRUE);
  }
}

TEST_F(Conformance, E08_AWaitOfZeroForAMutexOfAnotherTimesOut)
{
  Peer peer;
  Thread thread;
  const Object mutex = create_mutex("name");
  const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
  expect_answer(peer.wait(theirs, 0), WAIT_OBJECT_0);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_TIMEOUT);
  expect_answer(peer.release(theirs), TRUE);
  expect_answer(thread.wait(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_TIMEOUT);
  expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
  expect_answer(thread.release(mutex.handle), TRUE);
}

constexpr int depth = 40;

TEST_F(Conformance, E09_TheOwnerMayWaitAgain)
{
  const Object mutex = create_mutex("name", TRUE);
  for (int i = 0; i < depth; ++i)
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, i % 2 == 0 ? 0 : INFINITE), WAIT_OBJECT_0);
  EXPECT_WAIT(RtWaitForMultipleObjects(1, &mutex.handle, FALSE, INFINITE), WAIT_OBJECT_0);
  for (int i = 0; i < depth + 2; ++i)
    EXPECT_DONE(RtReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E10_AMutexIsFreeWithTheLastOfAsManyReleases)
{
  Peer peer;
  Thread thread;
  const Object mutex = create_mutex("name");
  const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
  for (int i = 0; i < depth + 1; ++i)
    EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  for (int i = 0; i < depth; ++i) {
    EXPECT_DONE(ReleaseMutex(mutex.handle));
    expect_answer(thread.wait(mutex.handle, 0), WAIT_TIMEOUT);
  }
  expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  expect_answer(peer.wait(theirs, 0), WAIT_OBJECT_0);
}

// Each release of the last acquisition releases one waiter.
TEST_F(Conformance, E10_TheLastReleaseLetsOneWaiterIn)
{
  const Object mutex = create_mutex("name", TRUE);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  Crew crew(Kind::mutex, "name", 4);
  crew.wait();
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  crew.expect_released(0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  for (int turn = 0; turn < 4; ++turn) {
    crew.expect_released(1);
    for (const Crew::Member& member : crew.members) {
      if (member.worker->answered()) {
        expect_answer(member.worker->finish(), WAIT_OBJECT_0);
        expect_answer(member.worker->release(member.handle), TRUE);
        break;
      }
    }
  }
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E11_AnotherThreadCannotRelease)
{
  Thread thread;
  const Object mutex = create_mutex("name", TRUE);
  expect_answer(thread.release(mutex.handle), FALSE, ERROR_NOT_OWNER);
  expect_answer(thread.wait(mutex.handle, 0), WAIT_TIMEOUT);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  expect_answer(thread.wait(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DENIED(ReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
  expect_answer(thread.release(mutex.handle), TRUE);
}

TEST_F(Conformance, E12_AnotherProcessCannotRelease)
{
  Peer peer;
  const Object mutex = create_mutex("name", TRUE);
  const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
  expect_answer(peer.release(theirs), FALSE, ERROR_NOT_OWNER);
  expect_answer(peer.wait(theirs, 0), WAIT_TIMEOUT);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  expect_answer(peer.wait(theirs, 0), WAIT_OBJECT_0);
  EXPECT_DENIED(RtReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
}

TEST_F(Conformance, E13_AReleaseTooManyIsRefused)
{
  const Object mutex = create_mutex("name", TRUE);
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(RtReleaseMutex(mutex.handle));
  EXPECT_DONE(ReleaseMutex(mutex.handle));
  for (int i = 0; i < 3; ++i) {
    EXPECT_DENIED(RtReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
    EXPECT_DENIED(ReleaseMutex(mutex.handle), ERROR_NOT_OWNER);
    EXPECT_STRNE(rtlane_error_message(), "");
  }
  EXPECT_WAIT(WaitForSingleObject(mutex.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(mutex.handle));
}

TEST_F(Conformance, E14_AReleaseOfWhatIsNoMutexIsRefused)
{
  Object closed = create_mutex("closed");
  const HANDLE stale = closed.handle;
  EXPECT_TRUE(closed.close());
  const Memory memory = create("memory", 64);
  const Object event = create_event("event", FALSE);
  const Object semaphore = create_semaphore("semaphore", 0, 1);
  for (const HANDLE handle : {HANDLE{nullptr}, stale, INVALID_HANDLE_VALUE, HANDLE{untouched}, memory.handle,
                              event.handle, semaphore.handle}) {
    EXPECT_DENIED(RtReleaseMutex(handle), ERROR_INVALID_HANDLE);
    EXPECT_DENIED(ReleaseMutex(handle), ERROR_INVALID_HANDLE);
    EXPECT_STRNE(rtlane_error_message(), "");
  }
  EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
  EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_TIMEOUT);
}

TEST_F(Conformance, E15_TheOwnerReleasesThroughAnyHandle)
{
  Peer peer;
  const Object first = create_mutex("name", TRUE);
  const Object second = open(Kind::mutex, "name");
  ASSERT_MADE(second, preset_error);
  EXPECT_WAIT(WaitForSingleObject(second.handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(second.handle));
  EXPECT_DONE(ReleaseMutex(second.handle));
  EXPECT_DENIED(ReleaseMutex(first.handle), ERROR_NOT_OWNER);
  const HANDLE theirs = peer.open(Kind::mutex, "name").handle;
  expect_answer(peer.wait(theirs, 0), WAIT_OBJECT_0);
}

class PriorityInheritance : public Conformance {
protected:
  // False when SCHED_FIFO is refused. On one CPU with the others, before it can crowd out anybody.
  static bool run_at(const Worker& worker, int priority)
  {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
      return false;
    int cpu = 0;
    while (!CPU_ISSET(cpu, &allowed))
      ++cpu;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    const sched_param parameter = {priority};
    return sched_setaffinity(worker.tid(), sizeof(one), &one) == 0 &&
           sched_setscheduler(worker.tid(), SCHED_FIFO, &parameter) == 0;
  }
  // The one the kernel schedules it with: a priority p of SCHED_FIFO is -1-p there.
  static int effective_priority(const Worker& worker)
  {
    std::ifstream file("/proc/" + std::to_string(worker.tid()) + "/stat");
    std::string text;
    std::getline(file, text);
    text.erase(0, text.rfind(')') + 2);  // the name may have spaces; field 3 follows
    for (int field = 3; field < 18; ++field)
      text.erase(0, text.find(' ') + 1);
    return -1 - std::atoi(text.c_str());
  }
};

constexpr int low = 10;
constexpr int high = 40;

TEST_F(PriorityInheritance, E22_TheOwnerRunsAtTheWaitersPriorityUntilItReleases)
{
  const Object first = create_mutex("first");
  const Object second = create_mutex("second");
  for (const bool processes : {true, false}) {
    std::unique_ptr<Worker> owner;
    std::unique_ptr<Worker> waiter;
    if (processes) {
      owner = std::make_unique<Peer>();
      waiter = std::make_unique<Peer>();
    } else {
      owner = std::make_unique<Thread>();
      waiter = std::make_unique<Thread>();
    }
    if (!run_at(*owner, low) || !run_at(*waiter, high))
      GTEST_SKIP() << "SCHED_FIFO is refused here: it needs root, CAP_SYS_NICE or RLIMIT_RTPRIO";
    ASSERT_EQ(effective_priority(*owner), low);
    const HANDLE owned = owner->open(Kind::mutex, "first").handle;
    const HANDLE also_owned = owner->open(Kind::mutex, "second").handle;
    const HANDLE wanted = waiter->open(Kind::mutex, "first").handle;
    expect_answer(owner->wait(owned, INFINITE), WAIT_OBJECT_0);
    expect_answer(owner->wait(also_owned, INFINITE), WAIT_OBJECT_0);
    EXPECT_EQ(effective_priority(*owner), low);
    waiter->start_wait(wanted, INFINITE);
    EXPECT_TRUE(soon([&] { return effective_priority(*owner) == high; })) << effective_priority(*owner);
    // Deviation: INtime lowers the owner with its last mutex only, Linux with the one that is waited for.
    expect_answer(owner->release(owned), TRUE);
    expect_answer(waiter->finish(), WAIT_OBJECT_0);
    EXPECT_TRUE(soon([&] { return effective_priority(*owner) == low; })) << effective_priority(*owner);
    expect_answer(owner->release(also_owned), TRUE);
    expect_answer(waiter->release(wanted), TRUE);
    for (const HANDLE handle : {owned, also_owned})
      owner->close(handle);
    waiter->close(wanted);
  }
}

// The wait with an end that is far away is another system call.
TEST_F(PriorityInheritance, E22_AWaitThatTimesOutGivesThePriorityBack)
{
  const Object mutex = create_mutex("name");
  Peer owner;
  Peer waiter;
  if (!run_at(owner, low) || !run_at(waiter, high))
    GTEST_SKIP() << "SCHED_FIFO is refused here: it needs root, CAP_SYS_NICE or RLIMIT_RTPRIO";
  const HANDLE owned = owner.open(Kind::mutex, "name").handle;
  const HANDLE wanted = waiter.open(Kind::mutex, "name").handle;
  expect_answer(owner.wait(owned, INFINITE), WAIT_OBJECT_0);
  waiter.start_wait(wanted, 3000);
  EXPECT_TRUE(soon([&] { return effective_priority(owner) == high; })) << effective_priority(owner);
  expect_answer(waiter.finish(), WAIT_TIMEOUT);
  EXPECT_TRUE(soon([&] { return effective_priority(owner) == low; })) << effective_priority(owner);
}

}  // namespace
}  // namespace rtlane::conformance
