// Section G of the checklist, continued: waits for several objects.
#include <string>
#include <vector>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

using WaitMany = DWORD (*)(DWORD count, const HANDLE* handles, BOOL all, DWORD timeout_ms);

DWORD wait_many_ex(DWORD count, const HANDLE* handles, BOOL all, DWORD timeout_ms)
{
  LARGE_INTEGER timeout = {};
  timeout.QuadPart = LONGLONG{timeout_ms} * 10000;
  return RtWaitForMultipleObjectsEx(count, handles, all, timeout_ms == INFINITE ? nullptr : &timeout);
}

constexpr WaitMany waits[] = {RtWaitForMultipleObjects, WaitForMultipleObjects, wait_many_ex};

struct Several {
  std::vector<Object> objects;
  std::vector<HANDLE> handles;

  void add(Object object)
  {
    handles.push_back(object.handle);
    objects.push_back(std::move(object));
  }
  DWORD count() const { return static_cast<DWORD>(handles.size()); }
};

Several events(DWORD count, BOOL manual_reset)
{
  Several several;
  for (DWORD i = 0; i < count; ++i)
    several.add(create_event(("event " + std::to_string(i)).c_str(), manual_reset));
  return several;
}

TEST_F(Conformance, G07_AWaitForSeveralAnswersTheLowestSignalledIndex)
{
  for (const DWORD count : {1, 2, 3, 15, 16}) {
    const Several several = events(count, TRUE);
    for (const WaitMany wait : waits) {
      for (const DWORD timeout_ms : {DWORD{0}, DWORD{50}, DWORD{INFINITE}}) {
        for (DWORD i = count; i-- > 0;) {
          EXPECT_DONE(SetEvent(several.handles[i]));  // and those above are set already
          EXPECT_WAIT(wait(count, several.handles.data(), FALSE, timeout_ms), WAIT_OBJECT_0 + i);
        }
        for (DWORD i = 0; i < count; ++i) {
          EXPECT_WAIT(wait(count, several.handles.data(), FALSE, timeout_ms), WAIT_OBJECT_0 + i);
          EXPECT_DONE(ResetEvent(several.handles[i]));
        }
      }
    }
  }
}

TEST_F(Conformance, G07_ASleepingWaitForSeveralAnswersTheIndexThatIsSignalled)
{
  const Several several = events(MAXIMUM_WAIT_OBJECTS, FALSE);
  Peer peer;
  Thread thread;
  std::vector<HANDLE> theirs;
  for (DWORD i = 0; i < several.count(); ++i)
    theirs.push_back(peer.open(Kind::event, ("event " + std::to_string(i)).c_str()).handle);
  for (DWORD i = 0; i < several.count(); ++i) {
    thread.start_wait(several.handles, INFINITE);
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    expect_answer(peer.set(theirs[i]), TRUE);
    expect_answer(thread.finish(), WAIT_OBJECT_0 + i);
    peer.start_wait(theirs, 60000);
    EXPECT_TRUE(soon([&] { return peer.sleeps(); }));
    EXPECT_DONE(SetEvent(several.handles[i]));
    expect_answer(peer.finish(), WAIT_OBJECT_0 + i);
  }
}

TEST_F(Conformance, G08_OnlyTheAnsweredObjectIsTaken)
{
  for (const WaitMany wait : waits) {
    Several several = events(2, FALSE);
    several.add(create_semaphore("semaphore", 2, 2));
    several.add(create_mutex("mutex"));
    Thread other;
    EXPECT_DONE(SetEvent(several.handles[0]));
    EXPECT_DONE(SetEvent(several.handles[1]));
    EXPECT_WAIT(wait(4, several.handles.data(), FALSE, INFINITE), WAIT_OBJECT_0);
    EXPECT_WAIT(WaitForSingleObject(several.handles[0], 0), WAIT_TIMEOUT);
    EXPECT_WAIT(wait(4, several.handles.data(), FALSE, 0), WAIT_OBJECT_0 + 1);
    EXPECT_WAIT(WaitForSingleObject(several.handles[1], 0), WAIT_TIMEOUT);
    // Both units of the semaphore are still there, and nobody owns the mutex.
    expect_answer(other.wait(several.handles[3], 0), WAIT_OBJECT_0);
    expect_answer(other.release(several.handles[3]), TRUE);
    EXPECT_WAIT(wait(4, several.handles.data(), FALSE, 0), WAIT_OBJECT_0 + 2);
    EXPECT_WAIT(wait(4, several.handles.data(), FALSE, 0), WAIT_OBJECT_0 + 2);
    EXPECT_DENIED(ReleaseMutex(several.handles[3]), ERROR_NOT_OWNER);
    EXPECT_WAIT(wait(4, several.handles.data(), FALSE, 0), WAIT_OBJECT_0 + 3);
    expect_answer(other.wait(several.handles[3], 0), WAIT_TIMEOUT);
    EXPECT_DONE(ReleaseMutex(several.handles[3]));
  }
}

