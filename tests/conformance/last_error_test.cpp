// Section H of the checklist: last error, errno, names, handles as numbers, the header.
#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "conformance/age_handles.hpp"
#include "conformance/conformance.hpp"
#include "conformance/header_use.h"
#include "conformance/peer.hpp"
#include "support/child.hpp"

namespace rtlane::conformance {
namespace {

TEST_F(Conformance, H01_TheLastErrorIsWhatWasSetInAll32Bits)
{
  for (const DWORD value : {DWORD{0}, DWORD{1}, DWORD{183}, DWORD{0x20000001}, DWORD{0x80000000}, DWORD{0xffffffff}}) {
    SetLastError(value);
    EXPECT_EQ(GetLastError(), value);
  }
}

TEST_F(Conformance, H02_EachThreadHasItsOwnLastError)
{
  SetLastError(1);
  std::thread([] {
    SetLastError(2);
    EXPECT_EQ(open("missing").error, static_cast<DWORD>(ERROR_FILE_NOT_FOUND));
  }).join();
  EXPECT_EQ(GetLastError(), 1u);
}

TEST_F(Conformance, H03_ANewThreadStartsWithZero)
{
  SetLastError(preset_error);
  DWORD seen = preset_error;
  std::thread([&] { seen = GetLastError(); }).join();
  EXPECT_EQ(seen, 0u);
}

TEST_F(Conformance, H04_RtAndPlainNamesShareOneLastError)
{
  SetLastError(3);
  EXPECT_EQ(RtGetLastError(), 3u);
  RtSetLastError(4);
  EXPECT_EQ(GetLastError(), 4u);
}

TEST_F(Conformance, H05_TheCallsLeaveErrnoAlone)
{
  constexpr int preset_errno = 4095;
  std::vector<std::string> touched;
  const auto check = [&](const char* call, auto&& function) {
    errno = preset_errno;
    function();
    if (errno != preset_errno)
      touched.emplace_back(call);
  };
  VOID* location = nullptr;
  HANDLE handle = nullptr;
  HANDLE second = nullptr;
  check("first create", [&] { handle = RtCreateSharedMemoryA(0, 0, 64, "name", &location); });
  check("create of existing", [&] { second = RtCreateSharedMemoryW(0, 0, 64, L"name", &location); });
  check("open", [&] { EXPECT_TRUE(CloseHandle(RtOpenSharedMemoryA(0, 0, "name", &location))); });
  check("wide open", [&] { EXPECT_TRUE(RtCloseHandle(RtOpenSharedMemoryW(0, 0, L"name", &location))); });
  check("nameless", [&] { EXPECT_TRUE(CloseHandle(RtCreateSharedMemoryA(0, 0, 3 << 20, nullptr, &location))); });
  check("unmap", [&] { RtUnmapSharedMemory(location); });
  check("set", [&] { SetLastError(1); });
  check("get", [&] { EXPECT_EQ(GetLastError(), 1u); });
  check("close", [&] { EXPECT_TRUE(CloseHandle(second)); });
  check("last close", [&] { EXPECT_TRUE(RtCloseHandle(handle)); });

  check("stale close", [&] { EXPECT_FALSE(CloseHandle(handle)); });
  check("missing", [&] { EXPECT_EQ(RtOpenSharedMemoryA(0, 0, "missing", &location), nullptr); });
  check("wide missing", [&] { EXPECT_EQ(RtOpenSharedMemoryW(0, 0, L"missing", &location), nullptr); });
  check("size 0", [&] { EXPECT_EQ(RtCreateSharedMemoryA(0, 0, 0, "name", &location), nullptr); });
  check("too long",
        [&] { EXPECT_EQ(RtCreateSharedMemoryA(0, 0, 64, std::string(300, 'x').c_str(), &location), nullptr); });
  check("backslash", [&] { EXPECT_EQ(RtCreateSharedMemoryW(0, 0, 64, L"\\", &location), nullptr); });
  check("location", [&] { EXPECT_EQ(RtCreateSharedMemoryA(0, 0, 64, "name", nullptr), nullptr); });
  const Setting pool("RTLANE_POOL_BYTES", "4194304");
  check("no room", [&] { EXPECT_EQ(RtCreateSharedMemoryA(0, 0, 8 << 20, "name", &location), nullptr); });
  EXPECT_EQ(touched, std::vector<std::string>());
}

TEST_F(Conformance, H05_TheCallsOfEventsMutexesAndSemaphoresLeaveErrnoAlone)
{
  constexpr int preset_errno = 4095;
  std::vector<std::string> touched;
  const auto check = [&](const char* call, bool expected, auto&& function) {
    errno = preset_errno;
    const bool answer = function();
    if (errno != preset_errno || answer != expected)
      touched.emplace_back(call);
  };
  for (const Kind kind : {Kind::event, Kind::mutex, Kind::semaphore}) {
    HANDLE first = nullptr;
    HANDLE second = nullptr;
    for (const Spelling& spelling : creators(kind)) {
      check(spelling.what, true, [&] { return (first = spelling.call("name")) != nullptr; });
      check(spelling.what, true, [&] { return (second = spelling.call("name")) != nullptr; });
      check(spelling.what, false, [&] { return spelling.call("\\") != nullptr; });
      check("close", true, [&] { return CloseHandle(first) && CloseHandle(second); });
    }
    first = creators(kind).front().call("name");
    for (const Spelling& spelling : openers(kind)) {
      check(spelling.what, true, [&] { return (second = spelling.call("name")) != nullptr; });
      CloseHandle(second);
      check(spelling.what, false, [&] { return spelling.call("missing") != nullptr; });
      check(spelling.what, false, [&] { return spelling.call(nullptr) != nullptr; });
    }
    CloseHandle(first);
  }
  const Object event = create_event("event", FALSE);
  const Object semaphore = create_semaphore("semaphore", 0, 1);
  const Object mutex = create_mutex("mutex");
  Peer peer;
  const HANDLE theirs = peer.open(Kind::mutex, "mutex").handle;
  peer.wait(theirs, 0);
  const HANDLE handles[] = {event.handle, semaphore.handle, mutex.handle};
  for (const HANDLE handle : handles) {
    check("time-out of 0", true, [&] { return WaitForSingleObject(handle, 0) == WAIT_TIMEOUT; });
    check("time-out", true, [&] { return WaitForSingleObject(handle, 2) == WAIT_TIMEOUT; });
    check("time-out of several", true, [&] { return WaitForMultipleObjects(1, &handle, FALSE, 2) == WAIT_TIMEOUT; });
    check("set of a wrong handle", false, [&] { return handle != event.handle && SetEvent(handle); });
    check("release of a wrong handle", false,
          [&] { return handle != semaphore.handle && ReleaseSemaphore(handle, 1, nullptr); });
    check("release of what is not owned", false, [&] { return ReleaseMutex(handle) != FALSE; });
  }
  check("time-out of all", true, [&] { return WaitForMultipleObjects(3, handles, FALSE, 20) == WAIT_TIMEOUT; });
  peer.end(Ending::is_killed);
  check("abandoned", true, [&] { return WaitForSingleObject(mutex.handle, INFINITE) == WAIT_ABANDONED; });
  check("release", true, [&] { return ReleaseMutex(mutex.handle) != FALSE; });
  check("set", true, [&] { return SetEvent(event.handle) && ResetEvent(event.handle) && PulseEvent(event.handle); });
  check("release", true, [&] { return ReleaseSemaphore(semaphore.handle, 1, nullptr) != FALSE; });
  check("too many", false, [&] { return ReleaseSemaphore(semaphore.handle, 1, nullptr) != FALSE; });
  check("count 0", false, [&] { return ReleaseSemaphore(semaphore.handle, 0, nullptr) != FALSE; });
  check("wait for no handle", true, [&] { return WaitForSingleObject(nullptr, 0) == WAIT_FAILED; });
  check("wait for all", true, [&] { return WaitForMultipleObjects(3, handles, TRUE, 0) == WAIT_FAILED; });
  // Where the calls enter the kernel to wake somebody.
  for (const Kind kind : {Kind::event, Kind::mutex, Kind::semaphore}) {
    const HANDLE handle = handles[kind == Kind::event ? 0 : kind == Kind::semaphore ? 1 : 2];
    WaitForSingleObject(handle, 0);
    Thread thread;
    thread.start_wait(handle, INFINITE);
    EXPECT_TRUE(soon([&] { return thread.sleeps(); }));
    check("waking", true, [&] {
      return (kind == Kind::event   ? SetEvent(handle)
              : kind == Kind::mutex ? ReleaseMutex(handle)
                                    : ReleaseSemaphore(handle, 1, nullptr)) != FALSE;
    });
    expect_answer(thread.finish(), WAIT_OBJECT_0);
  }
  EXPECT_EQ(touched, std::vector<std::string>());
}

TEST_F(Conformance, H05_LibcLeavesTheLastErrorAlone)
{
  SetLastError(preset_error);
  EXPECT_EQ(::open("/nowhere/at/all", O_RDONLY), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(GetLastError(), preset_error);
}

TEST_F(Conformance, H06_SuccessfulOpenAndCloseKeepTheLastError)
{
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  SetLastError(preset_error);
  VOID* location = nullptr;
  const HANDLE opened = RtOpenSharedMemoryA(0, FALSE, "name", &location);
  EXPECT_EQ(GetLastError(), preset_error);
  EXPECT_TRUE(CloseHandle(opened));
  EXPECT_EQ(GetLastError(), preset_error);
}

TEST_F(Conformance, H06_SuccessfulSetReleaseAndWaitKeepTheLastError)
{
  const Object event = create_event("event", FALSE);
  const Object mutex = create_mutex("mutex");
  const Object semaphore = create_semaphore("semaphore", 0, 5);
  const HANDLE handles[] = {event.handle, semaphore.handle};
  for (const DWORD before : {DWORD{0}, DWORD{183}, preset_error}) {
    const auto kept = [&](bool done) { return done && GetLastError() == before; };
    SetLastError(before);
    EXPECT_TRUE(kept(SetEvent(event.handle) && RtSetEvent(event.handle)));
    EXPECT_TRUE(kept(WaitForSingleObject(event.handle, INFINITE) == WAIT_OBJECT_0));
    EXPECT_TRUE(kept(RtWaitForSingleObject(event.handle, 0) == WAIT_TIMEOUT));
    EXPECT_TRUE(kept(RtWaitForSingleObject(event.handle, 2) == WAIT_TIMEOUT));
    EXPECT_TRUE(kept(ResetEvent(event.handle) && RtResetEvent(event.handle)));
    EXPECT_TRUE(kept(PulseEvent(event.handle) && RtPulseEvent(event.handle)));
    EXPECT_TRUE(kept(WaitForSingleObject(mutex.handle, 5) == WAIT_OBJECT_0));
    EXPECT_TRUE(kept(RtWaitForSingleObject(mutex.handle, INFINITE) == WAIT_OBJECT_0));
    EXPECT_TRUE(kept(ReleaseMutex(mutex.handle) && RtReleaseMutex(mutex.handle)));
    EXPECT_TRUE(
        kept(ReleaseSemaphore(semaphore.handle, 1, nullptr) && RtReleaseSemaphore(semaphore.handle, 1, nullptr)));
    EXPECT_TRUE(kept(WaitForMultipleObjects(2, handles, FALSE, INFINITE) == WAIT_OBJECT_0 + 1));
    EXPECT_TRUE(kept(RtWaitForMultipleObjects(2, handles, FALSE, 0) == WAIT_OBJECT_0 + 1));
    EXPECT_TRUE(kept(RtWaitForMultipleObjects(2, handles, FALSE, 2) == WAIT_TIMEOUT));
  }
}

TEST_F(Conformance, H07_ANameHasTheSameTypeInAllProcesses)
{
  Peer creator;
  Peer other;
  for (const Kind kind : kinds) {
    const Worker::Answer made = creator.create(kind, "name");
    ASSERT_NE(made.handle, nullptr);
    for (const Kind tried : kinds) {
      const Worker::Answer opened = other.open(tried, "name");
      EXPECT_EQ(opened.handle != nullptr, tried == kind);
      EXPECT_EQ(opened.error, tried == kind ? preset_error : DWORD{ERROR_INVALID_HANDLE});
      const Worker::Answer created = other.create(tried, "name");
      EXPECT_EQ(created.handle != nullptr, tried == kind);
      EXPECT_EQ(created.error, tried == kind ? DWORD{ERROR_ALREADY_EXISTS} : DWORD{ERROR_INVALID_HANDLE});
      if (tried == kind) {
        other.close(opened.handle);
        other.close(created.handle);
      }
    }
    creator.close(made.handle);
  }
}

TEST_F(Conformance, H08_AfterTheLastCloseANameMayChangeItsType)
{
  Peer peer;
  for (const Kind before : kinds) {
    for (const Kind after : kinds) {
      const Worker::Answer theirs = peer.create(before, "n");
      ASSERT_NE(theirs.handle, nullptr);
      if (after != before)
        expect_refused(create(after, "n"), ERROR_INVALID_HANDLE);
      EXPECT_NE(peer.close(theirs.handle).handle, nullptr);
      expect_made(create(after, "n"), ERROR_SUCCESS);
    }
  }
}

TEST_F(Conformance, H08_AfterItsHoldersWereKilledANameMayChangeItsType)
{
  for (const Kind before : kinds) {
    for (const Kind after : kinds) {
      Peer peer;
      ASSERT_NE(peer.create(before, "n").handle, nullptr);
      peer.end(Ending::is_killed);
      expect_refused(open(after, "n"), ERROR_FILE_NOT_FOUND);
      expect_made(create(after, "n"), ERROR_SUCCESS);
    }
  }
}

TEST_F(Conformance, H09_TheFourTypesShareOneNameSpace)
{
  for (const Kind first : kinds) {
    for (const Spelling& holder : creators(first)) {
      const Object held = made_by([&] { return holder.call("n"); });
      ASSERT_MADE(held, ERROR_SUCCESS);
      for (const Kind second : kinds) {
        for (const Spelling& spelling : creators(second)) {
          SCOPED_TRACE(std::string(holder.what) + ", then " + spelling.what);
          const Object tried = made_by([&] { return spelling.call("n"); });
          if (first == second)
            expect_made(tried, ERROR_ALREADY_EXISTS);
          else
            expect_refused(tried, ERROR_INVALID_HANDLE);
        }
      }
    }
  }
}

TEST_F(Conformance, H10_SecurityAttributesAreIgnored)
{
  SECURITY_ATTRIBUTES filled = {};
  filled.nLength = sizeof(filled);
  filled.bInheritHandle = TRUE;
  filled.lpSecurityDescriptor = untouched;
  SECURITY_ATTRIBUTES wrong = {};
  wrong.nLength = 0xffffffff;
  // The last is no address at all: it is not looked at.
  for (SECURITY_ATTRIBUTES* const attributes : {&filled, &wrong, static_cast<SECURITY_ATTRIBUTES*>(untouched)}) {
    const auto expect_object = [&](auto&& call) {
      const Object made = made_by([&] { return call(attributes, "name"); });
      expect_made(made, ERROR_SUCCESS);
      expect_made(made_by([&] { return call(attributes, "name"); }), ERROR_ALREADY_EXISTS);
    };
    const auto expect_wide = [&](auto&& call) {
      const Object made = made_by([&] { return call(attributes, L"name"); });
      expect_made(made, ERROR_SUCCESS);
      expect_made(made_by([&] { return call(attributes, L"name"); }), ERROR_ALREADY_EXISTS);
    };
    expect_object([](auto* a, auto* n) { return RtCreateEventA(a, TRUE, TRUE, n); });
    expect_object([](auto* a, auto* n) { return CreateEventA(a, TRUE, TRUE, n); });
    expect_wide([](auto* a, auto* n) { return RtCreateEventW(a, TRUE, TRUE, n); });
    expect_wide([](auto* a, auto* n) { return CreateEventW(a, TRUE, TRUE, n); });
    expect_object([](auto* a, auto* n) { return RtCreateMutexA(a, FALSE, n); });
    expect_object([](auto* a, auto* n) { return CreateMutexA(a, FALSE, n); });
    expect_wide([](auto* a, auto* n) { return RtCreateMutexW(a, FALSE, n); });
    expect_wide([](auto* a, auto* n) { return CreateMutexW(a, FALSE, n); });
    expect_object([](auto* a, auto* n) { return RtCreateSemaphoreA(a, 1, 1, n); });
    expect_object([](auto* a, auto* n) { return CreateSemaphoreA(a, 1, 1, n); });
    expect_wide([](auto* a, auto* n) { return RtCreateSemaphoreW(a, 1, 1, n); });
    expect_wide([](auto* a, auto* n) { return CreateSemaphoreW(a, 1, 1, n); });
  }
}

TEST_F(Conformance, H11_AHandleKeptInADwordWorks)
{
  Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  const auto kept = static_cast<DWORD>(reinterpret_cast<std::uintptr_t>(std::exchange(memory.handle, nullptr)));
  EXPECT_TRUE(CloseHandle(reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(kept))));
  expect_refused(open("name"), ERROR_FILE_NOT_FOUND);
}

TEST_F(Conformance, H11_AHandleKeptInAnIntWorksAlsoWhenItsHighestBitIsSet)
{
  // In a child, whose old table is nobody else's.
  auto child = test::Child::start([] {
    age_handles();
    Memory memory = create("name", 64);
    ASSERT_MADE(memory, ERROR_SUCCESS);
    ASSERT_GE(reinterpret_cast<std::uintptr_t>(memory.handle), 0x80000000u);
    ASSERT_LE(reinterpret_cast<std::uintptr_t>(memory.handle), 0xffffffffu);
    const auto kept = static_cast<LONG>(reinterpret_cast<std::uintptr_t>(std::exchange(memory.handle, nullptr)));
    EXPECT_LT(kept, 0);
    EXPECT_TRUE(CloseHandle(reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(kept))));
    expect_refused(open("name"), ERROR_FILE_NOT_FOUND);
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Conformance, H12_RtUnmapSharedMemoryAnswersTrueWithoutAction)
{
  const Memory memory = create("name", 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  EXPECT_EQ(RtUnmapSharedMemory(memory.location), TRUE);
  memory.bytes()[0] = 1;
}

TEST_F(Conformance, H14_TheHeaderServesC99AndCxxWithAndWithoutUnicode)
{
  const Memory memory = create(HEADER_USE_NAME, 64);
  ASSERT_MADE(memory, ERROR_SUCCESS);
  const Object event = create_event(HEADER_USE_NAME " event", TRUE);
  const Object mutex = create_mutex(HEADER_USE_NAME " mutex");
  const Object semaphore = create_semaphore(HEADER_USE_NAME " semaphore", 1, 3);
  for (const auto use : {header_use_c_narrow, header_use_c_wide, header_use_cpp_narrow, header_use_cpp_wide,
                         header_use_c_own_types, header_use_cpp_own_types}) {
    const unsigned char before = memory.bytes()[0];
    EXPECT_EQ(use(), 0) << "the line of header_use.c that disagrees";
    EXPECT_EQ(memory.bytes()[0], before + 1);
    EXPECT_WAIT(WaitForSingleObject(event.handle, 0), WAIT_TIMEOUT);
    EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_OBJECT_0);
    EXPECT_WAIT(WaitForSingleObject(semaphore.handle, 0), WAIT_TIMEOUT);
    EXPECT_DONE(ReleaseSemaphore(semaphore.handle, 1, nullptr));
  }
}

TEST_F(Conformance, H14_TheHeaderHasTheNumbersOfWinError)
{
  EXPECT_EQ(header_numbers_differ(), 0) << "the line of header_numbers.c that disagrees";
}

}  // namespace
}  // namespace rtlane::conformance
