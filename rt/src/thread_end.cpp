// TerminateThread: a signal whose handler leaves by the raw system call, so that nothing is unwound and the kernel
// finds the thread's robust mutexes as they are.
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>

#include "thread_object.hpp"

namespace rtlane::rt::detail {
namespace {

// A thread that the kernel holds ends when it comes back: who ends it does not wait for that.
constexpr std::int64_t patience_ns = 2'000'000'000;

int end_signal = 0;  // 0 = none chosen yet; inside Process::enter()

using Handler = void (*)(int, siginfo_t*, void*);

// Makes end_signal one that has the handler: the highest real-time signal that the program does nothing with, also when
// it took the one before for itself. Returns 0, or -EOPNOTSUPP with a sentence.
int choose_signal(Handler handler)
{
  struct sigaction action = {};
  if (end_signal != 0 && ::sigaction(end_signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) != 0 &&
      action.sa_sigaction == handler)
    return 0;
  for (end_signal = SIGRTMAX; end_signal >= SIGRTMIN; --end_signal) {
    if (::sigaction(end_signal, nullptr, &action) != 0 || (action.sa_flags & SA_SIGINFO) != 0 ||
        action.sa_handler != SIG_DFL)
      continue;
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = handler;
    ::sigfillset(&action.sa_mask);
    if (::sigaction(end_signal, &action, nullptr) == 0)
      return 0;
  }
  end_signal = 0;
  return fail(EOPNOTSUPP, "the program handles all real-time signals: one is needed to end a thread");
}

bool blocks(pid_t tid, int signal)
{
  std::ifstream status("/proc/self/task/" + std::to_string(tid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("SigBlk:", 0) == 0)
      return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
  }
  return false;
}

int ended_before(pid_t tid)
{
  return fail(EACCES, "thread %d has ended already", static_cast<int>(tid));
}

}  // namespace

void ThreadObject::end_here() noexcept
{
  for (;;)
    ::syscall(SYS_exit, 0);
}

int ThreadObject::terminate(DWORD code) noexcept
{
  const auto on_signal = [](int, siginfo_t* info, void*) {
    ThreadObject* const me = here();
    // relaxed: the signal came after it
    if (info->si_code != SI_TKILL || info->si_pid != ::getpid() || me == nullptr ||
        !me->doomed_.load(std::memory_order_relaxed))
      return;
    me->exit_code_.store(me->terminate_code_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    end_here();
  };
  return guarded_call([&] {
    if (this == here()) {
      sigset_t all;
      ::sigfillset(&all);
      ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
      exit_code_.store(code, std::memory_order_relaxed);  // relaxed: the end of life orders
      end_here();
    }
    // Whoever is inside a set-up call has this lock, so no thread is ended inside one.
    const std::unique_lock<std::mutex> alone = Process::instance().enter();
    // But one may be ended that waits for the lock, with the wake-up for all others just given to it: say that there
    // may be waiters, so that the unlock wakes again.
    __atomic_store_n(&alone.mutex()->native_handle()->__data.__lock, 2, __ATOMIC_RELAXED);  // relaxed: it is locked
    if (has_ended())
      return ended_before(tid_);
    if (const int error = choose_signal(on_signal); error != 0)
      return error;
    if (blocks(tid_, end_signal))
      return fail(EOPNOTSUPP,
                  "thread %d blocks signal %d (SIGRTMAX-%d), which is needed to end it: let it leave that one out of "
                  "its signal mask",
                  static_cast<int>(tid_), end_signal, SIGRTMAX - end_signal);
    terminate_code_.store(code, std::memory_order_relaxed);  // relaxed: the signal comes after both
    doomed_.store(true, std::memory_order_relaxed);
    if (::syscall(SYS_tgkill, ::getpid(), tid_, end_signal) != 0)
      return ended_before(tid_);
    wait_for_end(rtlane::detail::monotonic_ns() + patience_ns);
    return 0;
  });
}

}  // namespace rtlane::rt::detail