TEST_F(Conformance, G09_TheTypesMayBeMixed)
{
  Peer owner;
  const HANDLE owned = owner.create_mutex("mutex", true).handle;
  Several several;
  several.add(create_event("automatic", FALSE));
  several.add(open(Kind::mutex, "mutex"));
  several.add(create_semaphore("semaphore", 0, 5));
  several.add(create_event("manual", TRUE));
  Thread thread;
  const auto wait = [&](auto&& signal, DWORD index) {
    thread.start_wait(several.handles, INFINITE);
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    signal();
    expect_answer(thread.finish(), WAIT_OBJECT_0 + index);
  };
  for (int round = 0; round < 3; ++round) {
    wait([&] { EXPECT_DONE(SetEvent(several.handles[0])); }, 0);
    wait([&] { EXPECT_DONE(ReleaseSemaphore(several.handles[2], 1, nullptr)); }, 2);
    wait([&] { EXPECT_DONE(SetEvent(several.handles[3])); }, 3);
    EXPECT_DONE(ResetEvent(several.handles[3]));
    wait([&] { expect_answer(owner.release(owned), TRUE); }, 1);
    // Now it is the thread's, and recursive.
    expect_answer(owner.wait(owned, 0), WAIT_TIMEOUT);
    thread.start_wait(several.handles, 0);
    expect_answer(thread.finish(), WAIT_OBJECT_0 + 1);
    expect_answer(thread.release(several.handles[1]), TRUE);
    expect_answer(owner.wait(owned, 0), WAIT_TIMEOUT);
    expect_answer(thread.release(several.handles[1]), TRUE);
    expect_answer(owner.wait(owned, 0), WAIT_OBJECT_0);
  }
}

TEST_F(Conformance, G10_WaitingForAllIsRefused)
{
  const Several several = events(2, FALSE);
  EXPECT_DONE(SetEvent(several.handles[0]));
  EXPECT_DONE(SetEvent(several.handles[1]));
  for (const WaitMany wait : waits) {
    for (const BOOL all : {TRUE, 2, -1}) {
      for (const DWORD count : {1, 2}) {
        EXPECT_WAIT_FAILED(wait(count, several.handles.data(), all, 0), ERROR_INVALID_PARAMETER);
        EXPECT_WAIT_FAILED(wait(count, several.handles.data(), all, INFINITE), ERROR_INVALID_PARAMETER);
        EXPECT_STRNE(rtlane_error_message(), "");
      }
    }
  }
  EXPECT_WAIT(WaitForSingleObject(several.handles[0], 0), WAIT_OBJECT_0);
  EXPECT_WAIT(WaitForSingleObject(several.handles[1], 0), WAIT_OBJECT_0);
}

TEST_F(Conformance, G11_AWaitForNothingIsRefused)
{
  const Several several = events(1, TRUE);
  for (const WaitMany wait : waits) {
    for (const DWORD timeout_ms : {DWORD{0}, DWORD{10}, DWORD{INFINITE}}) {
      EXPECT_WAIT_FAILED(wait(0, several.handles.data(), FALSE, timeout_ms), ERROR_INVALID_PARAMETER);
      EXPECT_WAIT_FAILED(wait(0, nullptr, FALSE, timeout_ms), ERROR_INVALID_PARAMETER);
      EXPECT_STRNE(rtlane_error_message(), "");
    }
  }
}

