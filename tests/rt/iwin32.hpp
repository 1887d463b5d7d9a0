// What the tests of rtlane/rt/iwin32_threads.h share.
#pragma once

#include <gtest/gtest.h>
#include <rtlane/rt/iwin32_threads.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "support/child.hpp"
#include "support/sanitizer.hpp"
#include "support/shared_page.hpp"
#include "support/temp_namespace.hpp"
#include "support/watchdog.hpp"

namespace rtlane::test {

// Stands in the last error before a call, so that a change is seen.
inline constexpr DWORD preset_error = 0xdeadbeef;

// A handle that is closed at the end.
class Handle {
public:
  Handle() = default;
  explicit Handle(HANDLE handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept
  {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
    return *this;
  }
  ~Handle() { close(); }

  HANDLE get() const { return handle_; }
  BOOL close() { return handle_ == nullptr ? TRUE : CloseHandle(std::exchange(handle_, nullptr)); }

private:
  HANDLE handle_ = nullptr;
};

// Calls, and expects FALSE (or another refusal), the last error and a sentence.
#define EXPECT_REFUSED(call, refusal, error)              \
  do {                                                    \
    SetLastError(::rtlane::test::preset_error);           \
    EXPECT_EQ(call, refusal);                             \
    EXPECT_EQ(GetLastError(), static_cast<DWORD>(error)); \
    EXPECT_STRNE(rtlane_error_message(), "");             \
  } while (false)

inline LARGE_INTEGER units(LONGLONG count)
{
  LARGE_INTEGER value;
  value.QuadPart = count;
  return value;
}

inline constexpr LONGLONG units_per_ms = 10'000;

// A thread that runs body(); it must outlive the thread.
template <class Body>
Handle start_thread(Body& body, DWORD flags = 0, DWORD* id = nullptr)
{
  return Handle(CreateThread(
      nullptr, 0, [](LPVOID parameter) -> DWORD { return static_cast<DWORD>((*static_cast<Body*>(parameter))()); },
      &body, flags, id));
}

inline DWORD exit_code_of(const Handle& thread)
{
  DWORD code = preset_error;
  EXPECT_TRUE(GetExitCodeThread(thread.get(), &code)) << rtlane_error_message();
  return code;
}

// Rounds of a test that needs many: up to `most`, and fewer where they take long, as on a loaded machine.
class Rounds {
public:
  explicit Rounds(int most) : most_(most) {}
  // Whether there is another one.
  bool next() { return ++round_ < most_ && (round_ < 3 || now_ns() < end_ns_); }
  int round() const { return round_; }  // from 0

private:
  int most_;
  int round_ = -1;
  int64_t end_ns_ = now_ns() + INT64_C(15'000'000'000);
};

// Tried in a child, so that nothing stays.
inline bool may_be_real_time()
{
  return Child::start([] {
           const sched_param best = {98};
           return sched_setscheduler(0, SCHED_FIFO, &best);
         }).wait() == 0;
}

inline std::size_t threads_of_this_process()
{
  std::filesystem::directory_iterator tasks("/proc/self/task");
  const auto count = static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
  return built_with_thread_sanitizer && count > 1 ? count - 1 : count;  // it has one of its own
}

// The value behind "KEY:" of a status file of /proc.
inline std::string status_of(const std::string& file, const std::string& key)
{
  std::ifstream status(file);
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0)
      return line.substr(line.find_first_not_of(" \t", key.size() + 1));
  }
  return "";
}

// What the kernel says about the scheduling of the calling thread.
inline std::string status_of_sched(const std::string& key)
{
  std::ifstream sched("/proc/thread-self/sched");
  for (std::string line; std::getline(sched, line);) {
    if (line.rfind(key + " ", 0) == 0)
      return line.substr(line.find_first_not_of(" :", key.size()));
  }
  return "";
}

#define SKIP_FORK_OF_THREADS()     \
  if (built_with_thread_sanitizer) \
  GTEST_SKIP() << "ThreadSanitizer lets no child of a process with threads start threads"

// Every test has a namespace of its own.
class Iwin32 : public ::testing::Test {
protected:
  // A set-up call about threads joins those that have ended, which ThreadSanitizer wants to see at the end.
  ~Iwin32() override { OpenThread(0, FALSE, 0); }

private:
  TempNamespace namespace_;
  Watchdog watchdog_{60};
};

}  // namespace rtlane::test
