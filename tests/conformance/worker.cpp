#include "conformance/worker.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "conformance/conformance.hpp"
#include "conformance/order.hpp"
#include "conformance/peer.hpp"

namespace rtlane::conformance {
namespace {

#ifndef SYS_futex_waitv
constexpr long SYS_futex_waitv = 449;
#endif

// A signal may come between two orders as well (row G19).
bool receive(int socket, void* message, std::size_t bytes)
{
  ssize_t count = 0;
  do {
    count = recv(socket, message, bytes, 0);
  } while (count < 0 && errno == EINTR);
  return count == static_cast<ssize_t>(bytes);
}

[[noreturn]] void end_this_process(Ending ending)
{
  switch (ending) {
    case Ending::calls_exit:
      std::exit(0);
    case Ending::aborts:
      std::abort();
    case Ending::crashes:
      // Sanitizers would turn it into an exit with a report.
      std::signal(SIGSEGV, SIG_DFL);
      std::raise(SIGSEGV);
      break;
    case Ending::returns_from_main:
    case Ending::calls_underscore_exit:
    case Ending::is_killed:
      break;
  }
  _exit(0);
}

}  // namespace

std::int64_t patience_ms()
{
  const char* const value = std::getenv("RTLANE_TEST_PATIENCE_MS");
  return value != nullptr ? std::atoll(value) : 20000;
}

void expect_answer(const Worker::Answer& answer, DWORD result, DWORD error)
{
  EXPECT_EQ(answer.result, result);
  EXPECT_EQ(answer.error, error);
}

void Worker::start(const Order& order)
{
  EXPECT_FALSE(busy_) << "the worker has not been asked for its last answer";
  busy_ = true;
  EXPECT_EQ(send(socket_, &order, sizeof(order), MSG_NOSIGNAL), static_cast<ssize_t>(sizeof(order)));
}

bool Worker::answered() const
{
  pollfd look = {socket_, POLLIN, 0};
  return busy_ && poll(&look, 1, 0) == 1;
}

Worker::Answer Worker::finish()
{
  Answer answer = {};
  pollfd look = {socket_, POLLIN, 0};
  if (poll(&look, 1, static_cast<int>(patience_ms())) != 1) {
    ADD_FAILURE() << "no answer";
    return answer;
  }
  busy_ = false;
  if (!receive(socket_, &answer, sizeof(answer)))
    ADD_FAILURE() << "the worker is gone";
  return answer;
}

std::optional<Worker::SystemCall> Worker::sleeping_call() const
{
  if (!busy_ || answered())
    return std::nullopt;
  std::ifstream file("/proc/" + std::to_string(tid_) + "/syscall");
  SystemCall call = {};
  // "running" when it is not in the kernel, or is not asleep there.
  if (!(file >> call.number))
    return std::nullopt;
  for (unsigned long& argument : call.arguments)
    file >> std::hex >> argument;
  // Between orders it sleeps as well, in recv; the last one is for kernels without futex_waitv.
  if (call.number != SYS_futex && call.number != SYS_futex_waitv && call.number != SYS_clock_nanosleep)
    return std::nullopt;
  return call;
}

Worker::Answer Worker::ask(const Order& order)
{
  start(order);
  return finish();
}

Worker::Answer Worker::ask(Verb verb, HANDLE handle, DWORD argument)
{
  Order order;
  order.verb = verb;
  order.handle = handle;
  order.timeout_ms = argument;
  order.arguments[0] = static_cast<LONG>(argument);
  return ask(order);
}

Worker::Answer Worker::create(const char* name, DWORD size_bytes)
{
  Order order;
  order.verb = Verb::create;
  order.set_name(name);
  order.arguments[0] = static_cast<LONG>(size_bytes);
  return ask(order);
}

Worker::Answer Worker::create_event(const char* name, bool manual_reset, bool initially_set)
{
  Order order;
  order.verb = Verb::create;
  order.kind = Kind::event;
  order.set_name(name);
  order.arguments = {manual_reset ? TRUE : FALSE, initially_set ? TRUE : FALSE};
  return ask(order);
}

Worker::Answer Worker::create_mutex(const char* name, bool initially_owned)
{
  Order order;
  order.verb = Verb::create;
  order.kind = Kind::mutex;
  order.set_name(name);
  order.arguments[0] = initially_owned ? TRUE : FALSE;
  return ask(order);
}

Worker::Answer Worker::create_semaphore(const char* name, LONG initial, LONG maximum)
{
  Order order;
  order.verb = Verb::create;
  order.kind = Kind::semaphore;
  order.set_name(name);
  order.arguments = {initial, maximum};
  return ask(order);
}

Worker::Answer Worker::create(Kind kind, const char* name)
{
  switch (kind) {
    case Kind::memory:
      return create(name, 64);
    case Kind::event:
      return create_event(name, false);
    case Kind::mutex:
      return create_mutex(name);
    case Kind::semaphore:
      return create_semaphore(name, 1, 2);
  }
  return {};
}

Worker::Answer Worker::open(const char* name)
{
  return open(Kind::memory, name);
}

Worker::Answer Worker::open(Kind kind, const char* name)
{
  Order order;
  order.verb = Verb::open;
  order.kind = kind;
  order.set_name(name);
  return ask(order);
}

Worker::Answer Worker::close(HANDLE handle)
{
  return ask(Verb::close, handle);
}

Worker::Answer Worker::set(HANDLE event)
{
  return ask(Verb::set, event);
}

Worker::Answer Worker::reset(HANDLE event)
{
  return ask(Verb::reset, event);
}

Worker::Answer Worker::release(HANDLE mutex)
{
  return ask(Verb::release_mutex, mutex);
}

Worker::Answer Worker::release(HANDLE semaphore, LONG count)
{
  return ask(Verb::release_semaphore, semaphore, static_cast<DWORD>(count));
}

Worker::Answer Worker::wait(HANDLE handle, DWORD timeout_ms)
{
  return ask(Verb::wait, handle, timeout_ms);
}

void Worker::start_wait(HANDLE handle, DWORD timeout_ms)
{
  Order order;
  order.verb = Verb::wait;
  order.handle = handle;
  order.timeout_ms = timeout_ms;
  start(order);
}

void Worker::start_wait(const std::vector<HANDLE>& any_of, DWORD timeout_ms)
{
  Order order;
  order.verb = Verb::wait_any;
  order.count = static_cast<DWORD>(any_of.size());
  std::copy_n(any_of.begin(), std::min(any_of.size(), order.handles.size()), order.handles.begin());
  order.timeout_ms = timeout_ms;
  start(order);
}

void Worker::write(HANDLE handle, std::size_t offset, unsigned char value)
{
  Order order;
  order.verb = Verb::write;
  order.handle = handle;
  order.offset = offset;
  order.value = value;
  ask(order);
}

unsigned char Worker::read(HANDLE handle, std::size_t offset)
{
  Order order;
  order.verb = Verb::read;
  order.handle = handle;
  order.offset = offset;
  return static_cast<unsigned char>(ask(order).result);
}

int Worker::serve(int socket)
{
  std::map<HANDLE, volatile unsigned char*> memory;
  Order order;
  while (receive(socket, &order, sizeof(order))) {
    const char* name = order.has_name ? order.name : nullptr;
    const auto& [first, second] = order.arguments;
    VOID* location = nullptr;
    Answer answer = {};
    SetLastError(preset_error);
    switch (order.verb) {
      case Verb::create:
        if (order.kind == Kind::memory)
          answer.handle = RtCreateSharedMemoryA(PAGE_READWRITE, 0, static_cast<DWORD>(first), name, &location);
        else if (order.kind == Kind::event)
          answer.handle = RtCreateEventA(nullptr, first, second, name);
        else if (order.kind == Kind::mutex)
          answer.handle = RtCreateMutexA(nullptr, first, name);
        else
          answer.handle = RtCreateSemaphoreA(nullptr, first, second, name);
        break;
      case Verb::open:
        if (order.kind == Kind::memory)
          answer.handle = RtOpenSharedMemoryA(SHM_MAP_ALL_ACCESS, FALSE, name, &location);
        else
          answer.handle = openers(order.kind).front().call(name);
        break;
      case Verb::close:
        answer.result = static_cast<DWORD>(RtCloseHandle(order.handle));
        answer.handle = answer.result != FALSE ? order.handle : nullptr;
        break;
      case Verb::set:
        answer.result = static_cast<DWORD>(RtSetEvent(order.handle));
        break;
      case Verb::reset:
        answer.result = static_cast<DWORD>(RtResetEvent(order.handle));
        break;
      case Verb::release_mutex:
        answer.result = static_cast<DWORD>(RtReleaseMutex(order.handle));
        break;
      case Verb::release_semaphore:
        answer.result = static_cast<DWORD>(RtReleaseSemaphore(order.handle, first, nullptr));
        break;
      case Verb::wait:
        answer.result = RtWaitForSingleObject(order.handle, order.timeout_ms);
        break;
      case Verb::wait_any:
        answer.result = RtWaitForMultipleObjects(order.count, order.handles.data(), FALSE, order.timeout_ms);
        break;
      case Verb::write:
        memory.at(order.handle)[order.offset] = order.value;
        break;
      case Verb::read:
        answer.result = memory.at(order.handle)[order.offset];
        break;
      case Verb::end:
        if (order.ending == Ending::returns_from_main)
          return 0;
        end_this_process(order.ending);
    }
    answer.error = GetLastError();
    if (location != nullptr)
      memory[answer.handle] = static_cast<volatile unsigned char*>(location);
    if (send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof(answer)))
      return 1;
  }
  return 0;
}