TEST_F(Conformance, G12_AWaitForMoreThan16IsRefused)
{
  const Several several = events(17, TRUE);
  static_assert(MAXIMUM_WAIT_OBJECTS == 16);
  EXPECT_DONE(SetEvent(several.handles[0]));
  for (const WaitMany wait : waits) {
    for (const DWORD timeout_ms : {DWORD{0}, DWORD{INFINITE}}) {
      for (const DWORD count : {DWORD{17}, DWORD{64}, DWORD{65}, DWORD{0x80000001}, DWORD{0xffffffff}})
        EXPECT_WAIT_FAILED(wait(count, several.handles.data(), FALSE, timeout_ms), ERROR_INVALID_PARAMETER);
      EXPECT_STRNE(rtlane_error_message(), "");
    }
  }
  EXPECT_WAIT(WaitForMultipleObjects(16, several.handles.data(), FALSE, 0), WAIT_OBJECT_0);
}

TEST_F(Conformance, G13_OneBadHandleFailsTheWaitAndNothingIsTaken)
{
  const Memory memory = create("memory", 64);
  Object closed = create_event("closed", TRUE, TRUE);
  const HANDLE stale = closed.handle;
  EXPECT_TRUE(closed.close());
  Several several = events(3, FALSE);
  several.add(create_semaphore("semaphore", 1, 1));
  several.add(create_mutex("mutex"));
  for (DWORD i = 0; i < 3; ++i)
    EXPECT_DONE(SetEvent(several.handles[i]));
  for (const WaitMany wait : waits) {
    for (DWORD place = 0; place < several.count(); ++place) {
      for (const HANDLE bad : {HANDLE{nullptr}, stale, INVALID_HANDLE_VALUE, HANDLE{untouched}, memory.handle}) {
        std::vector<HANDLE> handles = several.handles;
        handles[place] = bad;
        for (const DWORD timeout_ms : {DWORD{0}, DWORD{INFINITE}})
          EXPECT_WAIT_FAILED(wait(several.count(), handles.data(), FALSE, timeout_ms), ERROR_INVALID_HANDLE);
        EXPECT_STRNE(rtlane_error_message(), "");
      }
    }
  }
  EXPECT_DENIED(ReleaseMutex(several.handles[4]), ERROR_NOT_OWNER);
  for (const HANDLE handle : several.handles)
    EXPECT_WAIT(WaitForSingleObject(handle, 0), WAIT_OBJECT_0);
  EXPECT_DONE(ReleaseMutex(several.handles[4]));
}

TEST_F(Conformance, G14_AnAbandonedMutexIsAnsweredWithItsIndexAndOwned)
{
  Several several = events(3, FALSE);
  several.add(create_mutex("mutex"));
  several.add(create_semaphore("semaphore", 0, 1));
  Thread other;
  for (const WaitMany wait : waits) {
    for (const DWORD timeout_ms : {DWORD{0}, DWORD{50}, DWORD{INFINITE}}) {
      Peer owner;
      expect_answer(owner.wait(owner.open(Kind::mutex, "mutex").handle, 0), WAIT_OBJECT_0);
      owner.end(Ending::is_killed);
      EXPECT_WAIT(wait(several.count(), several.handles.data(), FALSE, timeout_ms), WAIT_ABANDONED_0 + 3);
      expect_answer(other.wait(several.handles[3], 0), WAIT_TIMEOUT);
      EXPECT_DONE(ReleaseMutex(several.handles[3]));
      EXPECT_WAIT(wait(several.count(), several.handles.data(), FALSE, 0), WAIT_OBJECT_0 + 3);
      EXPECT_DONE(ReleaseMutex(several.handles[3]));
    }
  }
}

