#include "conformance/kinds.hpp"

#include <cstdlib>
#include <string>

#include "conformance/conformance.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

// NULL stays NULL.
class Wide {
public:
  explicit Wide(const char* text) : null_(text == nullptr)
  {
    for (; text != nullptr && *text != '\0'; ++text)
      text_ += static_cast<wchar_t>(*text);
  }
  operator const wchar_t*() const { return null_ ? nullptr : text_.c_str(); }

private:
  bool null_;
  std::wstring text_;
};

std::vector<std::string> files_here()
{
  const char* const directory = std::getenv("RTLANE_DIR");
  return directory == nullptr ? std::vector<std::string>{} : test::object_files(directory);
}

}  // namespace

const std::vector<Spelling>& creators(Kind kind)
{
  using Name = const char*;
  static VOID* location;
  static const std::vector<Spelling> memory = {
      {"RtCreateSharedMemoryA", [](Name n) { return RtCreateSharedMemoryA(0, 0, 64, n, &location); }},
      {"RtCreateSharedMemoryW", [](Name n) { return RtCreateSharedMemoryW(0, 0, 64, Wide(n), &location); }}};
  static const std::vector<Spelling> event = {
      {"RtCreateEventA", [](Name n) { return RtCreateEventA(nullptr, FALSE, FALSE, n); }},
      {"RtCreateEventW", [](Name n) { return RtCreateEventW(nullptr, FALSE, FALSE, Wide(n)); }},
      {"CreateEventA", [](Name n) { return CreateEventA(nullptr, FALSE, FALSE, n); }},
      {"CreateEventW", [](Name n) { return CreateEventW(nullptr, FALSE, FALSE, Wide(n)); }}};
  static const std::vector<Spelling> mutex = {
      {"RtCreateMutexA", [](Name n) { return RtCreateMutexA(nullptr, FALSE, n); }},
      {"RtCreateMutexW", [](Name n) { return RtCreateMutexW(nullptr, FALSE, Wide(n)); }},
      {"CreateMutexA", [](Name n) { return CreateMutexA(nullptr, FALSE, n); }},
      {"CreateMutexW", [](Name n) { return CreateMutexW(nullptr, FALSE, Wide(n)); }}};
  static const std::vector<Spelling> semaphore = {
      {"RtCreateSemaphoreA", [](Name n) { return RtCreateSemaphoreA(nullptr, 1, 2, n); }},
      {"RtCreateSemaphoreW", [](Name n) { return RtCreateSemaphoreW(nullptr, 1, 2, Wide(n)); }},
      {"CreateSemaphoreA", [](Name n) { return CreateSemaphoreA(nullptr, 1, 2, n); }},
      {"CreateSemaphoreW", [](Name n) { return CreateSemaphoreW(nullptr, 1, 2, Wide(n)); }}};
  return kind == Kind::memory ? memory : kind == Kind::event ? event : kind == Kind::mutex ? mutex : semaphore;
}

const std::vector<Spelling>& openers(Kind kind)
{
  using Name = const char*;
  static VOID* location;
  // Access and inheritance are ignored, so each passes others.
  static const std::vector<Spelling> memory = {
      {"RtOpenSharedMemoryA", [](Name n) { return RtOpenSharedMemoryA(0, FALSE, n, &location); }},
      {"RtOpenSharedMemoryW", [](Name n) { return RtOpenSharedMemoryW(SHM_MAP_READ, TRUE, Wide(n), &location); }}};
  static const std::vector<Spelling> event = {
      {"RtOpenEventA", [](Name n) { return RtOpenEventA(EVENT_ALL_ACCESS, FALSE, n); }},
      {"RtOpenEventW", [](Name n) { return RtOpenEventW(0, TRUE, Wide(n)); }},
      {"OpenEventA", [](Name n) { return OpenEventA(SYNCHRONIZE, FALSE, n); }},
      {"OpenEventW", [](Name n) { return OpenEventW(EVENT_MODIFY_STATE, 0xff, Wide(n)); }}};
  static const std::vector<Spelling> mutex = {
      {"RtOpenMutexA", [](Name n) { return RtOpenMutexA(MUTEX_ALL_ACCESS, FALSE, n); }},
      {"RtOpenMutexW", [](Name n) { return RtOpenMutexW(0, TRUE, Wide(n)); }},
      {"OpenMutexA", [](Name n) { return OpenMutexA(SYNCHRONIZE, FALSE, n); }},
      {"OpenMutexW", [](Name n) { return OpenMutexW(0xffffffff, 0xff, Wide(n)); }}};
  static const std::vector<Spelling> semaphore = {
      {"RtOpenSemaphoreA", [](Name n) { return RtOpenSemaphoreA(SEMAPHORE_ALL_ACCESS, FALSE, n); }},
      {"RtOpenSemaphoreW", [](Name n) { return RtOpenSemaphoreW(0, TRUE, Wide(n)); }},
      {"OpenSemaphoreA", [](Name n) { return OpenSemaphoreA(SYNCHRONIZE, FALSE, n); }},
      {"OpenSemaphoreW", [](Name n) { return OpenSemaphoreW(SEMAPHORE_MODIFY_STATE, 0xff, Wide(n)); }}};
  return kind == Kind::memory ? memory : kind == Kind::event ? event : kind == Kind::mutex ? mutex : semaphore;
}

