// What the conformance tests share. A test carries the number of the checklist's row it proves; the rows are in
// README.md.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/core/iwin32.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "support/shm.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::conformance {

// Stands in every output parameter and last error before a call, so that a change is seen.
inline constexpr DWORD preset_error = 0xdeadbeef;
inline VOID* const untouched = reinterpret_cast<VOID*>(0x5a5a5a50);

// What a create or open answered. Closes its handle at the end.
struct Memory {
  HANDLE handle = nullptr;
  VOID* location = untouched;
  DWORD error = preset_error;

  Memory() = default;
  Memory(Memory&& other) noexcept
      : handle(std::exchange(other.handle, nullptr)), location(other.location), error(other.error)
  {}
  Memory& operator=(Memory&& other) noexcept
  {
    close();
    handle = std::exchange(other.handle, nullptr);
    location = other.location;
    error = other.error;
    return *this;
  }
  ~Memory() { close(); }

  BOOL close() { return handle == nullptr || CloseHandle(std::exchange(handle, nullptr)) != FALSE ? TRUE : FALSE; }

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

inline void expect_made(const Memory& memory, DWORD error)
{
  EXPECT_NE(memory.handle, nullptr) << rtlane_error_message();
  EXPECT_NE(memory.location, untouched);
  EXPECT_NE(memory.location, nullptr);
  EXPECT_EQ(memory.error, error);
}

// Refused, with the last error and a sentence, and without touching *location (row A16).
inline void expect_refused(const Memory& memory, DWORD error)
{
  EXPECT_EQ(memory.handle, nullptr);
  EXPECT_EQ(memory.location, untouched);
  EXPECT_EQ(memory.error, error) << rtlane_error_message();
  EXPECT_STRNE(rtlane_error_message(), "");
}

// As expect_made, and ends the test when there is no memory to go on with.
#define ASSERT_MADE(memory, error) \
  expect_made(memory, error);      \
  ASSERT_NE((memory).handle, nullptr)

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
