// Somebody else who makes iwin32 calls on command and can be left waiting in one: a thread of this process, or another
// process (peer.hpp). They use the Rt spelling of each call, the tests themselves mostly the other one.
#pragma once

#include <rtlane/core/iwin32.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "conformance/kinds.hpp"
#include "support/shared_page.hpp"

namespace rtlane::conformance {

enum class Verb : int;  // order.hpp

enum class Ending { returns_from_main, calls_exit, calls_underscore_exit, aborts, crashes, is_killed };
inline constexpr Ending endings[] = {
    Ending::returns_from_main, Ending::calls_exit, Ending::calls_underscore_exit, Ending::aborts,
    Ending::crashes,           Ending::is_killed};

// How long a test waits for what must come. RTLANE_TEST_PATIENCE_MS shortens it where tests are expected to fail.
std::int64_t patience_ms();

template <class Condition>
bool soon(Condition&& condition)
{
  return test::eventually(condition, patience_ms());
}

class Worker {
public:
  struct Answer {
    HANDLE handle;
    DWORD result;  // what the call returned, when that is no handle
    DWORD error;   // the worker's last error, 0xdeadbeef before the call
  };
  struct SystemCall {
    long number;
    std::array<unsigned long, 6> arguments;
  };

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;

  Answer create(const char* name, DWORD size_bytes);  // name may be NULL, here and below
  Answer create_event(const char* name, bool manual_reset, bool initially_set = false);
  Answer create_mutex(const char* name, bool initially_owned = false);
  Answer create_semaphore(const char* name, LONG initial, LONG maximum);
  Answer create(Kind kind, const char* name);
  Answer open(const char* name);
  Answer open(Kind kind, const char* name);
  Answer close(HANDLE handle);  // handle is non-NULL when it succeeded
  Answer set(HANDLE event);
  Answer reset(HANDLE event);
  Answer release(HANDLE mutex);
  Answer release(HANDLE semaphore, LONG count);
  Answer wait(HANDLE handle, DWORD timeout_ms);

  // Waits and leaves the test go on.
  void start_wait(HANDLE handle, DWORD timeout_ms);
  void start_wait(const std::vector<HANDLE>& any_of, DWORD timeout_ms);
  bool idle() const { return !busy_; }                         // finish() has been called
  bool answered() const;                                       // finish() would not wait
  Answer finish();                                             // waits for the answer
  bool sleeps() const { return sleeping_call().has_value(); }  // in the call it was told to make
  std::optional<SystemCall> sleeping_call() const;             // with which system call

  // A byte of the memory behind one of the worker's handles.
  void write(HANDLE handle, std::size_t offset, unsigned char value);
  unsigned char read(HANDLE handle, std::size_t offset);

  pid_t tid() const { return tid_; }

protected:
  struct Order;
  Worker() = default;
  void start(const Order& order);
  static int serve(int socket);

  int socket_ = -1;
  pid_t tid_ = -1;
  bool busy_ = false;

private:
  Answer ask(const Order& order);
  Answer ask(Verb verb, HANDLE handle, DWORD argument = 0);
};

class Thread final : public Worker {
public:
  Thread();
  ~Thread() override;

  // Ends the thread, which owns its mutexes to the last; waits until the kernel has seen to that.
  void end();

private:
  std::thread thread_;
};

// Workers, half of them processes and half threads of this one, that wait for the same, each with handles of its own.
class Crew {
public:
  struct Named {
    Kind kind;
    const char* name;
  };
  Crew(Kind kind, const char* name, int count) : Crew({{kind, name}}, count) {}
  Crew(const std::vector<Named>& any_of, int count);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();

  // All wait; returns when they sleep.
  void wait(DWORD timeout_ms = INFINITE);
  // Exactly so many have been released, and the others sleep.
  void expect_released(int count);
  int released() const;

  struct Member {
    std::unique_ptr<Worker> worker;
    std::vector<HANDLE> handles;
    HANDLE handle;  // the last of them
  };
  std::vector<Member> members;
};

void expect_answer(const Worker::Answer& answer, DWORD result, DWORD error = 0xdeadbeef);

}  // namespace rtlane::conformance