// Several of them: one is the heir, the others sleep on, as in E17.
TEST_F(Conformance, G14_WhenTheOwnerEndsOneOfManyWaitsForSeveralIsAbandoned)
{
  const Object event = create_event("event", FALSE);
  const Object mutex = create_mutex("mutex");
  Crew crew({{Kind::event, "event"}, {Kind::mutex, "mutex"}}, 4);
  for (const bool killed : {true, false}) {
    Peer process;
    Thread thread;
    expect_answer(killed ? process.wait(process.open(Kind::mutex, "mutex").handle, 0) : thread.wait(mutex.handle, 0),
                  WAIT_OBJECT_0);
    crew.wait();
    if (killed)
      process.end(Ending::is_killed);
    else
      thread.end();
    DWORD expected = WAIT_ABANDONED_0 + 1;
    for (int turn = 0; turn < 4; ++turn) {
      crew.expect_released(1);
      for (const Crew::Member& member : crew.members) {
        if (member.worker->answered()) {
          expect_answer(member.worker->finish(), expected);
          expect_answer(member.worker->release(member.handle), TRUE);
          break;
        }
      }
      expected = WAIT_OBJECT_0 + 1;
    }
  }
}

TEST_F(Conformance, G15_WaitsForSeveralTimeOutAsThoseForOne)
{
  Peer owner;
  ASSERT_NE(owner.create_mutex("mutex", true).handle, nullptr);
  Several several = events(2, TRUE);
  several.add(open(Kind::mutex, "mutex"));
  several.add(create_semaphore("semaphore", 0, 1));
  for (const WaitMany wait : waits) {
    for (const DWORD timeout_ms : {0, 1, 1, 5, 40, 120}) {
      const std::int64_t before_ns = test::now_ns();
      EXPECT_WAIT(wait(several.count(), several.handles.data(), FALSE, timeout_ms), WAIT_TIMEOUT);
      EXPECT_GE(test::now_ns() - before_ns, std::int64_t{timeout_ms} * 1000000);
    }
  }
  Thread thread;
  thread.start_wait(several.handles, INFINITE);
  test::sleep_us(250000);
  EXPECT_FALSE(thread.answered());
  EXPECT_DONE(SetEvent(several.handles[1]));
  expect_answer(thread.finish(), WAIT_OBJECT_0 + 1);
}

TEST_F(Conformance, G17_AnObjectThatGoesDuringAWaitForSeveralIsAnsweredWithItsIndex)
{
  Peer owner;
  ASSERT_NE(owner.create_mutex("mutex", true).handle, nullptr);
  for (DWORD gone = 0; gone < 4; ++gone) {
    Several several = events(2, FALSE);
    several.add(open(Kind::mutex, "mutex"));
    several.add(create_semaphore("semaphore", 0, 1));
    Thread infinite;
    Thread timed;
    infinite.start_wait(several.handles, INFINITE);
    timed.start_wait(several.handles, 600000);
    EXPECT_TRUE(soon([&] { return infinite.sleeps() && timed.sleeps(); }));
    EXPECT_TRUE(several.objects[gone].close());
    expect_answer(infinite.finish(), WAIT_ABANDONED_0 + gone, ERROR_INVALID_HANDLE);
    expect_answer(timed.finish(), WAIT_ABANDONED_0 + gone, ERROR_INVALID_HANDLE);
  }
}

TEST_F(Conformance, G18_AnAutoResetEventReleasesOneWaitForSeveral)
{
  const Object first = create_event("first", FALSE);
  const Object second = create_event("second", FALSE);
  constexpr int waiters = 6;
  Crew crew({{Kind::event, "first"}, {Kind::event, "second"}}, waiters);
  crew.wait();
  for (int count = 1; count <= waiters; ++count) {
    EXPECT_DONE(SetEvent(count % 2 == 0 ? first.handle : second.handle));
    crew.expect_released(count);
    EXPECT_WAIT(WaitForSingleObject(first.handle, 0), WAIT_TIMEOUT);
    EXPECT_WAIT(WaitForSingleObject(second.handle, 0), WAIT_TIMEOUT);
  }
  int by_first = 0;
  for (const Crew::Member& member : crew.members) {
    const Worker::Answer answer = member.worker->finish();
    EXPECT_LE(answer.result, WAIT_OBJECT_0 + 1);
    by_first += answer.result == WAIT_OBJECT_0 ? 1 : 0;
  }
  EXPECT_EQ(by_first, waiters / 2);
}

}  // namespace
}  // namespace rtlane::conformance
