#include "conformance/peer.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>

#include "conformance/other_kind.hpp"

namespace rtlane::conformance {
namespace {

constexpr int peer_socket = 3;

enum class Verb { create, open, close, create_other_kind, write, read, end };

}  // namespace

struct Peer::Order {
  Verb verb = Verb::end;
  bool has_name = false;
  unsigned char value = 0;
  rtlane_kind kind = RTLANE_KIND_SHARED_MEMORY;
  Ending ending = Ending::calls_exit;
  DWORD size_bytes = 0;
  HANDLE handle = nullptr;
  std::size_t offset = 0;
  char name[1200] = "";

  void set_name(const char* text)
  {
    has_name = text != nullptr;
    if (has_name)
      std::strncpy(name, text, sizeof(name) - 1);
  }
};

Peer::Peer()
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    std::abort();
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
      _exit(1);
    // ends[1] may be number 3 itself; then only its close-on-exec flag has to go.
    if (dup3(ends[1], 100, 0) < 0 || dup2(100, peer_socket) < 0 || ::close(100) != 0)
      _exit(1);
    execl("/proc/self/exe", "conformance_test", peer_argument, static_cast<char*>(nullptr));
    _exit(1);
  }
  ::close(ends[1]);
  socket_ = ends[0];
}

Peer::~Peer()
{
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  ::close(socket_);
}

Peer::Answer Peer::ask(const Order& order)
{
  Answer answer = {};
  if (send(socket_, &order, sizeof(order), MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof(order)) ||
      recv(socket_, &answer, sizeof(answer), 0) != static_cast<ssize_t>(sizeof(answer)))
    ADD_FAILURE() << "the peer is gone";
  return answer;
}

Peer::Answer Peer::create(const char* name, DWORD size_bytes)
{
  Order order;
  order.verb = Verb::create;
  order.set_name(name);
  order.size_bytes = size_bytes;
  return ask(order);
}

Peer::Answer Peer::open(const char* name)
{
  Order order;
  order.verb = Verb::open;
  order.set_name(name);
  return ask(order);
}

Peer::Answer Peer::close(HANDLE handle)
{
  Order order;
  order.verb = Verb::close;
  order.handle = handle;
  return ask(order);
}

Peer::Answer Peer::create_other_kind(rtlane_kind kind, const char* name)
{
  Order order;
  order.verb = Verb::create_other_kind;
  order.kind = kind;
  order.set_name(name);
  return ask(order);
}

void Peer::write(HANDLE handle, std::size_t offset, unsigned char value)
{
  Order order;
  order.verb = Verb::write;
  order.handle = handle;
  order.offset = offset;
  order.value = value;
  ask(order);
}

unsigned char Peer::read(HANDLE handle, std::size_t offset)
{
  Order order;
  order.verb = Verb::read;
  order.handle = handle;
  order.offset = offset;
  return static_cast<unsigned char>(ask(order).error);
}

void Peer::end(Ending ending)
{
  int expected_signal = 0;
  if (ending == Ending::is_killed) {
    kill(pid_, SIGKILL);
    expected_signal = SIGKILL;
  } else {
    Order order;
    order.ending = ending;
    ASSERT_EQ(send(socket_, &order, sizeof(order), MSG_NOSIGNAL), static_cast<ssize_t>(sizeof(order)));
    if (ending == Ending::aborts)
      expected_signal = SIGABRT;
    if (ending == Ending::crashes)
      expected_signal = SIGSEGV;
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  if (expected_signal != 0)
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == expected_signal) << "wait status " << status;
  else
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
}

int run_peer()
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  std::map<HANDLE, volatile unsigned char*> memory;
  Peer::Order order;
  while (recv(peer_socket, &order, sizeof(order), 0) == static_cast<ssize_t>(sizeof(order))) {
    const char* name = order.has_name ? order.name : nullptr;
    VOID* location = nullptr;
    Peer::Answer answer = {};
    SetLastError(0xdeadbeef);
    switch (order.verb) {
      case Verb::create:
        answer.handle = RtCreateSharedMemoryA(PAGE_READWRITE, 0, order.size_bytes, name, &location);
        break;
      case Verb::open:
        answer.handle = RtOpenSharedMemoryA(SHM_MAP_ALL_ACCESS, FALSE, name, &location);
        break;
      case Verb::close:
        answer.handle = CloseHandle(order.handle) != FALSE ? order.handle : nullptr;
        break;
      case Verb::create_other_kind:
        answer.handle = conformance::create_other_kind(order.kind, name);
        break;
      case Verb::write:
        memory.at(order.handle)[order.offset] = order.value;
        break;
      case Verb::read:
        SetLastError(memory.at(order.handle)[order.offset]);
        break;
      case Verb::end:
        switch (order.ending) {
          case Ending::returns_from_main:
            return 0;
          case Ending::calls_exit:
            std::exit(0);
          case Ending::calls_underscore_exit:
            _exit(0);
          case Ending::aborts:
            std::abort();
          case Ending::crashes:
            // Sanitizers would turn it into an exit with a report.
            std::signal(SIGSEGV, SIG_DFL);
            std::raise(SIGSEGV);
            break;
          case Ending::is_killed:
            break;
        }
        break;
    }
    answer.error = GetLastError();
    if (location != nullptr)
      memory[answer.handle] = static_cast<volatile unsigned char*>(location);
    if (send(peer_socket, &answer, sizeof(answer), MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof(answer)))
      return 1;
  }
  return 0;
}

}  // namespace rtlane::conformance
