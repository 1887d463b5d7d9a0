// What the conformance tests share. A test carries the number of the checklist's row it proves; the rows are in
// README.md.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/core/iwin32.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "conformance/kinds.hpp"
#include "support/shm.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::conformance {

// Stands in every output parameter and last error before a call, so that a change is seen.
inline constexpr DWORD preset_error = 0xdeadbeef;
inline VOID* const untouched = reinterpret_cast<VOID*>(0x5a5a5a50);

// What a create or open answered. Closes its handle at the end.
struct Object {
  HANDLE handle = nullptr;
  DWORD error = preset_error;

  Object() = default;
  Object(Object&& other) noexcept : handle(std::exchange(other.handle, nullptr)), error(other.error) {}
  Object& operator=(Object&& other) noexcept
  {
    close();
    handle = std::exchange(other.handle, nullptr);
    error = other.error;
    return *this;
  }
  ~Object() { close(); }

  BOOL close() { return handle == nullptr || CloseHandle(std::exchange(handle, nullptr)) != FALSE ? TRUE : FALSE; }
};

struct Memory : Object {
  VOID* location = untouched;

  volatile unsigned char* bytes() const { return static_cast<volatile unsigned char*>(location); }
};

inline Memory create(LPCSTR name, DWORD size_bytes, DWORD protect = PAGE_READWRITE, DWORD size_high = 0)
{
  Memory memory;
  SetLastError(preset_error);
  memory.handle = RtCreateSharedMemoryA(protect, size_high, size_bytes, name, &memory.location);
  memory.error = GetLastError();
  return memory;
}

inline Memory create_wide(LPCWSTR name, DWORD size_bytes)
{
  Memory memory;
  SetLastError(preset_error);
  memory.handle = RtCreateSharedMemoryW(PAGE_READWRITE, 0, size_bytes, name, &memory.location);
  memory.error = GetLastError();
  return memory;
}

inline Memory open(LPCSTR name, DWORD access = SHM_MAP_ALL_ACCESS, BOOLEAN inherit = FALSE)
{
  Memory memory;
  SetLastError(preset_error);
  memory.handle = RtOpenSharedMemoryA(access, inherit, name, &memory.location);
  memory.error = GetLastError();
  return memory;
}

inline Memory open_wide(LPCWSTR name)
{
  Memory memory;
  SetLastError(preset_error);
  memory.handle = RtOpenSharedMemoryW(SHM_MAP_ALL_ACCESS, FALSE, name, &memory.location);
  memory.error = GetLastError();
  return memory;
}

// The call is one that answers a handle.
template <class Call>
Object made_by(Call&& call)
{
  Object object;
  SetLastError(preset_error);
  object.handle = call();
  object.error = GetLastError();
  return object;
}

inline Object create_event(LPCSTR name, BOOL manual_reset, BOOL initially_set = FALSE)
{
  return made_by([&] { return CreateEventA(nullptr, manual_reset, initially_set, name); });
}

inline Object create_mutex(LPCSTR name, BOOL initially_owned = FALSE)
{
  return made_by([&] { return CreateMutexA(nullptr, initially_owned, name); });
}

inline Object create_semaphore(LPCSTR name, LONG initial, LONG maximum)
{
  return made_by([&] { return CreateSemaphoreA(nullptr, initial, maximum, name); });
}

inline Object create(Kind kind, const char* name)
{
  return made_by([&] { return creators(kind).back().call(name); });
}

inline Object open(Kind kind, const char* name)
{
  return made_by([&] { return openers(kind).back().call(name); });
}

inline void expect_made(const Object& object, DWORD error)
{
  EXPECT_NE(object.handle, nullptr) << rtlane_error_message();
  EXPECT_EQ(object.error, error);
}

inline void expect_made(const Memory& memory, DWORD error)
{
  expect_made(static_cast<const Object&>(memory), error);
  EXPECT_NE(memory.location, untouched);
  EXPECT_NE(memory.location, nullptr);
}

// Refused, with the last error and a sentence.
inline void expect_refused(const Object& object, DWORD error)
{
  EXPECT_EQ(object.handle, nullptr);
  EXPECT_EQ(object.error, error) << rtlane_error_message();
  EXPECT_STRNE(rtlane_error_message(), "");
}

// And without touching *location (row A16).
inline void expect_refused(const Memory& memory, DWORD error)
{
  expect_refused(static_cast<const Object&>(memory), error);
  EXPECT_EQ(memory.location, untouched);
}

// As expect_made, and ends the test when there is nothing to go on with.
#define ASSERT_MADE(object, error) \
  expect_made(object, error);      \
  ASSERT_NE((object).handle, nullptr)

// Calls that answer a BOOL or a WAIT_ code, with the last error preset.
#define EXPECT_OUTCOME(call, answer, last_error)   \
  do {                                             \
    SetLastError(preset_error);                    \
    const auto answer_ = (call);                   \
    const DWORD error_ = GetLastError();           \
    EXPECT_EQ(answer_, answer) << #call;           \
    EXPECT_EQ(error_, DWORD{last_error}) << #call; \
  } while (false)
// Succeeds and leaves the last error alone.
#define EXPECT_DONE(call) EXPECT_OUTCOME((call) != FALSE, true, preset_error)
#define EXPECT_DENIED(call, last_error) EXPECT_OUTCOME((call), FALSE, last_error)
// A wait, which leaves the last error alone unless it fails.
#define EXPECT_WAIT(call, answer) EXPECT_OUTCOME((call), DWORD{answer}, preset_error)
#define EXPECT_WAIT_FAILED(call, last_error) EXPECT_OUTCOME((call), DWORD{WAIT_FAILED}, last_error)

// One and the same memory: what one side writes the other reads.
inline bool same_memory(const Memory& one, const Memory& other, std::size_t offset = 0)
{
  const unsigned char before = one.bytes()[offset];
  if (other.bytes()[offset] != before)
    return false;
  one.bytes()[offset] = static_cast<unsigned char>(before + 1);
  const bool same = other.bytes()[offset] == static_cast<unsigned char>(before + 1);
  one.bytes()[offset] = before;
  return same;
}

// Sets an environment variable for the scope.
class Setting {
public:
  Setting(const char* variable, const char* value) : variable_(variable)
  {
    if (const char* before = std::getenv(variable)) {
      had_before_ = true;
      before_ = before;
    }
    setenv(variable, value, 1);
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting()
  {
    if (had_before_)
      setenv(variable_, before_.c_str(), 1);
    else
      unsetenv(variable_);
  }

private:
  const char* variable_;
  std::string before_;
  bool had_before_ = false;
};

// Every test has a namespace of its own and must leave nothing in it.
class Conformance : public ::testing::Test {
protected:
  void SetUp() override
  {
    for (const char* variable :
         {"RTLANE_HUGE", "RTLANE_LOCK", "RTLANE_MODE", "RTLANE_POOL_BYTES", "RTLANE_MAX_HANDLES", "RTLANE_MAX_OBJECTS"})
      unsetenv(variable);
  }
  void TearDown() override
  {
    // Orphans of killed processes may stay until the next call: that is the contract. Live objects may not.
    EXPECT_GE(rtlane_gc(nullptr, nullptr), 0) << rtlane_error_message();
    EXPECT_EQ(files(), std::vector<std::string>());
  }

  // Of objects, live or not.
  std::vector<std::string> files() const { return test::object_files(namespace_.path()); }
  const std::string& directory() const { return namespace_.path(); }

private:
  test::TempNamespace namespace_;
  test::Watchdog watchdog_{100};
};

}  // namespace rtlane::conformance