void expect_all_spellings_meet(Kind kind)
{
  Peer peer;
  for (const Spelling& first : creators(kind)) {
    SCOPED_TRACE(first.what);
    const Object created = made_by([&] { return first.call("name"); });
    expect_made(created, ERROR_SUCCESS);
    EXPECT_EQ(files_here().size(), 1u);
    for (const Spelling& second : creators(kind)) {
      SCOPED_TRACE(second.what);
      expect_made(made_by([&] { return second.call("name"); }), ERROR_ALREADY_EXISTS);
    }
    const Worker::Answer theirs = peer.create(kind, "name");
    EXPECT_NE(theirs.handle, nullptr);
    EXPECT_EQ(theirs.error, DWORD{ERROR_ALREADY_EXISTS});
    EXPECT_EQ(peer.close(theirs.handle).handle, theirs.handle);
  }
}

void expect_other_types_refused(Kind kind)
{
  Peer peer;
  for (const Kind other : kinds) {
    if (other == kind)
      continue;
    for (const bool ours : {false, true}) {
      const Worker::Answer theirs = ours ? Worker::Answer{} : peer.create(other, "taken");
      const Object held = ours ? create(other, "taken") : Object();
      EXPECT_TRUE(theirs.handle != nullptr || held.handle != nullptr);
      for (const auto& calls : {creators(kind), openers(kind)}) {
        for (const Spelling& spelling : calls) {
          SCOPED_TRACE(spelling.what);
          expect_refused(made_by([&] { return spelling.call("taken"); }), ERROR_INVALID_HANDLE);
        }
      }
      if (!ours) {
        EXPECT_EQ(peer.close(theirs.handle).handle, theirs.handle);
      }
    }
  }
}

void expect_nameless(Kind kind)
{
  for (const char* name : {static_cast<const char*>(nullptr), ""}) {
    for (const Spelling& spelling : creators(kind)) {
      SCOPED_TRACE(spelling.what);
      const Object first = made_by([&] { return spelling.call(name); });
      const Object second = made_by([&] { return spelling.call(name); });
      expect_made(first, ERROR_SUCCESS);
      expect_made(second, ERROR_SUCCESS);
      EXPECT_NE(first.handle, second.handle);
      EXPECT_EQ(files_here(), std::vector<std::string>());
      // Two objects: what is taken from one is not taken from the other.
      if (kind == Kind::memory)
        continue;
      if (kind == Kind::event)
        EXPECT_DONE(SetEvent(first.handle));
      EXPECT_WAIT(WaitForSingleObject(first.handle, 0), WAIT_OBJECT_0);
      if (kind == Kind::mutex) {
        EXPECT_DENIED(ReleaseMutex(second.handle), ERROR_NOT_OWNER);
        EXPECT_DONE(ReleaseMutex(first.handle));
      } else {
        EXPECT_WAIT(WaitForSingleObject(second.handle, 0), kind == Kind::event ? WAIT_TIMEOUT : WAIT_OBJECT_0);
      }
    }
  }
}

void expect_name_rules(Kind kind)
{
  Peer peer;
  const std::string longest(260, 'n');
  const std::string longer(261, 'n');
  for (const Spelling& spelling : creators(kind)) {
    SCOPED_TRACE(spelling.what);
    const auto call = [&](const std::string& name) { return made_by([&] { return spelling.call(name.c_str()); }); };
    const Object lower = call("abc");
    const Object upper = call("Abc");
    expect_made(lower, ERROR_SUCCESS);
    expect_made(upper, ERROR_SUCCESS);
    EXPECT_EQ(peer.open(kind, "ABC").error, DWORD{ERROR_FILE_NOT_FOUND});
    const Object most = call(longest);
    expect_made(most, ERROR_SUCCESS);
    const Worker::Answer theirs = peer.open(kind, longest.c_str());
    EXPECT_NE(theirs.handle, nullptr);
    EXPECT_EQ(peer.close(theirs.handle).handle, theirs.handle);
    expect_refused(call(longer), ERROR_FILENAME_EXCED_RANGE);
    for (const char* name : {"\\", "a\\b", "Global\\a", "Local\\a"})
      expect_refused(call(name), ERROR_PATH_NOT_FOUND);
    // Look-alikes are other objects.
    const Object slash = call("a/b c");
    expect_made(slash, ERROR_SUCCESS);
    expect_made(call("a_b c"), ERROR_SUCCESS);
  }
  for (const Spelling& spelling : openers(kind)) {
    SCOPED_TRACE(spelling.what);
    expect_refused(made_by([&] { return spelling.call(longest.c_str()); }), ERROR_FILE_NOT_FOUND);
    expect_refused(made_by([&] { return spelling.call(longer.c_str()); }), ERROR_FILENAME_EXCED_RANGE);
    expect_refused(made_by([&] { return spelling.call("a\\b"); }), ERROR_PATH_NOT_FOUND);
  }
}

void expect_opening(Kind kind)
{
  Peer peer;
  for (const Spelling& spelling : openers(kind)) {
    SCOPED_TRACE(spelling.what);
    const Worker::Answer theirs = peer.create(kind, "name");
    EXPECT_NE(theirs.handle, nullptr);
    {
      const Object opened = made_by([&] { return spelling.call("name"); });
      expect_made(opened, preset_error);
      // A handle that counts.
      EXPECT_EQ(peer.close(theirs.handle).handle, theirs.handle);
      expect_made(made_by([&] { return spelling.call("name"); }), preset_error);
    }
    expect_refused(made_by([&] { return spelling.call("name"); }), ERROR_FILE_NOT_FOUND);
    EXPECT_EQ(files_here(), std::vector<std::string>());
    expect_refused(made_by([&] { return spelling.call("Name"); }), ERROR_FILE_NOT_FOUND);
    expect_refused(made_by([&] { return spelling.call(nullptr); }), ERROR_INVALID_PARAMETER);
    expect_refused(made_by([&] { return spelling.call(""); }), ERROR_INVALID_HANDLE);
  }
}

}  // namespace rtlane::conformance