Thread::Thread()
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    std::abort();
  socket_ = ends[0];
  thread_ = std::thread([socket = ends[1]] {
    const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
    if (send(socket, &tid, sizeof(tid), MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof(tid)))
      serve(socket);
    ::close(socket);
  });
  if (!receive(socket_, &tid_, sizeof(tid_)))
    std::abort();
}

Thread::~Thread()
{
  end();
}

void Thread::end()
{
  if (!thread_.joinable())
    return;
  if (busy_ && !answered()) {
    // A wait cannot be taken back. When it ends the thread finds its socket closed.
    ADD_FAILURE() << "a thread still waits at the end of its test";
    thread_.detach();
  }
  ::close(std::exchange(socket_, -1));
  if (thread_.joinable())
    thread_.join();
}

Crew::Crew(const std::vector<Named>& any_of, int count)
{
  for (int i = 0; i < count; ++i) {
    Member member;
    if (i % 2 == 0)
      member.worker = std::make_unique<Peer>();
    else
      member.worker = std::make_unique<Thread>();
    for (const Named& object : any_of) {
      member.handle = member.worker->open(object.kind, object.name).handle;
      EXPECT_NE(member.handle, nullptr);
      member.handles.push_back(member.handle);
    }
    members.push_back(std::move(member));
  }
}

Crew::~Crew()
{
  for (std::size_t i = 1; i < members.size(); i += 2) {
    for (const HANDLE handle : members[i].handles)
      EXPECT_TRUE(CloseHandle(handle));
  }
}

void Crew::wait(DWORD timeout_ms)
{
  for (const Member& member : members) {
    if (member.handles.size() == 1)
      member.worker->start_wait(member.handle, timeout_ms);
    else
      member.worker->start_wait(member.handles, timeout_ms);
  }
  expect_released(0);
}

int Crew::released() const
{
  int count = 0;
  for (const Member& member : members)
    count += member.worker->answered() ? 1 : 0;
  return count;
}

void Crew::expect_released(int count)
{
  EXPECT_TRUE(soon([&] { return released() >= count; })) << released() << " of " << count;
  EXPECT_TRUE(soon([&] {
    return std::all_of(members.begin(), members.end(), [](const Member& member) {
      return member.worker->idle() || member.worker->answered() || member.worker->sleeps();
    });
  }));
  // Long enough for one who is released too much to be seen.
  test::sleep_us(20000);
  EXPECT_EQ(released(), count);
}

}  // namespace rtlane::conformance
