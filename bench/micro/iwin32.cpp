// The iwin32 spelling of objects and waits, under the Rt names and with names of bytes; the Win32 names are the same
// functions, and the W forms spell the name otherwise.
#include <rtlane/core/iwin32.h>

#include <array>
#include <string>

#include "micro.hpp"

namespace rtlane::bench::micro {
namespace {

// Closed at the end.
class OwnHandle {
public:
  explicit OwnHandle(HANDLE handle) : handle_(handle)
  {
    if (handle_ == nullptr)
      throw Failure(rtlane_error_message());
  }
  OwnHandle(const OwnHandle&) = delete;
  OwnHandle& operator=(const OwnHandle&) = delete;
  ~OwnHandle() { RtCloseHandle(handle_); }
  operator HANDLE() const { return handle_; }

private:
  HANDLE handle_;
};

HANDLE event(BOOL manual_reset, BOOL set)
{
  return RtCreateEventA(nullptr, manual_reset, set, nullptr);
}

// A benchmark of operation(handle) on what make() answers.
template <class Make, class Operation>
void add_on(const std::string& name, Make make, Operation operation)
{
  add(name, [=](State& state) {
    const OwnHandle handle(make());
    repeat(state, [&] { return operation(handle); });
  });
}

// Makes an object with a name and closes it; opens one that is there and closes it.
template <class Create, class Open>
void add_create_and_open(const std::string& kind, Create create, Open open)
{
  add("iwin32/RtCreate" + kind + ",RtCloseHandle/alone", [=](State& state) {
    repeat(state, [&, name = object_name("iwin32")] { return RtCloseHandle(create(name.c_str())) != FALSE; });
  });
  add("iwin32/RtOpen" + kind + ",RtCloseHandle/alone", [=](State& state) {
    const std::string name = object_name("iwin32");
    const OwnHandle kept(create(name.c_str()));
    repeat(state, [&] { return RtCloseHandle(open(name.c_str())) != FALSE; });
  });
}

void add_set_up()
{
  add_create_and_open(
      "SharedMemory",
      [](LPCSTR name) {
        VOID* location = nullptr;
        return RtCreateSharedMemoryA(PAGE_READWRITE, 0, 4096, name, &location);
      },
      [](LPCSTR name) {
        VOID* location = nullptr;
        return RtOpenSharedMemoryA(SHM_MAP_WRITE, FALSE, name, &location);
      });
  add_create_and_open(
      "Event", [](LPCSTR name) { return RtCreateEventA(nullptr, FALSE, FALSE, name); },
      [](LPCSTR name) { return RtOpenEventA(0, FALSE, name); });
  add_create_and_open(
      "Mutex", [](LPCSTR name) { return RtCreateMutexA(nullptr, FALSE, name); },
      [](LPCSTR name) { return RtOpenMutexA(0, FALSE, name); });
  add_create_and_open(
      "Semaphore", [](LPCSTR name) { return RtCreateSemaphoreA(nullptr, 0, 1, name); },
      [](LPCSTR name) { return RtOpenSemaphoreA(0, FALSE, name); });
}

void add_signals()
{
  const auto auto_reset = [] { return event(FALSE, FALSE); };
  const auto manual_reset = [] { return event(TRUE, FALSE); };
  add_on("iwin32/RtSetEvent,RtWaitForSingleObject/timeout:0/alone", auto_reset, [](HANDLE handle) {
    return RtSetEvent(handle) != FALSE && RtWaitForSingleObject(handle, 0) == WAIT_OBJECT_0;
  });
  add_on("iwin32/RtSetEvent,RtResetEvent/alone", manual_reset,
         [](HANDLE handle) { return RtSetEvent(handle) != FALSE && RtResetEvent(handle) != FALSE; });
  add_on("iwin32/RtPulseEvent/alone", auto_reset, [](HANDLE handle) { return RtPulseEvent(handle) != FALSE; });
  add_on(
      "iwin32/RtReleaseSemaphore,RtWaitForSingleObject/timeout:0/alone",
      [] { return RtCreateSemaphoreA(nullptr, 0, 1, nullptr); },
      [](HANDLE handle) {
        return RtReleaseSemaphore(handle, 1, nullptr) != FALSE && RtWaitForSingleObject(handle, 0) == WAIT_OBJECT_0;
      });
  add_on(
      "iwin32/RtWaitForSingleObject,RtReleaseMutex/timeout:0/alone",
      [] { return RtCreateMutexA(nullptr, FALSE, nullptr); },
      [](HANDLE handle) {
        return RtWaitForSingleObject(handle, 0) == WAIT_OBJECT_0 && RtReleaseMutex(handle) != FALSE;
      });
}

void add_waits()
{
  const auto set = [] { return event(TRUE, TRUE); };
  const auto not_set = [] { return event(TRUE, FALSE); };
  add_on("iwin32/RtWaitForSingleObject/timeout:0/not_there/alone", not_set,
         [](HANDLE handle) { return RtWaitForSingleObject(handle, 0) == WAIT_TIMEOUT; });
  add_on("iwin32/RtWaitForSingleObject/infinite/there/alone", set,
         [](HANDLE handle) { return RtWaitForSingleObject(handle, INFINITE) == WAIT_OBJECT_0; });
  add_on("iwin32/RtWaitForSingleObjectEx/there/alone", set,
         [](HANDLE handle) { return RtWaitForSingleObjectEx(handle, nullptr) == WAIT_OBJECT_0; });
  // The second of two is set.
  const auto on_two = [=](const std::string& name, auto operation) {
    add(name, [=](State& state) {
      const OwnHandle first(not_set());
      const OwnHandle second(set());
      const std::array<HANDLE, 2> handles = {first, second};
      repeat(state, [&] { return operation(handles.data()) == WAIT_OBJECT_0 + 1; });
    });
  };
  on_two("iwin32/RtWaitForMultipleObjects/of:2/there/alone",
         [](const HANDLE* two) { return RtWaitForMultipleObjects(2, two, FALSE, INFINITE); });
  on_two("iwin32/RtWaitForMultipleObjectsEx/of:2/there/alone",
         [](const HANDLE* two) { return RtWaitForMultipleObjectsEx(2, two, FALSE, nullptr); });
}

void add_last_error()
{
  add("iwin32/RtSetLastError,RtGetLastError/alone", [](State& state) {
    repeat(state, [] {
      RtSetLastError(7);
      return RtGetLastError() == 7;
    });
  });
}

}  // namespace

void add_iwin32()
{
  add_set_up();
  add_signals();
  add_waits();
  add_last_error();
}

}  // namespace rtlane::bench::micro
