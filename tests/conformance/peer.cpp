#include "conformance/peer.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "conformance/order.hpp"

namespace rtlane::conformance {
namespace {

constexpr int peer_socket = 3;

}  // namespace

Peer::Peer()
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    std::abort();
  const pid_t parent = getpid();
  tid_ = fork();
  if (tid_ == 0) {
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
  if (tid_ > 0) {
    kill(tid_, SIGKILL);
    waitpid(tid_, nullptr, 0);
  }
  ::close(socket_);
}

void Peer::end(Ending ending)
{
  int expected_signal = 0;
  if (ending == Ending::is_killed) {
    kill(tid_, SIGKILL);
    expected_signal = SIGKILL;
  } else {
    Order order;
    order.ending = ending;
    start(order);
    if (ending == Ending::aborts)
      expected_signal = SIGABRT;
    if (ending == Ending::crashes)
      expected_signal = SIGSEGV;
  }
  int status = 0;
  ASSERT_EQ(waitpid(tid_, &status, 0), tid_);
  tid_ = -1;
  if (expected_signal != 0)
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == expected_signal) << "wait status " << status;
  else
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
}

void Peer::stop() const
{
  kill(tid_, SIGSTOP);
  siginfo_t info = {};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(tid_), &info, WSTOPPED), 0);
}

void Peer::go_on() const
{
  kill(tid_, SIGCONT);
}

int run_peer()
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  return Peer::serve(peer_socket);
}

}  // namespace rtlane::conformance
